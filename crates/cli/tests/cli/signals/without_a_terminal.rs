//! SIGINT and SIGTERM do the same without a terminal.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr};
use std::time::{Duration, Instant};

use dinoai_emulator::{Emulator, Fault};
use rustix::process::{Pid, Signal, kill_process};

use crate::support::program::dinoai;
use crate::support::runs::{endless, wait_until};

/// The command as it runs, and what it says on standard error.
struct Running {
    child: Child,
    stderr: BufReader<ChildStderr>,
}

impl Running {
    fn start(emulator: &Emulator, arguments: &[&str]) -> Self {
        let mut child = dinoai(emulator).args(arguments).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Self { child, stderr }
    }

    /// Reads until a line holds this text.
    fn wait_for(&mut self, text: &str) -> String {
        let mut line = String::new();
        while !line.contains(text) {
            line.clear();
            assert_ne!(self.stderr.read_line(&mut line).unwrap(), 0, "no {text}");
        }
        line
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// The exit status, and what was said since.
    fn end(mut self) -> (i32, String) {
        let mut said = String::new();
        self.stderr.read_to_string(&mut said).unwrap();
        (self.child.wait().unwrap().code().unwrap(), said)
    }
}

#[test]
fn a_signal_leaves_the_run_and_says_how_to_go_on() {
    for (signal, exit) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let emulator = endless();
        let mut running = Running::start(&emulator, &["run", "agent"]);
        let line = running.wait_for("session ");
        let id = emulator.runs()[0].session_id.clone();
        assert!(line.contains(&id), "{line}");
        running.signal(signal);
        let (code, said) = running.end();
        assert_eq!(code, exit, "{said}");
        assert!(
            said.contains(&format!("to resume: dinoai watch {id}")),
            "{said}"
        );
        assert_eq!(emulator.runs()[0].status, "RUNNING");
    }
}

#[test]
fn on_interrupt_stop_stops_the_run_first() {
    for (signal, exit) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let emulator = endless();
        let arguments = ["run", "agent", "--on-interrupt", "stop"];
        let mut running = Running::start(&emulator, &arguments);
        running.wait_for("RUNNING");
        running.signal(signal);
        let (code, said) = running.end();
        assert_eq!(code, exit, "{said}");
        assert!(said.contains("was stopped"), "{said}");
        assert_eq!(emulator.runs()[0].status, "STOPPED");
    }
}

#[test]
fn a_second_signal_does_not_wait_for_the_stop() {
    let emulator = endless();
    let mut running = Running::start(&emulator, &["run", "agent", "--on-interrupt", "stop"]);
    running.wait_for("RUNNING");
    emulator
        .add_fault(Fault::delay(Duration::from_secs(20)).on("stopDinoaiAgentRun"))
        .unwrap();
    let start = Instant::now();
    running.signal(Signal::INT);
    wait_until("the stop is in flight", || emulator.faults().is_empty());
    running.signal(Signal::INT);
    let (code, said) = running.end();
    assert_eq!(code, 130, "{said}");
    assert!(said.contains("could not be stopped"), "{said}");
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[test]
fn an_answer_on_its_way_is_waited_for_so_that_the_id_is_printed() {
    let emulator = Emulator::builder()
        .fault(Fault::delay(Duration::from_millis(700)).after_execution())
        .start_blocking()
        .unwrap();
    let running = Running::start(&emulator, &["run", "agent"]);
    wait_until("the trigger is sent", || !emulator.runs().is_empty());
    running.signal(Signal::TERM);
    let (code, said) = running.end();
    assert_eq!(code, 143, "{said}");
    let id = &emulator.runs()[0].session_id;
    assert!(said.contains(&format!("session {id}")), "{said}");
    assert!(said.contains("to resume"), "{said}");
}

#[test]
fn an_answer_that_does_not_come_within_two_seconds_is_not_waited_for() {
    let emulator = Emulator::builder()
        .fault(Fault::delay(Duration::from_secs(30)).after_execution())
        .start_blocking()
        .unwrap();
    let running = Running::start(&emulator, &["run", "agent"]);
    wait_until("the trigger is sent", || !emulator.runs().is_empty());
    let start = Instant::now();
    running.signal(Signal::INT);
    let (code, said) = running.end();
    assert_eq!(code, 130, "{said}");
    assert!(said.contains("may have started"), "{said}");
    assert!(
        (1..5).contains(&start.elapsed().as_secs()),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn a_wait_for_several_names_those_that_go_on() {
    let emulator = endless();
    for _ in 0..2 {
        let arguments = ["run", "agent", "--detach"];
        Running::start(&emulator, &arguments).end();
    }
    let ids: Vec<_> = emulator
        .runs()
        .into_iter()
        .map(|run| run.session_id)
        .collect();
    let running = Running::start(&emulator, &["wait", &ids[0], &ids[1]]);
    wait_until("it is waited", || emulator.requests().len() > 2);
    running.signal(Signal::INT);
    let (code, said) = running.end();
    assert_eq!(code, 130, "{said}");
    assert!(ids.iter().all(|id| said.contains(id)), "{said}");
}

#[test]
fn a_run_of_which_nothing_was_read_is_not_said_to_go_on() {
    for ids in [&["one"][..], &["one", "two"]] {
        for command in ["watch", "wait"] {
            if (command, ids.len()) == ("watch", 2) {
                continue;
            }
            let emulator = Emulator::builder()
                .fault(Fault::delay(Duration::from_secs(30)))
                .start_blocking()
                .unwrap();
            let running = Running::start(&emulator, &[&[command], ids].concat());
            wait_until("it is asked for", || emulator.faults().is_empty());
            running.signal(Signal::INT);
            let (code, said) = running.end();
            assert_eq!(code, 130, "{said}");
            assert!(!said.contains("is still in progress"), "{said}");
            assert!(!said.contains("runs are still in progress"), "{said}");
            let expected = match (command, ids.len()) {
                ("watch", _) => "the run one was not read yet, so its status is unknown",
                (_, 1) => "the run one was not seen to end",
                _ => "2 runs were not seen to end",
            };
            assert!(said.contains(expected), "{said}");
        }
    }
}

#[test]
fn a_batch_writes_down_the_runs_whose_start_was_on_its_way() {
    let emulator = endless();
    let slow = Fault::delay(Duration::from_millis(700)).after_execution();
    emulator
        .add_fault(slow.on("triggerDinoaiAgentRun").times(2))
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (items, results) = (
        folder.path().join("items.csv"),
        folder.path().join("results"),
    );
    fs::write(&items, "message\none\ntwo\nthree\n").unwrap();
    let arguments = [
        "batch",
        items.to_str().unwrap(),
        "--concurrency",
        "2",
        "--resume",
        results.to_str().unwrap(),
    ];
    let running = Running::start(&emulator, &arguments);
    wait_until("two have started", || emulator.runs().len() == 2);
    running.signal(Signal::TERM);
    let (code, said) = running.end();
    assert_eq!(code, 143, "{said}");
    assert!(said.contains("--resume"), "{said}");
    let results = fs::read_to_string(&results).unwrap();
    for run in emulator.runs() {
        assert!(results.contains(&run.session_id), "{results}");
    }
    assert_eq!(emulator.runs().len(), 2);
}
