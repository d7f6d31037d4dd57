//! Text in the log of a CI system, on a pipe, is never a command.

use std::fs;
use std::process::Command;
use std::thread;

use dinoai_emulator::{Emulator, Fault};
use serde_json::json;

use super::judge::{SYSTEMS, is_obeyed_in_a_log};
use super::{arguments, commands, ended, has_messages, hostile, texts};
use crate::support::program::{Done, dinoai, run, run_with_input};
use crate::support::pseudo_terminal::Pseudo;

#[test]
fn lines_that_a_ci_system_would_obey_are_shown_and_not_obeyed() {
    thread::scope(|scope| {
        for variable in SYSTEMS {
            scope.spawn(move || {
                let emulator = hostile();
                for command in commands(&emulator) {
                    let arguments = arguments(&command, "text");
                    let done = run(in_log_of(variable, &emulator), &arguments);
                    let is_said = has_messages(&command, "text");
                    assert_is_not_obeyed(&done, is_said, &format!("{variable} {command:?}"));
                }
            });
        }
    });
}

#[test]
fn lines_of_a_batch_that_a_ci_system_would_obey_are_shown_and_not_obeyed() {
    let evil = texts()[6..10].join("\n");
    for variable in SYSTEMS {
        // Of an item text has what the API says of its failure.
        let refused = Fault::graphql_error(200).message(&evil);
        let emulator = Emulator::builder().fault(refused).start_blocking().unwrap();
        let item = json!({ "agent": "hostile", "message": evil }).to_string();
        let arguments = ["batch", "-", "--output", "text"];
        let done = run_with_input(in_log_of(variable, &emulator), &arguments, &item);
        assert_ne!(done.code(), 0, "{variable}");
        let shown = done
            .stderr
            .contains("a ## vso[task.setvariable variable=a]b");
        assert!(shown, "{variable}: {}", done.stderr);
        for written in [&done.stdout, &done.stderr] {
            assert!(!is_obeyed_in_a_log(written), "{variable}: {written}");
        }
    }
}

#[test]
fn lines_of_a_chat_that_a_ci_system_would_obey_are_shown_and_not_obeyed() {
    for variable in SYSTEMS {
        let emulator = hostile();
        let id = ended(&emulator).session_id;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        let variables = [("FILE", file.to_str().unwrap()), (variable, "true")];
        let script = r#""$0" "$@" 2>&1 | cat >"$FILE""#;
        let mut terminal = Pseudo::shell(&emulator, script, &["--session", &id], &variables);
        // The editor's.
        terminal.wait_for_new_settings();
        terminal.type_in("\u{4}");
        let (exit, shown) = terminal.end();
        assert_eq!(exit, 0, "{variable}: {shown}");
        let written = fs::read_to_string(&file).unwrap();
        assert!(!is_obeyed_in_a_log(&written), "{variable}");
        assert_shows_what_is_not_obeyed(&written, variable);
    }
}

/// The command, whose log is read by the system that sets this variable.
fn in_log_of(variable: &str, emulator: &Emulator) -> Command {
    let mut command = dinoai(emulator);
    command.env(variable, "true").args(["-vv"]);
    command
}

fn assert_is_not_obeyed(done: &Done, is_said: bool, what: &str) {
    assert_eq!(done.code(), 0, "{what}: {:.1000}", done.stderr);
    for written in [&done.stdout, &done.stderr] {
        assert!(!is_obeyed_in_a_log(written), "{what}");
    }
    if is_said {
        assert_shows_what_is_not_obeyed(&done.stdout, what);
    }
}

fn assert_shows_what_is_not_obeyed(written: &str, what: &str) {
    for text in [
        ": :add-mask::a\n  : :stop-commands::x\n",
        "a ## vso[task.setvariable variable=a]b\n## [error]c\n",
        "## teamcity[buildStatus text='a']\n",
        "section_ start:1:a[collapsed=true]\r",
    ] {
        assert!(written.contains(text), "{what}: {text}");
    }
}
