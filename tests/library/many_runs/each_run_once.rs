//! Each of many runs gives its result once.

use std::time::Duration;

use dinoai::time::Clock;
use dinoai::{Error, RunStatus, SessionId};
use serde_json::json;

use crate::many_runs::api::{
    all, all_in_order, batches, end_one_after_the_other, number, patient, polls_of, reads,
    reads_as, runs,
};
use crate::support::fault_server::{FaultServer, Reply};
use crate::support::operations::{READ, STATUS};
use crate::support::samples::{id, ids, messages, seconds};

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
async fn a_wait_for_no_runs_ends_at_once() {
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
async fn a_stream_of_results_that_has_ended_says_so_as_often_as_it_is_asked() {
    let server = FaultServer::scripted(end_one_after_the_other(1)).await;
    let (client, _) = patient(&server);
    let mut many = client.wait_all(ids(1)).unwrap().results();
    assert!(many.next().await.is_some());
    assert!(many.next().await.is_none());
    assert!(many.next().await.is_none());
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

#[tokio::test]
async fn at_the_timeout_every_run_that_is_going_is_reported_with_its_own_state() {
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
async fn many_runs_that_could_never_end_are_refused_before_any_request() {
    let server = FaultServer::scripted(end_one_after_the_other(1)).await;
    let (client, _) = patient(&server);
    let many = || client.wait_all(ids(3)).unwrap();
    for many in [
        many().timeout(Duration::ZERO).results(),
        many().poll_interval(Duration::ZERO).results(),
    ] {
        let results = all(many).await;
        assert_eq!(results.len(), 3);
        for result in results.values() {
            assert!(matches!(result, Err(Error::InvalidRequest { .. })));
        }
    }
    let requests = || client.run_all(messages(3), 2);
    for many in [
        requests().timeout(Duration::ZERO).results(),
        requests().poll_interval(Duration::ZERO).results(),
    ] {
        let results = all_in_order(many).await;
        assert_eq!(results.len(), 3);
        for (_, result) in results {
            assert!(matches!(result, Err(Error::InvalidRequest { .. })));
        }
    }
    assert_eq!(server.arrived(), 0);
}
