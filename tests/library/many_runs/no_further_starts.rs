//! Refused keys, unknown outcomes and rate limits end or pause further starts.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dinoai::time::Clock;
use dinoai::{Error, Result, Run};
use serde_json::json;

use crate::many_runs::alike::{Many, fast_client, run_all};
use crate::support::fault_server::{FastClock, FaultServer, Reply, client};
use crate::support::operations::{TRIGGER, is_poll, sent};
use crate::support::samples::{errors_with_code, request, seconds};

#[tokio::test]
async fn one_refused_key_ends_all_starts() {
    for refusal in [
        Reply::errors(200, &errors_with_code("UNAUTHENTICATED")),
        Reply::errors(401, &errors_with_code("UNAUTHENTICATED")),
        Reply::Http(401, vec![], String::new()),
        Reply::html(403),
    ] {
        for concurrency in [1, 3] {
            let reply = refusal.clone();
            let server = FaultServer::scripted(move |_| reply.clone()).await;
            let clock = FastClock::with_second(Duration::from_millis(5));
            let client = fast_client(&server, &clock);
            let results = run_all(&client, 10, concurrency).await;
            assert_eq!(results.len(), 10);
            for (_, result) in &results {
                let error = result.as_ref().unwrap_err();
                assert!(!error.may_have_started(), "{error:?}");
                assert!(error.session_id().is_none(), "{error:?}");
            }
            let is_unauthorized =
                |result: &Result<Run>| matches!(result, Err(Error::Unauthorized { .. }));
            let refused = results.iter().filter(|(_, result)| is_unauthorized(result));
            assert!(refused.count() >= 1, "{results:?}");
            assert!(
                server.arrived() <= concurrency,
                "{refusal:?}, {concurrency} at a time: {} triggers",
                server.arrived()
            );
        }
    }
}

#[tokio::test]
async fn a_key_that_is_refused_in_the_middle_ends_further_starts_alone() {
    for refusal in [
        Reply::errors(200, &errors_with_code("UNAUTHENTICATED")),
        Reply::Http(401, vec![], String::new()),
        Reply::html(403),
    ] {
        let mut many = Many::default();
        let server = FaultServer::scripted(move |seen| {
            if seen.operation == TRIGGER && many.started == 3 {
                return refusal.clone();
            }
            many.answer(seen, "COMPLETED")
        })
        .await;
        let clock = FastClock::with_second(Duration::from_millis(5));
        let results = run_all(&fast_client(&server, &clock), 10, 1).await;
        let well = results.iter().filter(|(_, result)| result.is_ok()).count();
        assert_eq!((well, sent(&server, TRIGGER)), (3, 4), "{results:?}");
    }
}

#[tokio::test]
async fn three_unknown_outcomes_in_a_row_end_all_starts() {
    let mut many = Many::default();
    let mut triggers = 0;
    let server = FaultServer::scripted(move |seen| {
        if seen.operation != TRIGGER {
            return many.answer(seen, "COMPLETED");
        }
        triggers += 1;
        match triggers {
            // Two in a row do not end it.
            2 | 3 | 5.. => Reply::html(504),
            _ => many.answer(seen, "COMPLETED"),
        }
    })
    .await;
    let clock = FastClock::with_second(Duration::from_millis(5));
    let results = run_all(&fast_client(&server, &clock), 12, 1).await;
    assert_eq!(results.len(), 12);
    assert_eq!(sent(&server, TRIGGER), 7);
    let unknown = |result: &Result<Run>| matches!(result, Err(error) if error.may_have_started());
    let places: Vec<_> = results
        .iter()
        .filter(|(_, result)| unknown(result))
        .map(|(place, _)| *place)
        .collect();
    assert_eq!(places, [1, 2, 4, 5, 6]);
}

/// What was certainly not started, or has an id, is no reason to start nothing more.
#[tokio::test]
async fn triggers_that_are_refused_or_that_name_their_run_do_not_end_further_starts() {
    let named = json!({ "data": { "triggerDinoaiAgentRun": {
        "agentSessionId": "run-9", "ok": true, "status": "queued",
    } } });
    for reply in [Reply::html(400), Reply::cut(200, &named.to_string())] {
        let answer = reply.clone();
        let server = FaultServer::scripted(move |_| answer.clone()).await;
        let clock = FastClock::with_second(Duration::from_millis(5));
        let results = run_all(&fast_client(&server, &clock), 6, 1).await;
        assert_eq!(sent(&server, TRIGGER), 6, "{reply:?}: {results:?}");
        let is_not_started = |result: &Result<Run>| matches!(result, Err(Error::NotStarted { .. }));
        assert!(!results.iter().any(|(_, result)| is_not_started(result)));
    }
}

#[tokio::test]
async fn too_many_triggers_are_one_pause_for_triggers_and_polls_go_on() {
    const RUNS: usize = 20;
    let clock = FastClock::with_second(Duration::from_millis(50));
    let time = clock.clone();
    let during = Arc::new(Mutex::new((vec![], vec![])));
    let record = during.clone();
    let mut many = Many::default();
    let mut start: Option<Duration> = None;
    let server = FaultServer::scripted(move |seen| {
        let now = time.now();
        let is_limited = start.is_some_and(|start| now < start + seconds(30));
        let (triggers, polls) = &mut *record.lock().unwrap();
        if seen.operation != TRIGGER {
            let is_over = start.is_some_and(|start| now >= start + seconds(30));
            if is_limited && is_poll(seen) {
                polls.push(now - start.unwrap());
            }
            return many.answer(seen, if is_over { "COMPLETED" } else { "RUNNING" });
        }
        // Four are accepted, then no more for half a minute.
        if is_limited || start.is_none() && many.started == 4 {
            let start = start.get_or_insert(now);
            triggers.push((now - *start, seen.variables["message"].clone()));
            return Reply::too_many_requests("30");
        }
        many.answer(seen, "RUNNING")
    })
    .await;
    let results = run_all(&fast_client(&server, &clock), RUNS, RUNS).await;
    let well = results.iter().filter(|(_, result)| result.is_ok()).count();
    assert_eq!(well, RUNS, "{results:?}");
    let (triggers, polls) = &*during.lock().unwrap();
    // Those that were in flight are turned away, each once; then all of them keep quiet.
    let turned_away: HashSet<_> = triggers.iter().map(|(_, message)| message).collect();
    assert_eq!(turned_away.len(), triggers.len(), "{triggers:?}");
    assert!(
        triggers.iter().all(|(since, _)| *since < seconds(6)),
        "{triggers:?}"
    );
    let mut last = Duration::ZERO;
    for poll in polls.iter().copied().chain([seconds(30)]) {
        assert!(
            poll - last <= seconds(12),
            "no poll for {:?}: {polls:?}",
            poll - last
        );
        last = poll;
    }
}

/// A key that may start runs and may not read them.
#[tokio::test]
async fn runs_that_the_key_must_not_read_are_started_a_few_at_most() {
    for refusal in [
        Reply::Http(401, vec![], String::new()),
        Reply::html(403),
        Reply::errors(200, &errors_with_code("UNAUTHENTICATED")),
    ] {
        for concurrency in [1, 3] {
            let (reply, mut many) = (refusal.clone(), Many::default());
            let server = FaultServer::scripted(move |seen| match seen.operation.as_str() {
                TRIGGER => many.answer(seen, "RUNNING"),
                _ => reply.clone(),
            })
            .await;
            let clock = FastClock::with_second(Duration::from_millis(20));
            let results = run_all(&fast_client(&server, &clock), 20, concurrency).await;
            assert_eq!(results.len(), 20);
            let started = sent(&server, TRIGGER);
            assert!(started <= concurrency, "{refusal:?}: {started} started");
            for (place, result) in &results {
                let error = result.as_ref().unwrap_err();
                let is_started = *place < started;
                assert_eq!(error.may_have_started(), is_started, "{place}: {error:?}");
                assert_eq!(
                    error.session_id().is_some(),
                    is_started,
                    "{place}: {error:?}"
                );
                let is_right = match error {
                    Error::Unauthorized { .. } => is_started,
                    Error::NotStarted { .. } => !is_started,
                    _ => false,
                };
                assert!(is_right, "{place}: {error:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_run_that_was_turned_away_is_not_started_once_nothing_more_is() {
    let turned_away = Arc::new(tokio::sync::Notify::new());
    let held = turned_away.clone();
    let mut triggers = 0;
    let server = FaultServer::scripted(move |seen| {
        if seen.operation != "TriggerDinoaiAgentRun" {
            return Reply::Status("RUNNING");
        }
        triggers += 1;
        match triggers {
            1 => Reply::Good,
            2 => Reply::When(held.clone(), Box::new(Reply::too_many_requests("1"))),
            3 => Reply::Http(401, vec![], String::new()),
            _ => Reply::Good,
        }
    })
    .await;
    let (client, _) = client(&server.endpoint(), |builder| {
        builder
            .clock(FastClock::with_second(Duration::from_millis(5)))
            .request_timeout(seconds(30))
            .connect_timeout(seconds(30))
    });
    let mut runs = client
        .run_all((0..3).map(|_| request()), 3)
        .timeout(seconds(60))
        .results();
    let mut results = BTreeMap::new();
    while let Some((place, result)) = runs.next().await {
        // The third is refused: nothing more is started, the second one neither.
        turned_away.notify_one();
        results.insert(place, result);
    }
    assert!(
        matches!(results[&2], Err(Error::Unauthorized { .. })),
        "{results:?}"
    );
    assert!(
        matches!(results[&1], Err(Error::NotStarted { .. })),
        "{results:?}"
    );
    let operations = server.operations();
    let triggers = operations.iter().filter(|name| name.starts_with("Trigger"));
    assert_eq!(triggers.count(), 3);
}
