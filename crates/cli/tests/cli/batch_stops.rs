//! What ends a batch before its items are done, and what is said and kept then.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use dinoai_emulator::{Emulator, Fault, Scenario, Stage};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::batch::{Folder, batch, messages, wait_until};
use crate::program::{Done, dinoai, run};

fn items(number: usize) -> String {
    (1..=number)
        .map(|item| format!("{{\"message\": \"item {item}\"}}\n"))
        .collect()
}

/// An emulator whose runs go on until they are stopped.
fn endless() -> Emulator {
    Emulator::builder()
        .default_scenario(Scenario::new().stage(Stage::new("RUNNING").reads(u64::MAX)))
        .start_blocking()
        .unwrap()
}

fn ids(emulator: &Emulator) -> Vec<String> {
    let runs = emulator.runs().into_iter();
    runs.map(|run| run.session_id).collect()
}

/// The command under a shell that sets limits first.
fn under(limits: &str, emulator: &Emulator, arguments: &[&str]) -> Child {
    let program = dinoai(emulator);
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", &format!("{limits}; exec \"$0\" \"$@\"")]);
    shell.arg(program.get_program()).args(arguments);
    shell.env_clear();
    for (name, value) in program.get_envs() {
        shell.env(name, value.unwrap());
    }
    let shell = shell.stdin(Stdio::null()).stdout(Stdio::piped());
    shell.stderr(Stdio::piped()).spawn().unwrap()
}

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

#[test]
fn a_refused_credential_stops_the_batch() {
    let emulator = Emulator::builder().start_blocking().unwrap();
    let folder = Folder::with("items.jsonl", items(20));
    let (file, results) = (folder.name("items.jsonl"), folder.name("results"));
    let arguments = [
        "batch",
        &file,
        "--resume",
        &results,
        "--poll-interval",
        "5ms",
    ];
    let mut command = dinoai(&emulator);
    command.env("PARADIME_API_SECRET", "wrong");
    let done = run(command, &arguments);
    assert_eq!(done.code(), 3, "{}", done.stderr);
    let tried = emulator.requests().len();
    assert!((1..=4).contains(&tried), "{tried}");
    assert!(
        done.stderr.contains("nothing more is started"),
        "{}",
        done.stderr
    );
    let last = done.stderr.lines().last().unwrap();
    assert_eq!(last, "20 items: 20 not started");
    let not_started = |line: &&str| line.contains("\"mayHaveStarted\":false");
    assert_eq!(done.stdout.lines().filter(not_started).count(), 20);

    let done = run(dinoai(&emulator), &arguments);
    assert_eq!(done.code(), 0, "{}", done.stderr);
    assert_eq!(emulator.runs().len(), 20);
}

#[test]
fn three_unknown_outcomes_in_a_row_stop_the_batch() {
    let lost = || Fault::reset().after_execution().on("triggerDinoaiAgentRun");
    let well = || Fault::pass().on("triggerDinoaiAgentRun");
    let emulator = Emulator::builder()
        .fault(lost().times(2))
        .fault(well())
        .fault(lost().always())
        .start_blocking()
        .unwrap();
    let folder = Folder::with("items.jsonl", items(20));
    let resume = ["--resume", &folder.name("results"), "--concurrency", "1"];
    let done = batch(&emulator, &folder.path("items.jsonl"), &resume);
    assert_eq!(done.code(), 6, "{}", done.stderr);
    assert_eq!(emulator.runs().len(), 6);
    assert!(done.stderr.contains("in a row"), "{}", done.stderr);
    let last = done.stderr.lines().last().unwrap();
    assert_eq!(last, "20 items: 1 completed, 5 unknown, 14 not started");

    emulator.clear_faults();
    let done = batch(&emulator, &folder.path("items.jsonl"), &resume);
    assert_eq!(done.code(), 6, "{}", done.stderr);
    assert_eq!(emulator.runs().len(), 20);
}

#[test]
fn without_a_reader_nothing_more_starts_and_the_ids_are_on_standard_error() {
    let emulator = endless();
    let folder = Folder::with("items.jsonl", items(8));
    let mut child = dinoai(&emulator)
        .args(["batch", &folder.name("items.jsonl"), "--concurrency", "1"])
        .args(["--poll-interval", "5ms"])
        .spawn()
        .unwrap();
    let mut first = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut first).unwrap();
    drop(stdout);
    wait_until("it has started", || !emulator.runs().is_empty());
    let id = &ids(&emulator)[0];
    // Its end is awaited.
    assert!(child.try_wait().unwrap().is_none());
    assert_eq!(run(dinoai(&emulator), &["stop", id]).code(), 0);
    let done = Done::of(child);
    assert_eq!(done.code(), 5, "{}", done.stderr);
    assert_eq!(emulator.runs().len(), 1);
    let known = format!("item 1: session {id} STOPPED");
    assert!(done.stderr.contains(&known), "{}", done.stderr);
    let last = done.stderr.lines().last().unwrap();
    assert_eq!(last, "8 items: 1 failed, 7 not started");
}

#[test]
fn without_a_reader_a_batch_with_a_results_file_goes_on() {
    let emulator = Emulator::builder().start_blocking().unwrap();
    let folder = Folder::with("items.jsonl", items(8));
    let mut child = dinoai(&emulator)
        .args(["batch", &folder.name("items.jsonl"), "--concurrency", "1"])
        .args([
            "--poll-interval",
            "5ms",
            "--resume",
            &folder.name("results"),
        ])
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let done = Done::of(child);
    assert_eq!(done.code(), 0, "{}", done.stderr);
    assert_eq!(emulator.runs().len(), 8);
    let kept = folder.read("results");
    assert_eq!(kept.matches("\"event\":\"ended\"").count(), 8);
}

#[test]
fn results_that_only_the_file_has_are_an_error() {
    let emulator = Emulator::builder().start_blocking().unwrap();
    let folder = Folder::with("items.jsonl", items(3));
    let mut command = dinoai(&emulator);
    command.args([
        "batch",
        &folder.name("items.jsonl"),
        "--poll-interval",
        "5ms",
    ]);
    command.args(["--resume", &folder.name("results")]);
    command.stdout(std::fs::File::create("/dev/full").unwrap());
    let done = Done::of(command.spawn().unwrap());
    assert_eq!(done.code(), 5, "{}", done.stderr);
    assert!(
        done.stderr.contains("in the results file"),
        "{}",
        done.stderr
    );
    assert_eq!(folder.read("results").matches("\"ended\"").count(), 3);
}

#[test]
fn nothing_is_sent_when_the_intent_cannot_be_written() {
    let emulator = Emulator::builder().start_blocking().unwrap();
    let folder = Folder::with("items.jsonl", items(3));
    let mut command = dinoai(&emulator);
    command.args(["batch", &folder.name("items.jsonl")]);
    command.stdout(std::fs::File::create("/dev/full").unwrap());
    let done = Done::of(command.spawn().unwrap());
    assert_eq!(done.code(), 5, "{}", done.stderr);
    assert_eq!(emulator.requests().len(), 0);
}

/// The disk is full once the intent is written: in place of it, the largest size of a file.
#[test]
fn an_id_that_cannot_be_written_is_on_standard_error() {
    for format in ["text", "json", "jsonl"] {
        for as_stdout in [true, false] {
            let emulator = Emulator::builder().start_blocking().unwrap();
            // The first record fits into the 512 bytes, and the second does not.
            let items = format!(
                "{{\"message\": \"{}\"}}\n{{\"message\": \"two\"}}\n",
                "m".repeat(440)
            );
            let folder = Folder::with("items.jsonl", items);
            let (file, results) = (folder.name("items.jsonl"), folder.name("results"));
            let mut arguments = vec!["batch", &file, "--concurrency", "1"];
            arguments.extend(["--poll-interval", "5ms", "--output", format, "-q"]);
            let mut limits = "trap '' XFSZ; ulimit -f 1".to_owned();
            if as_stdout {
                limits = format!("exec >'{results}'; {limits}");
            } else {
                arguments.extend(["--resume", &results]);
            }
            let done = Done::of(under(&limits, &emulator, &arguments));
            assert_eq!(done.code(), 5, "{format} {as_stdout} {}", done.stderr);
            assert_eq!(emulator.runs().len(), 1);
            let id = &ids(&emulator)[0];
            assert!(
                done.stderr.contains(id),
                "{format} {as_stdout} {}",
                done.stderr
            );
            if format != "text" {
                for line in done.stderr.lines() {
                    serde_json::from_str::<Value>(line).unwrap();
                }
            }
        }
    }
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
        assert!(done.stderr.contains("not kept"), "{}", done.stderr);
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
    emulator.add_fault(Fault::reset().after_execution().on("triggerDinoaiAgentRun"));
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

    let hint = done
        .stderr
        .lines()
        .find_map(|line| line.split_once("go on with: dinoai "));
    let (_, hint) = hint.unwrap_or_else(|| panic!("{}", done.stderr));
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
    emulator.add_fault(Fault::pass().on("triggerDinoaiAgentRun"));
    emulator.add_fault(held.on("triggerDinoaiAgentRun"));
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
    assert!(done.stderr.contains("1 run goes on"), "{}", done.stderr);
    assert!(
        done.stderr.contains("go on with: dinoai batch"),
        "{}",
        done.stderr
    );
    let last = done.stderr.lines().last().unwrap();
    assert_eq!(last, "3 items: 1 still going, 1 unknown, 1 not started");
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
    assert!(done.stderr.contains("no run goes on"), "{}", done.stderr);
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
            "still going"
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
fn more_runs_at_a_time_than_open_files_are_all_done() {
    const ITEMS: usize = 300;
    for (limit, is_hard) in [("ulimit -Sn 256", false), ("ulimit -n 256", true)] {
        // Each look takes a while, so that there are as many connections as runs.
        let emulator = Emulator::builder()
            .default_scenario(
                Scenario::new()
                    .stage(Stage::new("RUNNING").reads(2))
                    .stage(Stage::new("COMPLETED")),
            )
            .fault(
                Fault::delay(Duration::from_millis(300))
                    .on("dinoaiAgentRun")
                    .always(),
            )
            .start_blocking()
            .unwrap();
        let folder = Folder::with("items.jsonl", items(ITEMS));
        let file = folder.name("items.jsonl");
        let mut arguments = vec!["batch", &file, "--concurrency", "1000"];
        arguments.extend(["--poll-interval", "50ms"]);
        let done = Done::of(under(limit, &emulator, &arguments));
        assert_eq!(done.code(), 0, "{limit}: {}", done.stderr);
        assert_eq!(done.stdout.matches("\"event\":\"ended\"").count(), ITEMS);
        let says_so = done.stderr.contains("open files");
        assert_eq!(says_so, is_hard, "{}", done.stderr);
    }
}
