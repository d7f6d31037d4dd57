//! A signal while a trigger or a follow-up is in flight waits for the session id.

use std::time::Duration;

use dinoai_emulator::{Emulator, Fault, Scenario, Stage};

use super::{LEAVE, Only, SEND, STOP, TRIGGER, assert_shown, count, endless};
use super::{for_each_signal, late, start};
use crate::support::pseudo_terminal::Pseudo;
use crate::support::runs::{begun, wait_until};

/// Waits until it has been carried out, and is not answered yet.
fn in_flight(emulator: &Emulator, is_sent: impl Fn() -> bool) {
    wait_until("it has arrived", is_sent);
    assert_eq!(emulator.faults().len(), 0);
}

fn run(emulator: &Emulator, time: Duration, wanted: &[&str]) -> Pseudo {
    late(emulator, TRIGGER, time);
    let terminal = start(emulator, &[&["run", "agent"], wanted]);
    in_flight(emulator, || !emulator.runs().is_empty());
    terminal
}

fn send(emulator: &Emulator, time: Duration, wanted: &[&str]) -> Pseudo {
    let id = begun(emulator, "done");
    late(emulator, SEND, time);
    let terminal = start(emulator, &[&["send", &id, "-m", "and?"], wanted]);
    in_flight(emulator, || !emulator.runs()[0].follow_ups.is_empty());
    terminal
}

type Begin = fn(&Emulator, Duration, &[&str]) -> Pseudo;

#[test]
fn the_answer_names_the_run_that_is_left() {
    for_each_signal(|signal, status| {
        for begin in [run as Begin, send] {
            let emulator = endless();
            let terminal = begin(&emulator, Duration::from_millis(700), &LEAVE);
            terminal.signal(signal);
            let (exit, shown) = terminal.end();
            assert_eq!(exit, status, "{shown}");
            let run = Only::of(&emulator);
            assert_shown(&shown, &format!("to resume: dinoai watch {}", run.id));
            assert_eq!(run.status, "RUNNING");
        }
    });
}

#[test]
fn without_an_answer_it_may_have_started() {
    for_each_signal(|signal, status| {
        let emulator = endless();
        let terminal = run(&emulator, Duration::from_secs(30), &LEAVE);
        terminal.signal(signal);
        let (exit, shown) = terminal.end();
        assert_eq!(exit, status, "{shown}");
        assert_shown(&shown, "before the API responded; the run may have started");
        assert_shown(&shown, "check the workspace");
        assert_eq!(Only::of(&emulator).status, "RUNNING");
    });
}

/// E1.
#[test]
fn a_run_that_is_to_be_stopped_is_stopped_once_its_id_is_known() {
    // Longer than an answer is awaited by who leaves.
    let time = Duration::from_millis(2300);
    for begin in [run as Begin, send] {
        for_each_signal(|signal, status| {
            let emulator = endless();
            let terminal = begin(&emulator, time, &STOP);
            terminal.signal(signal);
            let (exit, shown) = terminal.end();
            assert_eq!(exit, status, "{shown}");
            let run = Only::of(&emulator);
            assert_shown(&shown, &format!("the run {} was stopped", run.id));
            assert_eq!(count(&shown, "interrupted;"), 1, "{shown}");
            assert_eq!(run.status, "STOPPED");
        });
    }
}

#[test]
fn a_follow_up_whose_answer_is_lost_after_the_signal_stays_unknown() {
    for (wanted, status_after) in [(&LEAVE, "COMPLETED"), (&STOP, "STOPPED")] {
        for_each_signal(|signal, status| {
            let emulator = Emulator::builder()
                .default_scenario(Scenario::completed().stage(Stage::new("COMPLETED")))
                .start_blocking()
                .unwrap();
            let id = begun(&emulator, "done");
            let lost = Fault::reset().delayed(Duration::from_millis(700));
            emulator.add_fault(lost.after_execution().on(SEND)).unwrap();
            let arguments = ["send", &id, "-m", "and?"];
            let terminal = start(&emulator, &[&arguments, &wanted[..]]);
            in_flight(&emulator, || !emulator.runs()[0].follow_ups.is_empty());
            terminal.signal(signal);
            let (exit, shown) = terminal.end();
            assert_eq!(exit, status, "{shown}");
            assert_shown(&shown, "its outcome is unknown");
            assert_shown(&shown, &format!("dinoai get {id}"));
            assert_eq!(count(&shown, "is still in progress"), 0, "{shown}");
            let is_stopped = count(&shown, &format!("the run {id} was stopped")) == 1;
            assert_eq!(is_stopped, status_after == "STOPPED", "{shown}");
            let is_stopped = Only::of(&emulator).status == "STOPPED";
            assert_eq!(is_stopped, status_after == "STOPPED", "{shown}");
        });
    }
}
