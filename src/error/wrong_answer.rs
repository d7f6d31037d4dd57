//! [`WrongAnswer`]: an answer that is not the value that was asked for.

use std::fmt;

use super::Error;
use super::display::short;
use super::excerpt::excerpt;
use crate::model::{Message, Run, RunStatus, SessionId};

/// An answer that is not the value that was asked for.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct WrongAnswer {
    /// The run.
    pub session_id: SessionId,
    /// How the run, or the turn of a follow-up, has ended.
    pub status: RunStatus,
    /// The answer; empty if the agent wrote none.
    pub text: String,
    /// The label of the block that was asked for, if one was.
    pub label: Option<String>,
    /// What is wrong with the answer.
    pub problem: AnswerProblem,
    /// What is wrong with the JSON, in words, if there is JSON: `missing field "rows"`. It may quote the answer.
    pub reason: String,
    /// Where in the answer that is, if the answer has JSON at all.
    pub place: Option<AnswerPlace>,
    /// The run as it was read. [`Turn::answer_json`](crate::Turn::answer_json) knows the turn alone, which its
    /// caller has: `None`.
    pub run: Option<Box<Run>>,
    /// What was wrong with the answer before, if this is the one to the follow-up that asked again.
    pub before: Option<Box<WrongAnswer>>,
    /// Why the follow-up that asks again has brought no answer. It is not sent twice.
    pub follow_up: Option<Error>,
    /// Whether the call that ends with this error has started the run, or the turn, itself.
    pub(crate) started: bool,
}

/// What is wrong with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AnswerProblem {
    /// The turn has failed, was stopped or has expired.
    NotCompleted,
    /// The agent has written nothing.
    Missing,
    /// There is no block of JSON, or none with the label, and the answer as a whole is not JSON.
    NoJson,
    /// The JSON does not parse.
    Malformed,
    /// The block is not closed, and its JSON does not parse or may go on.
    CutOff,
    /// The JSON parses, but is not of the type that was asked for.
    Mismatch,
}

/// A place in an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AnswerPlace {
    /// The line of the answer, from 1.
    pub line: usize,
    /// The character of the line, from 1.
    pub column: usize,
    /// The place in the value, `findings[0].rows`; empty if it is the value as a whole.
    pub path: String,
}

/// How every follow-up that asks for an answer again begins.
const ASKING_AGAIN: &str = "A program has to read your last answer, and cannot: ";

impl WrongAnswer {
    /// An answer of which only the kind of its problem is known yet.
    pub(crate) fn of(
        session_id: &SessionId,
        status: &RunStatus,
        answer: Option<&str>,
        label: Option<&str>,
        problem: AnswerProblem,
    ) -> Self {
        Self {
            session_id: session_id.clone(),
            status: status.clone(),
            text: answer.unwrap_or_default().to_owned(),
            label: label.map(str::to_owned),
            problem,
            reason: String::new(),
            place: None,
            run: None,
            before: None,
            follow_up: None,
            started: false,
        }
    }

    /// The text of a follow-up that says what is wrong, and asks for the block alone.
    ///
    /// [`Session::ask_json`](crate::Session::ask_json) and [`Client::run_json`](crate::Client::run_json)
    /// send it themselves, once. This is for a program that has followed the run in another way:
    ///
    /// Let one program alone do it: two that read the run at the same time would both ask.
    ///
    /// ```no_run
    /// # async fn example(session: dinoai::Session, run: dinoai::Run) -> dinoai::Result<()> {
    /// // One that was asked again before is not asked another time.
    /// let was_asked = run.messages.iter().any(dinoai::error::WrongAnswer::is_follow_up);
    /// let rows: Vec<u64> = match run.answer_json() {
    ///     Err(dinoai::Error::WrongAnswer(wrong)) if !was_asked => {
    ///         session.ask(wrong.follow_up_text()).await?.answer_json()?
    ///     }
    ///     other => other?,
    /// };
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn follow_up_text(&self) -> String {
        let label = self.label.as_deref().unwrap_or("json");
        format!(
            "{ASKING_AGAIN}{}.\n\nSend the whole value again, as JSON in one fenced code block that begins with the \
             line ```{label}, and nothing before or after the block.",
            self.in_words()
        )
    }

    /// Whether a message is such a follow-up.
    ///
    /// For a program that is started again after a crash, and finds its own follow-up in the run. A follow-up whose
    /// outcome is unknown may be on its way, and not be listed yet.
    ///
    /// ```
    /// use dinoai::error::WrongAnswer;
    ///
    /// # fn example(run: dinoai::Run) {
    /// let was_asked_again = run.messages.iter().any(WrongAnswer::is_follow_up);
    /// # }
    /// ```
    #[must_use]
    pub fn is_follow_up(message: &Message) -> bool {
        message.is_from_user() && message.content.trim_start().starts_with(ASKING_AGAIN)
    }
}

impl WrongAnswer {
    /// What is wrong, as a clause about "it", the answer.
    fn in_words(&self) -> String {
        let named = match &self.label {
            Some(label) => format!("no fenced code block labelled `{}`", excerpt(label)),
            None => "no fenced code block called `json`".to_owned(),
        };
        let at = self.place.as_ref().map_or_else(String::new, |place| {
            let path = match place.path.as_str() {
                "" => String::new(),
                path => format!(" ({})", excerpt(path)),
            };
            format!(" at line {}, column {}{path}", place.line, place.column)
        });
        let reason = match self.reason.as_str() {
            "" => String::new(),
            reason => format!(": {}", excerpt(reason)),
        };
        match self.problem {
            AnswerProblem::NotCompleted => format!("its turn ended {}", self.status),
            AnswerProblem::Missing => "it is empty".to_owned(),
            AnswerProblem::NoJson => format!("it has {named}, and is not JSON as a whole"),
            AnswerProblem::Malformed => format!("its JSON does not parse{at}{reason}"),
            AnswerProblem::CutOff => {
                format!("its code block is not closed, and its JSON breaks off{at}{reason}")
            }
            AnswerProblem::Mismatch => {
                format!("its JSON is not what was asked for{at}{reason}")
            }
        }
    }
}

impl fmt::Display for WrongAnswer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = short(&self.session_id);
        write!(
            formatter,
            "the answer of run {id} is not usable: {}",
            self.in_words()
        )?;
        match (&self.follow_up, &self.before) {
            (Some(error), _) => write!(
                formatter,
                "; the follow-up that asks for it again has failed: {error}"
            ),
            (None, Some(_)) => formatter.write_str("; it was asked for again once already"),
            (None, None) if self.problem == AnswerProblem::NotCompleted => Ok(()),
            (None, None) => formatter.write_str("; ask the run for the block alone"),
        }
    }
}
