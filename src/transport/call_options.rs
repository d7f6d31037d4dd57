//! [`CallOptions`]: what one call is about, and how it is made.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::body::BodyLeft;
use super::retry::Retry;
use crate::model::SessionId;
use crate::time::BootTime;

/// What one call is about, and how it is made.
#[derive(Debug, Clone, Default)]
pub(crate) struct CallOptions {
    /// The run that it is about.
    pub(crate) session_id: Option<SessionId>,
    /// When it has to be over, by the clock: no attempt begins after it. A trigger or a
    /// follow-up that has left is not cut off by it.
    pub(crate) deadline: Option<Duration>,
    /// How often it is tried, in place of what the client says.
    pub(crate) retry: Option<Retry>,
    /// How long an attempt that is in flight at the deadline may go on.
    pub(crate) overrun: Duration,
    /// One attempt, where the caller's own loop is the retry.
    pub(crate) once: bool,
    /// Whether HTTP 429 is the caller's to wait out.
    pub(crate) returns_rate_limits: bool,
    /// Whether the wait that makes this call has started the run, or the turn, itself.
    pub(crate) after_start: bool,
    /// Once it is cancelled, the body does not leave any more.
    pub(crate) closed: Option<CancellationToken>,
    /// From when on the body does not leave any more, even if the machine was suspended until then.
    pub(crate) leaves_before: Option<BootTime>,
    /// Where to note that the body has left.
    pub(crate) body_left: Option<BodyLeft>,
}

impl CallOptions {
    /// The same about this run.
    pub(crate) fn for_run(self, id: SessionId) -> Self {
        Self {
            session_id: Some(id),
            ..self
        }
    }

    pub(crate) fn id(&self) -> String {
        let id = self.session_id.as_ref();
        id.map(ToString::to_string).unwrap_or_default()
    }
}
