//! [`Watch`]: a run's life as a stream of [`Event`]s, each exactly once.
//!
//! Use it to show the work while it happens. To act on the result alone, a [wait](crate::wait)
//! costs less.
//!
//! ```no_run
//! use dinoai::{Event, Session};
//!
//! # async fn example(session: Session) -> dinoai::Result<()> {
//! let mut events = session.watch();
//! while let Some(event) = events.next().await {
//!     match event? {
//!         Event::Status(status) => println!("now {status}"),
//!         Event::Message(message) => println!("[{}] {}", message.role, message.content),
//!         Event::Ended(run) => println!("ended {}", run.status),
//!         _ => {}
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Each poll asks for a digest (status, and who wrote when); texts are fetched only when there
//! is something new. Failing polls are borne as in a [wait](crate::wait).

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;
use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};

use crate::cursor::{Cursor, MessageKey};
use crate::error::{Error, Result};
use crate::operations::Digest;
use crate::poll::{Pace, Polls};
use crate::run::{Message, Run, RunStatus, SessionId};
use crate::schedule::Schedule;
use crate::session::Handle;
use crate::steps::{StartupStep, Step, StepOptions};
use crate::turn::{GRACE_TIME, OpenTurn};
use crate::wait::OnTimeout;

/// Something that happened in a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", content = "data", rename_all = "camelCase")]
#[non_exhaustive]
pub enum Event {
    /// The run's status has changed, or is read for the first time.
    Status(RunStatus),
    /// A line of the start-up checklist is new, or done. Only with
    /// [`with_steps`](Watch::with_steps).
    Startup(StartupStep),
    /// The agent has made a step. Only with [`with_steps`](Watch::with_steps).
    Step(Step),
    /// A message is new, the caller's own included. The messages of one poll come in the order
    /// of their timestamps; one that shows up late comes when it is first seen.
    Message(Message),
    /// The run has started a run of its own; [`Client::session`](crate::Client::session) watches
    /// that.
    Child(SessionId),
    /// The run, or the turn after a follow-up, has ended, well or not; the last event.
    Ended(Run),
}

/// A run's life as a stream of events.
///
/// Read it with its own [`next`](Watch::next), or as a [`Stream`]. It polls only while it is
/// read. It gives what its session has not handed out yet, from the run's beginning if need be;
/// dropped at any time it loses nothing: another watch of the same session, or of
/// [`Client::resume`](crate::Client::resume) with its checkpoint, goes on where it stopped. One
/// session is watched by one watch at a time: two would both hand everything out.
///
/// # Errors
///
/// An error is the last item, but for [`Error::Unsupported`], which says once that the backend
/// knows no steps, where they were asked for; the other events go on. [`Error::WaitTimeout`]
/// where the run is still going at the timeout; [`Error::TurnNotStarted`] after a follow-up;
/// the others as in a [wait](crate::wait).
#[must_use = "a watch does nothing until it is read"]
pub struct Watch {
    handle: Handle,
    pace: Pace,
    steps: Option<StepOptions>,
    turn: Option<OpenTurn>,
    events: Option<Pin<Box<dyn Stream<Item = Result<Event>> + Send>>>,
}

impl Watch {
    pub(crate) fn new(handle: Handle) -> Self {
        Self {
            handle,
            pace: Pace::default(),
            steps: None,
            turn: None,
            events: None,
        }
    }

    /// Also gives the agent's steps and the start-up checklist; one more small request a poll,
    /// for new steps only. Not on the vendor's pages. Set it before the first event.
    pub fn with_steps(mut self, options: StepOptions) -> Self {
        self.steps = Some(options);
        self
    }

    /// How long to watch. 3600 s by default. Set it before the first event.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.pace.timeout = timeout;
        self
    }

    /// Polls at a fixed interval. Without it the interval adapts: see
    /// [`schedule`](crate::schedule). Set it before the first event.
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.pace.schedule = Schedule::every(interval);
        self
    }

    /// What to do with a run that is still going at the timeout: leave it, the default, or stop
    /// it. Set it before the first event.
    pub fn on_timeout(mut self, on_timeout: OnTimeout) -> Self {
        self.pace.on_timeout = on_timeout;
        self
    }

    /// The next event; `None` after the last one. May be dropped at any await: no event is lost.
    pub async fn next(&mut self) -> Option<Result<Event>> {
        StreamExt::next(self).await
    }

    fn start(&mut self) -> Pin<Box<dyn Stream<Item = Result<Event>> + Send>> {
        let cursor = self.handle.cursor().clone();
        self.turn = self.handle.open_turn();
        let start = self.handle.client.clock().now();
        let watcher = Watcher {
            turn: self.handle.open_turn(),
            seen: cursor,
            steps: self.steps,
            polls: self.handle.polls(start, self.pace),
            refused: self
                .pace
                .check()
                .and(self.steps.unwrap_or_default().check())
                .err(),
            outcome: None,
            has_ended: false,
            queue: VecDeque::new(),
        };
        let events = stream::unfold(watcher, async |mut watcher| {
            let event = watcher.next().await?;
            Some((event, watcher))
        });
        // Fused, so that it may be read after its end.
        Box::pin(events.fuse())
    }
}

impl Stream for Watch {
    type Item = Result<Event>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let watch = self.get_mut();
        if watch.events.is_none() {
            watch.events = Some(watch.start());
        }
        let Some(events) = &mut watch.events else {
            return Poll::Ready(None);
        };
        let event = ready!(events.as_mut().poll_next(context));
        if let Some(Ok(event)) = &event {
            watch.handle.cursor().note(event);
            if let (Event::Ended(_), Some(turn)) = (event, &watch.turn) {
                turn.close();
            }
        }
        Poll::Ready(event)
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Watch")
            .field("session_id", &self.handle.id)
            .field("pace", &self.pace)
            .field("steps", &self.steps)
            .finish_non_exhaustive()
    }
}

impl Cursor {
    /// Notes an event that is handed out.
    fn note(&mut self, event: &Event) {
        self.is_used = true;
        match event {
            Event::Status(status) => self.status = Some(status.clone()),
            Event::Startup(step) => {
                self.startup.insert(step.label.clone(), step.done);
            }
            Event::Step(step) => self.step = Some(step.index),
            Event::Message(message) => {
                self.messages.insert(MessageKey::of(message));
            }
            Event::Child(id) => {
                self.children.insert(id.clone());
            }
            Event::Ended(_) => {}
        }
    }
}

/// The poll loop of a watch.
struct Watcher {
    polls: Polls,
    turn: Option<OpenTurn>,
    steps: Option<StepOptions>,
    /// What was handed out before, and what stands in the queue.
    seen: Cursor,
    queue: VecDeque<Result<Event>>,
    /// Why there is nothing to watch.
    refused: Option<Error>,
    /// What came of the last poll, until the pause after it.
    outcome: Option<Result<()>>,
    has_ended: bool,
}

impl Watcher {
    async fn next(&mut self) -> Option<Result<Event>> {
        loop {
            if let Some(event) = self.queue.pop_front() {
                return Some(event);
            }
            if self.has_ended {
                return None;
            }
            if let Err(error) = self.pause().await {
                self.has_ended = true;
                return Some(Err(error));
            }
            self.outcome = Some(self.look().await);
        }
    }

    /// Pauses after a poll, if there was one.
    async fn pause(&mut self) -> Result<()> {
        if let Some(refused) = self.refused.take() {
            return Err(refused);
        }
        let Some(outcome) = self.outcome.take() else {
            return Ok(());
        };
        self.polls.pause_after(outcome).await?;
        match &self.turn {
            Some(turn) if !turn.is_alive() => {
                self.polls.check_grace(self.polls.elapsed(), GRACE_TIME)
            }
            _ => Ok(()),
        }
    }

    /// Looks once, and queues what is new.
    async fn look(&mut self) -> Result<()> {
        let terms = self.polls.begin();
        let digest = self.polls.client.read_digest(terms).await?;
        self.polls.read(&digest.status);
        if let Some(turn) = &mut self.turn {
            turn.note(&digest.status, &digest.messages);
        }
        let may_have_ended = self.is_end(&digest.status);
        if !digest.status.is_terminal() {
            self.queue_status(&digest.status);
        }
        self.look_at_steps(may_have_ended).await?;
        self.queue_children(&digest.child_session_ids);
        if !may_have_ended && !self.has_new_messages(&digest) {
            return Ok(());
        }

        let run = self.polls.client.read_run(self.polls.terms()).await?;
        if !run.status.is_terminal() {
            self.queue_status(&run.status);
        }
        self.queue_children(&run.child_session_ids);
        self.queue_messages(&run.messages);
        if may_have_ended && self.is_end(&run.status) {
            self.queue_status(&run.status);
            self.push(Event::Ended(run));
            self.has_ended = true;
        }
        Ok(())
    }

    fn is_end(&self, status: &RunStatus) -> bool {
        match &self.turn {
            Some(turn) => turn.has_ended(status),
            None => status.is_terminal(),
        }
    }

    fn has_new_messages(&self, digest: &Digest) -> bool {
        let is_new = |message| !self.seen.messages.contains(message);
        digest.messages.iter().any(is_new)
    }

    /// Queues new steps. A failure that may pass is left to the next poll, if there is one to
    /// come; any other is told once, and the watch goes on without steps.
    async fn look_at_steps(&mut self, is_last_poll: bool) -> Result<()> {
        let Some(options) = self.steps else {
            return Ok(());
        };
        let after = self.seen.step.or(options.after);
        let options = StepOptions { after, ..options };
        let read = self
            .polls
            .client
            .read_steps(options, self.polls.terms())
            .await;
        let read = match read {
            Ok(read) => read,
            Err(error) if error.is_temporary() && is_last_poll => return Err(error),
            Err(error) if error.is_temporary() => return Ok(()),
            Err(error) => {
                self.steps = None;
                self.queue.push_back(Err(error));
                return Ok(());
            }
        };
        for step in read.startup_steps.unwrap_or_default() {
            if self.seen.is_news(&step) {
                self.push(Event::Startup(step));
            }
        }
        let mut steps = read.steps.unwrap_or_default();
        steps.sort_by_key(|step| step.index);
        for step in steps {
            if self.seen.step.is_none_or(|last| step.index > last) {
                self.push(Event::Step(step));
            }
        }
        Ok(())
    }

    fn queue_status(&mut self, status: &RunStatus) {
        if self.seen.status.as_ref() != Some(status) {
            self.push(Event::Status(status.clone()));
        }
    }

    fn queue_children(&mut self, ids: &[SessionId]) {
        for id in ids {
            if !self.seen.children.contains(id) {
                self.push(Event::Child(id.clone()));
            }
        }
    }

    fn queue_messages(&mut self, messages: &[Message]) {
        let mut messages: Vec<_> = messages.iter().collect();
        messages.sort_by(|a, b| a.ts.total_cmp(&b.ts));
        for message in messages {
            if !self.seen.messages.contains(&MessageKey::of(message)) {
                self.push(Event::Message(message.clone()));
            }
        }
    }

    fn push(&mut self, event: Event) {
        self.seen.note(&event);
        self.queue.push_back(Ok(event));
    }
}
