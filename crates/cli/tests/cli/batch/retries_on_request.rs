//! A batch restarts an item only on request, and an attempt that started nothing changes nothing.

use std::fs;
use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;

use dinoai_emulator::{Emulator, Fault};
use rustix::process::Signal;

use crate::batch::keeps_results::{TWO, ended, events, starting};
use crate::batch::reports_runs_at_a_signal::signal;
use crate::batch::stops_starting::items;
use crate::support::program::{Done, dinoai, run};
use crate::support::runs::{Folder, batch, messages, wait_until};

fn started(item: usize, id: &str) -> String {
    format!("{{\"item\":{item},\"event\":\"started\",\"agentSessionId\":\"{id}\"}}\n")
}

/// Three items of which nobody knows whether they have started.
fn three_unknown() -> Folder {
    let folder = Folder::with("items.jsonl", items(3));
    let records = (1..=3).map(|item| starting(item, &format!("item {item}")));
    fs::write(folder.path("results"), records.collect::<String>()).unwrap();
    folder
}

fn resume(command: Command, folder: &Folder, more: &[&str]) -> Done {
    let all = arguments(folder, more);
    let all: Vec<_> = all.iter().map(String::as_str).collect();
    run(command, &all)
}

fn arguments(folder: &Folder, more: &[&str]) -> Vec<String> {
    let (file, results) = (folder.name("items.jsonl"), folder.name("results"));
    let all = ["batch", &file, "--resume", &results, "--concurrency", "1"];
    let all = all.iter().chain(&["--poll-interval", "5ms"]).chain(more);
    all.map(|one| (*one).to_owned()).collect()
}

/// An API that turns the command away before anything is started.
fn turned_away(emulator: &Emulator, how: &str) -> Command {
    let mut command = dinoai(emulator);
    if how == "refused" {
        command.env("PARADIME_API_SECRET", "wrong");
    } else {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        command.env("PARADIME_API_ENDPOINT", format!("http://{address}/graphql"));
    }
    command
}

fn last_line(done: &Done) -> &str {
    done.stderr.lines().last().unwrap()
}

#[test]
fn what_is_unknown_stays_so_where_starting_it_again_comes_to_nothing() {
    for how in ["refused", "unreachable"] {
        for format in ["text", "json"] {
            let emulator = Emulator::builder().start_blocking().unwrap();
            let folder = three_unknown();
            let done = resume(
                turned_away(&emulator, how),
                &folder,
                &["--retry-unknown", "--output", format],
            );
            assert_eq!(done.code(), 6, "{how} {}", done.stderr);
            assert!(
                done.stderr.contains("items 1, 2, 3 have"),
                "{}",
                done.stderr
            );
            let summary = match format {
                "text" => "3 items: 3 unknown",
                _ => {
                    "{\"kind\":\"summary\",\"items\":3,\"completed\":0,\"failed\":0,\
                      \"inProgress\":0,\"unknown\":3,\"notStarted\":0}"
                }
            };
            assert_eq!(last_line(&done), summary);
            // The last that is printed of each item is where it stands.
            for item in 1..=3 {
                let mut printed = events(&done.stdout).into_iter();
                let last = printed.rfind(|(number, _)| *number == item);
                assert_eq!(last, Some((item, "unknown".to_owned())), "{}", done.stdout);
            }

            let done = resume(dinoai(&emulator), &folder, &[]);
            assert_eq!(done.code(), 6, "{how} {}", done.stderr);
            assert_eq!(last_line(&done), "3 items: 3 unknown");
            assert_eq!(messages(&emulator), [""; 0], "{how}");
        }
    }
}

#[test]
fn what_a_signal_keeps_from_starting_again_stays_unknown() {
    let held = Fault::delay(Duration::from_secs(60)).on("triggerDinoaiAgentRun");
    let emulator = Emulator::builder().fault(held).start_blocking().unwrap();
    let folder = three_unknown();
    let mut command = dinoai(&emulator);
    command.args(arguments(&folder, &["--retry-unknown"]));
    let child = command.spawn().unwrap();
    wait_until("a trigger is in flight", || !emulator.requests().is_empty());
    signal(&child, Signal::INT);
    let done = Done::of(child);
    assert_eq!(done.code(), 130, "{}", done.stderr);
    assert!(last_line(&done).contains("unknown"), "{}", done.stderr);
    assert!(!last_line(&done).contains("not started"), "{}", done.stderr);
    let started = messages(&emulator);
    emulator.clear_faults();
    let done = resume(dinoai(&emulator), &folder, &[]);
    assert!(done.stderr.contains("item"), "{}", done.stderr);
    assert_eq!(messages(&emulator), started);
}

#[test]
fn what_ended_stays_so_where_starting_it_again_comes_to_nothing() {
    for how in ["refused", "unreachable"] {
        let emulator = Emulator::builder().start_blocking().unwrap();
        let folder = Folder::with("items.jsonl", TWO);
        let records = [
            starting(1, "one"),
            ended(1, "FAILED"),
            starting(2, "two"),
            ended(2, "FAILED"),
        ];
        fs::write(folder.path("results"), records.concat()).unwrap();
        let done = resume(turned_away(&emulator, how), &folder, &["--retry-failed"]);
        let exit = if how == "refused" { 3 } else { 5 };
        assert_eq!(done.code(), exit, "{}", done.stderr);
        assert_eq!(last_line(&done), "2 items: 2 failed");
        let shown = events(&done.stdout);
        for item in [1, 2] {
            assert!(shown.contains(&(item, "ended".to_owned())), "{shown:?}");
        }

        let done = resume(dinoai(&emulator), &folder, &[]);
        assert_eq!(done.code(), 1, "{}", done.stderr);
        assert!(done.stderr.contains("already finished"), "{}", done.stderr);
        let shown = events(&done.stdout);
        assert_eq!(shown, [(1, "ended".to_owned()), (2, "ended".to_owned())]);
        assert_eq!(messages(&emulator), [""; 0], "{how}");
        let done = resume(dinoai(&emulator), &folder, &["--retry-failed"]);
        assert_eq!(done.code(), 0, "{}", done.stderr);
        assert_eq!(messages(&emulator), ["one", "two"]);
    }
}

/// What was edited to be started again, and was not, is no more what the results are about.
#[test]
fn an_edited_item_that_did_not_start_again_is_refused_by_name() {
    let emulator = Emulator::builder().start_blocking().unwrap();
    let folder = Folder::with("items.jsonl", "{\"message\": \"edited\"}\n");
    let records = [starting(1, "one"), ended(1, "FAILED")].concat();
    fs::write(folder.path("results"), records).unwrap();
    let done = resume(
        turned_away(&emulator, "refused"),
        &folder,
        &["--retry-failed"],
    );
    assert_eq!(done.code(), 3, "{}", done.stderr);
    let done = resume(dinoai(&emulator), &folder, &[]);
    assert_eq!(done.code(), 2, "{}", done.stderr);
    assert!(done.stderr.contains("item 1"), "{}", done.stderr);
}

#[test]
fn what_is_unknown_is_written_down_once() {
    let emulator = Emulator::builder().start_blocking().unwrap();
    let folder = three_unknown();
    assert_eq!(resume(dinoai(&emulator), &folder, &[]).code(), 6);
    let kept = folder.read("results");
    assert_eq!(kept.matches("\"unknown\"").count(), 3, "{kept}");
    let done = resume(dinoai(&emulator), &folder, &[]);
    assert_eq!(done.code(), 6, "{}", done.stderr);
    assert_eq!(events(&done.stdout).len(), 3, "{}", done.stdout);
    assert_eq!(folder.read("results"), kept);
}

/// Two runs of one item, as after a late answer that somebody has written down.
#[test]
fn an_item_that_shows_two_runs_names_both() {
    for has_ended in [false, true] {
        for format in ["text", "json"] {
            let emulator = Emulator::builder().start_blocking().unwrap();
            let folder = Folder::with("items.jsonl", items(1));
            for _ in 0..2 {
                run(dinoai(&emulator), &["run", "-m", "item 1", "--detach"]);
            }
            let runs = emulator.runs();
            let [first, second] = [&runs[0].session_id, &runs[1].session_id];
            let mut records = vec![starting(1, "item 1"), started(1, first)];
            if has_ended {
                records.push(ended(1, "COMPLETED").replace("aaaaaaaaaaaaaaa1", first));
            }
            records.push(started(1, second));
            fs::write(folder.path("results"), records.concat()).unwrap();
            for _ in 0..2 {
                let done = resume(dinoai(&emulator), &folder, &["--output", format]);
                assert_eq!(done.code(), 0, "{}", done.stderr);
                let mut lines = done.stderr.lines();
                let both = |line: &str| line.contains(first) && line.contains(second);
                assert!(lines.any(both), "{}", done.stderr);
                // The latest is waited for.
                let last = done.stdout.lines().last().unwrap();
                assert!(last.contains(second), "{}", done.stdout);
            }
            assert_eq!(emulator.runs().len(), 2);
        }
    }
}

#[test]
fn a_late_id_is_named_beside_the_run_that_was_started_again() {
    let emulator = Emulator::builder().start_blocking().unwrap();
    let folder = Folder::with("items.jsonl", items(1));
    run(dinoai(&emulator), &["run", "-m", "item 1", "--detach"]);
    let late = &emulator.runs()[0].session_id;
    fs::write(folder.path("results"), starting(1, "item 1")).unwrap();
    let done = resume(dinoai(&emulator), &folder, &["--retry-unknown"]);
    assert_eq!(done.code(), 0, "{}", done.stderr);
    assert!(!done.stderr.contains("warning"), "{}", done.stderr);
    let again = &emulator.runs()[1].session_id;
    let kept = folder.read("results") + &started(1, late);
    fs::write(folder.path("results"), kept).unwrap();
    let done = resume(dinoai(&emulator), &folder, &[]);
    assert_eq!(done.code(), 0, "{}", done.stderr);
    assert!(done.stderr.contains(late), "{}", done.stderr);
    assert!(done.stderr.contains(again), "{}", done.stderr);
    assert_eq!(emulator.runs().len(), 2);
}

#[test]
fn a_failed_run_that_was_started_again_is_no_second_run() {
    let emulator = Emulator::builder().start_blocking().unwrap();
    let folder = Folder::with("items.jsonl", items(1));
    let records = [
        starting(1, "item 1"),
        started(1, "aaaaaaaaaaaaaaa1"),
        ended(1, "FAILED"),
    ];
    fs::write(folder.path("results"), records.concat()).unwrap();
    for more in [&["--retry-failed"][..], &[]] {
        let done = resume(dinoai(&emulator), &folder, more);
        assert_eq!(done.code(), 0, "{}", done.stderr);
        assert!(!done.stderr.contains("warning"), "{}", done.stderr);
    }
    // A run of which is known that it has started is not hidden by an attempt that is unknown.
    let records = [
        starting(1, "item 1"),
        started(1, "aaaaaaaaaaaaaaa1"),
        starting(1, "item 1"),
    ];
    fs::write(folder.path("results"), records.concat()).unwrap();
    let done = batch(
        &emulator,
        &folder.path("items.jsonl"),
        &["--resume", &folder.name("results")],
    );
    assert_eq!(done.code(), 6, "{}", done.stderr);
    assert!(done.stderr.contains("aaaaaaaaaaaaaaa1"), "{}", done.stderr);
}
