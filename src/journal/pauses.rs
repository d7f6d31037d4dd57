//! [`Pauses`]: pauses before something is tried again.

use std::time::Duration;

/// The first pause; each next one is twice as long, up to the longest.
const FIRST: Duration = Duration::from_millis(20);
const LONGEST: Duration = Duration::from_secs(2);

/// Pauses that get longer.
pub(super) struct Pauses {
    next: Duration,
    longest: Duration,
    total: Duration,
}

impl Pauses {
    pub(super) fn new() -> Self {
        Self::up_to(LONGEST)
    }

    /// How long all of them were.
    pub(super) fn total(&self) -> Duration {
        self.total
    }

    pub(super) fn up_to(longest: Duration) -> Self {
        Self {
            next: FIRST,
            longest,
            total: Duration::ZERO,
        }
    }

    pub(super) fn next(&mut self) -> Duration {
        let pause = self.next;
        self.total += pause;
        self.next = (pause * 2).min(self.longest);
        pause
    }
}
