//! [`Turn`]: what came of one follow-up; and [`TurnProgress`]: the signs that a turn has shown so
//! far. turn_end.rs decides by them when a turn has ended.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::answer;
use crate::error::{Error, Result, WrongAnswer};
use crate::model::{Message, MessageKey, Run, RunStatus, SessionId};
use crate::operations::Digest;

/// The agent's answer to one follow-up.
///
/// For a while after a follow-up the run can still read as the previous turn's `COMPLETED`
/// (observed), so the status alone does not tell that the new turn has ended. A turn has ended
/// when the status is terminal *and* the turn has shown activity since its message was sent:
///
/// - a status that is not terminal,
/// - a terminal status other than the one before (`EXPIRED`, for example),
/// - or a new message of the agent's after the echo of the caller's message. A new one ahead of
///   the echo, or without any, can be a late one of the turn before: it counts after 30 s of
///   answered polls, since it can also come from a machine whose clock is behind.
///
/// Without activity within the grace period, 120 s, it is
/// [`Error::TurnNotStarted`]. The period counts the time between
/// successive answered polls, and at least three of them: an outage of the API is not silence.
///
/// [`wait`](crate::Session::wait), [`ask`](crate::Session::ask), [`watch`](crate::Session::watch) and
/// [`tree`](crate::Session::tree)`().until_ended()` all follow these rules after a follow-up
/// through the same session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Turn {
    /// The run.
    #[serde(rename = "agentSessionId")]
    pub session_id: SessionId,
    /// How the turn ended. `COMPLETED` when all went well; a failed, stopped or expired turn is
    /// no error, since the conversation may go on.
    pub status: RunStatus,
    /// What the agent wrote, in the order of the messages' timestamps: what this session has not
    /// emitted before, without the caller's own messages. A session that has emitted nothing yet
    /// takes the messages that are there when it sends its first follow-up as known. A turn that
    /// was stopped may have none.
    pub messages: Vec<Message>,
}

impl Turn {
    /// The JSON of the turn's [`answer`](Self::answer), as a value of this type.
    ///
    /// What counts as that is with [`Run::answer_json`](crate::Run::answer_json). It reads what is there,
    /// however the turn has ended; [`Session::ask_json`](crate::Session::ask_json) also asks again where the
    /// answer is wrong.
    ///
    /// ```no_run
    /// # async fn example(session: dinoai::Session) -> dinoai::Result<()> {
    /// let turn = session.ask("How many rows has each model? Answer with a JSON array.").await?;
    /// let rows: Vec<u64> = turn.answer_json()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::WrongAnswer`], which says what is wrong with the answer and where, and has its text.
    pub fn answer_json<T: DeserializeOwned>(&self) -> Result<T> {
        self.read_answer(None).map_err(Error::WrongAnswer)
    }

    /// The JSON of the turn's answer in the block of a label, as
    /// [`Run::answer_json_labeled`](crate::Run::answer_json_labeled) reads it.
    ///
    /// ```no_run
    /// # async fn example(session: dinoai::Session) -> dinoai::Result<()> {
    /// let turn = session.ask("List what is wrong in a block labelled dinoai-findings.").await?;
    /// let findings: Vec<serde_json::Value> = turn.answer_json_labeled("dinoai-findings")?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`answer_json`](Self::answer_json).
    pub fn answer_json_labeled<T: DeserializeOwned>(&self, label: &str) -> Result<T> {
        let label = answer::checked_label(label)?;
        self.read_answer(Some(label)).map_err(Error::WrongAnswer)
    }

    fn read_answer<T: DeserializeOwned>(&self, label: Option<&str>) -> Result<T, Box<WrongAnswer>> {
        answer::read(&self.session_id, &self.status, self.answer(), label)
    }

    /// A turn for a test, without messages.
    ///
    /// ```
    /// use dinoai::{Message, RunStatus, Turn};
    ///
    /// let mut turn = Turn::new("xwzdneft6emspe0f", RunStatus::Completed);
    /// turn.messages.push(Message::new(1714142436.0, "agent", "Fixed."));
    /// assert_eq!(turn.answer(), Some("Fixed."));
    /// ```
    ///
    /// # Panics
    ///
    /// If the id is blank.
    #[cfg(any(test, feature = "test-util"))]
    #[must_use]
    #[track_caller]
    pub fn new(session_id: impl AsRef<str>, status: RunStatus) -> Self {
        Self {
            session_id: SessionId::for_test(session_id),
            status,
            messages: vec![],
        }
    }

    /// All that the agent wrote in the turn: its messages, with an empty line between them.
    ///
    /// Empty if it wrote nothing. [`answer`](Self::answer) is the last message alone.
    ///
    /// ```no_run
    /// # async fn example(session: dinoai::Session) -> dinoai::Result<()> {
    /// let turn = session.ask("Now fix the first one").await?;
    /// println!("{}", turn.text());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn text(&self) -> String {
        let texts: Vec<_> = self
            .messages
            .iter()
            .map(|message| message.content.as_str())
            .collect();
        texts.join("\n\n")
    }

    /// The last message of the turn; `None` if the agent wrote nothing.
    ///
    /// [`text`](Self::text) is all of them.
    ///
    /// ```no_run
    /// # async fn example(session: dinoai::Session) -> dinoai::Result<()> {
    /// let turn = session.ask("Now fix the first one").await?;
    /// println!("{}", turn.answer().unwrap_or("no answer"));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn answer(&self) -> Option<&str> {
        self.messages.last().map(|message| message.content.as_str())
    }
}

/// What distinguishes the messages of a turn from those before, whoever else reads the session.
pub(super) struct TurnMessages {
    /// The follow-up.
    pub(super) question: String,
    /// The messages that were there before it was sent.
    pub(super) known: BTreeSet<MessageKey>,
}

impl TurnMessages {
    /// What the agent has said last after the echo of the question; without such a message, on a machine
    /// whose clock is behind for one, the newest one that was not there before.
    pub(super) fn answer_in<'a>(&self, run: &'a Run) -> Option<&'a str> {
        let places = || run.messages.iter().enumerate();
        let by_time = |a: &(usize, &Message), b: &(usize, &Message)| {
            a.1.ts.total_cmp(&b.1.ts).then(a.0.cmp(&b.0))
        };
        let is_new =
            |(_, message): &(usize, &Message)| !self.known.contains(&MessageKey::of(message));
        let question = self.question.trim();
        let is_echo = |(_, message): &(usize, &Message)| {
            message.is_from_user() && message.content.trim() == question
        };
        let echo = places().filter(is_new).filter(is_echo).max_by(by_time);
        let answers = || places().filter(|(_, message)| !message.is_from_user());
        let after_echo = echo.and_then(|echo| {
            let is_after = |answer: &(usize, &Message)| by_time(answer, &echo).is_gt();
            answers().filter(is_after).max_by(by_time)
        });
        let answer = after_echo.or_else(|| answers().filter(is_new).max_by(by_time));
        answer.map(|(_, message)| message.content.as_str())
    }
}

/// A follow-up whose turn has not ended yet, and what is known of it. Part of a session's state,
/// since activity that was seen once may not be seen again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TurnProgress {
    /// Which of the session's follow-ups it is.
    pub(crate) number: u32,
    /// How the run read before the message was sent.
    pub(super) status: RunStatus,
    /// The timestamp of the last message then, as text: a number can change on its way through
    /// JSON.
    last_message: Option<String>,
    /// How many messages of the agent's there were then.
    agent_messages: usize,
    /// Whether the API has accepted the message; else its outcome is unknown.
    pub(crate) is_accepted: bool,
    pub(super) is_active: bool,
}

impl TurnProgress {
    pub(crate) fn since(number: u32, digest: &Digest) -> Self {
        let timestamps = digest.messages.iter().map(|message| message.ts());
        Self {
            number,
            status: digest.status.clone(),
            last_message: timestamps
                .max_by(f64::total_cmp)
                .map(|timestamp| format!("{timestamp:?}")),
            agent_messages: agent_messages(&digest.messages),
            is_accepted: false,
            is_active: false,
        }
    }

    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.number == other.number
    }

    /// What the messages say of the turn.
    pub(super) fn sign(&self, messages: &[MessageKey]) -> Sign {
        let last: Option<f64> = self.last_message.as_ref().and_then(|ts| ts.parse().ok());
        let is_newer =
            |message: &&MessageKey| last.is_none_or(|last| message.ts().total_cmp(&last).is_gt());
        let newer = || messages.iter().filter(is_newer);
        let echo = newer()
            .filter(|message| message.is_from_user)
            .map(|message| message.ts())
            .min_by(f64::total_cmp);
        let is_after_echo =
            |message: &MessageKey| echo.is_some_and(|echo| message.ts().total_cmp(&echo).is_ge());
        let mut answers = newer().filter(|message| !message.is_from_user).peekable();
        let has_grown = agent_messages(messages) > self.agent_messages;
        let has_early_one = answers.peek().is_some() || has_grown;
        if answers.any(is_after_echo) {
            Sign::Answer
        } else if has_early_one {
            Sign::Early
        } else {
            Sign::Silence
        }
    }
}

/// What the messages of a run say of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    Silence,
    /// A new message that does not come after an echo: a late one of the turn before, or an
    /// answer from a machine whose clock is behind.
    Early,
    Answer,
}

/// How many different messages the agent has: one that is listed again counts once.
fn agent_messages(messages: &[MessageKey]) -> usize {
    let agents = messages.iter().filter(|message| !message.is_from_user);
    agents.collect::<BTreeSet<_>>().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_turn_is_all_that_the_agent_wrote() {
        let mut turn = Turn::new("s", RunStatus::Completed);
        assert_eq!((turn.text().as_str(), turn.answer()), ("", None));
        turn.messages = vec![
            Message::new(1.0, "agent", "First."),
            Message::new(2.0, "agent", "Second."),
        ];
        assert_eq!(turn.text(), "First.\n\nSecond.");
        assert_eq!(turn.answer(), Some("Second."));
    }

    #[test]
    fn an_answer_is_looked_for_after_its_question_alone() {
        let of = |messages: Vec<Message>| {
            let mut run = Run::new("s", RunStatus::Completed);
            run.messages = messages.clone();
            let known = messages.iter().filter(|message| message.ts < 3.0);
            let turn = TurnMessages {
                question: "Why?".to_owned(),
                known: known.map(MessageKey::of).collect(),
            };
            turn.answer_in(&run).map(str::to_owned)
        };
        let before = || {
            vec![
                Message::new(1.0, "user", "Why?"),
                Message::new(2.0, "agent", "Before."),
            ]
        };
        let with = |more: &[Message]| of([before(), more.to_vec()].concat());
        assert_eq!(with(&[]), None);
        assert_eq!(with(&[Message::new(3.0, "user", "Why?")]), None);
        let answer = Message::new(4.0, "agent", "Now.");
        let echo = Message::new(3.0, "user", " Why?\n");
        assert_eq!(with(&[echo.clone(), answer.clone()]).unwrap(), "Now.");
        assert_eq!(with(std::slice::from_ref(&answer)).unwrap(), "Now.");
        // By a clock that is behind.
        let late = Message::new(5.0, "user", "Why?");
        assert_eq!(with(&[late, answer.clone()]).unwrap(), "Now.");
        let other = Message::new(3.5, "agent", "Somebody else's.");
        assert_eq!(with(&[echo, answer, other]).unwrap(), "Now.");
    }
}
