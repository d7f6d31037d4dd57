//! [`JsonAnswer`]: what is made of the JSON in a run's answer: it is printed alone, and it decides whether
//! the command fails.

use dinoai::error::WrongAnswer;
use dinoai::{Error, Run};
use serde_json::value::RawValue;

use crate::args::{AnswerArgs, AnswerForm, FailIf};
use crate::output::Output;
use crate::report::{ExitStatus, Failure, FailureKind, hint};

/// What is made of the JSON in an answer.
#[derive(Debug)]
pub(crate) struct JsonAnswer {
    label: Option<String>,
    prints: bool,
    fail_if: Option<FailIf>,
}

impl JsonAnswer {
    /// What the options ask for, if they ask for JSON.
    pub(super) fn of(options: &AnswerArgs) -> Option<Self> {
        let prints = options.answer == Some(AnswerForm::Json);
        let fail_if = options.fail_if.clone();
        (prints || fail_if.is_some()).then(|| Self {
            label: options.label.clone(),
            prints,
            fail_if,
        })
    }

    /// Whether the JSON is all that is printed.
    pub(super) fn prints(&self) -> bool {
        self.prints
    }

    /// The JSON in the answer of a run that has completed, as it was written.
    pub(super) fn read(&self, run: &Run) -> dinoai::Result<Box<RawValue>> {
        match &self.label {
            Some(label) => run.answer_json_labeled(label),
            None => run.answer_json(),
        }
    }

    /// Prints the JSON if that was asked for, and says whether the command fails by it.
    pub(super) fn conclude(
        &self,
        run: &Run,
        json: &RawValue,
        output: &Output,
    ) -> Result<(), Failure> {
        if self.prints {
            output.json_as_written(json);
        }
        let Some(fail_if) = &self.fail_if else {
            return Ok(());
        };
        let id = &run.session_id;
        let problem = match fail_if.verdict(json.get()) {
            Ok(false) => return Ok(()),
            Ok(true) => format!("--fail-if {fail_if} is true of the answer of run {id}"),
            Err(why) => format!(
                "--fail-if {fail_if} is neither true nor false of the answer of run {id}: {why}"
            ),
        };
        let failure = Failure::new(FailureKind::FailIf, ExitStatus::FailIf, problem).about(id);
        Err(match self.prints {
            true => failure,
            false => failure.with_hint(format!("to read it: dinoai get {}", hint::id(id))),
        })
    }

    /// The options that ask for it, to be put behind another command.
    pub(super) fn options(&self) -> String {
        let mut options = String::new();
        if self.prints {
            options += " --answer json";
        }
        if let Some(label) = &self.label {
            options += &format!(" --label={}", hint::quoted(label));
        }
        if let Some(fail_if) = &self.fail_if {
            options += &format!(" --fail-if={}", hint::quoted(&fail_if.to_string()));
        }
        options
    }

    /// Why there is no JSON.
    pub(super) fn failure(&self, wrong: Box<WrongAnswer>) -> Failure {
        let id = wrong.session_id.clone();
        let exit = match self.fail_if {
            Some(_) => ExitStatus::FailIf,
            None => ExitStatus::Unavailable,
        };
        let failure = Failure {
            exit,
            ..Failure::from(Error::WrongAnswer(wrong))
        };
        failure.with_hint(format!("to read it: dinoai get {}", hint::id(&id)))
    }
}
