//! At most so many runs are started at a time, each once, with a timeout of its own.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex};

use dinoai::Error;
use dinoai::time::Clock;
use serde_json::{Value, json};

use crate::many_runs::api::{
    all_in_order, end_one_after_the_other, patient, polls_of, reads, reads_as, runs,
};
use crate::support::fault_server::{FaultServer, Reply};
use crate::support::operations::{READ, TRIGGER};
use crate::support::samples::{id, messages, seconds};

/// The messages that were sent with triggers, in order.
fn triggered(server: &FaultServer) -> Vec<String> {
    let seen = server.seen();
    seen.iter()
        .filter(|seen| seen.operation == TRIGGER)
        .map(|seen| seen.variables["message"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn at_most_so_many_runs_are_going_at_a_time_and_each_is_started_once() {
    for concurrency in [1, 3, 20] {
        let mut answer = end_one_after_the_other(4);
        let most = Arc::new(Mutex::new(0));
        let (record, mut going) = (most.clone(), 0_usize);
        let server = FaultServer::scripted(move |seen| {
            match seen.operation.as_str() {
                TRIGGER => going += 1,
                READ => going -= 1,
                _ => {}
            }
            let mut most = record.lock().unwrap();
            *most = going.max(*most);
            answer(seen)
        })
        .await;
        let (client, _) = patient(&server);
        let started = Arc::new(Mutex::new(HashMap::new()));
        let record = started.clone();
        let mut many = client
            .run_all(messages(30), concurrency)
            .on_started(move |place, id| {
                record.lock().unwrap().insert(place, id.clone());
            })
            .results();
        let mut places = HashSet::new();
        while let Some((place, result)) = many.next().await {
            let run = result.unwrap();
            assert_eq!(started.lock().unwrap()[&place], run.session_id);
            assert!(places.insert(place));
        }
        assert_eq!(places.len(), 30);
        assert_eq!(*most.lock().unwrap(), concurrency);
        let mut triggered = triggered(&server);
        triggered.sort();
        triggered.dedup();
        assert_eq!(triggered.len(), 30);
        assert_eq!(reads(&server), 30);
    }
}

#[tokio::test]
async fn results_carry_the_place_of_their_request() {
    let mut answer = end_one_after_the_other(6);
    let mut by_id = HashMap::new();
    let names = Arc::new(Mutex::new(HashMap::new()));
    let record = names.clone();
    let server = FaultServer::scripted(move |seen| {
        if seen.operation == TRIGGER {
            let message = seen.variables["message"].as_str().unwrap().to_owned();
            by_id.insert(by_id.len(), message.clone());
            record.lock().unwrap().insert(id(by_id.len() - 1), message);
        }
        answer(seen)
    })
    .await;
    let (client, _) = patient(&server);
    let results = all_in_order(client.run_all(messages(25), 10).results()).await;
    assert_eq!(results.len(), 25);
    for (place, result) in results {
        let run = result.unwrap();
        let message = &names.lock().unwrap()[&run.session_id];
        assert_eq!(*message, format!("message-{place}"));
    }
}

#[tokio::test]
async fn a_trigger_whose_answer_is_lost_is_reported_and_not_sent_again_and_the_others_go_on() {
    let mut answer = end_one_after_the_other(3);
    let server = FaultServer::scripted(move |seen| {
        let reply = answer(seen);
        let message = seen.variables["message"].as_str();
        match message {
            Some("message-2") => Reply::ResetAfter,
            Some("message-5") => Reply::html(502),
            Some("message-6") => Reply::json(200, &json!({ "data": null })),
            _ => reply,
        }
    })
    .await;
    let (client, _) = patient(&server);
    let results = all_in_order(client.run_all(messages(10), 3).results()).await;
    assert_eq!(results.len(), 10);
    for (place, result) in results {
        match (place, result) {
            (2 | 5 | 6, Err(error @ Error::OutcomeUnknown { .. })) => {
                assert!(error.may_have_started());
            }
            (2 | 5 | 6, other) => panic!("{other:?}"),
            (_, result) => drop(result.unwrap()),
        }
    }
    assert_eq!(triggered(&server).len(), 10);
}

#[tokio::test]
async fn an_id_in_a_response_that_cannot_be_used_reaches_the_callback() {
    let run = |ok: Value| {
        json!({ "data": { "triggerDinoaiAgentRun": {
            "agentSessionId": "run-9", "ok": ok, "status": "queued",
        } } })
    };
    let good = run(json!(true)).to_string();
    let after_the_id = good.find("run-9").unwrap() + "run-9\"".len();
    for reply in [
        Reply::cut(200, &good[..after_the_id]),
        Reply::cut(200, &good),
        Reply::json(502, &run(json!(true))),
        Reply::json(200, &run(json!(false))),
        Reply::json(200, &run(json!("perhaps"))),
    ] {
        let bad = reply.clone();
        let mut answer = end_one_after_the_other(1);
        let server =
            FaultServer::scripted(move |seen| match seen.variables["message"] == "message-1" {
                true => bad.clone(),
                false => answer(seen),
            })
            .await;
        let (client, _) = patient(&server);
        let started = Arc::new(Mutex::new(BTreeMap::new()));
        let record = started.clone();
        let many = client
            .run_all(messages(3), 1)
            .on_started(move |place, id| {
                let before = record.lock().unwrap().insert(place, id.to_string());
                assert!(before.is_none(), "{place} twice");
            })
            .results();
        let results: BTreeMap<_, _> = all_in_order(many).await.into_iter().collect();
        let id = match &results[&1] {
            Ok(run) => &run.session_id,
            Err(error) => {
                assert!(error.may_have_started(), "{reply:?}: {error:?}");
                error.session_id().unwrap()
            }
        };
        assert_eq!(id.as_str(), "run-9", "{reply:?}");
        let started = started.lock().unwrap();
        let ids: Vec<_> = started.values().map(String::as_str).collect();
        assert_eq!(ids, ["run-0", "run-9", "run-1"], "{reply:?}");
        assert_eq!(triggered(&server).len(), 3, "{reply:?}");
    }
}

#[tokio::test]
async fn errors_after_a_start_of_its_own_say_that_a_run_exists() {
    let server = FaultServer::scripted(runs(|_, _| Err("No such run."))).await;
    let (client, _) = patient(&server);
    let many = client
        .run_all(messages(4), 2)
        .poll_interval(seconds(30))
        .results();
    let results = all_in_order(many).await;
    assert_eq!(results.len(), 4);
    for (_, result) in results {
        let error = result.unwrap_err();
        assert!(
            error.may_have_started() && error.session_id().is_some(),
            "{error:?}"
        );
    }
    assert_eq!(polls_of(&server, "run-0"), 5);
}

#[tokio::test]
async fn each_run_that_is_started_has_the_whole_timeout_to_itself() {
    let server = FaultServer::scripted(runs(|_, _| reads_as("RUNNING"))).await;
    let (client, clock) = patient(&server);
    let many = client
        .run_all(messages(3), 1)
        .timeout(seconds(60))
        .results();
    let results = all_in_order(many).await;
    assert_eq!(results.len(), 3);
    for (_, result) in results {
        let Err(Error::WaitTimeout(timeout)) = result else {
            panic!("{result:?}");
        };
        assert_eq!(timeout.elapsed, seconds(60));
    }
    assert_eq!(clock.now(), seconds(180));
}
