//! A line of a megabyte, and 100,000 combining marks on one character, are shown by every command.

use std::fs;
use std::thread;

use dinoai_emulator::{Emulator, Scenario, Stage, Step};
use serde_json::json;

use super::judge::{is_harmless_on_a_terminal, is_piled_up};
use super::{
    FORMATS, MOST_FOLLOW_UPS, arguments, commands, ended, has_messages, into_file, on_a_terminal,
    strings,
};
use crate::support::program::{dinoai, run};
use crate::support::pseudo_terminal::Pseudo;

#[derive(Debug, Clone, Copy)]
enum Place {
    Terminal,
    Pipe,
    File,
}

static PLACES: [Place; 3] = [Place::Terminal, Place::Pipe, Place::File];

/// What the agent says.
struct Texts {
    marks: String,
    long: String,
}

impl Texts {
    fn new() -> Self {
        Self {
            marks: format!("marks a{} end", "\u{301}".repeat(100_000)),
            long: format!("long {} end", "x".repeat(1_000_000)),
        }
    }

    /// An agent that says them at each turn, and has them in its steps.
    fn emulator(&self) -> Emulator {
        let ends = || {
            Stage::new("COMPLETED")
                .message("assistant", &self.marks)
                .message("assistant", &self.long)
        };
        let in_progress = Stage::new("RUNNING")
            .child("child")
            .startup_step(&self.marks, false)
            .step(Step::tool(&self.marks).input(&self.long));
        let mut scenario = Scenario::new().stage(in_progress).stage(ends());
        for _ in 0..MOST_FOLLOW_UPS {
            scenario = scenario.follow_up([Stage::new("RUNNING"), ends()]);
        }
        Emulator::builder()
            .scenario("hostile", scenario)
            .start_blocking()
            .unwrap()
    }

    fn assert_shown(
        &self,
        emulator: &Emulator,
        arguments: &[&str],
        format: &str,
        is_said: bool,
        place: Place,
    ) {
        let what = format!("{arguments:?} {place:?}");
        let shown = match place {
            Place::Terminal if format == "text" => {
                // One that renders Markdown.
                let arguments = [arguments, &["--color", "never"]].concat();
                let (exit, shown) = Pseudo::start(emulator, &arguments, &[]).end();
                assert_eq!(exit, 0, "{what}");
                assert!(!is_piled_up(&shown), "{what}");
                let is_shown = shown.contains("marks a\u{301}") && shown.contains(&self.long);
                assert_eq!(is_shown, is_said, "{what}");
                return;
            }
            Place::Terminal => on_a_terminal(emulator, arguments, &[]),
            Place::Pipe => {
                let piped = run(dinoai(emulator), arguments);
                assert_eq!(piped.code(), 0, "{what}: {:.1000}", piped.stderr);
                piped.stdout
            }
            Place::File => into_file(emulator, arguments),
        };
        let found = match format {
            "text" => vec![],
            _ => {
                assert!(is_harmless_on_a_terminal(&shown), "{what}");
                strings(&shown)
            }
        };
        for text in [&self.marks, &self.long] {
            let is_there = match format {
                "text" => shown.contains(text),
                _ => found.contains(text),
            };
            assert_eq!(is_there, is_said, "{what}");
        }
    }

    /// Through every command, to the places that `chosen` names for the number of a command.
    fn assert_shown_by_every_command(
        &self,
        format: &str,
        chosen: impl Fn(usize) -> &'static [Place],
    ) {
        let emulator = self.emulator();
        for (number, command) in commands(&emulator).iter().enumerate() {
            let arguments = arguments(command, format);
            let is_said = has_messages(command, format);
            for place in chosen(number) {
                self.assert_shown(&emulator, &arguments, format, is_said, *place);
            }
        }
    }
}

/// Each command once in each format, since these texts take long: as text on a terminal, and as
/// JSON and JSON lines in two of the three places.
#[test]
fn large_texts_are_shown_by_every_command_in_every_format() {
    let texts = &Texts::new();
    let place = |number: usize| &PLACES[number % 3..=number % 3];
    thread::scope(|scope| {
        scope.spawn(|| texts.assert_shown_by_every_command("json", place));
        scope.spawn(|| texts.assert_shown_by_every_command("jsonl", |number| place(number + 1)));
        texts.assert_shown_by_every_command("text", |_| &[Place::Terminal]);
    });
}

#[test]
#[ignore = "takes a minute: .ci/long hostile"]
fn large_texts_are_shown_by_every_command_in_every_format_in_every_place() {
    for format in FORMATS {
        Texts::new().assert_shown_by_every_command(format, |_| &PLACES);
    }
}

#[test]
fn a_batch_takes_and_shows_large_texts() {
    let texts = Texts::new();
    let emulator = texts.emulator();
    let folder = tempfile::tempdir().unwrap();
    let items = folder.path().join("items");
    let item = json!({ "agent": "hostile", "message": texts.long });
    fs::write(&items, format!("{item}\n")).unwrap();
    let words = ["batch", items.to_str().unwrap(), "--poll-interval", "5ms"];
    for (format, place) in FORMATS.into_iter().zip(PLACES) {
        let arguments = [&words[..], &["--output", format]].concat();
        // Of an item that has ended text has the status.
        texts.assert_shown(&emulator, &arguments, format, format != "text", place);
    }
    assert_eq!(emulator.runs()[0].message.as_ref(), Some(&texts.long));
}

#[test]
fn a_chat_shows_large_texts() {
    let texts = Texts::new();
    let emulator = texts.emulator();
    let id = ended(&emulator).session_id;
    let arguments = ["--session", &id, "--color", "never"];
    let mut terminal = Pseudo::start(&emulator, &arguments, &[]);
    terminal.wait_for_prompt();
    terminal.type_in("\u{4}");
    let (exit, shown) = terminal.end();
    assert_eq!(exit, 0);
    assert!(!is_piled_up(&shown));
    assert!(shown.contains("marks a\u{301}") && shown.contains(&texts.long));

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    let variables = [("FILE", file.to_str().unwrap())];
    for script in [r#""$0" "$@" >"$FILE""#, r#""$0" "$@" | cat >"$FILE""#] {
        let mut terminal = Pseudo::shell(&emulator, script, &arguments, &variables);
        // The editor's.
        terminal.wait_for_new_settings();
        terminal.type_in("\u{4}");
        let (exit, shown) = terminal.end();
        assert_eq!(exit, 0, "{script}: {shown}");
        let written = fs::read_to_string(&file).unwrap();
        assert!(written.contains(&texts.marks) && written.contains(&texts.long));
    }
}
