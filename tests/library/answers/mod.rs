//! The JSON in an answer is read as a value of the caller's type, or an error says what is wrong with it
//! and where; and a run is asked for it again once at most.

mod any_answer;
mod asked_again;
mod conversing;
mod large;
mod second_turn;
mod table;
#[cfg(feature = "schema")]
mod with_schema;

use dinoai::error::WrongAnswer;
use dinoai::{Error, Message, Run, RunStatus};

/// A completed run whose last message this is.
fn answered(text: &str) -> Run {
    let mut run = Run::new("s1", RunStatus::Completed);
    run.messages = vec![
        Message::new(1.0, "agent", "```json\n[0]\n```"),
        Message::new(2.0, "agent", text),
        Message::new(3.0, "user", "thanks"),
    ];
    run
}

#[track_caller]
fn wrong(error: Error) -> WrongAnswer {
    match error {
        Error::WrongAnswer(wrong) => *wrong,
        other => panic!("{other:?}"),
    }
}
