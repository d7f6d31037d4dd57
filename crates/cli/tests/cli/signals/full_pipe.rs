//! A signal is obeyed although standard output is a pipe that nobody reads, and full.

use dinoai_emulator::{Emulator, Scenario, Stage};
use rustix::process::Signal;

use super::{FAST, LEAVE, Only, STOP, assert_shown, count, end_soon, for_each_signal, start};
use crate::support::pipe::Pipe;
use crate::support::pseudo_terminal::Pseudo;
use crate::support::runs::{begun, wait_until};

/// More than any pipe holds.
fn long_text() -> String {
    "All tests pass. ".repeat(1 << 13)
}

/// Its runs say much, and go on.
pub(super) fn talkative() -> Emulator {
    let scenario = Scenario::new()
        .stage(Stage::new("RUNNING").reads(3))
        .message("assistant", "Looking.")
        .stage(Stage::new("RUNNING").reads(u64::MAX))
        .message("assistant", long_text());
    Emulator::builder()
        .default_scenario(scenario)
        .start_blocking()
        .unwrap()
}

/// Its runs end, and have said much.
fn finished() -> Emulator {
    let scenario = Scenario::new()
        .stage(Stage::new("COMPLETED"))
        .message("assistant", long_text());
    Emulator::builder()
        .default_scenario(scenario)
        .start_blocking()
        .unwrap()
}

/// The command, with standard output into a pipe, and standard error into another one if there
/// is one.
pub(super) fn into(
    emulator: &Emulator,
    out: &Pipe,
    err: Option<&Pipe>,
    arguments: &[&[&str]],
) -> Pseudo {
    let (script, err) = match err {
        Some(err) => (r#"exec "$0" "$@" >"$OUT" 2>"$ERR""#, err.name()),
        None => (r#"exec "$0" "$@" >"$OUT""#, ""),
    };
    let arguments = [arguments, &[&FAST]].concat().concat();
    let variables = [("OUT", out.name()), ("ERR", err)];
    Pseudo::shell(emulator, script, &arguments, &variables)
}

#[test]
fn a_run_is_left_or_stopped_although_nobody_reads() {
    for_each_signal(|signal, status| {
        for (wanted, becomes) in [(LEAVE, "RUNNING"), (STOP, "STOPPED")] {
            for format in ["text", "jsonl"] {
                let (emulator, out) = (talkative(), Pipe::new());
                let arguments = [&["run", "agent", "--output", format][..], &wanted];
                let terminal = into(&emulator, &out, None, &arguments);
                out.wait_until_full();
                terminal.signal(signal);
                let (exit, shown) = end_soon(terminal);
                assert_eq!(exit, status, "{shown}");
                let run = Only::of(&emulator);
                assert_eq!(run.status, becomes, "{shown}");
                assert_shown(&shown, &format!("interrupted; the run {}", run.id));
                assert_eq!(count(&shown, "interrupted;"), 1, "{shown}");
            }
        }
    });
}

#[test]
fn a_run_is_stopped_although_nobody_reads_what_is_said_of_it_either() {
    for_each_signal(|signal, status| {
        // What it has read of the run is written as it comes, or once it is stopped.
        for is_shown_live in [true, false] {
            let (emulator, out, err) = (talkative(), Pipe::new(), Pipe::new());
            let run: &[&str] = match is_shown_live {
                true => &["run", "agent", "--steps"],
                false => &["run", "agent"],
            };
            let terminal = into(&emulator, &out, Some(&err), &[run, &STOP]);
            if is_shown_live {
                out.wait_until_full();
            } else {
                wait_until("it is polled", || emulator.requests().len() > 3);
                out.fill();
            }
            err.fill();
            terminal.signal(signal);
            let (exit, _) = end_soon(terminal);
            assert_eq!(exit, status);
            assert_eq!(Only::of(&emulator).status, "STOPPED");
        }
    });
}

#[test]
fn a_run_that_has_ended_is_named() {
    for_each_signal(|signal, status| {
        for format in ["text", "json", "jsonl"] {
            let (emulator, out) = (finished(), Pipe::new());
            let arguments = [&["run", "agent", "--output", format][..], &STOP];
            let terminal = into(&emulator, &out, None, &arguments);
            out.wait_until_full();
            terminal.signal(signal);
            let (exit, shown) = end_soon(terminal);
            assert_eq!(exit, status, "{shown}");
            let run = Only::of(&emulator);
            assert_eq!(run.status, "COMPLETED", "{shown}");
            assert_shown(&shown, &format!("dinoai get {}", run.id));
        }
    });
}

/// E3.
#[test]
fn a_transcript_that_nobody_reads_holds_nobody_up() {
    for_each_signal(|signal, status| {
        let emulator = finished();
        let id = begun(&emulator, "agent");
        for arguments in [
            &["get", &id][..],
            &["get", &id, "--output", "json"],
            &["wait", &id, "--output", "json"],
            &["wait", &id, "--output", "jsonl"],
            &["watch", &id],
        ] {
            let out = Pipe::new();
            let script = r#"exec "$0" "$@" >"$OUT""#;
            let terminal = Pseudo::shell(&emulator, script, arguments, &[("OUT", out.name())]);
            out.wait_until_full();
            terminal.signal(signal);
            let (exit, shown) = end_soon(terminal);
            assert_eq!(exit, status, "{arguments:?} {shown}");
            let said = match arguments.contains(&"--output") {
                true => r#""kind":"interrupted""#,
                false => "error: interrupted",
            };
            assert_eq!(count(&shown, said), 1, "{arguments:?} {shown}");
        }
    });
}

#[test]
fn a_failure_that_nobody_reads_holds_nobody_up() {
    for_each_signal(|signal, status| {
        let (emulator, err) = (finished(), Pipe::new());
        err.fill();
        let script = r#"exec "$0" "$@" 2>"$ERR""#;
        let arguments = ["get", "nosuchsession000"];
        let terminal = Pseudo::shell(&emulator, script, &arguments, &[("ERR", err.name())]);
        wait_until("it has been answered", || !emulator.requests().is_empty());
        terminal.signal(signal);
        let (exit, _) = end_soon(terminal);
        assert_eq!(exit, status);
    });
}

/// Ctrl-S, pressed by somebody who reads.
#[test]
fn a_terminal_that_is_held_up_holds_up_no_stop() {
    for (signal, status) in [(Signal::TERM, 143), (Signal::HUP, 129)] {
        let emulator = talkative();
        let mut terminal = start(
            &emulator,
            &[&["run", "agent"], &STOP, &["--poll-interval", "1s"]],
        );
        terminal.wait_for("RUNNING");
        terminal.type_in("\u{13}");
        terminal.wait_until_held_up();
        terminal.signal(signal);
        let (exit, shown) = end_soon(terminal);
        assert_eq!(exit, status, "{shown}");
        assert_eq!(Only::of(&emulator).status, "STOPPED");
    }
}
