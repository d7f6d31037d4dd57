//! Markdown on a terminal is shown whole, soon, and without a command that was not there before.

use std::time::Duration;

use dinoai_emulator::{Emulator, Scenario, Stage};

use super::ended;
use super::judge::is_obeyed_in_a_log;
use crate::support::pseudo_terminal::Pseudo;

/// An account with a run that has said this.
fn said(texts: &[&str]) -> (Emulator, String) {
    let stage = texts.iter().fold(Stage::new("COMPLETED"), |stage, text| {
        stage.message("assistant", *text)
    });
    let emulator = Emulator::builder()
        .scenario("hostile", Scenario::new().stage(stage))
        .start_blocking()
        .unwrap();
    let id = ended(&emulator).session_id;
    (emulator, id)
}

#[test]
fn no_command_is_put_together_for_the_log_of_a_ci_system() {
    let texts = [
        &*format!("{} ::add-mask::x", "x".repeat(72)),
        "*:*:add-mask::x",
        "`:`:stop-commands::y",
        "# ::add-mask::z",
        "**::**add-mask::q",
        "- ::add-mask::r",
        "| ::add-mask::s | t |",
        "*#*#vso[task.setvariable variable=a]b",
        "##`teamcity[buildStatus text='a']`",
        "##**[group]c**",
        "section_`start:1:a`",
    ];
    let (emulator, id) = said(&texts);
    for color in ["always", "never"] {
        let arguments = ["get", &id, "--color", color];
        let terminal = Pseudo::start(&emulator, &arguments, &[("GITHUB_ACTIONS", "true")]);
        let (exit, shown) = terminal.end();
        assert_eq!(exit, 0, "{shown}");
        let shown = console::strip_ansi_codes(&shown).replace('\r', "");
        assert!(!is_obeyed_in_a_log(&shown), "{shown}");
        assert!(shown.contains("add-mask::r"), "{shown}");
    }
}

#[test]
fn the_line_that_says_what_is_waited_for_gives_no_command() {
    let label = "##vso[task.setvariable variable=a]b";
    let in_progress = Stage::new("QUEUED").lasts(Duration::from_secs(60));
    let emulator = Emulator::builder()
        .default_scenario(
            Scenario::new()
                .stage(in_progress.startup_step(label, false))
                .stage(Stage::new("COMPLETED")),
        )
        .stopped_clock()
        .start_blocking()
        .unwrap();
    let arguments = ["run", "agent", "--steps", "--poll-interval", "20ms"];
    let terminal = Pseudo::start(&emulator, &arguments, &[("TF_BUILD", "True")]);
    terminal.wait_for("vso[task.setvariable");
    emulator.advance(Duration::from_secs(60));
    let (exit, shown) = terminal.end();
    assert_eq!(exit, 0, "{shown}");
    assert!(!is_obeyed_in_a_log(&console::strip_ansi_codes(&shown)));
}

#[test]
fn a_text_that_would_take_long_to_render_is_shown_soon() {
    let shapes = ["|", "*", "`", "* a\n", "|a|b|\n"].map(|shape| shape.repeat(100_000));
    for shape in shapes {
        let (emulator, id) = said(&[&shape, "the end"]);
        let terminal = Pseudo::start(&emulator, &["get", &id], &[]);
        terminal.wait_for("the end");
        assert_eq!(terminal.end().0, 0, "{shape:.10}");
    }
}

#[test]
fn all_of_a_text_is_shown() {
    let cells: Vec<_> = (0..30).map(|number| format!("cell{number}")).collect();
    let table = format!("| {} |", cells.join(" | "));
    let stars = "*".repeat(300);
    let texts = [&*table, "```sh rm -rf /\nls\n```", &stars];
    let (emulator, id) = said(&texts);
    let (_, shown) = Pseudo::start(&emulator, &["get", &id], &[]).end();
    for text in ["cell29", "rm -rf /", &stars] {
        assert!(shown.contains(text), "{text}: {shown}");
    }
}
