//! [`Attempts`]: the attempts of one call, with the pauses between them; and [`RetryBudget`]: how many
//! a client may spend.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};

use super::call_options::CallOptions;
use super::exchange::Limits;
use super::operation::Safety;
use super::retry::Retry;
use super::runtimes::until_moved;
use crate::error::Error;
use crate::time::Clock;

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
            end: clock.now().saturating_add(retry.call_timeout()),
            delays: retry.delays(),
            number: 1,
        }
    }

    /// The number of the attempt that is due, counted from 1.
    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    /// How long it may take.
    pub(crate) fn limits(&self, safety: Safety) -> Limits<'a> {
        let now = self.clock.now();
        let call = self.end.saturating_sub(now);
        let to_leave = self.time_left(now);
        let to_end = match safety {
            _ if to_leave.is_zero() => Duration::ZERO,
            // One that has left is cut off by the request timeout alone: its id would be lost.
            Safety::Never => Duration::MAX,
            Safety::Read | Safety::Idempotent => {
                call.min(to_leave.saturating_add(self.options.overrun))
            }
        };
        match safety {
            Safety::Never => Limits {
                to_leave,
                to_end,
                closed: self.options.closed.as_ref(),
                leaves_before: self.options.leaves_before,
            },
            Safety::Read | Safety::Idempotent => Limits {
                to_leave: to_end,
                to_end,
                closed: None,
                leaves_before: None,
            },
        }
    }

    /// How long an attempt may begin.
    fn time_left(&self, now: Duration) -> Duration {
        let end = self
            .options
            .deadline
            .map_or(self.end, |it| it.min(self.end));
        end.saturating_sub(now)
    }

    pub(crate) fn succeeded(self) {
        self.budget.earn();
    }

    /// Pauses before the next attempt, or gives the error back if there is none: it failed for
    /// good, or attempts, time or budget are used up.
    pub(crate) async fn pause_before_next(&mut self, error: Error) -> Result<(), Error> {
        let is_the_callers =
            self.options.returns_rate_limits && matches!(error, Error::RateLimited { .. });
        let may_be_sent_again = error.may_be_sent_again() && !is_the_callers;
        let Some(delay) = self.delays.next().filter(|_| may_be_sent_again) else {
            return Err(error);
        };
        let asked = error.retry_after().unwrap_or_default();
        let pause = delay.mul_f64(fastrand::f64()).max(asked);
        let is_asked_too_much = asked > self.retry.longest_retry_after();
        if is_asked_too_much || pause >= self.time_left(self.clock.now()) || !self.budget.spend() {
            return Err(error);
        }
        tracing::debug!(%error, ?pause, "trying again after a pause");
        let paused = self.sleep_until(self.clock.now().saturating_add(pause));
        match &self.options.closed {
            None => paused.await,
            Some(closed) => {
                if closed.run_until_cancelled(paused).await.is_none() {
                    return Err(error);
                }
            }
        }
        self.number += 1;
        Ok(())
    }

    /// Sleeps, the rest of it in the runtime in which the caller goes on if that is another.
    async fn sleep_until(&self, time: Duration) {
        let mut has_slept = None;
        while has_slept.is_none() {
            let pause = time.saturating_sub(self.clock.now());
            has_slept = until_moved(self.clock.sleep(pause)).await;
        }
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
