//! A batch that a signal ends names every run that is still in progress, and says how to resume.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use dinoai_emulator::{Emulator, Fault, Scenario, Stage};
use rustix::process::{Pid, Signal, kill_process};

use crate::batch::stops_starting::{ids, items};
use crate::support::program::{Done, dinoai};
use crate::support::runs::{Folder, batch, endless, messages, wait_until};

pub(crate) fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

#[test]
fn an_interrupted_batch_without_results_lists_the_ids_of_what_goes_on() {
    for format in ["text", "json"] {
        let emulator = endless();
        let folder = Folder::with("items.jsonl", items(3));
        let mut command = dinoai(&emulator);
        command.args(["batch", &folder.name("items.jsonl"), "--concurrency", "2"]);
        command.args(["--poll-interval", "5ms", "-q", "--output", format]);
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut known = 0;
        while known < 2 {
            let mut line = String::new();
            stdout.read_line(&mut line).unwrap();
            known += usize::from(line.contains("\"started\""));
        }
        signal(&child, Signal::INT);
        let mut rest = String::new();
        stdout.read_to_string(&mut rest).unwrap();
        let done = Done::of(child);
        assert_eq!(done.code(), 130, "{}", done.stderr);
        assert_eq!(emulator.runs().len(), 2);
        for id in ids(&emulator) {
            assert!(done.stderr.contains(&id), "{}", done.stderr);
        }
        assert!(done.stderr.contains("not saved"), "{}", done.stderr);
        assert!(done.stderr.contains("dinoai wait"), "{}", done.stderr);
        assert!(!done.stderr.contains("--resume"), "{}", done.stderr);
    }
}

#[test]
fn the_command_to_go_on_with_starts_nothing_twice() {
    let emulator = Emulator::builder()
        .default_scenario(Scenario::new().stage(Stage::new("RUNNING").reads(u64::MAX)))
        .start_blocking()
        .unwrap();
    let folder = Folder::with("my items.jsonl", items(2));
    let record = "{\"item\":1,\"event\":\"starting\",\"request\":{\"message\":\"item 1\"}}\n";
    std::fs::write(folder.path("results"), record).unwrap();
    let mut command = dinoai(&emulator);
    command.args([
        "batch",
        &folder.name("my items.jsonl"),
        "--concurrency",
        "2",
    ]);
    command.args([
        "--poll-interval",
        "5ms",
        "--resume",
        &folder.name("results"),
    ]);
    command.args(["--retry-unknown", "--retry-failed"]);
    emulator
        .add_fault(Fault::reset().after_execution().on("triggerDinoaiAgentRun"))
        .unwrap();
    let child = command.spawn().unwrap();
    // The outcome of one of them is unknown again.
    wait_until("both have been tried", || {
        let results = folder.read("results");
        results.contains("\"mayHaveStarted\":true") && results.contains("\"started\"")
    });
    signal(&child, Signal::INT);
    let done = Done::of(child);
    assert_eq!(done.code(), 130, "{}", done.stderr);
    assert_eq!(emulator.runs().len(), 2);

    let hint = done.hint().strip_prefix("dinoai ").unwrap();
    let program = dinoai(&emulator);
    let mut shell = Command::new("/bin/sh");
    shell
        .env_clear()
        .args(["-c", &format!("exec \"$0\" {hint}")]);
    shell.arg(program.get_program());
    for (name, value) in program.get_envs() {
        shell.env(name, value.unwrap());
    }
    let child = shell
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let goes_on = emulator.requests().len();
    wait_until("the other is waited for", || {
        emulator.requests().len() > goes_on + 1
    });
    signal(&child, Signal::TERM);
    let done = Done::of(child);
    assert_eq!(done.code(), 143, "{}", done.stderr);
    assert_eq!(messages(&emulator).len(), 2, "{}", done.stderr);
}

#[test]
fn a_trigger_that_is_not_answered_after_a_signal_is_unknown_and_the_ids_are_kept() {
    let emulator = endless();
    let held = Fault::delay(Duration::from_secs(60)).after_execution();
    emulator
        .add_fault(Fault::pass().on("triggerDinoaiAgentRun"))
        .unwrap();
    emulator
        .add_fault(held.on("triggerDinoaiAgentRun"))
        .unwrap();
    let folder = Folder::with("items.jsonl", items(3));
    let mut command = dinoai(&emulator);
    command.args(["batch", &folder.name("items.jsonl"), "--concurrency", "2"]);
    command.args([
        "--poll-interval",
        "5ms",
        "--resume",
        &folder.name("results"),
    ]);
    let child = command.spawn().unwrap();
    wait_until("both have been sent", || {
        emulator.runs().len() == 2 && folder.read("results").contains("\"started\"")
    });
    signal(&child, Signal::INT);
    let done = Done::of(child);
    assert_eq!(done.code(), 130, "{}", done.stderr);
    assert!(
        done.stderr.contains("1 run is still in progress"),
        "{}",
        done.stderr
    );
    assert!(
        done.stderr.contains("to resume: dinoai batch"),
        "{}",
        done.stderr
    );
    let last = done.stderr.lines().last().unwrap();
    assert_eq!(last, "3 items: 1 in progress, 1 unknown, 1 not started");
    assert_eq!(emulator.runs().len(), 2);
}

#[test]
fn a_trigger_that_waits_for_its_next_attempt_is_not_sent_after_a_signal() {
    let emulator = Emulator::builder()
        .fault(Fault::too_many_requests().retry_after("30"))
        .start_blocking()
        .unwrap();
    let folder = Folder::with("items.jsonl", items(2));
    let resume = ["--concurrency", "1", "--resume", &folder.name("results")];
    let mut command = dinoai(&emulator);
    command
        .args(["batch", &folder.name("items.jsonl")])
        .args(resume);
    let child = command.spawn().unwrap();
    wait_until("it has been turned away", || {
        emulator
            .requests()
            .iter()
            .any(|request| request.status == 429)
    });
    signal(&child, Signal::INT);
    let done = Done::of(child);
    assert_eq!(done.code(), 130, "{}", done.stderr);
    assert!(
        done.stderr.contains("no run is in progress"),
        "{}",
        done.stderr
    );
    let last = done.stderr.lines().last().unwrap();
    assert_eq!(last, "2 items: 2 not started");
    assert_eq!(emulator.runs().len(), 0);
    let done = batch(&emulator, &folder.path("items.jsonl"), &resume);
    assert_eq!(done.code(), 0, "{}", done.stderr);
    assert_eq!(messages(&emulator), ["item 1", "item 2"]);
}

/// A pipe takes 64 KiB; then whoever writes to it waits.
#[test]
fn a_signal_is_heard_while_nobody_reads_the_results() {
    for has_file in [false, true] {
        let emulator = endless();
        let message = "m".repeat(100_000);
        let items = format!("{{\"message\": \"{message}\"}}\n");
        let folder = Folder::with("items.jsonl", items);
        let mut command = dinoai(&emulator);
        command.args(["batch", &folder.name("items.jsonl")]);
        if has_file {
            command.args(["--resume", &folder.name("results")]);
        }
        let mut child = command.spawn().unwrap();
        let mut first = [0];
        child
            .stdout
            .as_mut()
            .unwrap()
            .read_exact(&mut first)
            .unwrap();
        if has_file {
            wait_until("it has started", || {
                folder.read("results").contains("\"started\"")
            });
        }
        signal(&child, Signal::TERM);
        let mut status = None;
        wait_until("it ends", || {
            status = child.try_wait().unwrap();
            status.is_some()
        });
        assert_eq!(status.unwrap().code(), Some(143));
        let mut stderr = String::new();
        let mut said = child.stderr.take().unwrap();
        said.read_to_string(&mut stderr).unwrap();
        let state = if has_file {
            "in progress"
        } else {
            "not started"
        };
        assert!(
            stderr.ends_with(&format!("1 item: 1 {state}\n")),
            "{stderr}"
        );
        assert_eq!(emulator.runs().len(), usize::from(has_file));
    }
}

/// The run has ended, and its record does not fit into the pipe.
#[test]
fn a_result_that_nobody_reads_is_not_lost_by_a_signal() {
    for has_file in [false, true] {
        let answer = "m".repeat(100_000);
        let scenario = Scenario::new().stage(Stage::new("COMPLETED").message("assistant", answer));
        let emulator = Emulator::builder()
            .default_scenario(scenario)
            .start_blocking()
            .unwrap();
        let folder = Folder::with("items.jsonl", items(1));
        let mut command = dinoai(&emulator);
        command.args(["batch", &folder.name("items.jsonl"), "-q"]);
        if has_file {
            command.args(["--resume", &folder.name("results")]);
        }
        let mut child = command.spawn().unwrap();
        // Held, so that it can be filled, and not read.
        let stdout = child.stdout.take().unwrap();
        wait_until("the pipe is full", || {
            rustix::io::ioctl_fionread(&stdout).unwrap() >= 60_000
        });
        signal(&child, Signal::INT);
        let done = Done::of(child);
        drop(stdout);
        assert_eq!(done.code(), 130, "{}", done.stderr);
        let known = format!("item 1: session {} COMPLETED", ids(&emulator)[0]);
        assert_ne!(done.stderr.contains(&known), has_file, "{}", done.stderr);
        if has_file {
            assert!(folder.read("results").contains("\"ended\""));
        }
    }
}

#[test]
fn a_run_that_was_not_waited_for_to_its_end_goes_on_after_a_signal() {
    for has_file in [false, true] {
        let emulator = endless();
        let held = Fault::delay(Duration::from_secs(60)).on("triggerDinoaiAgentRun");
        emulator
            .add_fault(Fault::pass().on("triggerDinoaiAgentRun"))
            .unwrap();
        emulator.add_fault(held).unwrap();
        let folder = Folder::with("items.jsonl", items(2));
        let mut command = dinoai(&emulator);
        command.args(["batch", &folder.name("items.jsonl"), "--concurrency", "1"]);
        command.args(["--poll-interval", "5ms", "--timeout", "300ms"]);
        if has_file {
            command.args(["--resume", &folder.name("results")]);
        }
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        while !said.contains("\"item\":2") {
            assert_ne!(stdout.read_line(&mut said).unwrap(), 0, "{said}");
        }
        assert!(said.contains("wait_timeout"), "{said}");
        signal(&child, Signal::INT);
        let done = Done::of(child);
        assert_eq!(done.code(), 130, "{}", done.stderr);
        let id = &ids(&emulator)[0];
        assert!(
            done.stderr.contains("1 run is still in progress"),
            "{}",
            done.stderr
        );
        assert!(done.stderr.contains(id), "{}", done.stderr);
        let wait = format!("dinoai wait {id}");
        assert_ne!(done.stderr.contains(&wait), has_file, "{}", done.stderr);
    }
}

#[test]
fn a_run_that_a_failed_answer_names_is_among_those_that_go_on() {
    for fault in [
        Fault::partial_data(),
        Fault::replaced("ok", serde_json::json!(false)),
    ] {
        let emulator = endless();
        emulator
            .add_fault(fault.on("triggerDinoaiAgentRun"))
            .unwrap();
        let folder = Folder::with("items.jsonl", items(2));
        let mut command = dinoai(&emulator);
        command.args(["batch", &folder.name("items.jsonl"), "-q"]);
        let child = command.spawn().unwrap();
        wait_until("the other is waited for", || {
            let requests = emulator.requests();
            requests.len() > 2 && emulator.runs().len() == 2
        });
        signal(&child, Signal::TERM);
        let done = Done::of(child);
        assert_eq!(done.code(), 143, "{}", done.stderr);
        let (_, hint) = done.stderr.split_once("dinoai wait ").unwrap();
        for id in ids(&emulator) {
            assert!(hint.contains(&id), "{}", done.stderr);
        }
        assert!(
            done.stderr.contains("2 runs are still in progress"),
            "{}",
            done.stderr
        );
    }
}
