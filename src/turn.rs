//! [`Turn`] and [`Ask`]: one follow-up and what the agent did with it.
//!
//! For a while after a follow-up the run can still read as the previous turn's `COMPLETED`
//! (observed), so the status alone does not tell that the new turn has ended. A turn has ended
//! when the status is terminal *and* the turn has shown activity since its message was sent:
//!
//! - a status that is not terminal,
//! - a terminal status other than the one before (`EXPIRED`, for example),
//! - or a new message of the agent's after the echo of the caller's message. A new one ahead of
//!   the echo, or without any, can be a straggler of the turn before: it counts after 30 s of
//!   answered polls, since it can also come from a machine whose clock is behind.
//!
//! Without activity within the grace period, 120 s, it is [`Error::TurnNotStarted`]. The period
//! counts the time between successive answered polls, and at least three of them: an outage of
//! the API is not silence.
//!
//! [`wait`](crate::Session::wait), [`ask`](crate::Session::ask),
//! [`watch`](crate::Session::watch) and [`tree`](crate::Session::tree)`().until_ended()` all
//! follow these rules after a follow-up through the same session.
//!
//! `ask` on a run that is still at work waits until it is at rest before it sends, and asks on one
//! session queue in the order in which they are awaited: each gets its own answer.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use futures_util::future::{Either, select};
use serde::{Deserialize, Serialize};
use tracing::Instrument;

use crate::call::CallFuture;
use crate::error::{Awaited, Error, Result};
use crate::model::{Message, MessageKey, Run, RunStatus, SessionId};
use crate::operations::Digest;
use crate::poll::{Pace, Polls};
use crate::schedule::Schedule;
use crate::session::Handle;
use crate::transport::CallOptions;
use crate::wait::OnTimeout;

/// How long a turn may show no activity, and for how many answered polls at least.
pub(crate) const GRACE_TIME: Duration = Duration::from_secs(120);
const GRACE_POLLS: u32 = 3;
/// How long a message ahead of the echo may be one of the turn before.
const STRAGGLER_TIME: Duration = Duration::from_secs(30);

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
    /// emitted before, without the caller's own messages. A session that has emitted nothing at
    /// all takes what stands in the transcript when it sends its first follow-up for known. A turn
    /// that was stopped may have none.
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
/// It waits until the run is at rest, sends the message (never twice, as
/// [`Client::send_message`](crate::Client::send_message)), then waits for its turn, all within
/// one timeout. Dropped before the message has left, nothing was sent and the session is as
/// before; dropped later, the turn goes on, and [`Session::wait`](crate::Session::wait) waits for
/// its end.
///
/// # Errors
///
/// - [`Error::TurnNotStarted`] if the turn shows no activity within the grace period; also, with
///   nothing sent, if that happens to an earlier follow-up that is still open.
/// - [`Error::WaitTimeout`] if the turn is still going; also, with nothing sent and nothing
///   stopped, if the run does not come to rest in time.
/// - [`Error::InvalidRequest`] for a blank message, or a timeout or an interval of zero.
/// - Those of [`Client::send_message`](crate::Client::send_message), and those of failing polls
///   as in a [wait](crate::wait#failing-polls). Once the API has accepted the message
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

    /// How long to wait for the turn's end; waiting for rest and sending count. 3600 s by
    /// default.
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
    /// the run. A run that has not come to rest before the message is sent is never stopped.
    pub fn on_timeout(mut self, on_timeout: OnTimeout) -> Self {
        self.pace.on_timeout = on_timeout;
        self
    }

    /// How long the turn may show no activity. 120 s by default.
    pub fn grace_time(mut self, grace_time: Duration) -> Self {
        self.grace_time = grace_time;
        self
    }

    async fn run(self) -> Result<Turn> {
        self.pace.check()?;
        if self.message.trim().is_empty() {
            return Err(Error::blank("message"));
        }
        let handle = self.handle;
        let clock = handle.api.clock().clone();
        let start = clock.now();
        let deadline = start.saturating_add(self.pace.timeout);

        let mut polls = handle.polls(start, self.pace);
        let prepared = async {
            // One ask at a time, in the order in which they are awaited.
            let queue = std::pin::pin!(handle.asks().lock_owned());
            let turn = match select(queue, clock.alarm(deadline)).await {
                Either::Left((turn, _)) => turn,
                Either::Right(_) => return Err(polls.timeout(Awaited::Rest).await),
            };
            loop {
                let turns = handle.turns();
                let digest = until_at_rest(&mut polls, &handle, self.grace_time).await?;
                let Some(sending) = handle.begin_to_send(deadline).await else {
                    return Err(polls.timeout(Awaited::Rest).await);
                };
                // Unless another follow-up was sent in between.
                if handle.turns() == turns {
                    return Ok((turn, digest, sending));
                }
            }
        };
        let Some(prepared) = handle.api.closing().before(prepared).await else {
            return Err(handle.closed());
        };
        let (_turn, digest, sending) = prepared?;
        let call = CallOptions {
            session_id: Some(handle.id.clone()),
            deadline: Some(deadline),
            ..CallOptions::default()
        };
        let (_, turn) = handle
            .send_after(digest, self.message, call, sending)
            .await?;

        let mut polls = handle.polls(start, self.pace).having_started();
        let progress = turn.progress.clone();
        let mut turn = Tracked::only(turn);
        let run = until_ended(&mut polls, &mut turn, self.grace_time).await?;
        Ok(handle.end_turn(run, &progress))
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
/// since activity that was seen once may not be seen again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Progress {
    /// Which of the session's follow-ups it is.
    pub(crate) number: u32,
    /// How the run read before the message was sent.
    status: RunStatus,
    /// The timestamp of the last message then, as text: a number can change on its way through
    /// JSON.
    last_message: Option<String>,
    /// How many messages of the agent's there were then.
    agent_messages: usize,
    /// Whether the API has accepted the message; else its outcome is unknown.
    pub(crate) is_accepted: bool,
    is_active: bool,
}

impl Progress {
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
    fn sign(&self, messages: &[MessageKey]) -> Sign {
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
            Sign::None
        }
    }
}

/// What the messages of a run say of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    None,
    /// A new message that does not come after an echo: a straggler of the turn before, or an
    /// answer from a machine whose clock is behind.
    Early,
    Answer,
}

/// How many different messages the agent has: one that is listed again counts once.
fn agent_messages(messages: &[MessageKey]) -> usize {
    let agents = messages.iter().filter(|message| !message.is_from_user);
    agents.collect::<BTreeSet<_>>().len()
}

/// The turn of a session that is waited for, or watched.
pub(crate) struct OpenTurn {
    handle: Handle,
    progress: Progress,
    /// When the last poll was answered, unless one has failed since.
    answered_at: Option<Duration>,
    /// How many polls were answered without activity, and how much time lay between them.
    silent_polls: u32,
    silence: Duration,
    /// For how much of it there was a new message ahead of the echo.
    early: Option<Duration>,
}

impl OpenTurn {
    pub(crate) fn new(handle: Handle, progress: Progress) -> Self {
        Self {
            handle,
            progress,
            answered_at: None,
            silent_polls: 0,
            silence: Duration::ZERO,
            early: None,
        }
    }

    fn is_active(&self) -> bool {
        self.progress.is_active
    }

    /// Notes how the run reads now, for this session and for what becomes of its checkpoint.
    fn note(&mut self, status: &RunStatus, messages: &[MessageKey], now: Duration) {
        if self.is_active() {
            return;
        }
        let since_last = self.answered_at.map(|at| now.saturating_sub(at));
        let since_last = since_last.unwrap_or_default();
        self.answered_at = Some(now);
        self.silent_polls += 1;
        self.silence = self.silence.saturating_add(since_last);
        let sign = self.progress.sign(messages);
        self.early = match (sign, self.early) {
            (Sign::Early, Some(before)) => Some(before.saturating_add(since_last)),
            (Sign::Early, None) => Some(Duration::ZERO),
            (Sign::None | Sign::Answer, _) => None,
        };
        let is_active = !status.is_terminal()
            || *status != self.progress.status
            || sign == Sign::Answer
            || self.early.is_some_and(|early| early >= STRAGGLER_TIME);
        if is_active {
            self.progress.is_active = true;
            let mut cursor = self.handle.cursor();
            if let Some(open) = &mut cursor.turn {
                open.is_active |= open.is_same(&self.progress);
            }
        }
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

/// What a wait knows of its session's open turn.
pub(crate) struct Tracked {
    /// Where later follow-ups show up.
    handle: Option<Handle>,
    turn: Option<OpenTurn>,
}

impl Tracked {
    /// The turn that is open in a session, whichever it is at the time.
    pub(crate) fn of(handle: Handle) -> Self {
        Self {
            turn: handle.open_turn(),
            handle: Some(handle),
        }
    }

    /// One turn and no other.
    pub(crate) fn only(turn: OpenTurn) -> Self {
        Self {
            handle: None,
            turn: Some(turn),
        }
    }

    /// No turn: the run itself.
    pub(crate) fn none() -> Self {
        Self {
            handle: None,
            turn: None,
        }
    }

    /// Follows what has become of the session's turn in the meantime: another follow-up may have
    /// been sent, accepted or withdrawn. True: something else is waited for from now on.
    pub(crate) fn refresh(&mut self, polls: &mut Polls) -> bool {
        let Some(handle) = &self.handle else {
            return false;
        };
        match (handle.open_turn(), &mut self.turn) {
            (Some(open), Some(turn)) if open.progress.is_same(&turn.progress) => {
                turn.progress.is_accepted |= open.progress.is_accepted;
                turn.progress.is_active |= open.progress.is_active;
                false
            }
            (None, None) => false,
            (open, turn) => {
                *turn = open;
                polls.reopen();
                true
            }
        }
    }

    /// Whether messages say something that the status does not.
    pub(crate) fn needs_messages(&self) -> bool {
        self.turn.as_ref().is_some_and(|turn| !turn.is_active())
    }

    /// Notes how the run reads.
    pub(crate) fn note(&mut self, status: &RunStatus, messages: &[MessageKey], now: Duration) {
        if let Some(turn) = &mut self.turn {
            turn.note(status, messages, now);
        }
    }

    /// Notes that a poll has failed: what happened meanwhile is unknown.
    pub(crate) fn failed(&mut self) {
        if let Some(turn) = &mut self.turn {
            turn.answered_at = None;
        }
    }

    /// Whether the turn, or without one the run, has ended, the run having this status.
    pub(crate) fn has_ended(&self, status: &RunStatus) -> bool {
        let is_active = self.turn.as_ref().is_none_or(OpenTurn::is_active);
        status.is_terminal() && is_active
    }

    /// Whether it has ended, or may have: there is a new message, and nobody can tell whether it
    /// is the answer. Then it is not stopped.
    pub(crate) fn may_have_ended(&self, status: &RunStatus) -> bool {
        let has_early = |turn: &OpenTurn| turn.is_active() || turn.early.is_some();
        status.is_terminal() && self.turn.as_ref().is_none_or(has_early)
    }

    /// What is waited for.
    pub(crate) fn awaited(&self) -> Awaited {
        match &self.turn {
            None => Awaited::Run,
            Some(turn) if turn.is_active() => Awaited::Turn,
            Some(_) => Awaited::Activity,
        }
    }

    pub(crate) fn close(&self) {
        if let Some(turn) = &self.turn {
            turn.close();
        }
    }

    /// Ends the wait for a turn that has shown no activity for too long, and closes the turn.
    pub(crate) fn check_grace(&self, polls: &Polls, grace_time: Duration) -> Result<()> {
        let Some(turn) = &self.turn else {
            return Ok(());
        };
        let is_over = turn.silence >= grace_time && turn.silent_polls >= GRACE_POLLS;
        if turn.is_active() || !is_over {
            return Ok(());
        }
        turn.close();
        Err(polls.not_started(turn.silence, turn.progress.is_accepted))
    }
}

/// Polls until the run, or its open turn, has ended, and reads it once.
pub(crate) async fn until_ended(
    polls: &mut Polls,
    turn: &mut Tracked,
    grace_time: Duration,
) -> Result<Run> {
    loop {
        turn.refresh(polls);
        match look(polls, turn).await {
            Ok(Some(run)) => {
                polls.answered();
                return Ok(run);
            }
            Ok(None) => {
                turn.check_grace(polls, grace_time)?;
                polls.pause_after(Ok(()), turn.awaited()).await?;
            }
            Err(error) => {
                turn.failed();
                polls.pause_after(Err(error), turn.awaited()).await?;
            }
        }
    }
}

/// Looks once: the run if it has ended, `None` if it is still going.
async fn look(polls: &mut Polls, turn: &mut Tracked) -> Result<Option<Run>> {
    let call = polls.begin();
    let status = if turn.needs_messages() {
        let digest = polls.api.read_digest(call).await?;
        turn.note(&digest.status, &digest.messages, polls.now());
        digest.status
    } else {
        polls.api.read_status(call).await?
    };
    polls.read(&status, turn.may_have_ended(&status));
    if !turn.has_ended(&status) {
        return Ok(None);
    }
    let run = polls.api.read_run(polls.call_options()).await?;
    // Another follow-up may have woken it in between.
    let has_ended = turn.has_ended(&run.status);
    polls.read_whole(&run.status);
    Ok(has_ended.then_some(run))
}

/// Polls until nothing is going on in a run: its open turn has ended, or else the run has.
async fn until_at_rest(polls: &mut Polls, handle: &Handle, grace_time: Duration) -> Result<Digest> {
    let mut turn = Tracked::of(handle.clone());
    loop {
        turn.refresh(polls);
        let call = polls.begin();
        match polls.api.read_digest(call).await {
            Ok(digest) => {
                turn.note(&digest.status, &digest.messages, polls.now());
                let is_at_rest = turn.has_ended(&digest.status);
                polls.read(&digest.status, is_at_rest);
                if is_at_rest {
                    turn.close();
                    return Ok(digest);
                }
                turn.check_grace(polls, grace_time)?;
                polls.pause_after(Ok(()), Awaited::Rest).await?;
            }
            Err(error) => {
                turn.failed();
                polls.pause_after(Err(error), Awaited::Rest).await?;
            }
        }
    }
}
