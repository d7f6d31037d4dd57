//! [`Schedule`]: when a wait looks at a run next.

use std::time::Duration;

/// When to poll next.
///
/// The default is the one deliberate departure from the vendor's page, which polls every 10 s: a
/// short run is seen to end after a second, and a long one costs no more requests than it does
/// there. The end of a run is seen within a tenth of its length, or within a second: the time that the
/// request takes included, as long as that is below a 110th of the run.
///
/// | waited so far | next poll in about |
/// | --- | --- |
/// | up to 11 s | 1 s |
/// | 33 s | 3 s |
/// | 110 s and more | 10 s |
///
/// ```
/// use std::time::Duration;
/// use dinoai::Schedule;
///
/// let as_on_the_vendors_page = Schedule::every(Duration::from_secs(10));
/// assert_ne!(as_on_the_vendors_page, Schedule::default());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Schedule {
    fixed: Option<Duration>,
}

impl Schedule {
    const SHORTEST: Duration = Duration::from_secs(1);
    const LONGEST: Duration = Duration::from_secs(10);

    /// Polls often at first and less often later: the default.
    ///
    /// The pause is an eleventh of the time waited so far, less 0 to 20 % at random, so that many
    /// waits do not poll in step; at least 1 s and at most 10 s.
    ///
    /// ```
    /// use dinoai::Schedule;
    ///
    /// assert_eq!(Schedule::adaptive(), Schedule::default());
    /// ```
    #[must_use]
    pub fn adaptive() -> Self {
        Self::default()
    }

    /// Polls at the same interval each time.
    ///
    /// A wait among others may be taken along with their requests, up to half an interval early: see
    /// [`Waits`](crate::Waits).
    ///
    /// The vendor's page has 10 s. An interval of zero is [`Error::InvalidRequest`] when the wait
    /// begins.
    ///
    /// ```
    /// use std::time::Duration;
    /// use dinoai::{PollOptions, Schedule};
    ///
    /// let options = PollOptions::default().with_schedule(Schedule::every(Duration::from_secs(10)));
    /// ```
    ///
    /// [`Error::InvalidRequest`]: crate::Error::InvalidRequest
    #[must_use]
    pub fn every(interval: Duration) -> Self {
        Self {
            fixed: Some(interval),
        }
    }

    pub(crate) fn is_endless_loop(self) -> bool {
        self.fixed.is_some_and(|interval| interval.is_zero())
    }

    /// The pause before the next poll, after `waited`.
    pub(crate) fn pause(self, waited: Duration) -> Duration {
        self.fixed.unwrap_or_else(|| {
            // A tenth would be missed by the time that the request takes.
            let interval = (waited / 11).mul_f64(1.0 - 0.2 * fastrand::f64());
            interval.clamp(Self::SHORTEST, Self::LONGEST)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_is_an_eleventh_of_the_wait_less_up_to_a_fifth_and_within_bounds() {
        for (waited, shortest, longest) in [
            (0, 1.0, 1.0),
            (5, 1.0, 1.0),
            (33, 2.4, 3.0),
            (110, 8.0, 10.0),
            (86_400, 10.0, 10.0),
        ] {
            let waited = Duration::from_secs(waited);
            let pauses: Vec<f64> = (0..200)
                .map(|_| Schedule::adaptive().pause(waited).as_secs_f64())
                .collect();
            let within = |pause: &&f64| (shortest..=longest).contains(*pause);
            assert_eq!(pauses.iter().filter(within).count(), 200, "{waited:?}");
            let middle = f64::midpoint(shortest, longest);
            if shortest < longest {
                assert!(pauses.iter().any(|pause| *pause < middle), "{waited:?}");
                assert!(pauses.iter().any(|pause| *pause > middle), "{waited:?}");
            }
        }
    }

    /// A run ends just after it was looked at, and each request takes a 110th of it.
    #[test]
    fn the_end_is_seen_within_a_tenth_of_the_run_or_a_second() {
        let mut latest = 0.0_f64;
        for _ in 0..200 {
            let mut waited = 0.0;
            while waited < 3600.0 {
                let request = waited / 110.0;
                let pause = Schedule::adaptive().pause(Duration::from_secs_f64(waited));
                let seen = pause.as_secs_f64() + request;
                if waited >= 11.0 {
                    latest = latest.max(seen / waited);
                } else {
                    assert!(seen <= 1.0 + request, "{seen} after {waited}");
                }
                waited += pause.as_secs_f64();
            }
        }
        assert!(latest > 0.09 && latest <= 0.1 + 1e-9, "{latest}");
    }

    #[test]
    fn a_fixed_interval_is_exact() {
        let interval = Duration::from_millis(12_345);
        for waited in [0, 10, 10_000] {
            let pause = Schedule::every(interval).pause(Duration::from_secs(waited));
            assert_eq!(pause, interval);
        }
    }
}
