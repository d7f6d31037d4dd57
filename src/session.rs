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
//! # What a session has handed out
//!
//! A session keeps a cursor: the messages, steps and children that [`ask`](Session::ask) and
//! [`watch`](Session::watch) have handed out, so that neither hands one out twice, nor leaves
//! one out that came late. The first follow-up through a session that has handed out nothing yet
//! takes the conversation so far as known. [`run`](Session::run) and [`wait`](Session::wait)
//! give the whole transcript and do not move it.
//!
//! [`checkpoint`](Session::checkpoint) gives the cursor away as a value;
//! [`Client::resume`] goes on from it, in another process or on another machine.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::call::{CallFuture, Terms};
use crate::client::Client;
use crate::cursor::{Checkpoint, Cursor, MessageKey};
use crate::error::{Error, Result};
use crate::poll::{Pace, Polls};
use crate::run::{Accepted, Run, SessionId};
use crate::stop::StopOnDrop;
use crate::tree::ReadTree;
use crate::turn::{Ask, OpenTurn, Progress, Turn};
use crate::wait::Wait;
use crate::watch::Watch;

/// A handle on one run. Costs nothing to make: [`Client::session`] makes another, with a cursor
/// of its own.
///
/// Dropping it does nothing to the run.
pub struct Session {
    handle: Handle,
    warning: Option<String>,
}

impl Session {
    pub(crate) fn started(client: Client, accepted: Accepted) -> Self {
        let handle = Handle::new(client, accepted.session_id, Cursor::default());
        handle.has_started.store(true, Ordering::Relaxed);
        Self {
            handle,
            warning: accepted.warning,
        }
    }

    pub(crate) fn resumed(client: Client, checkpoint: Checkpoint) -> Self {
        Self {
            handle: Handle::new(client, checkpoint.session_id, checkpoint.cursor),
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
        self.handle.client.get_run(&self.handle.id)
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

    /// Sends a follow-up message and returns as soon as it is accepted. [`wait`](Self::wait) and
    /// [`watch`](Self::watch) then take the previous turn's end for what it is.
    ///
    /// The run is read before, to know the previous turn's end again. The message is never sent
    /// twice, as with [`Client::send_message`]. Dropped while it is under way, the message may
    /// have been sent all the same.
    ///
    /// # Errors
    ///
    /// As for [`Client::send_message`] and, before anything is sent, for [`Client::get_run`].
    pub fn send(&self, message: impl Into<String>) -> CallFuture<Accepted> {
        let (handle, message) = (self.handle.clone(), message.into());
        Box::pin(async move {
            let terms = handle.terms();
            let (accepted, _) = handle.send(message, terms).await?;
            Ok(accepted)
        })
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
        self.handle.client.stop_run(&self.handle.id)
    }

    /// Stops the run when the guard is dropped, at best: see [`StopOnDrop`].
    pub fn stop_on_drop(&self) -> StopOnDrop {
        StopOnDrop::new(self.handle.clone())
    }

    /// Where this session stands: what it has handed out, and which turn is open. Store it, and
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

/// What a session shares with the futures and streams that it makes.
#[derive(Clone)]
pub(crate) struct Handle {
    pub(crate) client: Client,
    pub(crate) id: SessionId,
    cursor: Arc<Mutex<Cursor>>,
    /// Whether this session has started the run, or had a follow-up accepted: then host and id
    /// are right, and whatever fails later comes after something was started.
    has_started: Arc<AtomicBool>,
}

impl Handle {
    fn new(client: Client, id: SessionId, cursor: Cursor) -> Self {
        Self {
            client,
            id,
            cursor: Arc::new(Mutex::new(cursor)),
            has_started: Arc::default(),
        }
    }

    pub(crate) fn cursor(&self) -> MutexGuard<'_, Cursor> {
        self.cursor.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The polls of this session's run, from `start` on.
    pub(crate) fn polls(&self, start: Duration, pace: Pace) -> Polls {
        let polls = Polls::since(start, self.client.clone(), self.id.clone(), pace);
        if self.has_started.load(Ordering::Relaxed) {
            polls.having_started()
        } else {
            polls
        }
    }

    fn terms(&self) -> Terms {
        Terms {
            session_id: Some(self.id.clone()),
            ..Terms::default()
        }
    }

    /// Reads the run, then sends a follow-up to it. From just before it is sent its turn counts
    /// as open, and stays so unless it certainly was not sent.
    pub(crate) async fn send(&self, message: String, terms: Terms) -> Result<(Accepted, OpenTurn)> {
        if message.trim().is_empty() {
            return Err(Error::blank("message"));
        }
        let digest = self.client.read_digest(terms.clone()).await?;
        let turn = Progress::since(digest.status.clone(), &digest.messages);
        let before = {
            let mut cursor = self.cursor();
            if !cursor.is_used {
                cursor.is_used = true;
                cursor.messages = digest.messages.into_iter().collect();
                cursor.status = Some(digest.status);
            }
            cursor.turn.replace(turn.clone())
        };
        match self.client.send(message, terms).await {
            Ok(accepted) => {
                self.has_started.store(true, Ordering::Relaxed);
                Ok((accepted, OpenTurn::new(self.clone(), turn)))
            }
            Err(error) => {
                if !error.may_have_started() {
                    self.cursor().turn = before;
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
    pub(crate) fn end_turn(&self, mut run: Run) -> Turn {
        let mut cursor = self.cursor();
        cursor.turn = None;
        cursor.status = Some(run.status.clone());
        run.messages.sort_by(|a, b| a.ts.total_cmp(&b.ts));
        let mut messages = run.messages;
        messages.retain(|message| {
            let is_new = cursor.messages.insert(MessageKey::of(message));
            is_new && !message.is_from_user()
        });
        Turn {
            session_id: self.id.clone(),
            status: run.status,
            messages,
        }
    }
}
