//! Each signal, at each stage, does what the command says about it; on a pseudo-terminal.

mod chat;
mod full_pipe;
mod ignored;
mod in_flight;
mod many;
mod nothing_begun;
mod second;
mod stopping;
mod waiting;
mod without_a_terminal;

use std::thread;
use std::time::{Duration, Instant};

use dinoai_emulator::{Emulator, Fault, Scenario, Stage};
use rustix::process::Signal;

use crate::support::pseudo_terminal::Pseudo;

const STOP: [&str; 2] = ["--on-interrupt", "stop"];
const LEAVE: [&str; 2] = ["--on-interrupt", "leave"];
const FAST: [&str; 2] = ["--poll-interval", "20ms"];

const TRIGGER: &str = "triggerDinoaiAgentRun";
const SEND: &str = "sendDinoaiAgentMessage";
const STOP_RUN: &str = "stopDinoaiAgentRun";

/// The signals, and the exit status that says so.
const SIGNALS: [(Signal, u32); 3] = [(Signal::HUP, 129), (Signal::INT, 130), (Signal::TERM, 143)];

/// Does it for each signal, all at once.
fn for_each_signal(test: impl Fn(Signal, u32) + Sync) {
    let test = &test;
    thread::scope(|scope| {
        for (signal, status) in SIGNALS {
            scope.spawn(move || test(signal, status));
        }
    });
}

/// Does it for each pair of signals, all at once. The status is the first one's.
fn for_each_pair(test: impl Fn([Signal; 2], u32) + Sync) {
    let test = &test;
    for_each_signal(|first, status| {
        thread::scope(|scope| {
            for (second, _) in SIGNALS {
                scope.spawn(move || test([first, second], status));
            }
        });
    });
}

/// Its runs go on for ever, but for those of the agent `done`, whose next turn does.
fn endless() -> Emulator {
    let in_progress = || Stage::new("RUNNING").reads(u64::MAX);
    let done = Scenario::new().stage(Stage::new("COMPLETED"));
    Emulator::builder()
        .default_scenario(Scenario::new().stage(in_progress()))
        .scenario("done", done.follow_up([in_progress()]))
        .start_blocking()
        .unwrap()
}

/// Answers the next request for this, which is carried out at once, after this time.
fn late(emulator: &Emulator, operation: &str, time: Duration) {
    emulator
        .add_fault(Fault::delay(time).after_execution().on(operation))
        .unwrap();
}

/// The only run.
struct Only {
    id: String,
    status: String,
}

impl Only {
    /// Asserts that one run has been started, and no more.
    fn of(emulator: &Emulator) -> Self {
        let mut runs = emulator.runs();
        assert_eq!(runs.len(), 1);
        let run = runs.remove(0);
        Self {
            id: run.session_id,
            status: run.status.to_string(),
        }
    }
}

/// Waits for the end, which has to come soon: about a second on a machine that has time.
fn end_soon(terminal: Pseudo) -> (u32, String) {
    let start = Instant::now();
    let end = terminal.end();
    assert!(start.elapsed() < Duration::from_secs(4), "{end:?}");
    end
}

/// How often a text was shown, whatever the colours.
fn count(shown: &str, text: &str) -> usize {
    console::strip_ansi_codes(shown).matches(text).count()
}

fn assert_shown(shown: &str, text: &str) {
    assert!(count(shown, text) > 0, "no {text:?} in: {shown}");
}

fn start(emulator: &Emulator, arguments: &[&[&str]]) -> Pseudo {
    Pseudo::start(emulator, &arguments.concat(), &[])
}
