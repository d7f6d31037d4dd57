//! [`Watch`]: how a run is watched, and [`Events`]: the stream that it makes.

mod events;
mod start;
mod transcript_reads;
mod watcher;

use std::fmt;

#[cfg(doc)]
use super::Session;
use super::handle::Handle;
use crate::journal::{Keyed, OnUnrecorded};
use crate::model::{Accepted, SessionId, StepOptions, TriggerRun};
use crate::operations::Api;
use crate::polling::{PollOptions, grace_period_setter, outage_setter, poll_setters, stall_setter};
use start::{Hooks, WatchStart, WatchSubject};

pub use events::Events;

/// How a run is watched: set it up, then read its [`events`](Self::events).
///
/// Made by [`Session::watch`], [`Session::send_and_watch`] and
/// [`Client::trigger_run_and_watch`](crate::Client::trigger_run_and_watch). To act on the result
/// alone, a [`Wait`](crate::Wait) costs less. Each poll asks for a digest (status, and who wrote
/// when); texts are fetched only when there is something new, and steps, if they are asked for,
/// after that, since they are optional. The API has no part of a transcript to fetch: once its texts
/// have over 1 MB it is fetched every 10 s at most, and at once at the end.
///
/// ```no_run
/// use std::time::Duration;
/// use dinoai::{Event, StepOptions};
///
/// # async fn example(session: dinoai::Session) -> dinoai::Result<()> {
/// let watch = session.watch().steps(StepOptions::default()).timeout(Duration::from_secs(600));
/// let mut events = watch.events();
/// while let Some(event) = events.next().await {
///     match event? {
///         Event::Status(status) => println!("now {status}"),
///         Event::Message(message) => println!("[{}] {}", message.role, message.content),
///         Event::Ended(run) => println!("ended {}", run.status),
///         _ => {}
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "a watch does nothing until its events are read"]
pub struct Watch {
    subject: WatchSubject,
    options: PollOptions,
    steps: Option<StepOptions>,
    reads_at_end: bool,
    hooks: Hooks,
}

impl Watch {
    pub(crate) fn new(handle: Handle) -> Self {
        Self::of(WatchSubject::Run(handle))
    }

    pub(crate) fn for_new(api: Api, request: TriggerRun) -> Self {
        Self::of(WatchSubject::New(api, request))
    }

    pub(crate) fn for_follow_up(handle: Handle, message: String) -> Self {
        Self::of(WatchSubject::FollowUp(handle, message))
    }

    pub(crate) fn for_key(keyed: Keyed, on_unrecorded: Option<Box<OnUnrecorded>>) -> Self {
        let mut watch = Self::of(WatchSubject::Once(Box::new(keyed)));
        watch.hooks.on_unrecorded = on_unrecorded;
        watch
    }

    fn of(subject: WatchSubject) -> Self {
        Self {
            subject,
            options: PollOptions::default(),
            steps: None,
            reads_at_end: false,
            hooks: Hooks::default(),
        }
    }

    /// Also emits the agent's steps and the start-up checklist; one more small request a poll, for
    /// new steps only.
    ///
    /// Not on the vendor's pages.
    ///
    /// ```no_run
    /// # fn example(session: dinoai::Session) {
    /// let watch = session.watch().steps(dinoai::StepOptions::default());
    /// # let _ = watch;
    /// # }
    /// ```
    pub fn steps(mut self, options: StepOptions) -> Self {
        self.steps = Some(options);
        self
    }

    /// Leaves messages and child runs to the end: until then a poll asks for the status alone.
    ///
    /// For who shows the status while a run is in progress, and the conversation when it is over.
    /// Such a watch costs what a [`Wait`](crate::Wait) does. It emits what the API lists at the end:
    /// a message that the transcript has lost by then is not emitted. One that ends before its run
    /// does has emitted no messages; another watch of the same session emits them.
    ///
    /// ```no_run
    /// # fn example(session: dinoai::Session) {
    /// let watch = session.watch().messages_at_end();
    /// # let _ = watch;
    /// # }
    /// ```
    pub fn messages_at_end(mut self) -> Self {
        self.reads_at_end = true;
        self
    }

    poll_setters!(" for the end", "session.watch()");
    grace_period_setter!("session.watch()");
    stall_setter!("session.watch()");

    /// Calls `on_started` with the session id as soon as the run is accepted, before its first
    /// event.
    ///
    /// Store it there, and a restart of your program need not start the run again. A watch of a run
    /// that was started before calls it when it is first read; one that sends a follow-up does not.
    ///
    /// ```no_run
    /// # fn example(client: dinoai::Client) {
    /// let watch = client.trigger_run_and_watch(dinoai::TriggerRun::agent("checker"));
    /// let events = watch.on_started(|id| eprintln!("started {id}")).events();
    /// # let _ = events;
    /// # }
    /// ```
    pub fn on_started(mut self, on_started: impl FnOnce(&SessionId) + Send + 'static) -> Self {
        self.hooks.on_started = Some(Box::new(on_started));
        self
    }

    /// Calls `on_accepted` with the API's response to the trigger, or to the follow-up.
    ///
    /// Before the first event; a watch that starts nothing never calls it.
    ///
    /// ```no_run
    /// # fn example(session: dinoai::Session) {
    /// let watch = session.send_and_watch("Now fix the first one");
    /// let events = watch.on_accepted(|accepted| eprintln!("{}", accepted.status)).events();
    /// # let _ = events;
    /// # }
    /// ```
    pub fn on_accepted(mut self, on_accepted: impl FnOnce(&Accepted) + Send + 'static) -> Self {
        self.hooks.on_accepted = Some(Box::new(on_accepted));
        self
    }

    outage_setter!(hooks.on_outage, "session.watch()");

    /// The events, as a stream.
    ///
    /// Nothing is sent until it is read.
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
    pub fn events(self) -> Events {
        let Self {
            subject,
            options,
            steps,
            reads_at_end,
            hooks,
        } = self;
        Events::new(WatchStart {
            subject,
            options,
            steps,
            reads_at_end,
            hooks,
        })
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Watch")
            .field(
                "session_id",
                &self.subject.handle().map(|handle| &handle.id),
            )
            .field("options", &self.options)
            .field("steps", &self.steps)
            .field("messages_at_end", &self.reads_at_end)
            .finish_non_exhaustive()
    }
}
