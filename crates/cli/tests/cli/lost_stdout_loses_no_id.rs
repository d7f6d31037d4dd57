//! A standard output that is full, or that nobody reads, loses no session id and ends no wait.

use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use dinoai_emulator::{Emulator, Fault, Scenario, Stage};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::pipe::Pipe;
use crate::support::program::{Done, dinoai, run};
use crate::support::runs::{begun, endless, wait_until};

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
        .scenario("broken", Scenario::failed())
        .start_blocking()
        .unwrap()
}

/// Its runs go on for ever.
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
    let run = ["run", "a", "--steps"];
    let done = run_into(&emulator, &[&run[..], &FAST].concat(), Out::Full);
    let id = &emulator.runs()[0].session_id;
    let warning = format!("still waiting for the run {id}");
    assert!(done.stderr.contains(&warning), "{}", done.stderr);
    assert_eq!(done.stderr.matches(&warning).count(), 1, "{}", done.stderr);
    let again = format!("to print the answer again: dinoai get {id}");
    assert!(done.stderr.contains(&again), "{}", done.stderr);
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
fn a_stop_names_each_run_and_how_it_stands() {
    for out in [Out::Full, Out::Gone] {
        for format in FORMATS {
            for tree in [&[][..], &["--tree"]] {
                let emulator = endless();
                let (id, unknown) = (begun(&emulator, "a"), "no-such-run");
                let arguments = [&["stop", &id, unknown, "--output", format], tree].concat();
                let done = run_into(&emulator, &arguments, out);
                assert_eq!(done.code(), 5, "{out:?} {format} {}", done.stderr);
                let said = format!("{id} STOPPED, {unknown} ");
                assert!(done.stderr.contains(&said), "{}", done.stderr);
            }
        }
    }
}

#[test]
fn a_stop_whose_reader_is_stuck_names_its_runs_at_a_signal() {
    for format in FORMATS {
        let emulator = endless();
        let id = begun(&emulator, "a");
        let pipe = Pipe::new();
        pipe.fill();
        let mut command = dinoai(&emulator);
        command.args(["stop", &id, "--output", format]);
        let child = command.stdout(pipe.end()).spawn().unwrap();
        wait_until("it is stopped", || emulator.runs()[0].status == "STOPPED");
        kill_process(Pid::from_child(&child), Signal::INT).unwrap();
        let done = Done::of(child);
        assert_eq!(done.code(), 130, "{}", done.stderr);
        assert!(done.stderr.contains(&id), "{format} {}", done.stderr);
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
    assert_eq!(run_into(&emulator, &["--help"], Out::Full).code(), 5);
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

/// A command whose standard output is a full pipe, until it has said why it ends: that line.
fn last_word(emulator: &Emulator, arguments: &[&str], pipe: &Pipe) -> (Child, Value) {
    let mut command = dinoai(emulator);
    command.args(arguments).args(["-q", "--output", "jsonl"]);
    let mut child = command.stdout(pipe.end()).spawn().unwrap();
    let mut line = String::new();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    stderr.read_line(&mut line).unwrap();
    (child, serde_json::from_str(&line).unwrap())
}

#[test]
fn a_reader_that_is_stuck_does_not_hold_up_the_timeout() {
    let emulator = endless();
    let pipe = Pipe::new();
    pipe.fill();
    let stop = ["run", "a", "--timeout", "300ms", "--on-timeout", "stop"];
    let (mut child, said) = last_word(&emulator, &stop, &pipe);
    let run = emulator.runs().remove(0);
    assert_eq!(run.status.to_string(), "STOPPED");
    assert_eq!(said["kind"], "wait_timeout");
    assert_eq!(said["agentSessionId"], run.session_id);
    // It waits for its reader.
    assert!(child.try_wait().unwrap().is_none());
    drop(pipe);
    assert_eq!(child.wait().unwrap().code(), Some(4));

    let pipe = Pipe::new();
    pipe.fill();
    begun(&emulator, "a");
    let id = begun(&emulator, "a");
    let wait = ["wait", &id, &run.session_id, "--timeout", "300ms"];
    // Of the two the one that was stopped is shown, and nobody reads that.
    let (mut child, said) = last_word(&emulator, &wait, &pipe);
    assert_eq!(said["agentSessionId"], id);
    drop(pipe);
    assert_eq!(child.wait().unwrap().code(), Some(5));
}

/// The id of a run that goes on.
/// Runs the command as a line of a shell has it, whose `$0` it is.
fn in_shell(emulator: &Emulator, line: &str) -> Done {
    let program = dinoai(emulator);
    let variables = program.get_envs();
    let mut shell = Command::new("sh");
    shell
        .args(["-c", line])
        .arg(program.get_program())
        .env_clear()
        .envs(variables.filter_map(|(name, value)| Some((name, value?))))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    Done::of(shell.spawn().unwrap())
}

#[test]
fn an_id_is_on_standard_error_where_standard_output_was_closed() {
    for format in FORMATS {
        for quiet in ["", "-q"] {
            let emulator = emulator();
            let line = format!("exec \"$0\" run a --detach {quiet} --output {format} >&-");
            let done = in_shell(&emulator, &line);
            assert_eq!(done.code(), 0, "{}", done.stderr);
            let id = &emulator.runs()[0].session_id;
            assert!(done.stderr.contains(id.as_str()), "{}", done.stderr);
        }
    }
}

#[test]
fn the_runs_of_a_batch_that_have_not_completed_are_on_standard_error() {
    for format in FORMATS {
        let emulator = emulator();
        let folder = tempfile::tempdir().unwrap();
        let items = folder.path().join("items.csv");
        fs::write(&items, "agent\nbroken\nbroken\n").unwrap();
        let items = items.display();
        let line =
            format!("exec \"$0\" batch {items} -q --poll-interval 5ms --output {format} >&-");
        let done = in_shell(&emulator, &line);
        assert_eq!(done.code(), 1, "{}", done.stderr);
        assert_eq!(emulator.runs().len(), 2);
        for run in emulator.runs() {
            assert!(done.stderr.contains(&run.session_id), "{}", done.stderr);
        }
        if format != "text" {
            let mut lines = done.stderr.lines();
            assert!(lines.all(|line| serde_json::from_str::<Value>(line).is_ok()));
        }
    }
}

#[test]
fn a_file_at_its_limit_is_a_full_disk() {
    let emulator = emulator();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out");
    // An id does not fit, whether the shell counts blocks of 512 or of 1024 bytes.
    fs::write(&file, [b'x'; 1020]).unwrap();
    let line = format!(
        "ulimit -f 1; exec \"$0\" run a --detach --journal none >>{}",
        file.display()
    );
    let done = in_shell(&emulator, &line);
    let id = &emulator.runs()[0].session_id;
    assert_eq!(done.code(), 5, "{}", done.stderr);
    assert!(done.stderr.contains(id.as_str()), "{}", done.stderr);
}

#[test]
fn all_that_is_said_beside_json_is_lines_of_json() {
    for format in ["json", "jsonl"] {
        for agent in ["a", "broken"] {
            let emulator = emulator();
            let arguments = ["run", agent, "-vv", "--steps", "--output", format];
            let done = run(dinoai(&emulator), &[&arguments[..], &FAST].concat());
            assert!(done.stderr.contains("\"trace\""), "{}", done.stderr);
            for line in done.stderr.lines() {
                assert!(serde_json::from_str::<Value>(line).is_ok(), "{line}");
            }
        }
    }
}
