//! [`Turn`] and [`Ask`]: one follow-up and what the agent did with it.
//!
//! For a while after a follow-up the run can still read as the previous turn's `COMPLETED`
//! (observed), so the status alone does not tell that the new turn has ended. A turn has ended
//! when the status is terminal *and* the turn has shown a sign of life since its message was
//! sent:
//!
//! - a status that is not terminal,
//! - a terminal status other than the one before,
//! - or a message of the agent's that is newer than all before.
//!
//! `EXPIRED` ends a turn at once, since no message will ever come. Without a sign of life within
//! the grace time (120 s) it is [`Error::TurnNotStarted`].
//!
//! Use [`Session::ask`](crate::Session::ask) for a conversation. Ask when the run is at rest: if
//! the agent is still at work on the message before, nothing tells its answers apart, and the
//! first end counts.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tracing::Instrument;

use crate::call::{CallFuture, Terms};
use crate::cursor::MessageKey;
#[cfg(doc)]
use crate::error::Error;
use crate::error::Result;
use crate::poll::{Pace, Polls};
use crate::run::{Message, Run, RunStatus, SessionId};
use crate::schedule::Schedule;
use crate::session::Handle;
use crate::wait::OnTimeout;

/// How long a turn may show no sign of life.
pub(crate) const GRACE_TIME: Duration = Duration::from_secs(120);

/// What came of one follow-up.
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
    /// handed out before, without the caller's own messages. A turn that was stopped may have
    /// none.
    pub messages: Vec<Message>,
}

impl Turn {
    /// The last message of the turn; `None` where the agent wrote nothing.
    #[must_use]
    pub fn answer(&self) -> Option<&str> {
        self.messages.last().map(|message| message.content.as_str())
    }
}

/// A follow-up and the wait for its turn. Await it; nothing is sent before.
///
/// The run is read first, then the message is sent (never twice, as
/// [`Client::send_message`](crate::Client::send_message)), then its turn is waited for. Dropped
/// before the message is sent, nothing was sent; dropped later, the turn goes on, and
/// [`Session::wait`](crate::Session::wait) waits for its end.
///
/// # Errors
///
/// - [`Error::TurnNotStarted`] where the turn shows no sign of life within the grace time.
/// - [`Error::WaitTimeout`] where the turn is still going.
/// - [`Error::InvalidRequest`] for a blank message, or a timeout or an interval of zero.
/// - Those of [`Client::send_message`](crate::Client::send_message), and those of failing polls
///   as in a [wait](crate::wait). Once the message has been accepted
///   [`Error::may_have_started`] is true for all of them.
#[must_use = "a follow-up is not sent until it is awaited"]
pub struct Ask {
    handle: Handle,
    message: String,
    pace: Pace,
    grace_time: Duration,
}

impl Ask {
    pub(crate) fn new(handle: Handle, message: String) -> Self {
        Self {
            handle,
            message,
            pace: Pace::default(),
            grace_time: GRACE_TIME,
        }
    }

    /// How long to wait for the turn's end, sending counted. 3600 s by default.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.pace.timeout = timeout;
        self
    }

    /// Polls at a fixed interval. Without it the interval adapts: see
    /// [`schedule`](crate::schedule).
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.pace.schedule = Schedule::every(interval);
        self
    }

    /// What to do with a turn that is still going at the timeout: leave it, the default, or stop
    /// the run.
    pub fn on_timeout(mut self, on_timeout: OnTimeout) -> Self {
        self.pace.on_timeout = on_timeout;
        self
    }

    /// How long the turn may show no sign of life. 120 s by default.
    pub fn grace_time(mut self, grace_time: Duration) -> Self {
        self.grace_time = grace_time;
        self
    }

    async fn run(self) -> Result<Turn> {
        self.pace.check()?;
        let handle = self.handle;
        let start = handle.client.clock().now();
        let terms = Terms {
            session_id: Some(handle.id.clone()),
            deadline: Some(start.saturating_add(self.pace.timeout)),
            ..Terms::default()
        };
        let (_, mut turn) = handle.send(self.message, terms).await?;
        let mut polls = handle.polls(start, self.pace);
        let run = until_ended(&mut polls, Some(&mut turn), self.grace_time).await?;
        Ok(handle.end_turn(run))
    }
}

impl IntoFuture for Ask {
    type Output = Result<Turn>;
    type IntoFuture = CallFuture<Turn>;

    fn into_future(self) -> CallFuture<Turn> {
        Box::pin(async move {
            let session_id = self.handle.id.as_str();
            let span = tracing::info_span!("dinoai.turn", session_id);
            self.run().instrument(span).await
        })
    }
}

impl fmt::Debug for Ask {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Ask")
            .field("session_id", &self.handle.id)
            .field("pace", &self.pace)
            .field("grace_time", &self.grace_time)
            .finish_non_exhaustive()
    }
}

/// A follow-up whose turn has not ended yet, and what is known of it. Part of a session's cursor,
/// since a sign of life that was seen once may not be seen again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Progress {
    /// How the run read before the message was sent.
    status: RunStatus,
    last_message: Option<MessageKey>,
    is_alive: bool,
}

impl Progress {
    pub(crate) fn since(status: RunStatus, messages: &[MessageKey]) -> Self {
        let last = messages.iter().max_by(|a, b| a.ts().total_cmp(&b.ts()));
        Self {
            status,
            last_message: last.copied(),
            is_alive: false,
        }
    }

    fn is_same(&self, other: &Self) -> bool {
        self.status == other.status && self.last_message == other.last_message
    }

    fn shows_life(&self, status: &RunStatus, messages: &[MessageKey]) -> bool {
        !status.is_terminal() || *status != self.status || self.has_answer(messages)
    }

    /// Whether there is a message of the agent's that is an answer to this turn's message: one
    /// after the echo of that, where there is an echo, else one after all before.
    fn has_answer(&self, messages: &[MessageKey]) -> bool {
        let is_newer = |message: &&MessageKey| {
            self.last_message
                .is_none_or(|last| message.ts().total_cmp(&last.ts()).is_gt())
        };
        let newer = || messages.iter().filter(is_newer);
        let echo = newer()
            .filter(|message| message.is_from_user)
            .map(|message| message.ts())
            .min_by(f64::total_cmp);
        newer().any(|message| {
            !message.is_from_user && echo.is_none_or(|echo| message.ts().total_cmp(&echo).is_gt())
        })
    }
}

/// The turn of a session that is waited for, or watched.
pub(crate) struct OpenTurn {
    handle: Handle,
    progress: Progress,
}

impl OpenTurn {
    pub(crate) fn new(handle: Handle, progress: Progress) -> Self {
        Self { handle, progress }
    }

    pub(crate) fn is_alive(&self) -> bool {
        self.progress.is_alive
    }

    /// Notes how the run reads now, for this session and for what becomes of its checkpoint.
    pub(crate) fn note(&mut self, status: &RunStatus, messages: &[MessageKey]) {
        if self.is_alive() || !self.progress.shows_life(status, messages) {
            return;
        }
        self.progress.is_alive = true;
        let mut cursor = self.handle.cursor();
        if let Some(open) = &mut cursor.turn {
            open.is_alive |= open.is_same(&self.progress);
        }
    }

    /// Whether the turn has ended, the run having this status.
    pub(crate) fn has_ended(&self, status: &RunStatus) -> bool {
        status.is_terminal() && (self.is_alive() || *status == RunStatus::Expired)
    }

    /// Notes that the caller knows of the turn's end.
    pub(crate) fn close(&self) {
        let mut cursor = self.handle.cursor();
        let is_open = cursor
            .turn
            .as_ref()
            .is_some_and(|open| open.is_same(&self.progress));
        if is_open {
            cursor.turn = None;
        }
    }
}

/// Polls until the run, or the turn where there is one, has ended, and reads it once.
pub(crate) async fn until_ended(
    polls: &mut Polls,
    mut turn: Option<&mut OpenTurn>,
    grace_time: Duration,
) -> Result<Run> {
    let start = polls.elapsed();
    loop {
        let looked = look(polls, turn.as_deref_mut()).await;
        if let Ok(Some(run)) = looked {
            return Ok(run);
        }
        polls.pause_after(looked.map(drop)).await?;
        if turn.as_ref().is_some_and(|turn| !turn.is_alive()) {
            polls.check_grace(polls.elapsed().saturating_sub(start), grace_time)?;
        }
    }
}

/// Looks once: the run where it has ended, `None` where it is still going.
async fn look(polls: &mut Polls, mut turn: Option<&mut OpenTurn>) -> Result<Option<Run>> {
    let terms = polls.begin();
    let status = match &mut turn {
        // Messages are signs of life; once there has been one, the status says it all.
        Some(turn) if !turn.is_alive() => {
            let digest = polls.client.read_digest(terms).await?;
            turn.note(&digest.status, &digest.messages);
            digest.status
        }
        _ => polls.client.read_status(terms).await?,
    };
    polls.read(&status);
    let has_ended = |status: &RunStatus| match &turn {
        Some(turn) => turn.has_ended(status),
        None => status.is_terminal(),
    };
    if !has_ended(&status) {
        return Ok(None);
    }
    let run = polls.client.read_run(polls.terms()).await?;
    // Another follow-up may have woken it in between.
    polls.read(&run.status);
    Ok(has_ended(&run.status).then_some(run))
}
