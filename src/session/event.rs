//! [`Event`]: something that happened in a run.

use serde::{Deserialize, Serialize};

use crate::model::{Accepted, Message, Run, RunStatus, SessionId, StartupStep, Step};

/// Something that happened in a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", content = "data", rename_all = "camelCase")]
#[non_exhaustive]
pub enum Event {
    /// The run has started: the first event of
    /// [`trigger_run_and_watch`](crate::Client::trigger_run_and_watch). Keep its session id.
    Started(Accepted),
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
