//! [`Failure`]: what a failed call says about the next one. One function of HTTP status, codes
//! and kind decides what is sent again, what a wait tolerates, and what
//! [`Error::is_retryable`] answers.

use std::time::Duration;

use crate::error::{Error, Obstacle};
use crate::proof::is_before_execution;

/// What a failed call says about the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// It has nothing to do with what was asked: the next attempt may succeed.
    Transient,
    /// The credentials were refused: for good, unless they were accepted before.
    Refused,
    /// It may be permanent, or not: a deployment, a replica that lags behind.
    Doubtful,
    /// It cannot get better.
    Final,
}

impl Failure {
    pub(crate) fn of(error: &Error) -> Self {
        match error {
            Error::NotSent { obstacle, .. } => match obstacle {
                Obstacle::Certificate | Obstacle::ProxyCredentials => Self::Doubtful,
                Obstacle::Closed => Self::Final,
                _ => Self::Transient,
            },
            Error::Transport { .. } | Error::RateLimited { .. } => Self::Transient,
            Error::Http { status, .. } => match status {
                200..300 => Self::Transient,
                status if is_transient_status(*status) => Self::Transient,
                _ => Self::Doubtful,
            },
            // What the API says of a trigger or a follow-up, it will say again.
            Error::GraphQl { call, .. } if call.starts => Self::Doubtful,
            Error::GraphQl { call, errors, .. } => {
                // The document itself is wrong, and will not become valid.
                if errors.iter().any(|error| is_before_execution(error, false)) {
                    Self::Final
                } else if call.http_status.is_some_and(is_transient_status)
                    || errors.iter().any(|error| is_transient_code(error.code()))
                {
                    Self::Transient
                } else {
                    Self::Doubtful
                }
            }
            Error::Unauthorized { .. } => Self::Refused,
            Error::NotFound { .. } | Error::NotAccepted { .. } | Error::Decode { .. } => {
                Self::Doubtful
            }
            Error::Unsupported { .. }
            | Error::ResponseTooLarge { .. }
            | Error::InvalidRequest { .. }
            | Error::InvalidConfig { .. }
            | Error::OutcomeUnknown { .. }
            | Error::NotStarted { .. }
            | Error::RunFailed { .. }
            | Error::WaitTimeout(_)
            | Error::TurnNotStarted { .. } => Self::Final,
        }
    }
}

/// Whether a read that is answered with this status is worth another attempt.
pub(crate) fn is_transient_status(status: u16) -> bool {
    matches!(status, 408 | 425 | 500..)
}

/// Whether a code means HTTP 429.
pub(crate) fn is_rate_limit_code(code: Option<&str>) -> bool {
    matches!(code, Some("RATE_LIMITED" | "THROTTLED"))
}

fn is_transient_code(code: Option<&str>) -> bool {
    is_rate_limit_code(code)
        || matches!(
            code,
            Some(
                "SERVICE_UNAVAILABLE"
                    | "GATEWAY_TIMEOUT"
                    | "REQUEST_TIMEOUT"
                    | "SUBREQUEST_HTTP_ERROR"
                    | "INTERNAL_SERVER_ERROR"
            )
        )
}

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
        match Failure::of(error) {
            _ if !is_proven => false,
            Failure::Transient => true,
            Failure::Refused if !has_read => false,
            Failure::Refused | Failure::Doubtful => {
                let (since, polls) = self.doubtful.get_or_insert((now, 0));
                *polls += 1;
                let has_lasted = now.saturating_sub(*since) >= DOUBTFUL_TIME;
                !(has_lasted && *polls >= DOUBTFUL_POLLS)
            }
            Failure::Final => false,
        }
    }
}
