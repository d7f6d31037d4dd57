//! The emulator's clock: the only time that runs see. It can be moved forward, so that a day
//! takes no time in a test.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Time since the emulator's start, or since the latest reset, plus what it was moved forward by.
pub(crate) struct Clock {
    pace: Pace,
    begun: Mutex<Begun>,
}

/// Where the time is counted from.
struct Begun {
    start: Instant,
    advanced: Duration,
}

impl Begun {
    fn now() -> Self {
        Self {
            start: Instant::now(),
            advanced: Duration::ZERO,
        }
    }
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
            pace,
            begun: Mutex::new(Begun::now()),
        }
    }

    pub(crate) fn now(&self) -> Duration {
        let begun = self.begun();
        let passed = match self.pace {
            Pace::Real => begun.start.elapsed(),
            Pace::Stopped => Duration::ZERO,
        };
        passed.saturating_add(begun.advanced)
    }

    pub(crate) fn advance(&self, time: Duration) {
        let mut begun = self.begun();
        begun.advanced = begun.advanced.saturating_add(time);
    }

    /// Begins at zero again.
    pub(crate) fn reset(&self) {
        *self.begun() = Begun::now();
    }

    fn begun(&self) -> MutexGuard<'_, Begun> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
