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
//! [`Client::trigger_run_and_watch`](crate::Client::trigger_run_and_watch) starts the run as well,
//! [`Session::send_and_watch`](crate::Session::send_and_watch) sends a follow-up.
//!
//! Each poll asks for a digest (status, and who wrote when); texts are fetched only when there
//! is something new, and steps, if they are asked for, after that, since they are optional. Failing polls are tolerated as in a [wait](crate::wait#failing-polls).

mod event;
mod opening;

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;
use futures_util::{StreamExt, stream};

use crate::cursor::Cursor;
use crate::error::{Error, Result};
use crate::model::{Message, Run, RunStatus, SessionId, StepOptions, TriggerRun};
use crate::operations::Api;
use crate::outage::{OnOutage, Outage};
use crate::poll::{LAST_LOOK, Pace, Polls};
use crate::schedule::Schedule;
use crate::seen::Seen;
use crate::session::{Handle, Session};
use crate::transport::CallOptions;
use crate::turn::{GRACE_TIME, Tracked};
use crate::wait::OnTimeout;
pub use event::Event;
use opening::{Item, Opening, Stage, Subject};

/// A run's life as a stream of events.
///
/// Read it with its own [`next`](Watch::next), or as a [`Stream`]. It polls only while it is
/// read. It yields what its session has not emitted yet, from the run's beginning if need be;
/// dropped at any time it loses nothing: another watch of the same session, or of
/// [`Client::resume`](crate::Client::resume) with its checkpoint, goes on where it stopped. One
/// session is watched by one watch at a time: two would both emit everything.
///
/// One that starts its run, or sends a follow-up, does that when it is first read. Dropped before
/// the request has left it starts nothing, then or later; dropped before the response is here the
/// run may start, and nobody learns its id: read it up to its first event.
///
/// # Errors
///
/// An error is the last item: those of [`Client::trigger_run`](crate::Client::trigger_run) or
/// [`Session::send`], if the watch starts something; [`Error::WaitTimeout`] if the run is still
/// going at the timeout; [`Error::TurnNotStarted`] after a follow-up; the others as in a
/// [wait](crate::wait#failing-polls). Steps that cannot be read are no error: they are asked for
/// again at the next poll, and [`Event::StepsMissing`] says so if they are missing at the end.
#[must_use = "a watch does nothing until it is read"]
pub struct Watch {
    subject: Subject,
    /// What the API changed about the request that started the run.
    warning: Option<String>,
    pace: Pace,
    steps: Option<StepOptions>,
    on_outage: Option<Box<OnOutage>>,
    /// The messages that its session had emitted before, and those that it has.
    emitted: Seen,
    events: Option<Pin<Box<dyn Stream<Item = Item> + Send>>>,
}

impl Watch {
    pub(crate) fn new(handle: Handle) -> Self {
        Self::of(Subject::Run(handle))
    }

    pub(crate) fn for_new(api: Api, request: TriggerRun) -> Self {
        Self::of(Subject::New(api, request))
    }

    pub(crate) fn for_follow_up(handle: Handle, message: String) -> Self {
        Self::of(Subject::FollowUp(handle, message))
    }

    fn of(subject: Subject) -> Self {
        Self {
            subject,
            warning: None,
            pace: Pace::default(),
            steps: None,
            on_outage: None,
            emitted: Seen::default(),
            events: None,
        }
    }

    /// Also gives the agent's steps and the start-up checklist; one more small request a poll,
    /// for new steps only. Not on the vendor's pages. Set it before the first event.
    pub fn with_steps(mut self, options: StepOptions) -> Self {
        self.steps = Some(options);
        self
    }

    /// How long to watch, a trigger or a follow-up of its own counted. 3600 s by default. Such a
    /// request that has left is not cut off by it: its response is awaited as long as the request
    /// timeout says, then the run is looked at once, and [`Error::WaitTimeout`] has the id. Set it
    /// before the first event.
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

    /// Calls `on_outage` with the run's id and the [`Outage`] after each poll that fails and is
    /// [tolerated](crate::wait#failing-polls), and with `None` after the next poll that is answered.
    /// It is called while the watch is read, between two events. Set it before the first event.
    ///
    /// ```no_run
    /// # async fn example(session: dinoai::Session) -> dinoai::Result<()> {
    /// let mut events = session.watch().on_outage(|_, outage| match outage {
    ///     Some(outage) => eprintln!("no usable answer for {:.0?}", outage.lasted),
    ///     None => eprintln!("answered again"),
    /// });
    /// while let Some(event) = events.next().await {
    ///     println!("{:?}", event?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_outage(
        mut self,
        on_outage: impl FnMut(&SessionId, Option<&Outage>) + Send + 'static,
    ) -> Self {
        self.on_outage = Some(Box::new(on_outage));
        self
    }

    /// The next event; `None` after the last one. May be dropped at any await: no event is lost.
    pub async fn next(&mut self) -> Option<Result<Event>> {
        StreamExt::next(self).await
    }

    /// The session of its run, with the events that were emitted so far; `None` before
    /// [`Event::Started`], for a watch that starts its run. To stop the run, or to go on with the
    /// conversation after the watch.
    ///
    /// ```no_run
    /// use dinoai::{Client, TriggerRun};
    ///
    /// # async fn example(client: Client) -> dinoai::Result<()> {
    /// let mut events = client.trigger_run_and_watch(TriggerRun::message("Which tests fail?"));
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

    /// Whether reading on may start something.
    #[cfg(feature = "blocking")]
    pub(crate) fn starts(&self) -> bool {
        !matches!(self.subject, Subject::Run(_))
    }

    fn handle(&self) -> Option<&Handle> {
        match &self.subject {
            Subject::Run(handle) | Subject::FollowUp(handle, _) => Some(handle),
            Subject::New(..) => None,
        }
    }

    /// Notes an event that is emitted.
    fn note(&mut self, event: &Event) {
        if let Event::Started(accepted) = event {
            self.warning = accepted.warning.clone();
        }
        let Subject::Run(handle) = &self.subject else {
            return;
        };
        let mut cursor = handle.cursor();
        cursor.note(event);
        if let Event::Message(message) = event {
            // An ask beside this watch may have noted it as well.
            self.emitted.note(message);
            cursor.messages.note_as(&self.emitted, message);
        }
    }

    fn start(&mut self) -> Pin<Box<dyn Stream<Item = Item> + Send>> {
        let api = match &self.subject {
            Subject::Run(handle) | Subject::FollowUp(handle, _) => &handle.api,
            Subject::New(api, _) => api,
        };
        let stage = Stage::Opening(Box::new(Opening {
            start: api.clock().now(),
            subject: self.subject.clone(),
            pace: self.pace,
            steps: self.steps,
            on_outage: self.on_outage.take(),
        }));
        // Fused, so that it may be read after its end.
        Box::pin(stream::unfold(stage, Stage::next).fuse())
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
        let Some((first, event)) = ready!(events.as_mut().poll_next(context)) else {
            return Poll::Ready(None);
        };
        if let Some((handle, emitted)) = first {
            watch.subject = Subject::Run(handle);
            watch.emitted = emitted;
        }
        if let Ok(event) = &event {
            watch.note(event);
        }
        Poll::Ready(Some(event))
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Watch")
            .field("session_id", &self.handle().map(|handle| &handle.id))
            .field("pace", &self.pace)
            .field("steps", &self.steps)
            .finish_non_exhaustive()
    }
}

/// The poll loop of a watch.
struct Watcher {
    handle: Handle,
    polls: Polls,
    turn: Tracked,
    steps: Option<StepOptions>,
    /// What was emitted before, and what stands in the queue.
    seen: Cursor,
    queue: VecDeque<Result<Event>>,
    /// What came of the last poll, until the pause after it.
    outcome: Option<Result<()>>,
    /// Whether this poll has still to look at the steps.
    are_steps_due: bool,
    /// The run that has ended, while its last steps and its end are still to be queued.
    ending: Option<Run>,
    has_ended: bool,
}

impl Watcher {
    fn new(handle: Handle, polls: Polls, steps: Option<StepOptions>) -> Self {
        let seen = handle.cursor().clone();
        Self {
            seen,
            turn: Tracked::of(handle.clone()),
            handle,
            polls,
            steps,
            queue: VecDeque::new(),
            outcome: None,
            are_steps_due: false,
            ending: None,
            has_ended: false,
        }
    }

    async fn next(&mut self) -> Option<Result<Event>> {
        loop {
            if let Some(event) = self.queue.pop_front() {
                if let Ok(Event::Ended(_)) = event {
                    self.turn.close();
                }
                return Some(event);
            }
            if self.has_ended {
                return None;
            }
            // After what is required has been emitted, so that it is not delayed.
            if let Some(run) = self.ending.take() {
                self.end(run).await;
                continue;
            }
            if std::mem::take(&mut self.are_steps_due) && !self.polls.is_at_the_deadline() {
                self.look_at_steps().await;
                continue;
            }
            if let Err(error) = self.pause().await {
                self.has_ended = true;
                return Some(Err(error));
            }
            self.turn.refresh(&mut self.polls);
            let looked = self.look().await;
            if looked.is_err() {
                self.turn.failed();
            }
            self.polls.looked(&looked);
            self.outcome = Some(looked);
        }
    }

    /// Pauses after a poll, if there was one.
    async fn pause(&mut self) -> Result<()> {
        let Some(outcome) = self.outcome.take() else {
            return Ok(());
        };
        if outcome.is_ok() {
            self.turn.check_grace(&self.polls, GRACE_TIME)?;
        }
        self.polls.pause_after(outcome, self.turn.awaited()).await
    }

    /// Looks once, and queues what is new.
    async fn look(&mut self) -> Result<()> {
        let call = self.polls.begin();
        let digest = self.polls.api.read_digest(call).await?;
        let now = self.polls.now();
        self.turn.note(&digest.status, &digest.messages, now);
        let may_have_ended = self.turn.has_ended(&digest.status);
        let may_be_over = self.turn.may_have_ended(&digest.status);
        self.polls.read(&digest.status, may_be_over);
        if !digest.status.is_terminal() {
            self.queue_status(&digest.status);
        }
        if !may_have_ended {
            self.are_steps_due = true;
            self.queue_children(&digest.child_session_ids);
            if self.seen.messages.has_news(&digest.messages) {
                let run = self.polls.api.read_run(self.polls.call_options()).await?;
                self.queue_run(run.status, &run.child_session_ids, run.messages);
            }
            return Ok(());
        }

        let run = self.polls.api.read_run(self.polls.call_options()).await?;
        // Another follow-up may have woken it in between.
        let has_ended = self.turn.has_ended(&run.status);
        self.polls.read_whole(&run.status);
        let messages = run.messages.clone();
        self.queue_run(run.status.clone(), &run.child_session_ids, messages);
        self.ending = has_ended.then_some(run);
        Ok(())
    }

    /// Queues the last steps, and the end.
    async fn end(&mut self, run: Run) {
        let missing = self.take_last_steps().await;
        self.queue_status(&run.status);
        if let Some(reason) = missing {
            self.push(Event::StepsMissing(reason));
        }
        self.push(Event::Ended(run));
        self.has_ended = true;
    }

    /// Queues new steps. A failure is left to the next poll: what is optional neither ends nor
    /// delays what is required.
    async fn look_at_steps(&mut self) {
        let mut call = self.polls.call_options();
        let soon = self.polls.now().saturating_add(LAST_LOOK);
        call.deadline = call.deadline.map(|deadline| deadline.min(soon));
        call.overrun = Duration::ZERO;
        call.once = true;
        if let Some(Err(error)) = self.read_steps(call).await {
            if let Error::Unsupported { .. } = error {
                self.steps = None;
                self.push(Event::StepsMissing(error.to_string()));
            } else {
                tracing::debug!(%error, "steps could not be read");
            }
        }
    }

    /// Queues the last steps, tried as any call; or says why they are missing.
    async fn take_last_steps(&mut self) -> Option<String> {
        let call = CallOptions {
            once: false,
            ..self.polls.call_options()
        };
        match self.read_steps(call).await? {
            Ok(true) => None,
            Ok(false) => Some("the API answered without them".to_owned()),
            Err(error) => Some(error.to_string()),
        }
    }

    /// Reads and queues new steps: whether the API could read them. `None` if they are not asked
    /// for.
    async fn read_steps(&mut self, call: CallOptions) -> Option<Result<bool>> {
        let options = self.steps?;
        let after = self.seen.step.or(options.after);
        let options = StepOptions { after, ..options };
        let read = match self.polls.api.read_steps(options, call).await {
            Ok(read) => read,
            Err(error) => return Some(Err(error)),
        };
        for step in read.startup_steps.unwrap_or_default() {
            if self.seen.is_news(&step) {
                self.push(Event::Startup(step));
            }
        }
        let could_be_read = read.steps.is_some();
        let mut steps = read.steps.unwrap_or_default();
        steps.sort_by_key(|step| step.index);
        for step in steps {
            if self.seen.step.is_none_or(|last| step.index > last) {
                self.push(Event::Step(step));
            }
        }
        Some(Ok(could_be_read))
    }

    fn queue_run(&mut self, status: RunStatus, children: &[SessionId], messages: Vec<Message>) {
        if !status.is_terminal() {
            self.queue_status(&status);
        }
        self.queue_children(children);
        for message in self.seen.messages.take_new(messages) {
            self.queue.push_back(Ok(Event::Message(message)));
        }
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

    fn push(&mut self, event: Event) {
        self.seen.note(&event);
        self.queue.push_back(Ok(event));
    }
}
