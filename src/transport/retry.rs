//! [`Retry`]: which failure is followed by another attempt, when, and how many.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};

#[cfg(doc)]
use crate::error::Error;

/// How often, and for how long, a call is tried.
///
/// | failure | read, stop | trigger, follow-up |
/// | --- | --- | --- |
/// | the body did not leave: no name, no connection, no TLS | again | again |
/// | a certificate is refused, a proxy asks for credentials | never | never |
/// | HTTP 429 | again, not before `Retry-After` | again, if the response held no session id and no value |
/// | a GraphQL error with a code that means 429 | again, not before `Retry-After` | never |
/// | 408, 425, 5xx with any body, a transient code, reset, timeout, cut body, a success that is not GraphQL | again | never: [`Error::OutcomeUnknown`] |
/// | anything else | never | never |
///
/// Between attempts the client pauses: a random part of 0.5 s, doubling up to 8 s ("full
/// jitter"). Set it on the client's builder where the numbers do not fit; what may be
/// sent again cannot be set.
///
/// ```
/// use std::time::Duration;
/// use dinoai::Retry;
///
/// let patient = Retry::default()
///     .with_attempts(8)
///     .with_call_timeout(Duration::from_secs(600));
/// let once = Retry::none();
/// # let _ = (patient, once);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Retry {
    attempts: u32,
    first_delay: Duration,
    longest_delay: Duration,
    longest_retry_after: Duration,
    call_timeout: Duration,
}

impl Default for Retry {
    /// 4 attempts, 0.5 s to 8 s apart; `Retry-After` up to 60 s; 2 minutes a call.
    fn default() -> Self {
        Self {
            attempts: 4,
            first_delay: Duration::from_millis(500),
            longest_delay: Duration::from_secs(8),
            longest_retry_after: Duration::from_secs(60),
            call_timeout: Duration::from_secs(120),
        }
    }
}

impl Retry {
    /// One attempt and no more, within the default 2 minutes.
    ///
    /// ```
    /// use dinoai::Retry;
    ///
    /// assert_eq!(Retry::none(), Retry::default().with_attempts(1));
    /// ```
    #[must_use]
    pub fn none() -> Self {
        Self::default().with_attempts(1)
    }

    /// Sets how often a call is tried at most, the first time included.
    ///
    /// 4 by default; 0 counts as 1.
    ///
    /// ```
    /// let retry = dinoai::Retry::default().with_attempts(8);
    /// ```
    #[must_use]
    pub fn with_attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }

    /// Sets the longest pause before the second attempt, and before any.
    ///
    /// 0.5 s and 8 s by default; in between it doubles from attempt to attempt. The pause itself is
    /// a random part of that.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let retry = dinoai::Retry::default().with_delays(Duration::from_secs(1), Duration::from_secs(30));
    /// ```
    #[must_use]
    pub fn with_delays(mut self, first: Duration, longest: Duration) -> Self {
        self.first_delay = first;
        self.longest_delay = longest;
        self
    }

    /// Sets the longest `Retry-After` that a call waits for.
    ///
    /// 60 s by default. If the server asks for more, the call ends with the error, which carries
    /// the delay: [`Error::retry_after`].
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let retry = dinoai::Retry::default().with_longest_retry_after(Duration::from_secs(300));
    /// ```
    #[must_use]
    pub fn with_longest_retry_after(mut self, longest: Duration) -> Self {
        self.longest_retry_after = longest;
        self
    }

    /// Sets the time that a call takes at most, all attempts and pauses included.
    ///
    /// 2 minutes by default. No attempt begins after it; a trigger or a follow-up that has left by
    /// then is still awaited as long as the request timeout says, since the session id is in its
    /// response.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let retry = dinoai::Retry::default().with_call_timeout(Duration::from_secs(600));
    /// ```
    #[must_use]
    pub fn with_call_timeout(mut self, timeout: Duration) -> Self {
        self.call_timeout = timeout;
        self
    }

    /// The longest pauses between attempts, one after the other.
    pub(crate) fn delays(&self) -> <ExponentialBuilder as BackoffBuilder>::Backoff {
        ExponentialBuilder::default()
            .with_min_delay(self.first_delay)
            .with_max_delay(self.longest_delay)
            .with_max_times(self.attempts.saturating_sub(1) as usize)
            .build()
    }

    pub(crate) fn attempts(&self) -> u32 {
        self.attempts
    }

    pub(crate) fn call_timeout(&self) -> Duration {
        self.call_timeout
    }

    pub(crate) fn longest_retry_after(&self) -> Duration {
        self.longest_retry_after
    }
}
