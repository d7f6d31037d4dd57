//! Calls go on at the same time, and one that is cancelled ends alone.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Bench;
use crate::support::runs::wait_until;

#[test]
fn two_runs_are_waited_for_at_once() {
    let bench = Bench::start();
    let mut assistant = bench.assistant();
    let ids = ["one", "two"].map(|key| assistant.started(key));
    let waits = ids
        .clone()
        .map(|id| assistant.request_tool("wait_run", json!({ "session_id": id })));
    let before = bench.polls();
    // Each is polled, alone or with the other.
    wait_until("they are polled", || bench.polls() > before);
    let read = assistant.tool("get_run", json!({ "session_id": ids[0] }));
    assert_eq!(read["status"], "RUNNING");
    let start = Instant::now();
    bench.end_stage();
    for (id, wait) in ids.iter().zip(waits) {
        let waited = assistant.result(wait);
        assert_eq!(
            (&waited["session_id"], &waited["ended"]),
            (&json!(id), &json!(true))
        );
    }
    assert!(start.elapsed() < Duration::from_secs(15));
}

#[test]
fn a_cancelled_wait_ends_alone_and_stops_nothing() {
    let bench = Bench::start();
    let mut assistant = bench.assistant();
    let id = assistant.started("one");
    let before = bench.polls();
    let wait = assistant.request_tool("wait_run", json!({ "session_id": id }));
    wait_until("it is polled", || bench.polls() > before);
    assistant.notify("notifications/cancelled", json!({ "requestId": wait }));
    let read = assistant.tool("get_run", json!({ "session_id": id }));
    assert_eq!(read["status"], "RUNNING");
    // It is not polled any more while another one is.
    let other = assistant.started("two");
    bench.emulator.clear_requests();
    assistant.tool("wait_run", json!({ "session_id": other, "seconds": 3 }));
    let polls = bench.emulator.requests();
    assert!(!polls.is_empty());
    for poll in polls {
        assert!(!poll.variables.to_string().contains(&id), "{poll:?}");
    }
    bench.end_stage();
    let waited = assistant.tool("wait_run", json!({ "session_id": id }));
    assert_eq!(waited["answer"]["text"], "All well.");
    let done = assistant.end();
    let ids = done
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].clone());
    assert!(!ids.into_iter().any(|id| id == wait), "{}", done.stdout);
}
