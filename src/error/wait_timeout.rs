//! [`WaitTimeout`]: a wait that came to its timeout, and what it was waiting for.

use std::time::Duration;

use super::Error;
use crate::model::{RunStatus, SessionId};

/// A wait that came to its timeout, or whose run has stalled.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct WaitTimeout {
    /// The run.
    pub session_id: SessionId,
    /// The status that was read last; `None` if none could be read.
    pub last_status: Option<RunStatus>,
    /// How long was waited.
    pub elapsed: Duration,
    /// How often the status was asked for.
    pub polls: u32,
    /// Why the last poll failed, if it did.
    pub last_error: Option<Box<Error>>,
    /// The API's word on stopping the run, or why it could not be stopped; `None` if the run
    /// was left as it is.
    pub stopped: Option<Result<String, Box<Error>>>,
    /// For how long the run had shown no new step or message, if the wait has ended for that and not for its
    /// timeout: see [`Wait::stall`](crate::Wait::stall).
    pub stalled: Option<Duration>,
    /// What was waited for.
    pub(crate) awaited: Awaited,
    /// Whether the call that ends with this error has started the run, or the turn, itself.
    pub(crate) started: bool,
}

/// What a wait that came to its timeout was waiting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Awaited {
    /// The run's end.
    Run,
    /// The end of a turn that has shown activity.
    Turn,
    /// The first activity of a turn.
    Activity,
    /// An idle run: the end of what is in progress, before a follow-up is sent.
    Idle,
    /// The end of a run's descendants, after its own.
    Descendants,
}
