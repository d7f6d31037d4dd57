//! [`Watch`]: a run's life as a stream of [`Event`]s, each exactly once.

mod opening;
mod watcher;

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;
use futures_util::{StreamExt, stream};

#[cfg(doc)]
use super::Session;
use super::event::Event;
use super::handle::Handle;
use super::seen_messages::SeenMessages;
#[cfg(doc)]
use crate::error::Error;
use crate::error::Result;
use crate::model::{SessionId, StepOptions, TriggerRun};
use crate::operations::Api;
use crate::polling::{OnOutage, OnTimeout, Outage, PollOptions, Schedule};
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
/// [wait](crate::Wait#failing-polls). Steps that cannot be read are no error: they are asked for
/// again at the next poll, and [`Event::StepsMissing`] says so if they are missing at the end.
#[must_use = "a watch does nothing until it is read"]
pub struct Watch {
    subject: Subject,
    /// What the API changed about the request that started the run.
    pub(super) warning: Option<String>,
    options: PollOptions,
    steps: Option<StepOptions>,
    on_outage: Option<Box<OnOutage>>,
    /// The messages that its session had emitted before, and those that it has.
    emitted: SeenMessages,
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
            options: PollOptions::default(),
            steps: None,
            on_outage: None,
            emitted: SeenMessages::default(),
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
        self.options.timeout = timeout;
        self
    }

    /// Poller at a fixed interval. Without it the interval adapts: see
    /// [`Schedule`](crate::Schedule). Set it before the first event.
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.options.schedule = Schedule::every(interval);
        self
    }

    /// What to do with a run that is still going at the timeout: leave it, the default, or stop
    /// it. Set it before the first event.
    pub fn on_timeout(mut self, on_timeout: OnTimeout) -> Self {
        self.options.on_timeout = on_timeout;
        self
    }

    /// Calls `on_outage` with the run's id and the [`Outage`] after each poll that fails and is
    /// [tolerated](crate::Wait#failing-polls), and with `None` after the next poll that is answered.
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

    /// Whether reading on may start something.
    #[cfg(feature = "blocking")]
    pub(crate) fn starts(&self) -> bool {
        !matches!(self.subject, Subject::Run(_))
    }

    pub(super) fn handle(&self) -> Option<&Handle> {
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
        let mut state = handle.state();
        state.note(event);
        if let Event::Message(message) = event {
            // An ask beside this watch may have noted it as well.
            self.emitted.note(message);
            state.messages.note_as(&self.emitted, message);
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
            options: self.options,
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
            .field("options", &self.options)
            .field("steps", &self.steps)
            .finish_non_exhaustive()
    }
}
