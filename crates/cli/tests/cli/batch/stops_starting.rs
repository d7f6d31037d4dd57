//! A batch starts nothing more after refused credentials, unknown outcomes or lost results.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use dinoai_emulator::{Emulator, Fault, Scenario, Stage};
use serde_json::Value;

use crate::support::program::{Done, dinoai, run};
use crate::support::runs::{Folder, batch, endless, wait_until};

pub(crate) fn items(number: usize) -> String {
    (1..=number)
        .map(|item| format!("{{\"message\": \"item {item}\"}}\n"))
        .collect()
}

/// An emulator whose runs go on until they are stopped.
pub(crate) fn ids(emulator: &Emulator) -> Vec<String> {
    let runs = emulator.runs().into_iter();
    runs.map(|run| run.session_id).collect()
}

/// The command under a shell that sets limits first.
pub(crate) fn under(limits: &str, emulator: &Emulator, arguments: &[&str]) -> Child {
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
        done.stderr.contains("no more runs are started"),
        "{}",
        done.stderr
    );
    let last = done.stderr.lines().last().unwrap();
    assert_eq!(last, "20 items: 20 not started");
    let not_started = |line: &&str| line.contains("\"mayHaveStarted\":false");
    assert_eq!(done.stdout.lines().filter(not_started).count(), 20);

    // One at a time the first refusal is the last request.
    let mut command = dinoai(&emulator);
    command.env("PARADIME_API_SECRET", "wrong");
    let before = emulator.requests().len();
    let alone = [&arguments[..], &["--concurrency", "1"]].concat();
    assert_eq!(run(command, &alone).code(), 3);
    assert_eq!(emulator.requests().len(), before + 1);

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
            // The first record fits into the 32 KiB, behind the file's head, and the second does not. The
            // journal is small.
            let record = "{\"item\":1,\"event\":\"starting\",\"request\":{\"message\":\"\"}}\n";
            let apart = tempfile::tempdir().unwrap();
            let journal = apart.path().join("journal").display().to_string();
            let head = "{\"event\":\"batch\",\"key\":\"batch/2026-11-27T02:00:00Z/01234567\",\"journal\":\"\"}\n";
            let head = if as_stdout {
                0
            } else {
                head.len() + journal.len()
            };
            let message = "m".repeat(32 * 1024 - head - record.len() - 20);
            let items = format!("{{\"message\": \"{message}\"}}\n{{\"message\": \"two\"}}\n");
            let folder = Folder::with("items.jsonl", items);
            let (file, results) = (folder.name("items.jsonl"), folder.name("results"));
            let mut arguments = vec!["batch", &file, "--concurrency", "1"];
            arguments.extend(["--poll-interval", "5ms", "--output", format, "-q"]);
            arguments.extend(["--journal", &journal]);
            let mut limits = "trap '' XFSZ; ulimit -f 64".to_owned();
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
