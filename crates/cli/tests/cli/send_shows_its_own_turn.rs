//! `send` shows its own turn, even if the run was still working on the turn before.

use std::time::Duration;

use dinoai_emulator::{Emulator, Scenario, Stage};
use serde_json::{Value, json};

use crate::schema_covers_all_json::assert_is;
use crate::support::program::{dinoai, run};

const EARLIER: &str = "Answer to the first.";
const OWN: &str = "Answer to the second.";
const FAST: [&str; 2] = ["--poll-interval", "20ms"];

/// A run in progress with its first turn, whose answer comes before the follow-up's echo.
fn in_progress() -> (Emulator, String) {
    let scenario = Scenario::new()
        .stage(Stage::new("RUNNING").lasts(Duration::from_secs(60)))
        .stage(Stage::new("COMPLETED"))
        .message("assistant", EARLIER)
        .follow_up([
            Stage::new("RUNNING").reads(3),
            Stage::new("COMPLETED").message("assistant", OWN),
        ]);
    let emulator = Emulator::builder()
        .default_scenario(scenario)
        .stopped_clock()
        .start_blocking()
        .unwrap();
    let first = ["run", "-m", "the first", "--detach"];
    let done = run(dinoai(&emulator), &first);
    let id = done.stdout.trim().to_owned();
    (emulator, id)
}

#[test]
fn the_answer_to_the_message_before_is_left_out_and_said_to_be() {
    for format in ["text", "json", "jsonl"] {
        let (emulator, id) = in_progress();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("answer");
        let file = file.to_str().unwrap();
        let send = ["send", &id, "-m", "the second", "--output", format];
        let answer_file = ["--answer-file", file];
        let done = run(
            dinoai(&emulator),
            &[&send[..], &answer_file, &FAST].concat(),
        );
        assert_eq!(done.code(), 0, "{}", done.stderr);
        assert!(
            emulator.runs()[0]
                .messages
                .iter()
                .any(|message| message.content == EARLIER)
        );
        assert!(!done.stdout.contains(EARLIER), "{}", done.stdout);
        assert!(done.stdout.contains(OWN), "{}", done.stdout);
        assert_eq!(std::fs::read_to_string(file).unwrap(), OWN);
        let (what, whole) = (
            "1 message of the previous turn left out",
            format!("to see the whole conversation: dinoai get {id}"),
        );
        if format == "text" {
            let said = format!("{what}; {whole}");
            assert!(done.stderr.contains(&said), "{}", done.stderr);
            continue;
        }
        assert_is("stderr", &done.stderr);
        assert_is("LeftOut", &done.stderr);
        let line: Value = serde_json::from_str(&done.stderr).unwrap();
        let said =
            json!({ "kind": "left_out", "message": what, "agentSessionId": id, "hint": whole });
        assert_eq!(line, said);
    }
}

#[test]
fn a_run_at_rest_is_answered_as_ever() {
    let (emulator, id) = in_progress();
    emulator.advance(Duration::from_secs(60));
    let send = ["send", &id, "-m", "the second", "--output", "json"];
    let done = run(dinoai(&emulator), &[&send[..], &FAST].concat());
    assert_eq!(done.code(), 0, "{}", done.stderr);
    let turn = done.json();
    let messages = turn["messages"].as_array().unwrap().iter();
    let texts: Vec<_> = messages
        .map(|message| message["content"].as_str().unwrap())
        .collect();
    assert_eq!(texts, ["the second", OWN]);
}
