//! The READMEs show what the command prints.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use dinoai_emulator::{Backend, Emulator};
use serde_json::Value;

use crate::skipped::skipped;
use crate::support::program::{bare, dinoai, run};
use crate::support::pseudo_terminal::Pseudo;

const READMES: [(&str, &str); 2] = [
    ("README.md", include_str!("../../../../README.md")),
    ("crates/cli/README.md", include_str!("../../README.md")),
];

/// How the command is called from a checkout, and where it is installed.
const CALLS: [&str; 2] = ["$ cargo run -q -p dinoai-cli -- ", "$ dinoai "];

/// How an example is called that is a package, too.
const EXAMPLE: &str = "$ cargo run -p ";

/// How the kinds of failures are read from the schema.
const KINDS: &str = "$ dinoai schema output | jq -r '.\"$defs\".Kind.enum[]' | head -3\n";

/// A call, and the lines under it.
struct Shown {
    is_example: bool,
    arguments: Vec<String>,
    output: String,
}

/// The calls of the section "Try it" that show what they print.
fn shown(readme: &str) -> Vec<Shown> {
    let (_, section) = readme.split_once("## Try it\n").unwrap();
    let mut all: Vec<Shown> = Vec::new();
    let mut fence: Option<&str> = None;
    let mut is_call = false;
    for line in section.lines() {
        let mut calls = CALLS.iter().chain([&EXAMPLE]);
        let is_example = line.starts_with(EXAMPLE);
        let call = calls.find_map(|call| line.strip_prefix(call));
        match fence {
            None if line.starts_with("## ") => break,
            None => {
                fence = line.strip_suffix("console");
                is_call = false;
            }
            Some(open) if line == open => fence = None,
            Some(_) if line.starts_with("$ ") => {
                is_call = call.is_some();
                all.extend(call.map(|call| Shown {
                    is_example,
                    arguments: words(call),
                    output: String::new(),
                }));
            }
            Some(_) if is_call => {
                let last = all.last_mut().unwrap();
                last.output += line;
                last.output.push('\n');
            }
            Some(_) => {}
        }
    }
    all.retain(|shown| !shown.output.is_empty());
    all
}

/// The words of a call, as a shell takes them apart: double quotes alone are known.
fn words(call: &str) -> Vec<String> {
    let pieces = call.split('"').enumerate();
    let words = pieces.flat_map(|(number, piece)| match number % 2 {
        0 => piece.split_whitespace().map(str::to_owned).collect(),
        _ => vec![piece.to_owned()],
    });
    words.collect()
}

#[test]
fn the_report_of_the_doctor_is_the_one_in_the_readme() {
    let backend = Emulator::builder().backend(Backend::PagesOnly);
    let emulator = backend.start_blocking().unwrap();
    let printed = run(dinoai(&emulator), &["doctor"]).stdout;
    let port = emulator.endpoint().rsplit_once(':').unwrap().1.to_owned();
    let port = port.split('/').next().unwrap();
    let printed = printed.replace(port, "4100");
    let (before, timed) = printed.split_once(":4100 in ").unwrap();
    let (_, after) = timed.split_once(',').unwrap();
    let printed = format!("{before}:4100 in 1ms,{after}");
    let (_, section) = READMES[1].1.split_once("## Check the account\n").unwrap();
    let (_, block) = section.split_once("```text\n").unwrap();
    let (block, _) = block.split_once("```\n").unwrap();
    assert_eq!(printed, block);
}

/// The session ids of a text, in order: no other word has 16 letters and digits.
fn ids(text: &str) -> Vec<String> {
    let is_of_id = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_id = |word: &&str| word.len() == 16 && word.chars().all(is_of_id);
    let words = text.split_whitespace().filter(is_id);
    words.map(str::to_owned).collect()
}

/// What the call prints, on both streams in their order, with time that passes as it looks.
fn printed(emulator: &Emulator, arguments: &[String]) -> String {
    let mut command = dinoai(emulator);
    command.args(arguments.iter().filter(|word| *word != "--emulator"));
    let looks = ["run", "send", "watch"].contains(&arguments[0].as_str());
    if looks && !arguments.contains(&"--detach".to_owned()) {
        command.args(HURRY);
    }
    while_time_passes(emulator, || written(command))
}

const HURRY: [&str; 2] = ["--poll-interval", "20ms"];

/// What a command writes on both streams, in their order.
fn written(mut command: Command) -> String {
    let mut file = tempfile::tempfile().unwrap();
    let stream = |file: &File| Stdio::from(file.try_clone().unwrap());
    command.stdout(stream(&file)).stderr(stream(&file));
    assert!(command.status().unwrap().success(), "{command:?}");
    let mut text = String::new();
    file.rewind().unwrap();
    file.read_to_string(&mut text).unwrap();
    text
}

/// What a conversation looks like in which is typed what stands behind the prompts of `shown`.
fn conversation(emulator: &Emulator, arguments: &[String], shown: &str) -> String {
    let arguments = arguments.iter().map(String::as_str).chain(HURRY);
    let arguments: Vec<_> = arguments.collect();
    let mut terminal = Pseudo::start(emulator, &arguments, &[("TERM", "dumb")]);
    while_time_passes(emulator, || {
        for typed in shown.lines().filter(|line| line.starts_with("> ")) {
            terminal.wait_for_prompt();
            terminal.type_in(&format!("{}\r", &typed[2..]));
            terminal.wait_for(typed);
        }
        let (exit, text) = terminal.end();
        assert_eq!(exit, 0, "{text}");
        // Code is as wide as its longest line.
        let text = console::strip_ansi_codes(&text).replace("\r\n", "\n");
        text.lines()
            .map(|line| line.trim_end().to_owned() + "\n")
            .collect()
    })
}

/// Moves the emulator's clock as somebody looks at it.
fn while_time_passes<T>(emulator: &Emulator, work: impl FnOnce() -> T) -> T {
    let answered = || {
        let requests = emulator.requests();
        let answered = requests.iter().filter(|it| it.answered.is_some());
        answered.count()
    };
    /// Ends the clock even if the work panics.
    struct Over<'a>(&'a AtomicBool);
    impl Drop for Over<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Release);
        }
    }
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut seen = answered();
            while !is_over.load(Ordering::Acquire) {
                // Two looks, of which one has begun since the clock was moved last. No stage is
                // shorter.
                if answered() >= seen + 4 {
                    emulator.advance(Duration::from_millis(500));
                    seen = answered();
                }
                thread::sleep(Duration::from_millis(2));
            }
        });
        let _over = Over(&is_over);
        work()
    })
}

/// What an example prints that has been built beside the command.
fn example(name: &str) -> Option<String> {
    let command = Path::new(env!("CARGO_BIN_EXE_dinoai"));
    let program = command.with_file_name("examples").join(name);
    program.exists().then(|| {
        let mut command = Command::new(program);
        command.env_clear();
        written(command)
    })
}

#[test]
fn the_readmes_show_what_the_command_prints() {
    for (name, readme) in READMES {
        let emulator = Emulator::builder()
            .demo_agents()
            .stopped_clock()
            .start_blocking()
            .unwrap();
        let mut real_ids = HashMap::new();
        let calls = shown(readme);
        assert!(!calls.is_empty(), "{name} shows no call");
        for Shown {
            is_example,
            arguments,
            output,
        } in calls
        {
            let arguments: Vec<_> = arguments
                .into_iter()
                .map(|word| real_ids.get(&word).cloned().unwrap_or(word))
                .collect();
            let printed = match arguments[0].as_str() {
                example if is_example => match self::example(example) {
                    Some(printed) => printed,
                    None => {
                        skipped(name, "its example is built with the workspace");
                        continue;
                    }
                },
                "chat" => conversation(&emulator, &arguments, &output),
                _ => printed(&emulator, &arguments),
            };
            real_ids.extend(ids(&output).into_iter().zip(ids(&printed)));
            let mut expected = output;
            for (shown, real) in &real_ids {
                expected = expected.replace(shown.as_str(), real);
            }
            assert!(
                expected == printed,
                "{name}, {arguments:?} shows:\n{expected}but it prints:\n{printed}"
            );
        }
    }
}

#[test]
fn the_readme_shows_all_that_demo_agents_are_for() {
    let calls = shown(READMES[1].1);
    for command in ["run", "watch", "send", "tree", "chat"] {
        assert!(
            calls.iter().any(|call| call.arguments[0] == command),
            "{command} is not shown"
        );
    }
    assert!(shown(READMES[0].1).iter().any(|call| call.is_example));
}

#[test]
fn the_readme_shows_the_first_kinds_of_failures() {
    let (_, shown) = READMES[1].1.split_once(KINDS).unwrap();
    let (shown, _) = shown.split_once("```").unwrap();
    let schema = run(bare(), &["schema", "output"]);
    let schema: Value = serde_json::from_str(&schema.stdout).unwrap();
    let kinds = schema["$defs"]["Kind"]["enum"].as_array().unwrap();
    let kinds: Vec<_> = kinds.iter().map(|kind| kind.as_str().unwrap()).collect();
    assert_eq!(shown.lines().collect::<Vec<_>>(), kinds[..3]);
}
