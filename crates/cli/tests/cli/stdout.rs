//! Standard output that is full, or that nobody reads: no id is lost, and no wait is given up.

use std::fs::OpenOptions;
use std::process::Stdio;

use dinoai_emulator::{Emulator, Fault, Scenario, Stage};
use serde_json::Value;

use crate::program::{Done, dinoai, run};

const FAST: [&str; 2] = ["--poll-interval", "5ms"];
const FORMATS: [&str; 3] = ["text", "json", "jsonl"];

fn emulator() -> Emulator {
    let scenario = Scenario::new()
        .stage(Stage::new("RUNNING").reads(3))
        .message("assistant", "Looking.")
        .stage(Stage::new("RUNNING").reads(3))
        .stage(Stage::new("COMPLETED"))
        .message("assistant", "Done.");
    Emulator::builder()
        .default_scenario(scenario)
        .scenario("broken", Scenario::fails())
        .start_blocking()
        .unwrap()
}

/// What standard output leads to.
#[derive(Debug, Clone, Copy)]
enum Out {
    Full,
    Gone,
}

fn run_into(emulator: &Emulator, arguments: &[&str], out: Out) -> Done {
    let mut command = dinoai(emulator);
    command.args(arguments);
    if let Out::Full = out {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        command.stdout(Stdio::from(full));
    }
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    Done::of(child)
}

fn assert_named(done: &Done, format: &str, id: &str) {
    assert!(done.stderr.contains(id), "{}", done.stderr);
    if format != "text" {
        let last: Value = serde_json::from_str(done.stderr.lines().last().unwrap()).unwrap();
        assert_eq!(last["agentSessionId"], id, "{last}");
        assert_eq!(last["kind"], "output");
    }
}

#[test]
fn the_id_of_a_run_that_was_left_to_itself_is_on_standard_error_where_it_cannot_be_printed() {
    for out in [Out::Full, Out::Gone] {
        for format in FORMATS {
            let emulator = emulator();
            let arguments = ["run", "a", "--detach", "-q", "--output", format];
            let done = run_into(&emulator, &arguments, out);
            assert_eq!(done.code(), 5, "{out:?} {format} {}", done.stderr);
            assert_named(&done, format, &emulator.runs()[0].session_id);
        }
    }
}

#[test]
fn a_wait_goes_on_and_says_how_the_run_has_ended() {
    for out in [Out::Full, Out::Gone] {
        for format in FORMATS {
            let emulator = emulator();
            for agent in ["a", "broken"] {
                let arguments = [&["run", agent, "-q", "--output", format][..], &FAST].concat();
                let done = run_into(&emulator, &arguments, out);
                assert_eq!(done.code(), 5, "{out:?} {format} {}", done.stderr);
                let run = emulator.runs().pop().unwrap();
                assert_named(&done, format, &run.session_id);
                let end = format!("ended {}", run.status);
                assert!(done.stderr.contains(&end), "{}", done.stderr);
            }
            let id = emulator.runs()[0].session_id.clone();
            for arguments in [vec!["watch", &id], vec!["send", &id, "-m", "and?"]] {
                let arguments = [&arguments[..], &["--output", format], &FAST].concat();
                let done = run_into(&emulator, &arguments, out);
                assert_eq!(done.code(), 5, "{arguments:?} {}", done.stderr);
                assert_named(&done, format, &id);
                assert!(done.stderr.contains("ended COMPLETED"), "{}", done.stderr);
            }
            assert_eq!(emulator.runs()[0].follow_ups.len(), 1);
        }
    }
}

#[test]
fn that_the_wait_goes_on_is_said_when_the_output_is_lost() {
    let emulator = emulator();
    let done = run_into(&emulator, &[&["run", "a"][..], &FAST].concat(), Out::Full);
    let id = &emulator.runs()[0].session_id;
    let warning = format!("waiting on for the run {id}");
    assert!(done.stderr.contains(&warning), "{}", done.stderr);
    assert_eq!(done.stderr.matches(&warning).count(), 1, "{}", done.stderr);
}

#[test]
fn a_wait_for_several_names_how_each_has_ended() {
    for format in FORMATS {
        let emulator = emulator();
        for agent in ["a", "broken"] {
            run(dinoai(&emulator), &["run", agent, "--detach"]);
        }
        let runs = emulator.runs().into_iter();
        let ids: Vec<_> = runs.map(|run| run.session_id).collect();
        let arguments = ["wait", &ids[0], &ids[1], "--output", format];
        let done = run_into(&emulator, &[&arguments[..], &FAST].concat(), Out::Full);
        assert_eq!(done.code(), 5, "{}", done.stderr);
        for (id, status) in [(&ids[0], "COMPLETED"), (&ids[1], "FAILED")] {
            let end = format!("{id} {status}");
            assert!(done.stderr.contains(&end), "{format} {}", done.stderr);
        }
    }
}

#[test]
fn a_reader_of_what_was_read_may_go_and_a_full_disk_is_an_error() {
    let emulator = emulator();
    run(dinoai(&emulator), &["run", "a", "--detach"]);
    let id = emulator.runs()[0].session_id.clone();
    for arguments in [
        vec!["get", &id],
        vec!["tree", &id],
        vec!["stop", &id],
        vec!["completions", "bash"],
    ] {
        let done = run_into(&emulator, &arguments, Out::Gone);
        assert_eq!(done.code(), 0, "{arguments:?} {}", done.stderr);
        assert_eq!(done.stderr, "", "{arguments:?}");
        let done = run_into(&emulator, &arguments, Out::Full);
        assert_eq!(done.code(), 5, "{arguments:?} {}", done.stderr);
        assert!(
            done.stderr.contains("could not be written"),
            "{}",
            done.stderr
        );
    }
    let done = run_into(&emulator, &["--help"], Out::Gone);
    assert_eq!((done.code(), done.stderr.as_str()), (0, ""));
}

#[test]
fn every_failure_that_knows_a_run_names_it_in_every_format() {
    for format in FORMATS {
        let emulator = Emulator::builder()
            .fault(Fault::pass())
            .fault(Fault::status(403).always())
            .start_blocking()
            .unwrap();
        let arguments = ["run", "a", "-q", "--output", format];
        let done = run(dinoai(&emulator), &[&arguments[..], &FAST].concat());
        assert_eq!(done.code(), 3, "{}", done.stderr);
        let id = &emulator.runs()[0].session_id;
        assert!(done.stderr.contains(id.as_str()), "{}", done.stderr);
    }
}
