//! What the READMEs show is what the command prints.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::process::Stdio;
use std::time::{Duration, Instant};

use dinoai_emulator::Emulator;

use crate::program::dinoai;

const READMES: [(&str, &str); 2] = [
    ("README.md", include_str!("../../../../README.md")),
    ("crates/cli/README.md", include_str!("../../README.md")),
];

/// How the command is called from a checkout, and where it is installed.
const CALLS: [&str; 2] = ["$ cargo run -q -p dinoai-cli -- ", "$ dinoai "];

/// A call, and the lines under it.
struct Shown {
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
        let call = CALLS.iter().find_map(|call| line.strip_prefix(call));
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

/// The session ids of a text, in order: no other word has 16 letters and digits.
fn ids(text: &str) -> Vec<String> {
    let is_of_id = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_id = |word: &&str| word.len() == 16 && word.chars().all(is_of_id);
    let words = text.split_whitespace().filter(is_id);
    words.map(str::to_owned).collect()
}

/// What the call prints, on both streams in their order, with time that passes as it looks.
fn printed(emulator: &Emulator, arguments: &[String]) -> String {
    let mut file = tempfile::tempfile().unwrap();
    let stream = |file: &File| Stdio::from(file.try_clone().unwrap());
    let mut command = dinoai(emulator);
    command.args(arguments.iter().filter(|word| *word != "--emulator"));
    if ["run", "send"].contains(&arguments[0].as_str()) {
        command.args(["--poll-interval", "20ms"]);
    }
    let mut child = command
        .stdout(stream(&file))
        .stderr(stream(&file))
        .spawn()
        .unwrap();
    let answered = || {
        let requests = emulator.requests();
        requests
            .iter()
            .filter(|request| request.answered.is_some())
            .count()
    };
    let start = Instant::now();
    let mut seen = answered();
    while child.try_wait().unwrap().is_none() {
        assert!(start.elapsed() < Duration::from_secs(60), "{arguments:?}");
        // Two looks, of which one has begun since the clock was moved last. No stage is shorter.
        if answered() >= seen + 4 {
            emulator.advance(Duration::from_millis(500));
            seen = answered();
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    let mut text = String::new();
    std::io::Seek::rewind(&mut file).unwrap();
    file.read_to_string(&mut text).unwrap();
    text
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
        for Shown { arguments, output } in calls {
            let arguments: Vec<_> = arguments
                .into_iter()
                .map(|word| real_ids.get(&word).cloned().unwrap_or(word))
                .collect();
            let printed = printed(&emulator, &arguments);
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
