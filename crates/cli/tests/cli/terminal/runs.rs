//! `run` and `watch` show a live line and a rendered answer, and Ctrl-C leaves the run.

use std::time::Duration;

use dinoai_emulator::{Fault, Scenario, Stage, Step};

use crate::support::program::{dinoai, run};
use crate::support::pseudo_terminal::Pseudo;

use super::{CTRL_C, LONG_TEXT, RUN, emulator, finish, in_progress};

#[test]
fn a_run_shows_a_spinner_with_status_and_time_then_rendered_markdown() {
    let emulator = emulator(in_progress());
    let terminal = Pseudo::start(&emulator, &RUN, &[]);
    terminal.wait_for("session ");
    terminal.wait_for("RUNNING");
    terminal.wait_for("0s");
    terminal.wait_for("1s");
    terminal.wait_for("↳ run_sql_query: select 1");
    finish(&emulator);
    let (exit, shown) = terminal.end();
    assert_eq!(exit, 0, "{shown}");
    assert!(shown.contains("well"), "{shown}");
    assert!(!shown.contains("**"), "{shown}");
    assert!(shown.contains("\u{1b}["), "{shown}");
    assert!(!shown.contains("status RUNNING"), "{shown}");
    assert!(!shown.contains("0/0"), "{shown}");
}

#[test]
fn a_run_that_completes_without_an_answer_says_so() {
    let stages = || [Stage::new("RUNNING").reads(3), Stage::new("COMPLETED")];
    let [in_progress, ended] = stages();
    let silent = Scenario::new().stage(in_progress).stage(ended);
    let emulator = emulator(silent.follow_up(stages()));
    let said = "completed without an answer";
    let (exit, shown) = Pseudo::start(&emulator, &RUN, &[]).end();
    assert_eq!(exit, 0, "{shown}");
    assert!(shown.contains(said), "{shown}");
    let id = emulator.runs()[0].session_id.clone();
    for command in [&["watch", &id][..], &["send", &id, "-m", "and?"]] {
        let command = [command, &["--poll-interval", "50ms"]].concat();
        let (exit, shown) = Pseudo::start(&emulator, &command, &[]).end();
        assert_eq!(exit, 0, "{shown}");
        assert!(shown.contains(said), "{command:?} {shown}");
    }
    let done = run(dinoai(&emulator), &["watch", &id, "--output", "jsonl"]);
    assert!(!done.stderr.contains(said), "{}", done.stderr);
}

#[test]
fn no_color_means_no_colour() {
    let is_colour = |shown: &str| {
        shown.split("\u{1b}[").skip(1).any(|rest| {
            let end = rest.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(0);
            rest[end..].starts_with('m')
        })
    };
    for (variables, more, expected) in [
        (&[][..], &[][..], true),
        (&[("NO_COLOR", "1")], &[], false),
        (&[("NO_COLOR", "1")], &["--color", "always"], true),
        (&[], &["--color", "never"], false),
    ] {
        let emulator = emulator(in_progress());
        let terminal = Pseudo::start(&emulator, &[&RUN[..], more].concat(), variables);
        terminal.wait_for("RUNNING");
        finish(&emulator);
        let (exit, shown) = terminal.end();
        assert_eq!(exit, 0, "{shown}");
        assert_eq!(
            is_colour(&shown),
            expected,
            "{variables:?} {more:?} {shown:?}"
        );
        assert!(!shown.contains("**"), "{shown}");
    }
}

#[test]
fn ctrl_c_leaves_a_run_and_says_how_to_go_on() {
    let emulator = emulator(in_progress());
    let mut terminal = Pseudo::start(&emulator, &RUN, &[]);
    terminal.wait_for("RUNNING");
    terminal.type_in(CTRL_C);
    let (exit, shown) = terminal.end();
    assert_eq!(exit, 130, "{shown}");
    assert!(shown.contains("to resume: dinoai watch"), "{shown}");
    assert_eq!(emulator.runs()[0].status, "RUNNING");
}

#[test]
fn ctrl_c_twice_does_not_wait_for_the_stop() {
    let emulator = emulator(in_progress());
    let arguments = [&RUN[..], &["--on-interrupt", "stop"]].concat();
    let mut terminal = Pseudo::start(&emulator, &arguments, &[]);
    terminal.wait_for("RUNNING");
    emulator
        .add_fault(Fault::delay(Duration::from_secs(30)).on("stopDinoaiAgentRun"))
        .unwrap();
    terminal.type_in(CTRL_C);
    terminal.wait_for("stopping");
    terminal.type_in(CTRL_C);
    let (exit, shown) = terminal.end();
    assert_eq!(exit, 130, "{shown}");
    assert!(shown.contains("could not be stopped"), "{shown}");
}

#[test]
fn text_is_as_wide_as_the_window_is_by_then() {
    let emulator = emulator(in_progress());
    Pseudo::start(&emulator, &["run", "agent", "--detach"], &[]).end();
    let id = emulator.runs()[0].session_id.clone();
    let arguments = ["watch", &id, "--poll-interval", "50ms"];
    let terminal = Pseudo::start(&emulator, &arguments, &[]);
    terminal.wait_for("RUNNING");
    terminal.resize(30);
    finish(&emulator);
    let (exit, shown) = terminal.end();
    assert_eq!(exit, 0, "{shown}");
    assert!(
        shown.contains("twelve") && !shown.contains(LONG_TEXT),
        "{shown}"
    );
}

#[test]
fn ctrl_c_leaves_a_watch() {
    let emulator = emulator(in_progress());
    Pseudo::start(&emulator, &["run", "agent", "--detach"], &[]).end();
    let id = emulator.runs()[0].session_id.clone();
    let mut terminal = Pseudo::start(&emulator, &["watch", &id], &[]);
    terminal.wait_for("QUEUED");
    terminal.type_in(CTRL_C);
    let (exit, shown) = terminal.end();
    assert_eq!(exit, 130, "{shown}");
}

#[test]
fn terminal_sequences_are_not_obeyed_on_a_terminal_either() {
    let evil = "**red** \u{1b}[31mred\u{1b}]0;title\u{7} \u{9b}2J";
    let emulator = emulator(
        Scenario::new()
            .startup_step(evil, false)
            .stage(Stage::new("QUEUED").reads(20))
            .stage(Stage::new("RUNNING").reads(20))
            .step(Step::tool(evil).input(evil))
            .stage(Stage::new("COMPLETED"))
            .message("assistant", evil),
    );
    let (exit, run) = Pseudo::start(&emulator, &RUN, &[]).end();
    assert_eq!(exit, 0, "{run}");
    let id = emulator.runs()[0].session_id.clone();
    let (exit, get) = Pseudo::start(&emulator, &["get", &id], &[]).end();
    assert_eq!(exit, 0, "{get}");
    for shown in [run, get] {
        assert!(shown.contains('␛'), "{shown:?}");
        for sequence in ["\u{1b}[31m", "\u{1b}]", "\u{7}", "\u{9b}"] {
            assert!(!shown.contains(sequence), "{sequence:?} {shown:?}");
        }
    }
}
