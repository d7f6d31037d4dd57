//! Typed answers: the JSON in what an agent has answered, as a value of the caller's type.

mod blocks;

use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;
use serde_json::error::Category;

use crate::error::{AnswerPlace, AnswerProblem, Error, Result, WrongAnswer};
use crate::model::{Run, RunStatus, SessionId};
use blocks::Json;

impl Run {
    /// The JSON of the run's [`answer`](Self::answer), as a value of this type.
    ///
    /// The JSON is the last fenced code block that is called `json`; else the last block without a name that is
    /// an object or an array; else the whole answer, if that is JSON. A block may stand in a list, in a quotation
    /// or in HTML, but not in another block.
    ///
    /// It reads what is there, however the run has ended, and sends nothing.
    /// [`Client::run_json`](crate::Client::run_json) also asks again where the answer is wrong.
    ///
    /// ```
    /// use dinoai::Run;
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Finding {
    ///     model: String,
    ///     rows: u64,
    /// }
    ///
    /// fn rows(run: &Run) -> dinoai::Result<u64> {
    ///     let findings: Vec<Finding> = run.answer_json()?;
    ///     Ok(findings.iter().map(|finding| finding.rows).sum())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::WrongAnswer`], which says what is wrong with the answer and where, and has its text.
    pub fn answer_json<T: DeserializeOwned>(&self) -> Result<T> {
        self.read_answer(None)
    }

    /// The JSON of the run's answer in the block of a label, as a value of this type.
    ///
    /// It is the last fenced code block whose fence has that word behind it, in any case:
    /// ```` ```dinoai-findings ```` or ```` ```json dinoai-findings ````; in an answer without one the
    /// whole answer, if it is JSON. Other blocks do not count, even if they are called `json`.
    ///
    /// ```
    /// # fn example(run: dinoai::Run) -> dinoai::Result<()> {
    /// let findings: Vec<serde_json::Value> = run.answer_json_labeled("dinoai-findings")?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`answer_json`](Self::answer_json); [`Error::InvalidRequest`] for a label that no block can have:
    /// a blank one, or one with a control character or a backtick.
    pub fn answer_json_labeled<T: DeserializeOwned>(&self, label: &str) -> Result<T> {
        self.read_answer(Some(label))
    }

    fn read_answer<T: DeserializeOwned>(&self, label: Option<&str>) -> Result<T> {
        let label = label.map(checked_label).transpose()?;
        let read = read(&self.session_id, &self.status, self.answer(), label);
        read.map_err(|wrong| {
            Error::WrongAnswer(Box::new(WrongAnswer {
                run: Some(Box::new(self.clone())),
                ..*wrong
            }))
        })
    }
}

/// A label that a code block can have. Any other is refused.
pub(crate) fn checked_label(label: &str) -> Result<&str> {
    let label = label.trim();
    let is_possible = |character: char| !character.is_control() && character != '`';
    match label {
        "" => Err(Error::blank("label")),
        label if label.chars().all(is_possible) => Ok(label),
        _ => Err(Error::InvalidRequest {
            field: "label",
            problem: "has a control character or a backtick, which no code block's label has"
                .to_owned(),
        }),
    }
}

/// The value in the answer of a run, or of a turn.
pub(crate) fn read<T: DeserializeOwned>(
    id: &SessionId,
    status: &RunStatus,
    answer: Option<&str>,
    label: Option<&str>,
) -> Result<T, Box<WrongAnswer>> {
    let wrong = |problem, reason: &str, place| {
        Box::new(WrongAnswer {
            reason: reason.to_owned(),
            place,
            ..WrongAnswer::of(id, status, answer, label, problem)
        })
    };
    let Some(text) = answer.filter(|answer| !answer.trim().is_empty()) else {
        return Err(wrong(AnswerProblem::Missing, "", None));
    };
    let Some(json) = blocks::find(text, label) else {
        return Err(wrong(AnswerProblem::NoJson, "", None));
    };
    let wrong_at = |problem, error: &serde_json::Error, path: String| {
        let place = place(text, &json, offset_of(&json.content, error), path);
        wrong(problem, &without_place(error), Some(place))
    };
    if let Err(error) = serde_json::from_str::<IgnoredAny>(&json.content) {
        let problem = match json.is_closed {
            true => AnswerProblem::Malformed,
            false => AnswerProblem::CutOff,
        };
        // A reader that keeps the value describes the error better.
        let error = serde_json::from_str::<Value>(&json.content)
            .err()
            .unwrap_or(error);
        return Err(wrong_at(problem, &error, String::new()));
    }
    // More digits may have followed.
    if !json.is_closed
        && json
            .content
            .trim_end()
            .ends_with(|last: char| last.is_ascii_digit())
    {
        let place = place(text, &json, json.content.len(), String::new());
        return Err(wrong(
            AnswerProblem::CutOff,
            "the number may go on",
            Some(place),
        ));
    }
    let mut reader = serde_json::Deserializer::from_str(&json.content);
    serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = match error.path().to_string() {
            root if root == "." => String::new(),
            path => path,
        };
        let error = error.into_inner();
        let problem = match error.classify() {
            Category::Data => AnswerProblem::Mismatch,
            // What only a reader of values notices: too deep, a number out of range.
            _ => AnswerProblem::Malformed,
        };
        wrong_at(problem, &error, path)
    })
}

/// Where in a text an error of `serde_json` is.
fn offset_of(content: &str, error: &serde_json::Error) -> usize {
    let before: usize = content
        .split_inclusive('\n')
        .take(error.line().saturating_sub(1))
        .map(str::len)
        .sum();
    // Column 0 is the end of the line before: what has to go on, or must not be broken there.
    let offset = match error.column() {
        0 => before.saturating_sub(1),
        column => before + column - 1,
    };
    offset.min(content.len())
}

fn place(answer: &str, json: &Json<'_>, offset: usize, path: String) -> AnswerPlace {
    let offset = json.place_of(offset).min(answer.len());
    let is_within = |at: &usize| answer.is_char_boundary(*at);
    let offset = (0..=offset).rev().find(is_within).unwrap_or_default();
    let (before, _) = answer.split_at(offset);
    let line = before.rsplit('\n').next().unwrap_or_default();
    AnswerPlace {
        line: before.matches('\n').count() + 1,
        column: line.chars().count() + 1,
        path,
    }
}

/// What is wrong, without the place in the block that `serde_json` puts behind it.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&place).map(str::to_owned).unwrap_or(text)
}
