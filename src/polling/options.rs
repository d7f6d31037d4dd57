//! [`PollOptions`]: how long to wait, how often to look, and what to do at the timeout.

use std::time::Duration;

use super::schedule::Schedule;
use crate::error::{Error, Result};

/// How long to wait, and how often to look.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PollOptions {
    pub(crate) timeout: Duration,
    pub(crate) schedule: Schedule,
    pub(crate) on_timeout: OnTimeout,
}

impl Default for PollOptions {
    /// An hour, as on the vendor's page.
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(3600),
            schedule: Schedule::default(),
            on_timeout: OnTimeout::default(),
        }
    }
}

impl PollOptions {
    pub(crate) fn check(&self) -> Result<()> {
        if self.timeout.is_zero() {
            return Err(Error::zero("timeout"));
        }
        if self.schedule.is_endless_loop() {
            return Err(Error::zero("poll interval"));
        }
        Ok(())
    }
}

/// What a wait does at its timeout with a run that is still going.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OnTimeout {
    /// Leaves it as it is.
    #[default]
    Leave,
    /// Stops it, as [`Client::stop_run`](crate::Client::stop_run) does; that call comes after the timeout, and takes as
    /// long as any call. [`WaitTimeout::stopped`](crate::error::WaitTimeout::stopped) says what
    /// came of it.
    Stop,
}
