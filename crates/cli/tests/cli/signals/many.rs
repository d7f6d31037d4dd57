//! A signal to a batch loses no session id, whether triggers are in flight or runs are waited for.

use std::time::Duration;

use dinoai_emulator::Emulator;

use super::{
    FAST, SIGNALS, TRIGGER, assert_shown, end_soon, endless, for_each_pair, for_each_signal,
};
use super::{late, start};
use crate::support::pseudo_terminal::Pseudo;
use crate::support::runs::Folder;
use crate::support::runs::wait_until;

/// A batch of four items, two at a time, that keeps its results.
fn batch(emulator: &Emulator, folder: &Folder) -> Pseudo {
    let (items, results) = (folder.name("items.csv"), folder.name("results.jsonl"));
    let options = ["--resume", &results, "--concurrency", "2"];
    start(emulator, &[&["batch", &items], &options, &FAST])
}

fn folder() -> Folder {
    Folder::with("items.csv", "message\none\ntwo\nthree\nfour\n")
}

fn kept(folder: &Folder, event: &str) -> usize {
    let results = folder.read("results.jsonl");
    results.matches(&format!("\"event\":\"{event}\"")).count()
}

fn assert_kept(emulator: &Emulator, folder: &Folder, shown: &str) {
    let runs = emulator.runs();
    assert_eq!(runs.len(), 2, "{shown}");
    let results = folder.read("results.jsonl");
    for run in runs {
        assert!(results.contains(&run.session_id), "{results} {shown}");
        assert_eq!(run.status.to_string(), "RUNNING");
    }
    assert_shown(shown, "2 runs are still in progress");
    assert_shown(shown, "to resume: dinoai batch ");
    assert_shown(shown, "4 items: 2 in progress, 2 not started");
}

#[test]
fn runs_that_are_waited_for_go_on_and_no_other_is_started() {
    for_each_signal(|signal, status| {
        let (emulator, folder) = (endless(), folder());
        let terminal = batch(&emulator, &folder);
        wait_until("both have started", || {
            emulator.runs().len() == 2 && kept(&folder, "started") == 2
        });
        terminal.signal(signal);
        let (exit, shown) = terminal.end();
        assert_eq!(exit, status, "{shown}");
        assert_kept(&emulator, &folder, &shown);
    });
}

#[test]
fn the_answers_to_triggers_are_waited_for() {
    for_each_signal(|signal, status| {
        let (emulator, folder) = (endless(), folder());
        for _ in 0..2 {
            late(&emulator, TRIGGER, Duration::from_millis(700));
        }
        let terminal = batch(&emulator, &folder);
        wait_until("both are in flight", || emulator.runs().len() == 2);
        assert_eq!(kept(&folder, "started"), 0);
        terminal.signal(signal);
        let (exit, shown) = terminal.end();
        assert_eq!(exit, status, "{shown}");
        assert_kept(&emulator, &folder, &shown);
    });
}

#[test]
fn a_second_signal_ends_it_and_the_items_are_unknown() {
    for_each_pair(|[first, second], _| {
        let (emulator, folder) = (endless(), folder());
        for _ in 0..2 {
            late(&emulator, TRIGGER, Duration::from_secs(20));
        }
        let terminal = batch(&emulator, &folder);
        wait_until("both are in flight", || emulator.runs().len() == 2);
        terminal.signal(first);
        terminal.signal(second);
        let (exit, shown) = end_soon(terminal);
        // Nobody knows which of the two came first.
        let mut statuses = SIGNALS
            .iter()
            .filter(|(signal, _)| [first, second].contains(signal));
        assert!(
            statuses.any(|(_, status)| *status == exit),
            "{exit} {shown}"
        );
        assert_eq!(emulator.runs().len(), 2);
        // On disk, so that the next batch reports them.
        assert_eq!(kept(&folder, "starting"), 2);
        assert_shown(&shown, "items 1, 2");
    });
}
