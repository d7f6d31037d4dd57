//! A run by its id: [`Session`] sends, asks, waits, watches, stops and resumes.
//!
//! [`state`] is what a session has emitted ([`seen_messages`] for messages: [`tail`] for new
//! ones, [`forgotten`] and [`power_sums`] for old ones), [`handle`] shares it between its futures and
//! holds the locks, [`turn`] and [`turn_end`] decide when a turn has ended, and a [`checkpoint`] stores
//! all of that. [`send`] sends a follow-up. [`json_answer`] asks for a value.
//! [`poll_loops`] has the loops of [`wait`] and [`ask`], [`watch`] has its own.

mod ask;
mod checkpoint;
mod event;
mod forgotten;
mod handle;
mod hooks;
mod instruction;
mod json_answer;
mod once;
mod poll_loops;
mod power_sums;
mod seen_messages;
mod send;
mod state;
mod stop_guard;
mod tail;
mod turn;
mod turn_end;
mod wait;
mod watch;

use std::fmt;

use crate::model::{Accepted, Run, RunStatus, SessionId};
use crate::operations::{Api, Call};

pub use ask::Ask;
pub use checkpoint::Checkpoint;
pub use event::{Event, HistoryChange};
pub use json_answer::JsonAnswer;
pub use once::{RunOnce, StartOnce, StartedOnce};
pub use stop_guard::StopOnDrop;
pub use turn::Turn;
pub use wait::Wait;
pub use watch::{Events, Watch};

pub(crate) use handle::Handle;
pub(crate) use turn_end::AwaitedTurn;

/// A handle on one run: sends, asks, waits, watches, stops.
///
/// It costs nothing to make: [`Client::session`](crate::Client::session) makes another, which has emitted nothing yet.
/// Dropping it does nothing to the run.
///
/// ```no_run
/// use dinoai::{Client, TriggerRun};
///
/// # async fn example(client: Client) -> dinoai::Result<()> {
/// let session = client.start(TriggerRun::message("Which tests fail?")).await?;
/// session.wait().await?;
/// let turn = session.ask("Now fix the first one").await?;
/// println!("{}", turn.text());
/// # Ok(())
/// # }
/// ```
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

    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }

    pub(crate) fn resumed(api: Api, checkpoint: Checkpoint) -> Self {
        Self {
            handle: Handle::new(api, checkpoint.session_id, checkpoint.state),
            warning: None,
        }
    }

    /// The run's session id.
    ///
    /// Store it to go on later, or elsewhere, with [`Client::session`](crate::Client::session).
    ///
    /// ```no_run
    /// # async fn example(session: dinoai::Session) {
    /// println!("to go on: client.session({:?})", session.id().as_str());
    /// # }
    /// ```
    #[must_use]
    pub fn id(&self) -> &SessionId {
        &self.handle.id
    }

    /// What the API changed about the request that started the run here.
    ///
    /// It is [`Accepted::warning`]; `None` for a session made from an id or a checkpoint.
    ///
    /// ```no_run
    /// # async fn example(session: dinoai::Session) {
    /// if let Some(warning) = session.warning() {
    ///     eprintln!("warning: {warning}");
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }

    /// Reads the run as it is now, with its whole transcript.
    ///
    /// ```no_run
    /// # async fn example(session: dinoai::Session) -> dinoai::Result<()> {
    /// let run = session.run().await?;
    /// println!("{} after {} messages", run.status, run.messages.len());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`Client::get_run`](crate::Client::get_run).
    pub fn run(&self) -> Call<Run> {
        let id = self.handle.id.clone();
        Call::new(self.handle.api.clone(), async move |api, options| {
            api.read_run(options.for_run(id)).await
        })
    }

    /// Reads the run's status alone, as it is now.
    ///
    /// A small request, however long the transcript is.
    ///
    /// ```no_run
    /// # async fn example(session: dinoai::Session) -> dinoai::Result<()> {
    /// if !session.status().await?.is_terminal() {
    ///     println!("still in progress");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`Client::get_run`](crate::Client::get_run).
    ///
    /// # Document
    ///
    /// ```graphql
    #[doc = include_str!("../../graphql/dinoai_agent_run_status.graphql")]
    /// ```
    pub fn status(&self) -> Call<RunStatus> {
        let id = self.handle.id.clone();
        Call::new(self.handle.api.clone(), async move |api, options| {
            api.read_status(options.for_run(id)).await
        })
    }

    /// Waits until the run has ended, and reads it: see [`Wait`].
    ///
    /// After a follow-up through this session it waits for the end of that turn, by the rules of a
    /// [`Turn`]. It knows nothing of a follow-up sent otherwise
    /// ([`Client::send_message`](crate::Client::send_message), another session, another program): then it may return the
    /// previous turn's answer.
    ///
    /// ```no_run
    /// # async fn example(session: dinoai::Session) -> dinoai::Result<()> {
    /// let run = session.wait().await?;
    /// println!("{}", run.answer().unwrap_or("no answer"));
    /// # Ok(())
    /// # }
    /// ```
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

    /// Sends a follow-up message and returns as soon as it is accepted.
    ///
    /// [`wait`](Self::wait), [`watch`](Self::watch) and [`tree`](Self::tree)`().until_ended()` then
    /// wait for its turn, and [`ask`](Self::ask) waits for it before it sends.
    ///
    /// The run is read before, to know the previous turn's end again, and on a session that has
    /// emitted nothing yet its steps are, too, if the backend knows them. The message is never sent
    /// twice, as with [`Client::send_message`](crate::Client::send_message). If this is dropped, or fails, before the message
    /// has left, the session is as before; dropped later, the message may have been sent, and its
    /// turn stays open.
    ///
    /// ```no_run
    /// # async fn example(session: dinoai::Session) -> dinoai::Result<()> {
    /// session.send("Now also check stg_customers.").await?;
    /// let run = session.wait().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`Client::send_message`](crate::Client::send_message) and, before anything is sent, for [`Client::get_run`](crate::Client::get_run).
    pub fn send(&self, message: impl Into<String>) -> Call<Accepted> {
        let (handle, message) = (self.handle.clone(), message.into());
        Call::new(self.handle.api.clone(), async move |_, options| {
            handle.send(message, options).await
        })
    }

    /// Sends a follow-up, as [`send`](Self::send) does, and watches its turn, within one timeout.
    ///
    /// [`Event::Sent`] comes first, then what [`watch`](Self::watch) emits.
    /// Nothing is sent until it is read. An error is its last item: see [`Watch`].
    ///
    /// A run that is still in progress takes the message at once, unlike with [`ask`](Self::ask), which
    /// waits until it is idle. The agent's answer to the message before is then emitted as well: before
    /// the echo of this message, or after it, where it looks like the answer to this one. And the end
    /// of the turn before can count as the end of this one.
    ///
    /// ```no_run
    /// # async fn example(session: dinoai::Session) -> dinoai::Result<()> {
    /// let mut events = session.send_and_watch("Now also check stg_customers.").events();
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
    ///
    /// Nothing is sent until the events are read. After a follow-up through this session they end
    /// with its turn.
    ///
    /// ```no_run
    /// # async fn example(session: dinoai::Session) -> dinoai::Result<()> {
    /// let mut events = session.watch().events();
    /// while let Some(event) = events.next().await {
    ///     println!("{:?}", event?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn watch(&self) -> Watch {
        Watch::new(self.handle.clone())
    }

    /// Stops the run.
    ///
    /// Stopping twice does no harm, so it is sent again like a read. A run that has ended stays as
    /// it ended.
    ///
    /// ```no_run
    /// # async fn example(session: dinoai::Session) -> dinoai::Result<()> {
    /// session.stop().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`Client::stop_run`](crate::Client::stop_run).
    pub fn stop(&self) -> Call<Accepted> {
        let handle = self.handle.clone();
        Call::new(self.handle.api.clone(), async move |_, options| {
            handle.stop(options).await
        })
    }

    /// Stops the run when the guard is dropped, at best: see [`StopOnDrop`].
    ///
    /// ```no_run
    /// # async fn example(session: dinoai::Session) -> dinoai::Result<()> {
    /// let guard = session.stop_on_drop();
    /// session.wait().await?; // An error here, or dropping this future, stops the run.
    /// guard.disarm();
    /// # Ok(())
    /// # }
    /// ```
    pub fn stop_on_drop(&self) -> StopOnDrop {
        StopOnDrop::new(self.handle.clone())
    }

    /// Where this session stands: what it has emitted, and which turn is open.
    ///
    /// Store it, and [`Client::resume`](crate::Client::resume) goes on without losing or repeating anything.
    ///
    /// ```no_run
    /// # async fn example(session: dinoai::Session) -> Result<(), Box<dyn std::error::Error>> {
    /// std::fs::write("session.json", serde_json::to_vec(&session.checkpoint())?)?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            session_id: self.handle.id.clone(),
            state: self.handle.state().clone(),
        }
    }
}

impl Events {
    /// The session of the run that is watched, with the events that were emitted so far.
    ///
    /// `None` before [`Event::Started`], for a watch that starts its run. Use it to stop the run,
    /// or to go on with the conversation after the watch.
    ///
    /// ```no_run
    /// use dinoai::{Client, TriggerRun};
    ///
    /// # async fn example(client: Client) -> dinoai::Result<()> {
    /// let watch = client.trigger_run_and_watch(TriggerRun::message("Which tests fail?"));
    /// let mut events = watch.events();
    /// while let Some(event) = events.next().await {
    ///     println!("{:?}", event?);
    /// }
    /// if let Some(session) = events.session() {
    ///     session.ask("Now fix the first one").await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn session(&self) -> Option<Session> {
        let handle = self.handle()?.clone();
        Some(Session::of(handle, self.warning.clone()))
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
