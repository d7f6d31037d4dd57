//! A batch that is refused or fails becomes smaller until the server takes it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use dinoai::time::{Clock, VirtualClock};
use dinoai::{Error, Result, Run};
use serde_json::json;

use crate::many_runs::api::{
    all, asked, batches, end_one_after_the_other, number, patient, reads_as, runs,
};
use crate::support::fault_server::{FaultServer, Reply};
use crate::support::operations::{STATUSES, is_poll};
use crate::support::samples::{ids, seconds};
use crate::support::shown_run::client_by;

/// The ways in which a server refuses a batch that is too large for it.
fn refusals() -> Vec<Reply> {
    let refusal = json!([{ "message": "Query is too complex." }]);
    let validation = json!([{
        "message": "Too many aliases.",
        "extensions": { "code": "GRAPHQL_VALIDATION_FAILED" },
    }]);
    vec![
        Reply::html(400),
        Reply::html(413),
        Reply::json(400, &json!({ "errors": refusal })),
        Reply::json(200, &json!({ "errors": refusal })),
        Reply::json(200, &json!({ "data": null, "errors": refusal })),
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
            // Those that are in flight when a size is found to be too large are refused as well.
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
        let client = client_by(&server, &clock);
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
    let many = client.wait_all(ids(2)).unwrap().poll_interval(seconds(1));
    let results = all(many.timeout(seconds(600)).results()).await;
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

/// Runs that are in progress for two minutes, whose polls are answered with `trouble` during the second
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
    let client = client_by(&server, &clock);
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
        // One run alone is looked at each 10 s while the server fails, in case that it takes no batch;
        // those that would have been with it are one fewer.
        let is_probed = status == 503;
        let (probes, batches): (Vec<_>, Vec<_>) = batches.into_iter().partition(|size| *size == 1);
        assert!(probes.len() <= usize::from(is_probed) * 6, "{probes:?}");
        let least = if is_probed { 40 } else { 50 };
        let smaller = batches.iter().filter(|size| **size < least).count();
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
