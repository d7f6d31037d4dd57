//! [`Tolerance`]: which failed polls a wait tolerates, and for how long.

use std::time::Duration;

use crate::error::{Error, RetryClass};

/// How long, and for how many polls, a wait tolerates a failure that may be permanent.
const MAYBE_PERMANENT_TIME: Duration = Duration::from_secs(120);
const MAYBE_PERMANENT_POLLS: u32 = 5;

/// What the failures of polls since one succeeded leave of a wait's patience.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tolerance {
    /// When the first one that may be permanent happened, and how many there were.
    maybe_permanent: Option<(Duration, u32)>,
}

impl Tolerance {
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
            RetryClass::Refused | RetryClass::MaybePermanent => {
                let (since, polls) = self.maybe_permanent.get_or_insert((now, 0));
                *polls += 1;
                let has_lasted = now.saturating_sub(*since) >= MAYBE_PERMANENT_TIME;
                !(has_lasted && *polls >= MAYBE_PERMANENT_POLLS)
            }
            RetryClass::Final => false,
        }
    }
}
