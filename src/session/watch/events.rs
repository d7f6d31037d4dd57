//! [`Events`]: the stream of a [`Watch`].

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use futures_util::{StreamExt, stream};

#[cfg(doc)]
use super::super::Session;
use super::super::event::Event;
use super::super::handle::Handle;
use super::super::seen_messages::SeenMessages;
#[cfg(doc)]
use super::Watch;
use super::start::{Item, WatchStage, WatchStart, WatchSubject};
#[cfg(doc)]
use crate::error::Error;
use crate::error::Result;

/// A run's life as a stream of events, each exactly once.
///
/// Read it with its own [`next`](Self::next), or as a [`Stream`]. It polls only while it is
/// read. It emits what its session has not emitted yet, from the run's beginning if need be;
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
/// [`Session::send`], if the watch starts something; [`Error::WaitTimeout`] if the run has not
/// ended at the deadline, or could not be read; [`Error::TurnNotStarted`] after a follow-up; the others as in a
/// [wait](crate::Wait#failing-polls). Steps that cannot be read are no error: they are asked for
/// again at the next poll, and [`Event::StepsMissing`] says so if they are missing at the end.
#[must_use = "a stream does nothing until it is read"]
pub struct Events {
    subject: WatchSubject,
    /// What the API changed about the request that started the run.
    pub(in super::super) warning: Option<String>,
    /// The messages that its session had emitted before, and those that it has.
    emitted: SeenMessages,
    stream: StreamState,
}

/// Whether it has been read.
enum StreamState {
    Unread(Option<Box<WatchStart>>),
    Read(Pin<Box<dyn Stream<Item = Item> + Send>>),
}

impl Events {
    pub(super) fn new(start: WatchStart) -> Self {
        Self {
            subject: start.subject.clone(),
            warning: None,
            emitted: SeenMessages::default(),
            stream: StreamState::Unread(Some(Box::new(start))),
        }
    }

    /// The next event; `None` after the last one.
    ///
    /// May be dropped at any await: no event is lost.
    ///
    /// ```no_run
    /// # async fn example(session: dinoai::Session) -> dinoai::Result<()> {
    /// if let Some(event) = session.watch().events().next().await {
    ///     println!("{:?}", event?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn next(&mut self) -> Option<Result<Event>> {
        StreamExt::next(self).await
    }

    /// Whether reading on may start something.
    #[cfg(feature = "blocking")]
    pub(crate) fn starts(&self) -> bool {
        !matches!(self.subject, WatchSubject::Run(_))
    }

    pub(in super::super) fn handle(&self) -> Option<&Handle> {
        self.subject.handle()
    }

    /// Notes an event that is emitted.
    fn note(&mut self, event: &Event) {
        if let Event::Started(accepted) = event {
            self.warning = accepted.warning.clone();
        }
        let WatchSubject::Run(handle) = &self.subject else {
            return;
        };
        let mut state = handle.state();
        state.note(event);
        match event {
            Event::Message(message) => {
                // An ask beside this watch may have noted it as well.
                state.messages.note_with(&mut self.emitted, message);
            }
            Event::HistoryChanged(_) => self.emitted.note_change(),
            _ => {}
        }
    }
}

impl Stream for Events {
    type Item = Result<Event>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let events = self.get_mut();
        if let StreamState::Unread(unstarted) = &mut events.stream
            && let Some(unstarted) = unstarted.take()
        {
            let stage = WatchStage::begin(unstarted);
            // Fused, so that it may be read after its end.
            events.stream =
                StreamState::Read(Box::pin(stream::unfold(stage, WatchStage::next).fuse()));
        }
        let StreamState::Read(stream) = &mut events.stream else {
            return Poll::Ready(None);
        };
        let Some((first, event)) = ready!(stream.as_mut().poll_next(context)) else {
            return Poll::Ready(None);
        };
        if let Some((handle, emitted)) = first {
            events.subject = WatchSubject::Run(handle);
            events.emitted = emitted;
        }
        if let Ok(event) = &event {
            events.note(event);
        }
        Poll::Ready(Some(event))
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Events")
            .field("session_id", &self.handle().map(|handle| &handle.id))
            .finish_non_exhaustive()
    }
}
