//! The command ends with standard input or at a signal, and leaves runs as they are.

use std::time::{Duration, Instant};

use dinoai_emulator::Fault;
use rustix::process::Signal;
use serde_json::{Value, json};

use super::{Assistant, Bench, KEY, TRIGGER};
use crate::support::program::{bare, run};
use crate::support::runs::wait_until;

/// One that waits for a run of its own.
fn waiting(bench: &Bench) -> (Assistant, String) {
    let mut assistant = bench.assistant();
    let id = assistant.started(KEY);
    let before = bench.polls();
    assistant.request_tool("wait_run", json!({ "session_id": id }));
    wait_until("it is polled", || bench.polls() > before);
    (assistant, id)
}

fn assert_left(bench: &Bench) {
    assert_eq!(bench.emulator.runs()[0].status.to_string(), "RUNNING");
    assert_eq!(bench.requests("stopDinoaiAgentRun"), 0);
}

#[test]
fn the_end_of_standard_input_ends_a_wait_and_leaves_the_run() {
    let bench = Bench::start();
    let (assistant, _) = waiting(&bench);
    let start = Instant::now();
    let done = assistant.end();
    assert_eq!((done.code(), &*done.stderr), (0, ""));
    // Not after the seconds of the wait, nor when the server gives up waiting for its result.
    assert!(
        start.elapsed() < Duration::from_secs(4),
        "{:?}",
        start.elapsed()
    );
    assert_left(&bench);
}

#[test]
fn a_signal_ends_it_with_its_status_and_names_the_run() {
    for (signal, status) in [(Signal::HUP, 129), (Signal::INT, 130), (Signal::TERM, 143)] {
        let bench = Bench::start();
        let (assistant, id) = waiting(&bench);
        assistant.signal(signal);
        let done = assistant.end_at_a_signal();
        assert_eq!(done.code(), status, "{}", done.stderr);
        assert!(
            done.stderr.contains(&format!("dinoai watch {id}")),
            "{}",
            done.stderr
        );
        assert_left(&bench);
    }
}

#[test]
fn a_run_that_has_ended_is_not_named() {
    let bench = Bench::start();
    let mut assistant = bench.assistant();
    let id = assistant.started(KEY);
    bench.end_stage();
    assistant.tool("wait_run", json!({ "session_id": id }));
    assistant.signal(Signal::TERM);
    let done = assistant.end_at_a_signal();
    assert_eq!((done.code(), &*done.stderr), (143, "error: interrupted\n"));
}

/// The id that the journal has of the key.
fn journalled(bench: &Bench) -> Value {
    let runs = bench.run(&["runs", "--output", "json"]).json();
    assert_eq!(runs[0]["key"], KEY);
    runs[0]["agentSessionId"].clone()
}

#[test]
fn a_start_in_flight_gets_its_id_into_the_journal() {
    let soon = Duration::from_millis(700);
    // Longer than the protocol's side waits for a reply once standard input has ended.
    let late = Duration::from_secs(6);
    for (delay, is_cancelled, signal) in [
        (late, false, None),
        (soon, true, None),
        (soon, false, Some(Signal::TERM)),
    ] {
        let bench = Bench::start();
        let late = Fault::delay(delay).after_execution();
        bench.emulator.add_fault(late.on(TRIGGER)).unwrap();
        let mut assistant = bench.assistant();
        let start = json!({ "key": KEY, "agent": "agent" });
        let start = assistant.request_tool("start_agent", start);
        wait_until("the trigger has arrived", || {
            !bench.emulator.runs().is_empty()
        });
        if is_cancelled {
            assistant.notify("notifications/cancelled", json!({ "requestId": start }));
        }
        let (done, status) = match signal {
            None => (assistant.end(), 0),
            Some(signal) => {
                assistant.signal(signal);
                (assistant.end_at_a_signal(), 143)
            }
        };
        assert_eq!(done.code(), status, "{}", done.stderr);
        assert_eq!(journalled(&bench), bench.emulator.runs()[0].session_id);
        assert_left(&bench);
    }
}

#[test]
fn without_an_account_or_a_journal_to_start_by_it_ends_at_once() {
    let done = run(bare(), &["mcp"]);
    assert_eq!((done.code(), &*done.stdout), (2, ""));
    assert!(
        done.stderr.contains("PARADIME_API_ENDPOINT"),
        "{}",
        done.stderr
    );

    let bench = Bench::start();
    let done = bench.run(&["mcp", "--allow-start", "--journal", "none"]);
    assert_eq!((done.code(), &*done.stdout), (2, ""));
    assert!(
        done.stderr.contains("there is no journal"),
        "{}",
        done.stderr
    );

    // What needs none works without.
    let mut assistant = bench.assistant_with(&["--journal", "none"]);
    let problem = assistant.problem("list_runs", json!({}));
    assert!(problem.contains("there is no journal"), "{problem}");
    assert_eq!(assistant.end().code(), 0);
}
