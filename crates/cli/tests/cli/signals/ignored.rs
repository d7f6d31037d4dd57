//! A signal that the parent process ignores stays ignored.

use std::time::Duration;

use dinoai_emulator::{Emulator, Scenario, Stage};
use rustix::process::Signal;

use super::{FAST, Only, SIGNALS, STOP, assert_shown, for_each_signal};
use crate::support::pseudo_terminal::Pseudo;
use crate::support::runs::wait_until;

/// Its runs go on until its clock is moved.
fn emulator() -> Emulator {
    let scenario = Scenario::new()
        .stage(Stage::new("RUNNING").lasts(Duration::from_secs(60)))
        .stage(Stage::new("COMPLETED"))
        .message("assistant", "All well.");
    Emulator::builder()
        .default_scenario(scenario)
        .stopped_clock()
        .start_blocking()
        .unwrap()
}

fn ignoring(emulator: &Emulator, signal: Signal) -> Pseudo {
    let name = match signal {
        Signal::HUP => "HUP",
        Signal::INT => "INT",
        _ => "TERM",
    };
    let script = format!(r#"trap "" {name}; exec "$0" "$@""#);
    let arguments = [&["run", "agent"][..], &STOP, &FAST].concat();
    let terminal = Pseudo::shell(emulator, &script, &arguments, &[]);
    terminal.wait_for("RUNNING");
    terminal
}

/// Waits until the run has been read twice more, the second time by a wait that has gone on.
fn wait_for_polls(emulator: &Emulator) {
    let before = emulator.requests().len();
    wait_until("the wait goes on", || {
        emulator.requests().len() > before + 2
    });
}

#[test]
fn the_run_is_waited_for_to_its_end() {
    for_each_signal(|signal, _| {
        let emulator = emulator();
        let terminal = ignoring(&emulator, signal);
        terminal.signal(signal);
        terminal.signal(signal);
        wait_for_polls(&emulator);
        emulator.advance(Duration::from_secs(60));
        let (exit, shown) = terminal.end();
        assert_eq!(exit, 0, "{shown}");
        assert_shown(&shown, "All well.");
        assert_eq!(Only::of(&emulator).status, "COMPLETED");
    });
}

#[test]
fn the_others_are_heard() {
    for_each_signal(|ignored, _| {
        for (signal, status) in SIGNALS {
            if signal == ignored {
                continue;
            }
            let emulator = emulator();
            let terminal = ignoring(&emulator, ignored);
            terminal.signal(ignored);
            terminal.signal(signal);
            let (exit, shown) = terminal.end();
            assert_eq!(exit, status, "{shown}");
            assert_eq!(Only::of(&emulator).status, "STOPPED");
        }
    });
}

#[test]
fn a_terminal_that_is_closed_ends_no_wait_of_who_ignores_it() {
    let emulator = emulator();
    let terminal = ignoring(&emulator, Signal::HUP);
    let mut child = terminal.close();
    wait_for_polls(&emulator);
    emulator.advance(Duration::from_secs(60));
    // The result cannot be written any more.
    assert_eq!(child.wait().unwrap().exit_code(), 5);
    assert_eq!(Only::of(&emulator).status, "COMPLETED");
}
