//! The error of an attempt that got no whole response: it was lost before the body left, or after.

use std::sync::Arc;

use super::body::Seal;
use super::operation::{OperationInfo, Safety};
use super::value_at::has_accepted;
use crate::error::{Cause, Error, FailedCall, Obstacle, innermost};

/// The error of an attempt whose connection failed.
pub(super) fn lost(
    call: &FailedCall,
    operation: &OperationInfo,
    source: Cause,
    seal: &Seal,
    received: &[u8],
) -> Error {
    if seal.seal() {
        return Error::NotSent {
            call: Box::new(call.clone()),
            obstacle: obstacle(source.as_ref()),
            source,
        };
    }
    unanswered(call, operation, source, received)
}

/// The error of an attempt that left and got no whole response.
pub(super) fn unanswered(
    call: &FailedCall,
    operation: &OperationInfo,
    source: Cause,
    received: &[u8],
) -> Error {
    match operation.safety {
        Safety::Read | Safety::Idempotent => Error::Transport {
            call: sent_again(call, operation, received),
            source,
        },
        Safety::Never => {
            let reason = innermost(source.as_ref());
            unknown(call, operation, reason, Some(source), received)
        }
    }
}

/// The error of a response over the limit.
pub(super) fn too_large(
    call: &FailedCall,
    operation: &OperationInfo,
    limit: usize,
    received: &[u8],
) -> Error {
    match operation.safety {
        Safety::Read | Safety::Idempotent => Error::ResponseTooLarge {
            call: sent_again(call, operation, received),
            limit,
        },
        Safety::Never => {
            let reason = format!("the response is larger than {limit} bytes");
            unknown(call, operation, reason, None, received)
        }
    }
}

/// A call that may be made again. What was received of a change may name a run, which is kept.
fn sent_again(call: &FailedCall, operation: &OperationInfo, received: &[u8]) -> Box<FailedCall> {
    let mut call = Box::new(call.clone());
    if operation.safety == Safety::Idempotent {
        call.is_about((operation.find_ids)(received));
    }
    call
}

/// The outcome of a trigger or a follow-up is unknown. The id in what was received is kept.
fn unknown(
    call: &FailedCall,
    operation: &OperationInfo,
    reason: String,
    source: Option<Cause>,
    received: &[u8],
) -> Error {
    let mut call = Box::new(call.clone());
    call.maybe_executed = true;
    call.is_about((operation.find_ids)(received));
    let skipped = operation.skipped_root;
    call.holds_value = skipped.is_some_and(|root| has_accepted(received, root));
    Error::OutcomeUnknown {
        call,
        reason,
        errors: vec![],
        source,
    }
}

pub(super) fn no_time(call: &FailedCall, problem: &str) -> Error {
    Error::NotSent {
        call: Box::new(call.clone()),
        obstacle: Obstacle::Time,
        source: Arc::new(std::io::Error::new(
            std::io::ErrorKind::TimedOut,
            problem.to_owned(),
        )),
    }
}

/// What kept a request from being sent. The HTTP client's errors say it in words alone.
fn obstacle(error: &(dyn std::error::Error + Send + Sync + 'static)) -> Obstacle {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        let text = error.to_string();
        if text.contains("proxy authorization required") {
            return Obstacle::ProxyCredentials;
        } else if text.contains("tunnel error") {
            return Obstacle::Proxy;
        } else if text.contains("invalid peer certificate") {
            return Obstacle::Certificate;
        } else if text.contains("dns error") {
            return Obstacle::NameResolution;
        }
        cause = error.source();
    }
    Obstacle::Connection
}
