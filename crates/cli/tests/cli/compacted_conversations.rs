//! A conversation of which the API does not list all any more is shown once, and a note says so.

use dinoai_emulator::{Emulator, Quirks, Scenario, Stage};
use serde_json::Value;

use crate::schema_covers_all_json::assert_is;
use crate::support::program::{Done, dinoai, run};

/// More messages than are remembered one by one.
const MESSAGES: usize = 1_050;

/// A long conversation whose first message is gone when the last one comes.
pub(crate) fn watched(format: &str) -> Done {
    let mut talk = Stage::new("RUNNING").reads(4);
    for number in 0..MESSAGES {
        talk = talk.message("assistant", format!("message {number}."));
    }
    let end = Stage::new("COMPLETED").message("assistant", "All well.");
    let emulator = Emulator::builder()
        .scenario("agent", Scenario::new().stage(talk).stage(end))
        .quirks(Quirks::new().compacted_transcript(MESSAGES))
        .start_blocking()
        .unwrap();
    // With steps, text shows each message as it comes, also without a terminal.
    let mut arguments = vec!["run", "agent", "--poll-interval", "5ms", "--output", format];
    arguments.extend((format == "text").then_some("--steps"));
    let done = run(dinoai(&emulator), &arguments);
    assert_eq!(done.code(), 0, "{}", done.stderr);
    done
}

#[test]
fn a_compacted_conversation_is_shown_once_and_a_note_says_so() {
    let done = watched("text");
    for text in ["message 0.", "message 77.", "All well."] {
        assert_eq!(done.stdout.matches(text).count(), 1, "{text}");
    }
    let note = "the API does not list the first 50 messages as before";
    assert_eq!(done.stderr.matches(note).count(), 1, "{}", done.stderr);
}

#[test]
fn a_compacted_conversation_is_a_line_of_json_and_a_warning() {
    let done = watched("jsonl");
    assert_is("run.jsonl", &done.stdout);
    assert_is("stderr", &done.stderr);
    let lines: Vec<Value> = done
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let of = |event: &str| lines.iter().filter(|line| line["event"] == event).count();
    assert_eq!((of("historyChanged"), of("message")), (1, MESSAGES + 1));
    assert!(
        done.stderr.contains("the first 50 messages"),
        "{}",
        done.stderr
    );
}
