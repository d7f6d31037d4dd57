//! [`Streak`]: which failed polls a wait tolerates, and for how long.

use std::time::Duration;

use crate::error::{Error, RetryClass};

/// How long, and for how many polls, a wait tolerates a failure that may be permanent.
const DOUBTFUL_TIME: Duration = Duration::from_secs(120);
const DOUBTFUL_POLLS: u32 = 5;

/// The failures of polls since one succeeded.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Streak {
    /// When the first one that may be permanent happened, and how many there were.
    doubtful: Option<(Duration, u32)>,
}

impl Streak {
    /// Counts a failed poll, and says whether the wait goes on. `is_proven`: a poll, or the
    /// trigger, has succeeded before. `has_read`: a read has.
    pub(crate) fn tolerates(
        &mut self,
        error: &Error,
        now: Duration,
        is_proven: bool,
        has_read: bool,
    ) -> bool {
        match RetryClass::of(error) {
            _ if !is_proven => false,
            RetryClass::Transient => true,
            RetryClass::Refused if !has_read => false,
            RetryClass::Refused | RetryClass::Doubtful => {
                let (since, polls) = self.doubtful.get_or_insert((now, 0));
                *polls += 1;
                let has_lasted = now.saturating_sub(*since) >= DOUBTFUL_TIME;
                !(has_lasted && *polls >= DOUBTFUL_POLLS)
            }
            RetryClass::Final => false,
        }
    }
}
