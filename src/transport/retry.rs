//! [`Retry`]: which failure is followed by another attempt, when, and how many a client may spend.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use futures_util::future::{Either, select};

use super::call_options::CallOptions;
use super::exchange::Limits;
use super::operation::RetrySafety;
use crate::error::Error;
use crate::time::Clock;

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
    #[must_use]
    pub fn none() -> Self {
        Self::default().with_attempts(1)
    }

    /// How often a call is tried at most, the first time counted. 4 by default; 0 counts as 1.
    #[must_use]
    pub fn with_attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }

    /// The longest pause before the second attempt, and before any. 0.5 s and 8 s by default;
    /// in between it doubles from attempt to attempt. The pause itself is a random part of that.
    #[must_use]
    pub fn with_delays(mut self, first: Duration, longest: Duration) -> Self {
        self.first_delay = first;
        self.longest_delay = longest;
        self
    }

    /// The longest `Retry-After` that a call waits for, 60 s by default. Where the server asks
    /// for more the call ends with the error, which carries the delay.
    #[must_use]
    pub fn with_longest_retry_after(mut self, longest: Duration) -> Self {
        self.longest_retry_after = longest;
        self
    }

    /// The time that a call takes at most, all attempts and pauses counted. 2 minutes by
    /// default. No attempt begins after it; a trigger or a follow-up that has left by then is
    /// still awaited as long as the request timeout says, since the session id is in its
    /// response.
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

    pub(crate) fn call_timeout(&self) -> Duration {
        self.call_timeout
    }

    pub(crate) fn longest_retry_after(&self) -> Duration {
        self.longest_retry_after
    }
}

/// The attempts of one call.
pub(crate) struct Attempts<'a> {
    retry: &'a Retry,
    budget: &'a RetryBudget,
    clock: &'a dyn Clock,
    options: &'a CallOptions,
    /// When the call's own timeout ends.
    end: Duration,
    delays: <ExponentialBuilder as BackoffBuilder>::Backoff,
    number: u32,
}

impl<'a> Attempts<'a> {
    /// The call's timeout counts from now.
    pub(crate) fn new(
        retry: &'a Retry,
        budget: &'a RetryBudget,
        clock: &'a dyn Clock,
        options: &'a CallOptions,
    ) -> Self {
        Self {
            retry,
            budget,
            clock,
            options,
            end: clock.now().saturating_add(retry.call_timeout),
            delays: retry.delays(),
            number: 1,
        }
    }

    /// The number of the attempt that is due, counted from 1.
    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    /// How long it may take.
    pub(crate) fn limits(&self, safety: RetrySafety) -> Limits<'a> {
        let call = self.end.saturating_sub(self.clock.now());
        let to_leave = self.time_left();
        let to_end = match safety {
            _ if to_leave.is_zero() => Duration::ZERO,
            // One that has left is cut off by the request timeout alone: its id would be lost.
            RetrySafety::Never => Duration::MAX,
            RetrySafety::Read | RetrySafety::Idempotent => {
                call.min(to_leave.saturating_add(self.options.overrun))
            }
        };
        match safety {
            RetrySafety::Never => Limits {
                to_leave,
                to_end,
                closing: self.options.closing.as_deref(),
            },
            RetrySafety::Read | RetrySafety::Idempotent => Limits {
                to_leave: to_end,
                to_end,
                closing: None,
            },
        }
    }

    /// How long an attempt may begin.
    fn time_left(&self) -> Duration {
        let end = self
            .options
            .deadline
            .map_or(self.end, |it| it.min(self.end));
        end.saturating_sub(self.clock.now())
    }

    pub(crate) fn succeeded(self) {
        self.budget.earn();
    }

    /// Pauses before the next attempt, or gives the error back if there is none: it failed for
    /// good, or attempts, time or budget are used up.
    pub(crate) async fn pause_after(&mut self, error: Error) -> Result<(), Error> {
        let is_the_callers =
            self.options.returns_rate_limits && matches!(error, Error::RateLimited { .. });
        let may_be_sent_again = error.may_be_sent_again() && !is_the_callers;
        let Some(delay) = self.delays.next().filter(|_| may_be_sent_again) else {
            return Err(error);
        };
        let asked = error.retry_after().unwrap_or_default();
        let pause = delay.mul_f64(fastrand::f64()).max(asked);
        let is_asked_too_much = asked > self.retry.longest_retry_after;
        if is_asked_too_much || pause >= self.time_left() || !self.budget.spend() {
            return Err(error);
        }
        tracing::debug!(%error, ?pause, "trying again after a pause");
        let paused = self.clock.sleep(pause);
        match &self.options.closing {
            None => paused.await,
            Some(closing) => {
                if let Either::Left(_) = select(closing.closed(), paused).await {
                    return Err(error);
                }
            }
        }
        self.number += 1;
        Ok(())
    }
}

/// What all calls of a client may spend on further attempts, so that a dead server is not
/// hammered: a retry takes 5 tokens, a success gives 1 back, 500 is full.
#[derive(Debug)]
pub(crate) struct RetryBudget {
    tokens: Mutex<u32>,
}

impl RetryBudget {
    const FULL: u32 = 500;
    const RETRY: u32 = 5;

    pub(crate) fn full() -> Self {
        Self {
            tokens: Mutex::new(Self::FULL),
        }
    }

    fn spend(&self) -> bool {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(rest) = tokens.checked_sub(Self::RETRY) else {
            return false;
        };
        *tokens = rest;
        true
    }

    fn earn(&self) {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        *tokens = (*tokens + 1).min(Self::FULL);
    }
}
