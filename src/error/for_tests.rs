//! Errors that a program has to tell apart, for its tests.

use std::time::Duration;

use super::{Awaited, Error, WaitTimeout};
use crate::model::{RunStatus, SessionId};

impl Error {
    /// An [`Error::OutcomeUnknown`] of a trigger, for a test.
    ///
    /// ```
    /// let error = dinoai::Error::new_outcome_unknown("connection reset");
    /// assert!(error.may_have_started() && !error.is_retryable());
    /// ```
    #[must_use]
    pub fn new_outcome_unknown(reason: impl Into<String>) -> Self {
        Self::lost("TriggerDinoaiAgentRun", reason.into())
    }

    /// An [`Error::WaitTimeout`] of a wait that had not started its run, for a test.
    ///
    /// ```
    /// use dinoai::{Error, RunStatus};
    ///
    /// # fn main() -> dinoai::Result<()> {
    /// let error = Error::new_wait_timeout("xwzdneft6emspe0f".parse()?, RunStatus::Running);
    /// assert!(error.session_id().is_some() && !error.may_have_started());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn new_wait_timeout(session_id: SessionId, last_status: RunStatus) -> Self {
        Self::WaitTimeout(Box::new(WaitTimeout {
            session_id,
            last_status: Some(last_status),
            elapsed: Duration::from_secs(3600),
            polls: 1,
            last_error: None,
            stopped: None,
            awaited: Awaited::Run,
            started: false,
        }))
    }

    /// An [`Error::TurnNotStarted`] of a follow-up that was accepted, for a test.
    ///
    /// ```
    /// # fn main() -> dinoai::Result<()> {
    /// let error = dinoai::Error::new_turn_not_started("xwzdneft6emspe0f".parse()?);
    /// assert!(error.may_have_started());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn new_turn_not_started(session_id: SessionId) -> Self {
        Self::TurnNotStarted {
            session_id,
            waited: Duration::from_secs(120),
            status: None,
            accepted: true,
            started: true,
        }
    }
}
