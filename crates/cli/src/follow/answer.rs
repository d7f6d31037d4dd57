//! [`AnswerUse`]: what becomes of a run's final answer, as the options say: a file gets it, or its JSON is
//! read.

use super::answer_file::AnswerFile;
use super::json_answer::JsonAnswer;
use crate::args::{Command, Format, GlobalArgs};
use crate::report::Failure;

/// What becomes of the final answer.
#[derive(Debug, Default)]
pub(crate) struct AnswerUse {
    pub(super) file: Option<AnswerFile>,
    pub(super) json: Option<JsonAnswer>,
}

impl AnswerUse {
    /// What a command is to do with the answer. Refuses a file that cannot be written; sends nothing.
    pub(crate) fn of(command: &Command, global: &GlobalArgs) -> Result<Self, Failure> {
        let (options, asks_again) = match command {
            Command::Run(run) => (&run.answer, true),
            Command::Send(send) => (&send.answer, true),
            Command::Watch(watch) => (&watch.answer, false),
            _ => return Ok(Self::default()),
        };
        let json = JsonAnswer::of(options, asks_again);
        if json.as_ref().is_some_and(JsonAnswer::prints) && global.output != Format::Text {
            return Err(Failure::usage(
                "--answer json prints the JSON in the answer alone; leave --output out",
            ));
        }
        let file = AnswerFile::of(command, global)?;
        Ok(Self { file, json })
    }

    /// Whether nothing but the JSON in the answer is printed.
    pub(crate) fn is_json_alone(&self) -> bool {
        self.json.as_ref().is_some_and(JsonAnswer::prints)
    }
}
