//! Each of many runs is reported at its deadline, whatever hangs.

use std::time::{Duration, Instant};

use dinoai::Error;
use dinoai::time::{Clock, SystemClock, VirtualClock};
use serde_json::json;

use crate::many_runs::api::{all, end_one_after_the_other, patient};
use crate::support::fault_server::{FaultServer, Reply, Seen};
use crate::support::operations::{READ, STATUS, STATUSES, TRIGGER, sent};
use crate::support::samples::{ids, messages, seconds};
use crate::support::shown_run::{client_by, run};
use crate::waiting::ways::first_turn;

/// A trigger's answer, with an id made of its message.
pub(crate) fn started(seen: &Seen) -> Reply {
    let message = seen.variables["message"].as_str().unwrap();
    Reply::data(&json!({ "triggerDinoaiAgentRun": {
        "ok": true,
        "agentSessionId": message.replace("message", "run"),
        "status": "queued",
    } }))
}

#[tokio::test]
async fn none_of_many_instant_runs_comes_to_its_timeout_unseen() {
    let clock = VirtualClock::new();
    let script_clock = clock.clone();
    let server = FaultServer::scripted(move |seen| {
        if seen.operation == TRIGGER {
            script_clock.advance(Duration::from_millis(500));
            return started(seen);
        }
        run(seen, "COMPLETED", &first_turn())
    })
    .await;
    let client = client_by(&server, &clock);
    let mut results = client
        .run_all(messages(40), 40)
        .timeout(seconds(4))
        .results();
    let mut completed = 0;
    while let Some((place, result)) = results.next().await {
        let run = result.unwrap_or_else(|error| panic!("{place}: {error:?}"));
        assert_eq!(run.session_id.as_str(), format!("run-{place}"));
        completed += 1;
    }
    assert_eq!(completed, 40);
    assert_eq!(sent(&server, TRIGGER), 40);
    assert!(sent(&server, STATUS) + sent(&server, STATUSES) > 0);
}

#[tokio::test]
async fn a_run_is_reported_at_its_deadline_though_every_other_request_hangs() {
    let timeout = Duration::from_millis(1500);
    let server = FaultServer::scripted(move |seen| match seen.operation.as_str() {
        TRIGGER if seen.variables["message"] == "message-0" => {
            Reply::Late(timeout.mul_f64(0.8), Box::new(started(seen)))
        }
        TRIGGER => Reply::Hang,
        _ => run(seen, "RUNNING", &[]),
    })
    .await;
    let client = client_by(&server, &SystemClock::new());
    let start = Instant::now();
    let mut results = client.run_all(messages(20), 20).timeout(timeout).results();
    let result = loop {
        let (place, result) = results.next().await.unwrap();
        if place == 0 {
            break result;
        }
    };
    let elapsed = start.elapsed();
    assert!(matches!(result, Err(Error::WaitTimeout(_))), "{result:?}");
    // The others, given up at their own deadlines, would come 0.8 times the timeout later.
    assert!(elapsed < timeout.mul_f64(1.5), "{elapsed:?}");
}

#[tokio::test]
async fn a_run_that_has_ended_is_read_at_its_deadline_though_every_other_read_hangs() {
    // As many as are read at a time.
    const HANGING: usize = 8;
    let timeout = Duration::from_millis(1200);
    let mut reads = 0;
    let server = FaultServer::scripted(move |seen| match seen.operation.as_str() {
        TRIGGER => started(seen),
        READ => {
            reads += 1;
            match reads > HANGING {
                true => run(seen, "COMPLETED", &first_turn()),
                false => Reply::Hang,
            }
        }
        _ => run(seen, "COMPLETED", &first_turn()),
    })
    .await;
    let client = client_by(&server, &SystemClock::new());
    let start = Instant::now();
    let mut results = client
        .run_all(messages(HANGING + 1), HANGING + 1)
        .poll_interval(Duration::from_millis(200))
        .timeout(timeout)
        .results();
    let (place, result) = results.next().await.unwrap();
    let elapsed = start.elapsed();
    assert_eq!(result.unwrap().session_id.as_str(), format!("run-{place}"));
    // The others are given up five seconds after the deadline.
    assert!(elapsed < timeout + seconds(3), "{elapsed:?}");
    assert_eq!(sent(&server, READ), HANGING + 1);
}

/// All of them are read after the deadline, and only so many at a time.
#[tokio::test]
async fn more_runs_than_are_read_at_a_time_that_have_ended_by_their_deadline_are_all_read() {
    let server = FaultServer::scripted(end_one_after_the_other(1)).await;
    let (client, clock) = patient(&server);
    let wait = client.wait_all(ids(200)).unwrap();
    let results = all(wait.timeout(Duration::from_millis(1)).results()).await;
    assert_eq!(results.len(), 200);
    assert!(results.values().all(Result::is_ok), "{results:?}");
    assert_eq!(sent(&server, READ), 200);
    assert!(clock.now() < seconds(1));
}
