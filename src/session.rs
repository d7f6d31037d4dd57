//! [`Session`]: a handle on one run, by its id: send, ask, wait, watch, stop, resume.
//!
//! Use it for a conversation, or to go on with a run that you started before, or that someone
//! else did. To start a run and wait for it in one breath,
//! [`Client::trigger_run_and_wait`] is shorter.
//!
//! ```no_run
//! use dinoai::{Client, TriggerRun};
//!
//! # async fn example() -> dinoai::Result<()> {
//! let client = Client::from_env()?;
//! let session = client.start(TriggerRun::message("Which tests fail?")).await?;
//! let run = session.wait().await?;
//! println!("{}", run.answer().unwrap_or("no answer"));
//!
//! let turn = session.ask("Now fix the first one").await?;
//! println!("{}: {}", turn.status, turn.answer().unwrap_or("no answer"));
//! # Ok(())
//! # }
//! ```
//!
//! # What a session has emitted
//!
//! A session keeps a cursor: the messages, steps and children that [`ask`](Session::ask) and
//! [`watch`](Session::watch) have emitted, so that neither emits one again, and one that came late
//! is still emitted. Messages are identified by timestamp and author; several with the same are
//! told apart by their number and their texts. The first follow-up through a session that has emitted nothing yet takes the
//! conversation so far as known. [`run`](Session::run) and [`wait`](Session::wait) return the
//! whole transcript and do not move it.
//!
//! [`checkpoint`](Session::checkpoint) returns the cursor as a value; [`Client::resume`] goes on
//! from it, in another process or on another machine.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::call::CallFuture;
use crate::cursor::{Checkpoint, Cursor};
use crate::error::{Error, FailedCall, Result};
use crate::model::{Accepted, Run, RunSteps, SessionId, StepOptions};
use crate::operations::{Api, Digest};
use crate::poll::{Pace, Polls};
use crate::seen::Seen;
use crate::stop::StopOnDrop;
use crate::transport::{CallOptions, Departed};
use crate::tree::ReadTree;
use crate::turn::{Ask, OpenTurn, Progress, Turn};
use crate::wait::Wait;
use crate::watch::Watch;
use futures_util::future::{Either, select};

/// A handle on one run. Costs nothing to make: [`Client::session`] makes another, with a cursor
/// of its own.
///
/// Dropping it does nothing to the run.
pub struct Session {
    handle: Handle,
    warning: Option<String>,
}

impl Session {
    pub(crate) fn started(api: Api, accepted: Accepted) -> Self {
        Self::of(Handle::started(api, accepted.session_id), accepted.warning)
    }

    pub(crate) fn of(handle: Handle, warning: Option<String>) -> Self {
        Self { handle, warning }
    }

    pub(crate) fn resumed(api: Api, checkpoint: Checkpoint) -> Self {
        Self {
            handle: Handle::new(api, checkpoint.session_id, checkpoint.cursor),
            warning: None,
        }
    }

    /// The run's name. Store it to go on later, or elsewhere, with [`Client::session`].
    #[must_use]
    pub fn id(&self) -> &SessionId {
        &self.handle.id
    }

    /// What the API changed about the request that started the run here, as
    /// [`Accepted::warning`]; `None` for a session made from an id or a checkpoint.
    #[must_use]
    pub fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }

    /// Reads the run as it is now.
    ///
    /// # Errors
    ///
    /// As for [`Client::get_run`].
    pub fn run(&self) -> CallFuture<Run> {
        let handle = self.handle.clone();
        Box::pin(async move { handle.api.read_run(handle.call_options()).await })
    }

    /// Waits until the run has ended, and reads it: see [`Wait`].
    ///
    /// After a follow-up through this session it waits for the end of that turn, by the rules of
    /// [`turn`](crate::turn). It knows nothing of a follow-up sent otherwise
    /// ([`Client::send_message`], another session, another program): then it may return the
    /// previous turn's answer.
    pub fn wait(&self) -> Wait {
        Wait::for_run(self.handle.clone())
    }

    /// Sends a follow-up message and waits for the agent's answer: see [`Ask`].
    ///
    /// ```no_run
    /// # async fn example(session: dinoai::Session) -> dinoai::Result<()> {
    /// let turn = session.ask("Now also check stg_customers.").await?;
    /// for message in &turn.messages {
    ///     println!("{}", message.content);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn ask(&self, message: impl Into<String>) -> Ask {
        Ask::new(self.handle.clone(), message.into())
    }

    /// Sends a follow-up message and returns as soon as it is accepted. [`wait`](Self::wait),
    /// [`watch`](Self::watch) and [`tree`](Self::tree)`().until_ended()` then wait for its turn,
    /// and [`ask`](Self::ask) waits for it before it sends.
    ///
    /// The run is read before, to know the previous turn's end again, and on a session that has
    /// emitted nothing yet its steps are, too, if the backend knows them. The message is never
    /// sent twice, as with [`Client::send_message`]. If this is dropped, or fails, before the
    /// message has left, the session is as before; dropped later, the message may have been
    /// sent, and its turn stays open.
    ///
    /// # Errors
    ///
    /// As for [`Client::send_message`] and, before anything is sent, for [`Client::get_run`].
    pub fn send(&self, message: impl Into<String>) -> CallFuture<Accepted> {
        let (handle, message) = (self.handle.clone(), message.into());
        Box::pin(async move { handle.send(message, None).await })
    }

    /// Sends a follow-up, as [`send`](Self::send) does, and watches its turn, within one timeout:
    /// [`Event::Sent`](crate::Event::Sent) first, then what [`watch`](Self::watch) emits. Nothing
    /// is sent until it is read. An error is its last item: see [`Watch`].
    ///
    /// A run that is still at work takes the message at once, unlike with [`ask`](Self::ask), which
    /// waits until it is at rest. What the agent says to the message before is emitted as well
    /// then. It stands ahead of the echo of this one, or behind it, where it looks like the answer;
    /// and the end of the turn before can count as that of this one.
    ///
    /// ```no_run
    /// # async fn example(session: dinoai::Session) -> dinoai::Result<()> {
    /// let mut events = session.send_and_watch("Now also check stg_customers.");
    /// while let Some(event) = events.next().await {
    ///     println!("{:?}", event?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn send_and_watch(&self, message: impl Into<String>) -> Watch {
        Watch::for_follow_up(self.handle.clone(), message.into())
    }

    /// Follows the run's life as a stream of events: see [`Watch`].
    pub fn watch(&self) -> Watch {
        Watch::new(self.handle.clone())
    }

    /// Reads the run with all its descendants, or waits for all of them: see [`ReadTree`].
    pub fn tree(&self) -> ReadTree {
        ReadTree::new(self.handle.clone())
    }

    /// Stops the run.
    ///
    /// # Errors
    ///
    /// As for [`Client::stop_run`].
    pub fn stop(&self) -> CallFuture<Accepted> {
        let handle = self.handle.clone();
        Box::pin(async move { handle.stop().await })
    }

    /// Stops the run when the guard is dropped, at best: see [`StopOnDrop`].
    pub fn stop_on_drop(&self) -> StopOnDrop {
        StopOnDrop::new(self.handle.clone())
    }

    /// Where this session stands: what it has emitted, and which turn is open. Store it, and
    /// [`Client::resume`] goes on without losing or repeating anything.
    #[must_use]
    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            session_id: self.handle.id.clone(),
            cursor: self.handle.cursor().clone(),
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Session")
            .field("id", &self.handle.id)
            .finish_non_exhaustive()
    }
}

/// Held while a follow-up is on its way.
pub(crate) type Sending = tokio::sync::OwnedMutexGuard<()>;

/// What a session shares with the futures and streams that it makes.
#[derive(Clone)]
pub(crate) struct Handle {
    pub(crate) api: Api,
    pub(crate) id: SessionId,
    cursor: Arc<Mutex<Cursor>>,
    /// Whether this session has started the run, or had a follow-up accepted: then host and id
    /// are right.
    is_proven: Arc<AtomicBool>,
    /// Whether this session has read the run: then the credentials are right for reads.
    has_read: Arc<AtomicBool>,
    /// The number of the last follow-up. None is used again, even if its turn was withdrawn:
    /// someone may still wait for it.
    turns: Arc<AtomicU32>,
    /// Held from the moment a turn is opened until it is known what came of its message.
    sends: Arc<tokio::sync::Mutex<()>>,
    asks: Arc<tokio::sync::Mutex<()>>,
}

impl Handle {
    fn new(api: Api, id: SessionId, cursor: Cursor) -> Self {
        Self {
            api,
            id,
            turns: Arc::new(AtomicU32::new(
                cursor.turn.as_ref().map_or(0, |turn| turn.number),
            )),
            cursor: Arc::new(Mutex::new(cursor)),
            is_proven: Arc::default(),
            has_read: Arc::default(),
            sends: Arc::default(),
            asks: Arc::default(),
        }
    }

    /// Of a run that was started here, so that host and id are right.
    pub(crate) fn started(api: Api, id: SessionId) -> Self {
        let handle = Self::new(api, id, Cursor::default());
        handle.is_proven.store(true, Ordering::Relaxed);
        handle
    }

    pub(crate) fn cursor(&self) -> MutexGuard<'_, Cursor> {
        self.cursor.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Held by the ask that is under way.
    pub(crate) fn asks(&self) -> Arc<tokio::sync::Mutex<()>> {
        self.asks.clone()
    }

    /// The polls of this session's run, from `start` on.
    pub(crate) fn polls(&self, start: Duration, pace: Pace) -> Polls {
        let mut polls = Polls::since(start, self.api.clone(), self.id.clone(), pace);
        if self.has_read.load(Ordering::Relaxed) {
            polls = polls.having_read();
        }
        if self.is_proven.load(Ordering::Relaxed) {
            polls.proven()
        } else {
            polls
        }
    }

    pub(crate) fn call_options(&self) -> CallOptions {
        CallOptions {
            session_id: Some(self.id.clone()),
            ..CallOptions::default()
        }
    }

    /// Stops the run.
    pub(crate) async fn stop(&self) -> Result<Accepted> {
        let status = self.api.stop(self.call_options()).await?;
        Ok(Accepted {
            session_id: self.id.clone(),
            status,
            warning: None,
        })
    }

    /// The steps of earlier turns, if this session has emitted nothing yet: without them a watch
    /// with steps would emit them again. `None` if they cannot be read soon: a backend need not
    /// know them, and what is optional must not delay the message.
    async fn steps_so_far(&self, deadline: Option<Duration>) -> Option<RunSteps> {
        const SOON: Duration = Duration::from_secs(1);
        if self.cursor().is_used {
            return None;
        }
        let soon = self.api.clock().now().saturating_add(SOON);
        let call = CallOptions {
            deadline: Some(deadline.map_or(soon, |deadline| deadline.min(soon))),
            once: true,
            ..self.call_options()
        };
        let options = StepOptions::default().with_max_chars(1);
        self.api.read_steps(options, call).await.ok()
    }

    /// Reads the run and sends a follow-up, until the deadline if there is one.
    pub(crate) async fn send(
        &self,
        message: String,
        deadline: Option<Duration>,
    ) -> Result<Accepted> {
        if message.trim().is_empty() {
            return Err(Error::blank("message"));
        }
        let call = CallOptions {
            deadline,
            ..self.call_options()
        };
        let call_deadline = self.api.call_deadline();
        let deadline = deadline.map_or(call_deadline, |deadline| deadline.min(call_deadline));
        let prepared = async {
            let Some(sending) = self.begin_to_send(deadline).await else {
                return Ok::<_, Error>(None);
            };
            let digest = self.api.read_digest(call.clone()).await?;
            Ok(Some((digest, sending)))
        };
        let Some(prepared) = self.api.closing().before(prepared).await else {
            return Err(self.closed());
        };
        let Some((digest, sending)) = prepared? else {
            // No time is left, as the call says.
            let call = CallOptions {
                deadline: Some(deadline),
                ..call
            };
            return self.api.send(message, call).await;
        };
        let (accepted, _) = self.send_after(digest, message, call, sending).await?;
        Ok(accepted)
    }

    /// The error of a follow-up that was not sent, since the client starts nothing more.
    pub(crate) fn closed(&self) -> Error {
        let mut call = FailedCall::starting("SendDinoaiAgentMessage");
        call.session_id = Some(self.id.clone());
        Error::closed(call)
    }

    /// Waits until no other follow-up of this session is on its way; `None` if that takes until
    /// the deadline.
    pub(crate) async fn begin_to_send(&self, deadline: Duration) -> Option<Sending> {
        let lock = std::pin::pin!(self.sends.clone().lock_owned());
        match select(lock, self.api.clock().alarm(deadline)).await {
            Either::Left((sending, _)) => Some(sending),
            Either::Right(_) => None,
        }
    }

    /// How many follow-ups this session has begun to send.
    pub(crate) fn turns(&self) -> u32 {
        self.turns.load(Ordering::Relaxed)
    }

    /// Sends a follow-up to a run that read like `digest` just before. From then on its turn
    /// counts as open, and stays so unless the message certainly was not sent.
    pub(crate) async fn send_after(
        &self,
        digest: Digest,
        message: String,
        call: CallOptions,
        _sending: Sending,
    ) -> Result<(Accepted, OpenTurn)> {
        self.has_read.store(true, Ordering::Relaxed);
        let steps = self.steps_so_far(call.deadline);
        let steps = self.api.closing().before(steps).await.flatten();
        let opening = Opening::new(self, digest, steps);
        let call = CallOptions {
            departed: Some(opening.departed.clone()),
            ..call
        };
        match self.api.send(message, call).await {
            Ok(accepted) => {
                self.is_proven.store(true, Ordering::Relaxed);
                Ok((accepted, opening.accepted()))
            }
            Err(error) => {
                if error.may_have_started() {
                    opening.keep();
                } else {
                    // Even if it has left, it was certainly not carried out.
                    opening.departed.reset();
                }
                Err(error)
            }
        }
    }

    /// The turn that has not ended yet.
    pub(crate) fn open_turn(&self) -> Option<OpenTurn> {
        let progress = self.cursor().turn.clone()?;
        Some(OpenTurn::new(self.clone(), progress))
    }

    /// Takes what is new out of a run whose turn has ended.
    pub(crate) fn end_turn(&self, run: Run, turn: &Progress) -> Turn {
        let mut cursor = self.cursor();
        if cursor.turn.as_ref().is_some_and(|open| open.is_same(turn)) {
            cursor.turn = None;
        }
        cursor.status = Some(run.status.clone());
        let mut messages = cursor.messages.take_new(run.messages);
        messages.retain(|message| !message.is_from_user());
        Turn {
            session_id: self.id.clone(),
            status: run.status,
            messages,
        }
    }
}

/// A turn that is being opened. Unless it is kept, dropping it leaves the session as it was
/// before, if the message certainly has not left.
struct Opening<'a> {
    handle: &'a Handle,
    turn: Progress,
    departed: Departed,
    /// The turn that was open before.
    before: Option<Progress>,
    /// What the session takes for known once the message has left.
    baseline: Option<(Digest, Option<RunSteps>)>,
    is_kept: bool,
}

impl<'a> Opening<'a> {
    fn new(handle: &'a Handle, digest: Digest, steps: Option<RunSteps>) -> Self {
        let number = handle.turns.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        let turn = Progress::since(number, &digest);
        Self {
            handle,
            before: handle.cursor().turn.replace(turn.clone()),
            turn,
            departed: Departed::default(),
            baseline: Some((digest, steps)),
            is_kept: false,
        }
    }

    /// The message was accepted.
    fn accepted(mut self) -> OpenTurn {
        self.keep_turn();
        self.turn.is_accepted = true;
        let mut cursor = self.handle.cursor();
        if let Some(open) = &mut cursor.turn
            && open.is_same(&self.turn)
        {
            open.is_accepted = true;
        }
        drop(cursor);
        OpenTurn::new(self.handle.clone(), self.turn.clone())
    }

    /// What came of the message is unknown.
    fn keep(mut self) {
        self.keep_turn();
    }

    /// Keeps the turn, and takes the conversation so far for known if nothing was emitted yet.
    fn keep_turn(&mut self) {
        self.is_kept = true;
        let mut cursor = self.handle.cursor();
        let Some((digest, steps)) = self.baseline.take().filter(|_| !cursor.is_used) else {
            return;
        };
        cursor.is_used = true;
        cursor.messages = Seen::baseline(&digest.messages);
        cursor.children = digest.child_session_ids.into_iter().collect();
        cursor.status = Some(digest.status);
        if let Some(steps) = steps {
            let steps_so_far = steps.steps.unwrap_or_default();
            cursor.step = steps_so_far.iter().map(|step| step.index).max();
            let startup = steps.startup_steps.unwrap_or_default().into_iter();
            cursor.startup = startup.map(|step| (step.label, step.done)).collect();
        }
    }
}

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        if self.is_kept {
            return;
        }
        // Dropped without a result, the message has left or it has not.
        if self.departed.get() {
            return self.keep_turn();
        }
        let mut cursor = self.handle.cursor();
        let is_open = |open: &Progress| open.is_same(&self.turn);
        if cursor.turn.as_ref().is_some_and(is_open) {
            cursor.turn = self.before.take();
        }
    }
}
