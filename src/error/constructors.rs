//! Errors that several modules make.

use std::sync::Arc;

use super::{Error, FailedCall, Obstacle};
use crate::model::{InvalidSessionId, SessionId};

impl From<InvalidSessionId> for Error {
    fn from(_: InvalidSessionId) -> Self {
        Self::blank("session id")
    }
}

impl Error {
    pub(crate) fn blank(field: &'static str) -> Self {
        Self::InvalidRequest {
            field,
            problem: "is blank".to_owned(),
        }
    }

    pub(crate) fn zero(field: &'static str) -> Self {
        Self::InvalidRequest {
            field,
            problem: "is zero".to_owned(),
        }
    }

    pub(crate) fn config(setting: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::InvalidConfig {
            setting: setting.into(),
            problem: problem.into(),
        }
    }

    /// A call that is about a workspace's runs, by a client whose credentials leave the workspace
    /// open.
    pub(crate) fn workspace_missing() -> Self {
        Self::config(
            "workspace uid",
            "is missing: nothing was sent, since this call needs a workspace and a company token is \
             for several: name one with Client::with_workspace or ClientBuilder::workspace; \
             Client::list_workspaces says which there are",
        )
    }

    /// The same error for one of several runs that it concerns.
    pub(crate) fn for_run(&self, session_id: &SessionId, started: bool) -> Self {
        let mut error = self.clone();
        if let Some(call) = error.call_mut() {
            call.session_id = Some(session_id.clone());
            call.after_start = started;
        }
        error
    }

    /// A request that cannot be sent, since there is no runtime of tokio to send it in.
    pub(crate) fn outside_of_tokio(call: FailedCall) -> Self {
        Self::NotSent {
            call: Box::new(call),
            obstacle: Obstacle::Connection,
            source: Arc::new(std::io::Error::other(
                "it is awaited outside of a tokio runtime",
            )),
        }
    }

    /// A poll that was not sent, since the task that sends it ends in this runtime.
    pub(crate) fn unusable_runtime(call: FailedCall) -> Self {
        Self::NotSent {
            call: Box::new(call),
            obstacle: Obstacle::Connection,
            source: Arc::new(std::io::Error::other(
                "its tokio runtime has no timers (call enable_all when you build it), or is shutting down",
            )),
        }
    }

    /// A trigger or a follow-up that was not sent, since its client is closed.
    pub(crate) fn closed(call: FailedCall) -> Self {
        Self::NotSent {
            call: Box::new(call),
            obstacle: Obstacle::Closed,
            source: Arc::new(std::io::Error::other("the client is closed")),
        }
    }

    /// What was sending this is gone, so nobody knows how far it came.
    pub(crate) fn lost(call: FailedCall, reason: String) -> Self {
        Self::OutcomeUnknown {
            call: Box::new(FailedCall {
                maybe_executed: true,
                ..call
            }),
            reason,
            errors: vec![],
            source: None,
        }
    }
}
