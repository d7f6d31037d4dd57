//! Text that would do harm where it is shown does none: through every command, in every format, to
//! a terminal, a pipe, the log of a CI system and a file. What `login`, `completions`, `schema` and
//! the emulator write is the command's own.

mod batch_records;
mod beside_a_run;
mod judge;
mod large;
mod lines;
mod logs;
mod rendered;

use std::fs::{self, File};

use dinoai_emulator::{Emulator, Run, Scenario, Stage, Step};
use serde_json::Value;

use crate::support::program::{dinoai, run};
use crate::support::pseudo_terminal::Pseudo;
use judge::{is_harmless_on_a_terminal, is_obeyed_in_a_log};

const FORMATS: [&str; 3] = ["text", "json", "jsonl"];
const FAST: [&str; 3] = ["--poll-interval", "5ms", "--steps"];
/// Longer than the lines that are rendered. Far longer ones are in [`large`].
const LONG: usize = 20_000;
/// How often a test sends a follow-up to one run.
const MOST_FOLLOW_UPS: usize = 8;

/// What an agent says, with a word that says where it begins.
fn texts() -> Vec<String> {
    let controls: String = (0..0xa0_u32)
        .filter_map(char::from_u32)
        .filter(|character| character.is_control())
        .collect();
    vec![
        format!("controls {controls} end"),
        "sequences \u{1b}[31mred\u{1b}]0;title\u{7}\u{9b}2J\u{1b}P end".to_owned(),
        "directions \u{202e}gnp\u{202c}\u{2066}a\u{2069}\u{200e}\u{200f}\u{61c} end".to_owned(),
        "returns first\rover\r\nnext\r end".to_owned(),
        "tabs\ta\tb\n\tc end".to_owned(),
        "separators a\u{2028}b\u{2029}c\u{85}d end".to_owned(),
        "::add-mask::a\n  ::stop-commands::x\nx\r::error file=a::b\n\u{a0}::debug::c\n##[group]d"
            .to_owned(),
        "a ##vso[task.setvariable variable=a]b\n##[error]c\n##VSO[task.logissue]d".to_owned(),
        "##teamcity[buildStatus text='a']\nb ##teamcity[setParameter name='c']".to_owned(),
        "section_start:1:a[collapsed=true]\r\u{1b}[0Kb\nsection_end:1:a\r\u{1b}[0K".to_owned(),
        format!("marks a{} end", "\u{301}".repeat(1_000)),
        format!("long {} end", "x".repeat(LONG)),
    ]
}

fn with_texts(mut stage: Stage) -> Stage {
    for text in texts() {
        stage = stage.message("assistant", text);
    }
    stage
}

fn hostile() -> Emulator {
    let mut in_progress = Stage::new("RUNNING").child("child");
    for text in &texts()[..10] {
        in_progress = in_progress
            .startup_step(text, false)
            .step(Step::tool(text.as_str()).input(text.as_str()));
    }
    let said = with_texts(Stage::new("COMPLETED"));
    let mut scenario = Scenario::new().stage(in_progress).stage(said.clone());
    for _ in 0..MOST_FOLLOW_UPS {
        scenario = scenario.follow_up([Stage::new("RUNNING"), said.clone()]);
    }
    Emulator::builder()
        .scenario("hostile", scenario)
        .start_blocking()
        .unwrap()
}

/// A run that has ended.
fn ended(emulator: &Emulator) -> Run {
    let arguments = ["run", "hostile", "-q", "--poll-interval", "5ms"];
    assert_eq!(run(dinoai(emulator), &arguments).code(), 0);
    // The first, before its child.
    emulator.runs().swap_remove(0)
}

/// Every command that shows what an agent wrote, for an account with a run that has ended.
fn commands(emulator: &Emulator) -> Vec<Vec<String>> {
    let id = ended(emulator).session_id;
    let commands = [
        &["run", "hostile", "-m", "go"][..],
        &["watch", &id],
        &["get", &id],
        &["get", &id, "--steps"],
        &["tree", &id],
        &["wait", &id],
        // Last, since the others would show what is said to it, too.
        &["send", &id, "-m", "go on"],
        &["--session", &id, "-m", "go on"],
        &["stop", &id],
        &["stop", &id, "--tree"],
    ];
    let waits = ["run", "send", "watch"];
    let words = commands.map(|command| match waits.contains(&command[0]) {
        true => [command, &FAST].concat(),
        false => command.to_vec(),
    });
    words
        .map(|words| words.iter().map(ToString::to_string).collect())
        .into()
}

fn arguments<'a>(command: &'a [String], format: &'a str) -> Vec<&'a str> {
    let words = command.iter().map(String::as_str);
    words.chain(["--output", format]).collect()
}

/// All texts in JSON, or in JSON lines.
fn strings(json: &str) -> Vec<String> {
    fn collect(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::String(text) => found.push(text.clone()),
            Value::Array(values) => values.iter().for_each(|value| collect(value, found)),
            Value::Object(fields) => fields.values().for_each(|value| collect(value, found)),
            _ => {}
        }
    }
    let mut found = vec![];
    for value in serde_json::Deserializer::from_str(json).into_iter::<Value>() {
        collect(&value.unwrap(), &mut found);
    }
    found
}

/// Whether a command shows what the agent said.
fn has_messages(command: &[String], format: &str) -> bool {
    let in_text = !matches!(&*command[0], "tree" | "wait" | "stop");
    command[0] != "stop" && (in_text || format != "text")
}

fn assert_has_all_texts(json: &str, what: &str) {
    let found = strings(json);
    for text in texts() {
        assert!(found.contains(&text), "{what}: {text:.80?}");
    }
}

#[test]
fn json_parses_to_the_very_text_and_is_harmless_everywhere() {
    let emulator = hostile();
    for command in commands(&emulator) {
        for format in ["json", "jsonl"] {
            let arguments = arguments(&command, format);
            let done = run(dinoai(&emulator), &arguments);
            let what = format!("{arguments:?}");
            assert_eq!(done.code(), 0, "{what}: {:.1000}", done.stderr);
            for written in [&done.stdout, &done.stderr] {
                assert!(is_harmless_on_a_terminal(written), "{what}");
                assert!(!is_obeyed_in_a_log(written), "{what}");
            }
            let filed = into_file(&emulator, &arguments);
            assert!(is_harmless_on_a_terminal(&filed), "{what}");
            if has_messages(&command, format) {
                assert_has_all_texts(&done.stdout, &what);
                assert_has_all_texts(&filed, &what);
            }
        }
    }
}

/// What the command writes into a file, which is none of the logs that a CI system reads.
fn into_file(emulator: &Emulator, arguments: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    let mut command = dinoai(emulator);
    command.env("GITHUB_ACTIONS", "true");
    command.stdout(File::create(&file).unwrap());
    let done = run(command, arguments);
    assert_eq!(done.code(), 0, "{arguments:?}: {:.1000}", done.stderr);
    fs::read_to_string(&file).unwrap()
}

#[test]
fn text_is_made_harmless_on_a_terminal() {
    let emulator = hostile();
    for command in commands(&emulator) {
        for format in FORMATS {
            let what = arguments(&command, format);
            let shown = on_a_terminal(&emulator, &what, &[]);
            if !has_messages(&command, format) {
                continue;
            }
            if format != "text" {
                assert_has_all_texts(&shown, &format!("{what:?}"));
                continue;
            }
            for text in [
                "sequences ␛[31mred␛]0;title␇�2J␛P end",
                "directions �gnp��a���� end",
                "returns first␍over",
                "::add-mask::a",
                "##vso[task.setvariable variable=a]b",
            ] {
                assert!(shown.contains(text), "{what:?}: {text}");
            }
            if command.contains(&"--steps".to_owned()) && command[0] != "send" {
                assert!(shown.contains("preparing: sequences ␛[31mred"), "{what:?}");
                assert!(shown.contains("↳ sequences ␛[31mred"), "{what:?}");
            }
            let long = shown.matches('x').count();
            assert!(long >= LONG, "{what:?}: {long}");
        }
    }
}

#[test]
fn text_is_made_harmless_on_a_terminal_of_a_ci_system() {
    let emulator = hostile();
    for command in commands(&emulator) {
        let what = arguments(&command, "text");
        let shown = on_a_terminal(&emulator, &what, &[("GITHUB_ACTIONS", "true")]);
        assert!(!is_obeyed_in_a_log(&shown), "{what:?}");
        if has_messages(&command, "text") {
            for text in [
                "sequences ␛[31mred␛]0;title␇�2J␛P end",
                ": :add-mask::a\n  : :stop-commands::x\n",
                "a ## vso[task.setvariable variable=a]b\n",
            ] {
                assert!(shown.contains(text), "{what:?}: {text}");
            }
        }
    }
}

/// What the command shows on a terminal, which is harmless there.
fn on_a_terminal(emulator: &Emulator, what: &[&str], variables: &[(&str, &str)]) -> String {
    // What the command itself asks of a terminal would be in the way: this one obeys nothing.
    let arguments = [what, &["--color", "never"]].concat();
    let variables = [variables, &[("TERM", "dumb")]].concat();
    let (exit, shown) = Pseudo::start(emulator, &arguments, &variables).end();
    assert_eq!(exit, 0, "{what:?}");
    let shown = shown.replace("\r\n", "\n");
    assert!(is_harmless_on_a_terminal(&shown), "{what:?}");
    shown
}

#[test]
fn text_goes_as_it_is_into_a_file_and_a_pipe() {
    let emulator = hostile();
    for command in commands(&emulator) {
        let arguments = arguments(&command, "text");
        let piped = run(dinoai(&emulator), &arguments);
        assert_eq!(piped.code(), 0, "{command:?}: {:.1000}", piped.stderr);
        for written in [piped.stdout, into_file(&emulator, &arguments)] {
            for text in texts() {
                let is_there = written.contains(text.trim_end());
                let is_wanted = has_messages(&command, "text");
                assert_eq!(is_there, is_wanted, "{command:?}: {text:.80?}");
            }
        }
    }
}

/// What the command writes, on a terminal and in a log of GitHub's.
fn everywhere(emulator: &Emulator, arguments: &[&str]) -> [String; 2] {
    let shown = Pseudo::start(emulator, &[arguments, &["--color", "never"]].concat(), &[])
        .end()
        .1;
    let mut in_ci = dinoai(emulator);
    in_ci.env("GITHUB_ACTIONS", "true");
    let done = run(in_ci, arguments);
    [shown.replace("\r\n", "\n"), done.stdout + &done.stderr]
}

#[test]
fn a_chat_shows_what_the_agent_says_as_harmless() {
    let emulator = hostile();
    let id = ended(&emulator).session_id;
    let arguments = ["--session", &id, "--color", "never"];
    for is_logged in [false, true] {
        let variables = [("TERM", "dumb"), ("GITHUB_ACTIONS", "true")];
        let variables = if is_logged {
            &variables[..]
        } else {
            &variables[..1]
        };
        let mut terminal = Pseudo::start(&emulator, &arguments, variables);
        terminal.wait_for("xxxx");
        terminal.wait_for_prompt();
        terminal.type_in("\u{4}");
        let (exit, shown) = terminal.end();
        assert_eq!(exit, 0);
        let said = &shown[shown.find("controls").unwrap()..shown.rfind("xxx").unwrap()];
        let said = said.replace("\r\n", "\n");
        assert!(is_harmless_on_a_terminal(&said));
        assert_eq!(is_obeyed_in_a_log(&said), !is_logged);
        assert!(said.contains("sequences ␛[31mred␛]0;title␇�2J␛P end"));
    }
}
