//! [`RetryClass`]: what a failed call says about the next one. One function of HTTP status, codes
//! and kind decides what is sent again, what a wait tolerates, and what
//! [`Error::is_retryable`] answers. What a response means is decided before, in
//! transport/response.rs: a trigger that is answered with 503 comes here as an unknown outcome.

use super::before_execution::is_before_execution;
use super::{Error, Obstacle};

/// What a failed call says about the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RetryClass {
    /// It has nothing to do with what was asked: the next attempt may succeed.
    Transient,
    /// The credentials were refused: for good, unless they were accepted before.
    Refused,
    /// It may be permanent, or not: a deployment, a replica that lags behind.
    MaybePermanent,
    /// It cannot get better.
    Final,
}

impl RetryClass {
    pub(crate) fn of(error: &Error) -> Self {
        match error {
            Error::NotSent { obstacle, .. } => match obstacle {
                Obstacle::Certificate | Obstacle::ProxyCredentials => Self::MaybePermanent,
                Obstacle::Closed => Self::Final,
                _ => Self::Transient,
            },
            Error::Transport { .. } | Error::RateLimited { .. } => Self::Transient,
            Error::Http { status, .. } => match status {
                200..300 => Self::Transient,
                status if is_transient_status(*status) => Self::Transient,
                _ => Self::MaybePermanent,
            },
            // What the API says of a trigger or a follow-up, it will say again.
            Error::GraphQl { call, .. } if call.purpose.starts() => Self::MaybePermanent,
            Error::GraphQl { call, errors, .. } => {
                // The document itself is wrong, and will not become valid.
                if errors.iter().any(|error| is_before_execution(error, false)) {
                    Self::Final
                } else if call.http_status.is_some_and(is_transient_status)
                    || errors.iter().any(|error| is_transient_code(error.code()))
                {
                    Self::Transient
                } else {
                    Self::MaybePermanent
                }
            }
            Error::Journal { source, .. } if source.is_transient() => Self::Transient,
            Error::Unauthorized { .. } => Self::Refused,
            Error::NotFound { .. } | Error::NotAccepted { .. } | Error::Decode { .. } => {
                Self::MaybePermanent
            }
            Error::Unsupported { .. }
            | Error::ResponseTooLarge { .. }
            | Error::InvalidRequest { .. }
            | Error::InvalidConfig { .. }
            | Error::OutcomeUnknown { .. }
            | Error::NotStarted { .. }
            | Error::Journal { .. }
            | Error::KeyUnknown { .. }
            | Error::RunFailed { .. }
            | Error::WrongAnswer(_)
            | Error::WaitTimeout(_)
            | Error::TurnNotStarted { .. } => Self::Final,
        }
    }
}

impl Error {
    /// Whether it has nothing to do with the run that was asked for.
    pub(crate) fn is_common(&self) -> bool {
        matches!(
            RetryClass::of(self),
            RetryClass::Transient | RetryClass::Refused
        )
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
