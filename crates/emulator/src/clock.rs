//! The emulator's clock: the only time that runs see. It can be moved forward, so that a day
//! takes no time in a test.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Time since the emulator's start, plus what it was moved forward by.
pub(crate) struct Clock {
    start: Instant,
    pace: Pace,
    advanced: Mutex<Duration>,
}

/// Whether time passes by itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Pace {
    #[default]
    Real,
    /// Only what the clock was moved forward by counts.
    Stopped,
}

impl Clock {
    pub(crate) fn new(pace: Pace) -> Self {
        Self {
            start: Instant::now(),
            pace,
            advanced: Mutex::default(),
        }
    }

    pub(crate) fn now(&self) -> Duration {
        let passed = match self.pace {
            Pace::Real => self.start.elapsed(),
            Pace::Stopped => Duration::ZERO,
        };
        let advanced = *self.advanced.lock().unwrap_or_else(PoisonError::into_inner);
        passed.saturating_add(advanced)
    }

    pub(crate) fn advance(&self, time: Duration) {
        let mut advanced = self.advanced.lock().unwrap_or_else(PoisonError::into_inner);
        *advanced = advanced.saturating_add(time);
    }
}
