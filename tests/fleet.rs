//! Many runs waited for at once: over how many requests, how they are spread, what one bad run,
//! a refused batch or a dead host does to the others.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what fails here fails a test"
)]

mod fault_server;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use dinoai::time::{Clock, VirtualClock};
use dinoai::{
    Client, Credentials, Error, Result, Run, RunResults, RunStatus, SessionId, TriggerRun,
};
use dinoai_emulator::{Emulator, Scenario, Stage};
use fault_server::{FastClock, FaultServer, Reply, Seen, client};
use serde_json::{Value, json};

const TRIGGER: &str = "TriggerDinoaiAgentRun";
const STATUSES: &str = "DinoaiAgentRunStatuses";
const STATUS: &str = "DinoaiAgentRunStatus";
const READ: &str = "DinoaiAgentRun";

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn ids(count: usize) -> Vec<SessionId> {
    (0..count).map(id).collect()
}

fn id(number: usize) -> SessionId {
    SessionId::new(format!("run-{number}")).unwrap()
}

fn number(id: &str) -> usize {
    id.trim_start_matches("run-").parse().unwrap()
}

/// A client that gives a server all the time that a busy machine needs: none of these hangs.
fn patient(server: &FaultServer) -> (Client, VirtualClock) {
    client(&server.endpoint(), |builder| {
        builder
            .request_timeout(seconds(60))
            .connect_timeout(seconds(60))
    })
}

/// The runs that a request reads, with the name that the answer has to have for each.
fn asked(seen: &Seen) -> Vec<(String, String)> {
    let variables = seen.variables.as_object().unwrap();
    let id = |name: &str| variables[name].as_str().unwrap().to_owned();
    match seen.operation.as_str() {
        STATUSES => (0..variables.len())
            .map(|place| (format!("run{place}"), id(&format!("id{place}"))))
            .collect(),
        _ => vec![("dinoaiAgentRun".to_owned(), id("id"))],
    }
}

fn is_poll(seen: &Seen) -> bool {
    [STATUSES, STATUS].contains(&seen.operation.as_str())
}

/// What stands at a run's place in an answer: a value, or null with an error of this message.
type Place = std::result::Result<Value, &'static str>;

fn reads_as(status: &str) -> Place {
    Ok(json!({ "ok": true, "status": status }))
}

/// Answers that go by the run and by how often its status was read before. What is read whole
/// has ended as its latest status says.
fn runs(mut place: impl FnMut(&str, usize) -> Place + Send) -> impl FnMut(&Seen) -> Reply + Send {
    let mut polls: HashMap<String, usize> = HashMap::new();
    let mut latest: HashMap<String, Value> = HashMap::new();
    let mut started = 0;
    move |seen| {
        if seen.operation == TRIGGER {
            started += 1;
            let id = id(started - 1);
            return Reply::data(&json!({ "triggerDinoaiAgentRun": {
                "ok": true, "agentSessionId": id, "status": "queued",
            } }));
        }
        let (mut data, mut errors) = (serde_json::Map::new(), vec![]);
        for (alias, id) in asked(seen) {
            if seen.operation == READ {
                let mut run = json!({
                    "ok": true,
                    "agentSessionId": id,
                    "messages": [{ "ts": 1.5, "role": "assistant", "content": id }],
                    "childSessionIds": [],
                    "workspaceUid": "w1",
                });
                run["status"] = latest[&id].clone();
                data.insert(alias, run);
                continue;
            }
            let polls = polls.entry(id.clone()).or_default();
            *polls += 1;
            let value = place(&id, *polls - 1).unwrap_or_else(|message| {
                errors.push(json!({ "message": message, "path": [alias] }));
                Value::Null
            });
            if let Some(status) = value.get("status") {
                latest.insert(id, status.clone());
            }
            data.insert(alias, value);
        }
        match errors.is_empty() {
            true => Reply::data(&json!(data)),
            false => Reply::json(200, &json!({ "data": data, "errors": errors })),
        }
    }
}

/// Runs that end `COMPLETED` at the poll with their own number, modulo `most`.
fn end_one_after_the_other(most: usize) -> impl FnMut(&Seen) -> Reply + Send {
    runs(
        move |id, polls| match polls.cmp(&(number(id) % most.max(1))) {
            std::cmp::Ordering::Less => reads_as("RUNNING"),
            _ => reads_as("COMPLETED"),
        },
    )
}

async fn all(mut fleet: RunResults<SessionId>) -> BTreeMap<String, Result<Run>> {
    let mut results = BTreeMap::new();
    while let Some((id, result)) = fleet.next().await {
        let before = results.insert(id.to_string(), result);
        assert!(before.is_none(), "{id} twice");
    }
    results
}

async fn all_in_order(mut fleet: RunResults<usize>) -> Vec<(usize, Result<Run>)> {
    let mut results = vec![];
    while let Some(result) = fleet.next().await {
        results.push(result);
    }
    results
}

/// How many runs each poll asked for, in order.
fn batches(server: &FaultServer) -> Vec<usize> {
    let seen = server.seen();
    seen.iter()
        .filter(|seen| is_poll(seen))
        .map(|seen| asked(seen).len())
        .collect()
}

fn polls_of(server: &FaultServer, id: &str) -> usize {
    let seen = server.seen();
    let runs = seen.iter().filter(|seen| is_poll(seen)).flat_map(asked);
    runs.filter(|(_, asked)| asked == id).count()
}

fn reads(server: &FaultServer) -> usize {
    let operations = server.operations();
    operations.iter().filter(|name| *name == READ).count()
}

#[tokio::test]
async fn every_run_gives_its_result_once() {
    let server = FaultServer::scripted(runs(|id, polls| {
        let ends = ["COMPLETED", "FAILED", "EXPIRED", "STOPPED", "COMPLETED"];
        match number(id) % 7 {
            later if polls < later => reads_as("RUNNING"),
            _ => reads_as(ends[number(id) % 5]),
        }
    }))
    .await;
    let (client, _) = patient(&server);
    let results = all(client.wait_all(ids(120)).unwrap().results()).await;
    assert_eq!(results.len(), 120);
    for (id, result) in &results {
        match (number(id) % 5, result) {
            (0 | 4, Ok(run)) => assert_eq!(run.answer(), Some(id.as_str())),
            (kind @ 1..=3, Err(Error::RunFailed { run, .. })) => {
                let ends = [RunStatus::Failed, RunStatus::Expired, RunStatus::Stopped];
                assert_eq!(
                    (&run.status, run.answer()),
                    (&ends[kind - 1], Some(id.as_str()))
                );
            }
            _ => panic!("{id}: {result:?}"),
        }
    }
    assert_eq!(reads(&server), 120);
}

#[tokio::test]
async fn one_request_reads_up_to_fifty_runs_and_none_reads_more() {
    let server = FaultServer::scripted(end_one_after_the_other(20)).await;
    let (client, _) = patient(&server);
    all(client.wait_all(ids(120)).unwrap().results()).await;
    let batches = batches(&server);
    assert_eq!(batches.iter().max(), Some(&50));
    let statuses: usize = batches.iter().sum();
    let expected: usize = (0..120).map(|number| number % 20 + 1).sum();
    assert_eq!(statuses, expected);
}

#[tokio::test]
async fn an_id_that_is_given_twice_is_waited_for_once() {
    let server = FaultServer::scripted(end_one_after_the_other(3)).await;
    let (client, _) = patient(&server);
    let twice = ids(10).into_iter().chain(ids(10)).chain([id(3)]);
    assert_eq!(
        all(client.wait_all(twice).unwrap().results()).await.len(),
        10
    );
    assert_eq!((reads(&server), polls_of(&server, "run-0")), (10, 1));
}

#[tokio::test]
async fn a_blank_id_among_many_is_refused_by_name_before_any_request() {
    let server = FaultServer::scripted(end_one_after_the_other(1)).await;
    let (client, _) = patient(&server);
    let error = client.wait_all(["0", " "]).unwrap_err();
    assert!(
        matches!(
            error,
            Error::InvalidRequest {
                field: "session id",
                ..
            }
        ),
        "{error:?}"
    );
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_fleet_of_none_ends_at_once() {
    let server = FaultServer::scripted(end_one_after_the_other(1)).await;
    let (client, clock) = patient(&server);
    assert!(
        client
            .wait_all(Vec::<SessionId>::new())
            .unwrap()
            .results()
            .next()
            .await
            .is_none()
    );
    assert!(client.run_all([], 4).results().next().await.is_none());
    assert_eq!((server.arrived(), clock.now()), (0, Duration::ZERO));
}

#[tokio::test]
async fn a_fleet_that_has_ended_says_so_as_often_as_it_is_asked() {
    let server = FaultServer::scripted(end_one_after_the_other(1)).await;
    let (client, _) = patient(&server);
    let mut fleet = client.wait_all(ids(1)).unwrap().results();
    assert!(fleet.next().await.is_some());
    assert!(fleet.next().await.is_none());
    assert!(fleet.next().await.is_none());
}

#[tokio::test]
async fn a_run_that_woke_between_the_poll_and_the_read_is_waited_for_on() {
    let mut answer = runs(|_, polls| reads_as(["COMPLETED", "RUNNING", "COMPLETED"][polls]));
    let mut reads_so_far = 0;
    let server = FaultServer::scripted(move |seen| {
        if seen.operation == READ {
            reads_so_far += 1;
            if reads_so_far == 1 {
                let woken = json!({ "ok": true, "agentSessionId": "run-0", "status": "RUNNING",
                    "messages": [], "childSessionIds": [], "workspaceUid": "w1" });
                return Reply::data(&json!({ "dinoaiAgentRun": woken }));
            }
        }
        answer(seen)
    })
    .await;
    let (client, _) = patient(&server);
    let results = all(client.wait_all(ids(1)).unwrap().results()).await;
    assert_eq!(
        results["run-0"].as_ref().unwrap().status,
        RunStatus::Completed
    );
    assert_eq!(server.operations(), [STATUS, READ, STATUS, STATUS, READ]);
}

/// The ways in which one run can be answered badly while all others are answered well.
fn bad_places() -> Vec<Place> {
    vec![
        Err("No such run."),
        Ok(Value::Null),
        Ok(json!({ "ok": false, "status": "QUEUED" })),
        Ok(json!({ "ok": true, "status": 7 })),
        Ok(json!("a text")),
        Ok(json!({ "ok": true })),
    ]
}

#[tokio::test]
async fn a_run_that_was_never_read_well_is_told_at_once_and_concerns_no_other() {
    for bad in bad_places() {
        let mut well = end_one_after_the_other_place(4);
        let server = FaultServer::scripted(runs({
            let bad = bad.clone();
            move |id, polls| match id {
                "run-7" => bad.clone(),
                _ => well(id, polls),
            }
        }))
        .await;
        let (client, _) = patient(&server);
        let results = all(client.wait_all(ids(20)).unwrap().results()).await;
        let well = results.values().filter(|result| result.is_ok()).count();
        assert_eq!(well, 19, "{bad:?}");
        let error = results["run-7"].as_ref().unwrap_err();
        assert_eq!(error.session_id().unwrap().as_str(), "run-7", "{error:?}");
        assert!(!error.may_have_started());
        assert_eq!(polls_of(&server, "run-7"), 1, "{bad:?}");
    }
}

fn end_one_after_the_other_place(most: usize) -> impl FnMut(&str, usize) -> Place + Send {
    move |id, polls| match polls < number(id) % most {
        true => reads_as("RUNNING"),
        false => reads_as("COMPLETED"),
    }
}

#[tokio::test]
async fn a_run_that_was_read_well_before_is_reported_after_two_minutes_of_bad_polls_and_concerns_no_other()
 {
    for bad in bad_places() {
        let mut well = end_one_after_the_other_place(20);
        let server = FaultServer::scripted(runs({
            let bad = bad.clone();
            move |id, polls| match id {
                "run-7" if polls > 0 => bad.clone(),
                _ => well(id, polls),
            }
        }))
        .await;
        let (client, _) = patient(&server);
        let results = all(client
            .wait_all(ids(20))
            .unwrap()
            .poll_interval(seconds(30))
            .results())
        .await;
        let well = results.values().filter(|result| result.is_ok()).count();
        assert_eq!(well, 19, "{bad:?}");
        assert!(results["run-7"].is_err());
        assert_eq!(polls_of(&server, "run-7"), 1 + 5, "{bad:?}");
    }
}

#[tokio::test]
async fn less_than_two_minutes_of_bad_polls_are_tolerated_and_a_good_one_starts_the_count_anew() {
    let server = FaultServer::scripted(runs(|id, polls| match (id, polls) {
        ("run-1", 1..=4 | 6..=9) => Err("Try again."),
        ("run-1", 10) => reads_as("COMPLETED"),
        ("run-1", _) => reads_as("RUNNING"),
        (_, 30) => reads_as("COMPLETED"),
        _ => reads_as("RUNNING"),
    }))
    .await;
    let (client, _) = patient(&server);
    let results = all(client
        .wait_all(ids(3))
        .unwrap()
        .poll_interval(seconds(30))
        .results())
    .await;
    assert_eq!(results.len(), 3);
    assert!(results.values().all(Result::is_ok), "{results:?}");
}

/// The ways in which a server refuses a batch that is too large for it.
fn refusals() -> Vec<Reply> {
    let told = json!([{ "message": "Query is too complex." }]);
    let validation = json!([{
        "message": "Too many aliases.",
        "extensions": { "code": "GRAPHQL_VALIDATION_FAILED" },
    }]);
    vec![
        Reply::html(400),
        Reply::html(413),
        Reply::json(400, &json!({ "errors": told })),
        Reply::json(200, &json!({ "errors": told })),
        Reply::json(200, &json!({ "data": null, "errors": told })),
        Reply::json(400, &json!({ "errors": validation })),
        Reply::json(200, &json!({ "errors": validation })),
    ]
}

#[tokio::test]
async fn refused_batches_become_smaller_until_the_server_takes_them() {
    for refusal in refusals() {
        for (taken, largest) in [(49, 25), (24, 12), (5, 3), (1, 1)] {
            let mut answer = end_one_after_the_other(6);
            let refused = refusal.clone();
            let server = FaultServer::scripted(move |seen| {
                match is_poll(seen) && asked(seen).len() > taken {
                    true => refused.clone(),
                    false => answer(seen),
                }
            })
            .await;
            let (client, _) = patient(&server);
            let results = all(client.wait_all(ids(100)).unwrap().results()).await;
            assert_eq!(results.len(), 100);
            assert!(
                results.values().all(Result::is_ok),
                "{refusal:?}: {results:?}"
            );
            let batches = batches(&server);
            assert_eq!(batches[0], 50);
            let refused = batches.iter().filter(|size| **size > taken).count();
            // Those that are under way when a size is found to be too large are refused as well.
            assert!(refused <= 2 + 4 * 8, "{batches:?}");
            let last_refused = batches.iter().rposition(|size| *size > taken).unwrap();
            assert_eq!(batches[last_refused + 1..].iter().max(), Some(&largest));
        }
    }
}

#[tokio::test]
async fn a_batch_that_has_failed_is_due_again_after_the_pause_of_the_schedule() {
    let busy = Reply::errors(503, &json!([{ "message": "Try again." }]));
    for refusal in refusals().into_iter().chain([busy, Reply::html(502)]) {
        let clock = VirtualClock::new();
        let (time, arrivals) = (clock.clone(), Arc::new(Mutex::new(vec![])));
        let record = arrivals.clone();
        let reply = refusal.clone();
        let mut answer = runs(|_, polls| reads_as(["RUNNING", "COMPLETED"][polls.min(1)]));
        let server = FaultServer::scripted(move |seen| {
            if !is_poll(seen) {
                return answer(seen);
            }
            let mut arrivals = record.lock().unwrap();
            arrivals.push(time.now());
            match arrivals.len() {
                2 => reply.clone(),
                _ => answer(seen),
            }
        })
        .await;
        let (client, _) = client(&server.endpoint(), |builder| {
            builder
                .clock(clock)
                .request_timeout(seconds(60))
                .connect_timeout(seconds(60))
        });
        let results = all(client
            .wait_all(ids(4))
            .unwrap()
            .poll_interval(seconds(30))
            .results())
        .await;
        assert_eq!(results.len(), 4);
        assert!(results.values().all(Result::is_ok), "{results:?}");
        let arrivals = arrivals.lock().unwrap();
        let due = [0, 30, 60].map(seconds);
        assert_eq!(arrivals[..3], due, "{refusal:?}: {arrivals:?}");
    }
}

#[tokio::test]
async fn a_size_that_was_refused_once_is_tried_again_some_time_later() {
    let mut has_refused = false;
    let has_ended = Arc::new(Mutex::new(false));
    let says_so = has_ended.clone();
    let mut answer = runs(move |_, _| match *has_ended.lock().unwrap() {
        true => reads_as("COMPLETED"),
        false => reads_as("RUNNING"),
    });
    let server = FaultServer::scripted(move |seen| {
        if seen.operation == STATUSES && !has_refused {
            has_refused = true;
            return Reply::html(413);
        }
        *says_so.lock().unwrap() |= seen.operation == STATUSES;
        answer(seen)
    })
    .await;
    let (client, _) = patient(&server);
    let fleet = client.wait_all(ids(2)).unwrap().poll_interval(seconds(1));
    let results = all(fleet.timeout(seconds(600)).results()).await;
    assert_eq!(results.len(), 2);
    assert!(results.values().all(Result::is_ok), "{results:?}");
    let batches = batches(&server);
    assert_eq!((batches[0], batches[1]), (2, 1), "{batches:?}");
    // Not at once: a server that takes no more would refuse every other request.
    let smaller = batches.iter().filter(|size| **size == 1).count();
    assert!(smaller >= 50, "{batches:?}");
}

#[tokio::test]
async fn a_page_instead_of_the_api_ends_all_after_few_requests() {
    let server = FaultServer::scripted(|_| Reply::html(404)).await;
    let (client, _) = patient(&server);
    let results = all(client.wait_all(ids(200)).unwrap().results()).await;
    assert_eq!(results.len(), 200);
    for (id, result) in &results {
        let error = result.as_ref().unwrap_err();
        assert!(
            matches!(error, Error::Http { status: 404, .. }),
            "{error:?}"
        );
        assert_eq!(error.session_id().unwrap().as_str(), id);
    }
    assert!(server.arrived() <= 4, "{} requests", server.arrived());
}

/// Runs that are at work for two minutes, whose polls are answered with `trouble` during the second
/// of them, if there is any for so many runs.
async fn in_trouble(
    trouble: impl Fn(usize) -> Option<Reply> + Send + 'static,
) -> (FaultServer, BTreeMap<String, Result<Run>>) {
    let clock = VirtualClock::new();
    let time = clock.clone();
    let (watch, minute) = (clock.clone(), seconds(60));
    let mut answer = runs(move |_, _| match time.now() < 2 * minute {
        true => reads_as("RUNNING"),
        false => reads_as("COMPLETED"),
    });
    let server = FaultServer::scripted(move |seen| {
        let is_in_trouble = is_poll(seen) && (minute..2 * minute).contains(&watch.now());
        let reply = trouble(asked(seen).len()).filter(|_| is_in_trouble);
        reply.unwrap_or_else(|| answer(seen))
    })
    .await;
    let (client, _) = client(&server.endpoint(), |builder| {
        builder
            .clock(clock)
            .request_timeout(seconds(60))
            .connect_timeout(seconds(60))
    });
    let results = all(client
        .wait_all(ids(200))
        .unwrap()
        .poll_interval(seconds(10))
        .results())
    .await;
    (server, results)
}

#[tokio::test]
async fn a_page_instead_of_the_api_in_the_middle_makes_no_batch_smaller_and_loses_nothing() {
    for status in [403, 404, 302, 503] {
        let (server, results) = in_trouble(move |_| Some(Reply::html(status))).await;
        assert_eq!(results.len(), 200);
        let lost = results.iter().find(|(_, result)| result.is_err());
        assert!(lost.is_none(), "{status}: {lost:?}");
        let batches = batches(&server);
        let smaller = batches.iter().filter(|size| **size != 50).count();
        assert_eq!(smaller, 0, "{status}: {batches:?}");
    }
}

#[tokio::test]
async fn a_batch_that_is_refused_as_too_complex_in_the_middle_becomes_smaller() {
    for refusal in refusals() {
        let (server, results) = in_trouble(move |size| match size > 20 {
            true => Some(refusal.clone()),
            false => None,
        })
        .await;
        assert_eq!(results.len(), 200);
        let lost = results.iter().find(|(_, result)| result.is_err());
        assert!(lost.is_none(), "{lost:?}");
        let batches = batches(&server);
        assert_eq!(batches[0], 50);
        assert!(batches.contains(&12), "{batches:?}");
        assert!(batches.iter().all(|size| *size > 1), "{batches:?}");
    }
}

/// A server may cut off what takes it too long, without saying that a batch is too large.
#[tokio::test]
async fn a_batch_that_fails_three_times_while_others_are_answered_becomes_smaller() {
    let mut answer = runs(|id, polls| match (number(id), polls) {
        (0..50, 1..) | (_, 10..) => reads_as("COMPLETED"),
        _ => reads_as("RUNNING"),
    });
    let (mut has_read_all, mut polls) = (false, 0);
    let server = FaultServer::scripted(move |seen| {
        polls += usize::from(is_poll(seen));
        let is_too_large = is_poll(seen) && has_read_all && asked(seen).len() > 20;
        has_read_all |= polls == 2;
        match is_too_large {
            true => Reply::html(504),
            false => answer(seen),
        }
    })
    .await;
    let (client, _) = patient(&server);
    let results = all(client
        .wait_all(ids(60))
        .unwrap()
        .poll_interval(seconds(10))
        .results())
    .await;
    assert_eq!(results.len(), 60);
    let lost = results.iter().find(|(_, result)| result.is_err());
    assert!(lost.is_none(), "{lost:?}");
    let batches = batches(&server);
    let of_size = |size: usize| batches.iter().filter(|batch| **batch == size).count();
    // Once well, then three times badly; then two halves three times each.
    assert_eq!((of_size(50), of_size(25)), (1 + 3, 2 * 3), "{batches:?}");
}

#[tokio::test]
async fn first_polls_are_spread_over_the_first_second() {
    let clock = FastClock::with_second(Duration::from_millis(200));
    let arrivals = Arc::new(Mutex::new(vec![]));
    let (watch, record) = (clock.clone(), arrivals.clone());
    let mut answer = runs(|_, polls| reads_as(["RUNNING", "COMPLETED"][polls.min(1)]));
    let server = FaultServer::scripted(move |seen| {
        if is_poll(seen) {
            record.lock().unwrap().push(watch.now().as_secs_f64());
        }
        answer(seen)
    })
    .await;
    let (client, _) = client(&server.endpoint(), |builder| {
        builder
            .clock(clock)
            .request_timeout(seconds(60))
            .connect_timeout(seconds(60))
    });
    let fleet = client
        .wait_all(ids(1000))
        .unwrap()
        .poll_interval(seconds(10))
        .results();
    assert_eq!(all(fleet).await.len(), 1000);
    let first: Vec<f64> = arrivals.lock().unwrap()[..20].to_vec();
    // 20 batches, 0.05 s apart. Late ones may come close to one another, none comes early.
    for (place, arrival) in first.iter().enumerate() {
        let due = 0.05 * place as f64;
        assert!(*arrival >= due, "batch {place} came at {arrival}");
    }
    assert!(first[19] < 9.0, "{first:?}");
}

#[tokio::test]
async fn a_delay_that_the_server_asks_for_holds_for_the_whole_fleet() {
    let clock = FastClock::with_second(Duration::from_millis(2));
    let held = Arc::new(Mutex::new((None, vec![])));
    let (watch, record) = (clock.clone(), held.clone());
    let mut answer = runs(|_, polls| reads_as(["RUNNING", "COMPLETED"][polls.min(1)]));
    let server = FaultServer::scripted(move |seen| {
        let (since, arrivals) = &mut *record.lock().unwrap();
        match since {
            None if asked(seen).iter().any(|(_, id)| id == "run-160") => {
                *since = Some(watch.now());
                return Reply::too_many_requests("50");
            }
            None => {}
            Some(since) => arrivals.push(watch.now() - *since),
        }
        answer(seen)
    })
    .await;
    let (client, _) = client(&server.endpoint(), |builder| {
        builder
            .clock(clock)
            .request_timeout(seconds(60))
            .connect_timeout(seconds(60))
    });
    let fleet = client
        .wait_all(ids(200))
        .unwrap()
        .poll_interval(seconds(30))
        .results();
    let results = all(fleet).await;
    assert_eq!(
        results.values().filter(|result| result.is_ok()).count(),
        200
    );
    let (_, arrivals) = &*held.lock().unwrap();
    // All four batches would have been due within 30 s of it.
    let early: Vec<_> = arrivals
        .iter()
        .filter(|since| **since < seconds(50))
        .collect();
    assert!(early.is_empty(), "{early:?}");
    assert!(arrivals.len() >= 4);
}

#[tokio::test]
async fn a_delay_that_the_server_asks_for_holds_for_the_reads_of_ended_runs_too() {
    let clock = FastClock::with_second(Duration::from_millis(20));
    let held = Arc::new(Mutex::new((None, vec![])));
    let (watch, record) = (clock.clone(), held.clone());
    let mut answer = runs(|_, polls| reads_as(["RUNNING", "COMPLETED"][polls.min(1)]));
    let mut polls = 0;
    let server = FaultServer::scripted(move |seen| {
        let (since, arrivals) = &mut *record.lock().unwrap();
        let asks = |id: &str| asked(seen).iter().any(|(_, asked)| asked == id);
        if let Some(since) = since {
            arrivals.push(watch.now() - *since);
            return answer(seen);
        }
        polls += usize::from(asks("run-0"));
        if polls == 2 && asks("run-0") {
            // These have ended, as the client learns after the delay was asked for.
            return Reply::Late(Duration::from_millis(200), Box::new(answer(seen)));
        }
        if polls == 2 && asks("run-60") {
            *since = Some(watch.now());
            return Reply::too_many_requests("50");
        }
        answer(seen)
    })
    .await;
    let (client, _) = client(&server.endpoint(), |builder| {
        builder
            .clock(clock)
            .request_timeout(seconds(60))
            .connect_timeout(seconds(60))
    });
    let results = all(client
        .wait_all(ids(100))
        .unwrap()
        .poll_interval(seconds(10))
        .results())
    .await;
    assert_eq!(results.len(), 100);
    assert!(results.values().all(Result::is_ok));
    let (_, arrivals) = &*held.lock().unwrap();
    assert!(arrivals.len() >= 50, "{arrivals:?}");
    let early = arrivals.iter().filter(|since| **since < seconds(50));
    assert_eq!(early.count(), 0, "{arrivals:?}");
}

#[tokio::test]
async fn a_host_that_is_down_in_the_middle_is_borne() {
    let mut answer = end_one_after_the_other(5);
    let mut arrived = 0;
    let server = FaultServer::scripted(move |seen| {
        arrived += 1;
        let failures = [
            Reply::html(502),
            Reply::ResetAfter,
            Reply::CutBody,
            Reply::html(200),
            Reply::unavailable("1"),
        ];
        match arrived {
            10..100 => failures[arrived % failures.len()].clone(),
            _ => answer(seen),
        }
    })
    .await;
    let (client, _) = patient(&server);
    let results = all(client.wait_all(ids(150)).unwrap().results()).await;
    assert_eq!(results.len(), 150);
    assert!(results.values().all(Result::is_ok), "{results:?}");
}

#[tokio::test]
async fn a_run_that_is_polled_alone_bears_a_temporary_failure_like_the_others() {
    let mut failures = 6;
    let mut answer = end_one_after_the_other(1);
    let server = FaultServer::scripted(move |seen| {
        // Fifty runs fill the first request; this one is left over.
        if seen.operation == STATUS && asked(seen)[0].1 == "run-50" && failures > 0 {
            failures -= 1;
            return Reply::html(502);
        }
        answer(seen)
    })
    .await;
    let clock = FastClock::with_second(Duration::from_millis(20));
    let (client, _) = client(&server.endpoint(), |builder| {
        builder
            .clock(clock)
            .request_timeout(seconds(60))
            .connect_timeout(seconds(60))
    });
    let fleet = client
        .wait_all(ids(51))
        .unwrap()
        .poll_interval(seconds(4))
        .results();
    let results = all(fleet).await;
    assert!(results["run-50"].is_ok(), "{:?}", results["run-50"]);
}

#[tokio::test]
async fn at_the_timeout_every_run_that_is_going_is_told_with_its_own_state() {
    let server = FaultServer::scripted(runs(|id, _| match number(id) % 3 {
        0 => reads_as("COMPLETED"),
        1 => reads_as("RUNNING"),
        _ => reads_as("PAUSED"),
    }))
    .await;
    let (client, clock) = patient(&server);
    let results = all(client
        .wait_all(ids(120))
        .unwrap()
        .timeout(seconds(90))
        .results())
    .await;
    assert_eq!(results.len(), 120);
    for (id, result) in &results {
        if number(id).is_multiple_of(3) {
            assert!(result.is_ok());
            continue;
        }
        let Err(Error::WaitTimeout(timeout)) = result else {
            panic!("{id}: {result:?}");
        };
        assert_eq!(timeout.session_id.as_str(), id);
        let status = timeout.last_status.as_ref().unwrap().as_str();
        assert_eq!(status, ["", "RUNNING", "PAUSED"][number(id) % 3]);
        assert_eq!(timeout.elapsed, seconds(90));
        assert_eq!(timeout.polls as usize, polls_of(&server, id));
    }
    assert_eq!(clock.now(), seconds(90));
}

#[tokio::test]
async fn a_fleet_that_could_never_end_is_refused_before_any_request() {
    let server = FaultServer::scripted(end_one_after_the_other(1)).await;
    let (client, _) = patient(&server);
    let fleet = || client.wait_all(ids(3)).unwrap();
    for fleet in [
        fleet().timeout(Duration::ZERO).results(),
        fleet().poll_interval(Duration::ZERO).results(),
    ] {
        let results = all(fleet).await;
        assert_eq!(results.len(), 3);
        for result in results.values() {
            assert!(matches!(result, Err(Error::InvalidRequest { .. })));
        }
    }
    let requests = || client.run_all(messages(3), 2);
    for fleet in [
        requests().timeout(Duration::ZERO).results(),
        requests().poll_interval(Duration::ZERO).results(),
    ] {
        let results = all_in_order(fleet).await;
        assert_eq!(results.len(), 3);
        for (_, result) in results {
            assert!(matches!(result, Err(Error::InvalidRequest { .. })));
        }
    }
    assert_eq!(server.arrived(), 0);
}

fn messages(count: usize) -> Vec<TriggerRun> {
    (0..count)
        .map(|number| TriggerRun::message(format!("message-{number}")))
        .collect()
}

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
        let mut fleet = client
            .run_all(messages(30), concurrency)
            .on_started(move |place, id| {
                record.lock().unwrap().insert(place, id.clone());
            })
            .results();
        let mut places = HashSet::new();
        while let Some((place, result)) = fleet.next().await {
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
async fn a_trigger_whose_answer_is_lost_is_told_and_not_sent_again_and_the_others_go_on() {
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
        let fleet = client
            .run_all(messages(3), 1)
            .on_started(move |place, id| {
                let before = record.lock().unwrap().insert(place, id.to_string());
                assert!(before.is_none(), "{place} twice");
            })
            .results();
        let results: BTreeMap<_, _> = all_in_order(fleet).await.into_iter().collect();
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
    let fleet = client
        .run_all(messages(4), 2)
        .poll_interval(seconds(30))
        .results();
    let results = all_in_order(fleet).await;
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
    let fleet = client
        .run_all(messages(3), 1)
        .timeout(seconds(60))
        .results();
    let results = all_in_order(fleet).await;
    assert_eq!(results.len(), 3);
    for (_, result) in results {
        let Err(Error::WaitTimeout(timeout)) = result else {
            panic!("{result:?}");
        };
        assert_eq!(timeout.elapsed, seconds(60));
    }
    assert_eq!(clock.now(), seconds(180));
}

/// A fleet on the emulator, whose runs take 5 to 8 polls each.
///
/// The emulator has a thread of its own, and what the fleet allocates is counted on this one,
/// where its whole runtime lives: so the figure is the fleet's alone, connections included.
#[test]
fn a_thousand_runs_on_the_emulator_take_little_memory_and_few_requests() {
    const RUNS: usize = 1000;
    let mut emulator = Emulator::builder();
    for number in 0..4 {
        let polls = 4 + number;
        let scenario = Scenario::new()
            .stage(Stage::new("RUNNING").reads(polls))
            .stage(Stage::new("COMPLETED"))
            .message("assistant", "Done.");
        emulator = emulator.scenario(format!("agent-{number}"), scenario);
    }
    let emulator = emulator.start_blocking().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let client = Client::builder()
        .endpoint(emulator.endpoint())
        .credentials(Credentials::key_and_secret(
            emulator.key(),
            emulator.secret(),
        ))
        .clock(FastClock::with_second(Duration::from_millis(2)))
        .build()
        .unwrap();
    let time = Instant::now();
    let ids: Vec<_> = runtime.block_on(async {
        let mut ids = vec![];
        for number in 0..RUNS {
            let request = TriggerRun::agent(format!("agent-{}", number % 4));
            ids.push(client.trigger_run(request).await.unwrap().session_id);
        }
        ids
    });
    println!("started in {:?}", time.elapsed());

    let time = Instant::now();
    let mut completed = 0;
    let heap = allocation_counter::measure(|| {
        runtime.block_on(async {
            let mut fleet = client
                .wait_all(ids.clone())
                .unwrap()
                .timeout(Duration::MAX)
                .results();
            while let Some((_, result)) = fleet.next().await {
                completed += usize::from(result.is_ok());
            }
        });
    });
    println!("waited for {:?}", time.elapsed());

    let requests = emulator.requests();
    let polls = requests
        .iter()
        .filter(|request| is_poll_name(request.operation_name.as_deref()));
    let (mut asked, mut statuses) = (0, 0);
    for poll in polls {
        asked += 1;
        statuses += poll.variables.as_object().unwrap().len();
    }
    let heap = heap.bytes_max as usize / RUNS;
    println!("{RUNS} runs: {heap} bytes of heap a run at most");
    println!(
        "{statuses} statuses over {asked} requests: {} each",
        statuses / asked
    );
    assert_eq!(completed, RUNS);
    assert!(heap <= 1024, "{heap} bytes a run");
    assert!(
        asked * 40 <= statuses,
        "{statuses} statuses, {asked} requests"
    );
}

/// A server with a thread of its own, as above, that answers every batch once with a long error.
#[test]
fn a_long_error_for_a_batch_takes_memory_once_and_not_for_each_of_its_runs() {
    const RUNS: usize = 1000;
    const LENGTH: usize = 100_000;
    let serving = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let clock = FastClock::with_second(Duration::from_millis(2));
    let error = json!([{ "message": "x".repeat(LENGTH) }]);
    let mut polls: HashMap<String, usize> = HashMap::new();
    let mut answer = runs(|_, polls| reads_as(["RUNNING", "COMPLETED"][polls.min(1)]));
    let server = serving.block_on(FaultServer::scripted(move |seen| {
        if is_poll(seen) {
            let polls = polls.entry(asked(seen)[0].1.clone()).or_default();
            *polls += 1;
            if *polls == 2 {
                return Reply::errors(503, &error);
            }
        }
        answer(seen)
    }));
    let (client, _) = client(&server.endpoint(), |builder| {
        builder
            .clock(clock)
            .request_timeout(seconds(60))
            .connect_timeout(seconds(60))
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let ids = ids(RUNS);
    let mut completed = 0;
    let heap = allocation_counter::measure(|| {
        runtime.block_on(async {
            let mut fleet = client
                .wait_all(ids.clone())
                .unwrap()
                .poll_interval(seconds(60))
                .results();
            while let Some((_, result)) = fleet.next().await {
                completed += usize::from(result.is_ok());
            }
        });
    });
    assert_eq!(completed, RUNS);
    let heap = heap.bytes_max as usize;
    println!("{RUNS} runs: {heap} bytes of heap at most");
    // Of twenty batches, and what it takes to read a few responses at the same time.
    assert!(heap <= 50 * LENGTH, "{heap} bytes");
}

fn is_poll_name(name: Option<&str>) -> bool {
    matches!(name, Some(STATUSES | STATUS))
}
#[tokio::test]
async fn a_host_that_is_down_at_the_beginning_ends_all_after_few_requests() {
    let server = FaultServer::scripted(|_| Reply::html(503)).await;
    let (client, _) = patient(&server);
    let results = all(client.wait_all(ids(10_000)).unwrap().results()).await;
    assert_eq!(results.len(), 10_000);
    for result in results.values() {
        assert!(
            matches!(result, Err(Error::Http { status: 503, .. })),
            "{result:?}"
        );
    }
    // Four attempts each for those under way, then it is known.
    assert!(server.arrived() <= 4 * 8, "{} requests", server.arrived());
}

#[tokio::test]
async fn credentials_that_are_refused_end_all_after_few_requests() {
    let server = FaultServer::scripted(|_| Reply::Http(401, vec![], String::new())).await;
    let (client, _) = patient(&server);
    let results = all(client.wait_all(ids(10_000)).unwrap().results()).await;
    assert_eq!(results.len(), 10_000);
    for result in results.values() {
        assert!(matches!(
            result,
            Err(Error::Unauthorized { status: 401, .. })
        ));
    }
    assert!(server.arrived() <= 8, "{} requests", server.arrived());
}

#[tokio::test]
async fn a_transcript_that_can_never_be_read_is_reported_after_two_minutes_of_reads() {
    let mut answer = end_one_after_the_other(1);
    let server = FaultServer::scripted(move |seen| {
        if seen.operation == READ && asked(seen)[0].1 == "run-1" {
            let error = json!({ "message": "Too long.", "path": ["dinoaiAgentRun"] });
            return Reply::json(
                200,
                &json!({ "data": { "dinoaiAgentRun": null }, "errors": [error] }),
            );
        }
        answer(seen)
    })
    .await;
    let (client, _) = patient(&server);
    let results = all(client
        .wait_all(ids(3))
        .unwrap()
        .poll_interval(seconds(30))
        .results())
    .await;
    assert!(
        matches!(results["run-1"], Err(Error::GraphQl { .. })),
        "{results:?}"
    );
    assert_eq!(reads(&server), 2 + 5);
}
