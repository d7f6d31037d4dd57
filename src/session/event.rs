//! [`Event`]: something that happened in a run.

use serde::{Deserialize, Serialize};

use crate::journal::EarlierRun;
use crate::model::{Accepted, Message, Run, RunStatus, SessionId, StartupStep, Step};

/// Something that happened in a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", content = "data", rename_all = "camelCase")]
#[non_exhaustive]
pub enum Event {
    /// The run has started: the first event of
    /// [`trigger_run_and_watch`](crate::Client::trigger_run_and_watch). Keep its session id.
    Started(Accepted),
    /// The run was started before, under the same key: the first event of
    /// [`StartOnce::watch`](crate::StartOnce::watch) then, in place of `Started`.
    Attached(SessionId),
    /// The run that the key stood for had failed, and another one is started in its place: just before
    /// `Started`, with [`Restart::Failed`](crate::journal::Restart::Failed).
    Restarted(EarlierRun),
    /// The follow-up is accepted: the first event of
    /// [`send_and_watch`](crate::Session::send_and_watch).
    Sent(Accepted),
    /// The run's status has changed, or is read for the first time.
    /// [`send_and_watch`](crate::Session::send_and_watch) emits it anew after its follow-up, also
    /// if it is the same as before.
    Status(RunStatus),
    /// A line of the start-up checklist is new, or done. Only with
    /// [`steps`](crate::Watch::steps).
    Startup(StartupStep),
    /// The agent has made a step. Only with [`steps`](crate::Watch::steps).
    Step(Step),
    /// A message is new, the caller's own included. The messages of one poll come in the order
    /// of their timestamps; one that shows up late comes when it is first seen.
    Message(Message),
    /// Old messages that are late can no longer be distinguished from those that the session has
    /// emitted: see [`HistoryChange`]. Emitted once.
    HistoryChanged(HistoryChange),
    /// The steps were asked for and could not be read, and why. Only with
    /// [`steps`](crate::Watch::steps): once if the backend knows no steps, else just before
    /// the end.
    StepsMissing(String),
    /// The run has started a run of its own; [`Client::session`](crate::Client::session) watches
    /// that.
    Child(SessionId),
    /// The run, or the turn after a follow-up, has ended, well or not; the last event.
    Ended(Run),
}

/// A change of what the API lists of a long conversation, far back.
///
/// A session knows the newest 1,000 messages one by one; of older ones it knows sums
/// ([`Checkpoint`](crate::Checkpoint)). While the API lists all of these, a message that is late by more
/// than that is found and emitted as any other. Once it does not (it has compacted the conversation, for
/// example), or more than 63 are late at once (sums of bounded size tell no more of them), late ones
/// cannot be distinguished from those that were emitted: nothing is repeated, and a late one may be missing. From then on that holds for each message
/// that is late by more than 1,000 others; a later change of the kind is not emitted again, also after a
/// [`resume`](crate::Client::resume). The newest 1,000 are not affected, unless more than 2,000 have one
/// timestamp and author.
/// [`Session::run`](crate::Session::run) reads what the API lists now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HistoryChange {
    /// The last timestamp that it is about, when it is emitted.
    pub until: f64,
    /// How many messages the session knew up to then.
    pub known: usize,
}

impl HistoryChange {
    /// A change for a test.
    ///
    /// ```
    /// let change = dinoai::HistoryChange::new(1714142436.0, 4000);
    /// assert_eq!(change.known, 4000);
    /// ```
    #[cfg(any(test, feature = "test-util"))]
    #[must_use]
    pub fn new(until: f64, known: usize) -> Self {
        Self { until, known }
    }
}
