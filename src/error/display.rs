//! How errors read: what happened, to what, and what to do next.

use std::error::Error as StdError;
use std::fmt;
use std::time::SystemTime;

use super::excerpt::excerpt;
use super::failed_call::{Asked, FailedCall, Obstacle, Purpose};
use super::graphql::{GraphQlError, PathSegment};
use super::retry_class::is_transient_status;
use super::wait_timeout::{Awaited, WaitTimeout};
use crate::model::{Run, RunStatus, SessionId, rfc3339};

impl fmt::Display for FailedCall {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.purpose.in_words(), &self.session_id) {
            (Asked::OfRun(asked), Some(id)) => write!(formatter, "{asked} run {}", short(id))?,
            (Asked::OfRun(asked), None) => write!(formatter, "{asked} a run")?,
            (Asked::Whole(asked), _) => formatter.write_str(asked)?,
            (Asked::Document(kind), _) => write!(formatter, "{kind} {}", self.operation)?,
            (Asked::Unknown, Some(id)) => write!(formatter, "the call about run {}", short(id))?,
            (Asked::Unknown, None) => formatter.write_str("the call")?,
        }
        if self.attempts > 1 {
            write!(formatter, " ({} attempts)", self.attempts)?;
        }
        if let Some(request_id) = &self.request_id {
            write!(formatter, " [request {request_id}]")?;
        }
        Ok(())
    }
}

impl fmt::Display for WaitTimeout {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            session_id,
            last_status,
            elapsed,
            polls,
            last_error,
            stopped,
            stalled,
            awaited,
            ..
        } = self;
        let id = short(session_id);
        let waited = match polls {
            1 => format!("{elapsed:.1?} and 1 poll"),
            polls => format!("{elapsed:.1?} and {polls} polls"),
        };
        match (last_status, last_error, awaited) {
            (None, Some(error), Awaited::Idle) => write!(
                formatter,
                "the follow-up was not sent: run {id} could not be read: {error}; gave up after \
                 {waited}"
            )?,
            // Polls have only failed: the failure first.
            (None, Some(error), _) => write!(
                formatter,
                "run {id} could not be read: {error}; gave up after {waited}"
            )?,
            (None, None, Awaited::Idle) => write!(
                formatter,
                "the follow-up was not sent: another one to run {id} is still in progress after \
                 {waited}"
            )?,
            (None, None, _) => write!(formatter, "run {id} could not be read within {waited}")?,
            (Some(status), _, Awaited::Activity) => write!(
                formatter,
                "the turn of run {id} has not started after {waited} (last status: {})",
                excerpt(status.as_str())
            )?,
            (Some(status), _, Awaited::Idle) if status.is_terminal() => write!(
                formatter,
                "the follow-up was not sent: the turn of another one to run {id} has not ended \
                 after {waited} (last status: {status})"
            )?,
            (Some(status), Some(_), Awaited::Idle) => write!(
                formatter,
                "the follow-up was not sent: run {id} was {} when it was last read; gave up after \
                 {waited}",
                excerpt(status.as_str())
            )?,
            (Some(status), None, Awaited::Idle) => write!(
                formatter,
                "the follow-up was not sent: run {id} is still in progress after {waited} (last \
                 status: {})",
                excerpt(status.as_str())
            )?,
            (Some(status), Some(_), Awaited::Descendants) => write!(
                formatter,
                "run {id} ended {status}, but not all of its descendants had ended, or could be \
                 read, within {waited}"
            )?,
            (Some(status), None, Awaited::Descendants) => write!(
                formatter,
                "run {id} ended {status}, but not all of its descendants have ended after {waited}"
            )?,
            (Some(status), ..) if status.is_terminal() => write!(
                formatter,
                "run {id} ended {status}, but its messages could not be read within {waited}"
            )?,
            // It may be long ago.
            (Some(status), Some(_), _) => write!(
                formatter,
                "run {id} was {} when it was last read; gave up after {waited}",
                excerpt(status.as_str())
            )?,
            (Some(status), None, _) => {
                // It is not any more where it has been stopped.
                let is = match stopped {
                    Some(Ok(_)) => "was",
                    _ => "is",
                };
                let status = excerpt(status.as_str());
                write!(formatter, "run {id} {is} still {status} after {waited}")?;
            }
        }
        if let Some(stalled) = stalled {
            write!(
                formatter,
                ", without a new step or message for {stalled:.0?}"
            )?;
        }
        if let (Some(_), Some(error)) = (last_status, last_error) {
            write!(formatter, "; the last poll failed: {error}")?;
        }
        match stopped {
            None => match last_status {
                Some(status)
                    if status.is_terminal() && matches!(awaited, Awaited::Run | Awaited::Turn) =>
                {
                    formatter.write_str("; read it again by its session id")
                }
                _ if *awaited == Awaited::Descendants => formatter
                    .write_str("; nothing was stopped: wait for the tree again by its session id"),
                _ => formatter
                    .write_str("; the run was not stopped: wait for it again by its session id"),
            },
            Some(Ok(status)) => write!(formatter, "; the run was stopped ({})", excerpt(status)),
            Some(Err(error)) => write!(formatter, "; the run could not be stopped: {error}"),
        }
    }
}

/// What kept a request from being sent, and what to do about it.
pub(crate) fn not_sent(
    obstacle: Obstacle,
    cause: &(dyn StdError + Send + Sync + 'static),
) -> String {
    let cause = innermost(cause);
    match obstacle {
        Obstacle::NameResolution => format!(
            "the host's name could not be resolved ({cause}); check the endpoint's host and the \
             network, then call again"
        ),
        Obstacle::Connection => {
            format!("{cause}; check the endpoint's host and the network, then call again")
        }
        Obstacle::Certificate => format!(
            "the server's certificate was refused ({cause}); check the endpoint and this \
             machine's clock, or add the certificate's issuer to the system's certificates"
        ),
        Obstacle::Proxy => format!(
            "the proxy could not connect to the host ({cause}); check the proxy's address and \
             the endpoint's host, then call again"
        ),
        Obstacle::ProxyCredentials => {
            format!("the proxy asks for credentials ({cause}); give them in the proxy's address")
        }
        Obstacle::Closed => "the client is closed".to_owned(),
        Obstacle::Time => format!("no time was left ({cause}); call again with a longer timeout"),
    }
}

/// The cause at the bottom: it says `connection refused` where the ones above say `error sending
/// request`.
pub(crate) fn innermost(cause: &(dyn StdError + Send + Sync + 'static)) -> String {
    let mut innermost: &dyn StdError = cause;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

/// What a server said, for the end of a clause.
pub(crate) fn said(text: &str) -> String {
    if text.is_empty() {
        String::new()
    } else {
        format!("; the server said: {text}")
    }
}

pub(crate) fn http_hint(status: &u16) -> &'static str {
    if is_transient_status(*status) {
        "call again later"
    } else if (200..300).contains(status) {
        "check that the endpoint is the one shown when the API key was generated, or call again later"
    } else {
        "check that the endpoint is the one shown when the API key was generated"
    }
}

pub(crate) fn retry_hint(call: &FailedCall) -> String {
    let status = match call.http_status {
        Some(status) => format!(" (HTTP {status})"),
        None => String::new(),
    };
    match call.retry_after {
        Some(delay) => format!("{status}; the server asks to wait {} s", delay.as_secs()),
        None => format!("{status}; call again later"),
    }
}

/// What GraphQL errors said, for the end of a clause.
pub(crate) fn said_by(errors: &[GraphQlError]) -> String {
    said(&list(errors))
}

/// Which runs a response named, and what to do about them.
fn named_by_response(first: &SessionId, further: &[SessionId]) -> String {
    const SHOWN: usize = 20;
    if further.is_empty() {
        return format!("the response named run {}: read that run", short(first));
    }
    let mut runs = short(first);
    for id in further.iter().take(SHOWN - 1) {
        runs.push_str(", ");
        runs.push_str(&short(id));
    }
    if let Some(left @ 1..) = further.len().checked_sub(SHOWN - 1) {
        runs.push_str(&format!(" and {left} more"));
    }
    format!("the response named the runs {runs}: read each of them")
}

/// What to do about a trigger or a follow-up of unknown outcome.
pub(crate) fn outcome_hint(call: &FailedCall) -> String {
    match &call.session_id {
        Some(id) if matches!(call.purpose, Purpose::Trigger | Purpose::Mutation) => format!(
            "{}; the request was not sent again",
            named_by_response(id, &call.further_ids)
        ),
        Some(_) => "it may have been carried out, so it was not sent again: read the run before \
                    you send it again"
            .to_owned(),
        None => "it may have been carried out, so it was not sent again: look in the workspace \
                 before you send it again"
            .to_owned(),
    }
}

pub(crate) fn sources_hint(sources: &Option<String>) -> String {
    match sources {
        Some(sources) => format!(" ({sources})"),
        None => String::new(),
    }
}

pub(crate) fn no_activity(session_id: &SessionId, accepted: bool) -> String {
    let id = short(session_id);
    match accepted {
        true => format!(
            "a follow-up to run {id} was accepted, but its turn has not started: no activity"
        ),
        false => format!("the outcome of a follow-up to run {id} is unknown: no activity"),
    }
}

pub(crate) fn turn_hint(accepted: bool) -> &'static str {
    if accepted {
        "it may still start, so read the run before you send the message again"
    } else {
        "it was probably not carried out, but read the run before you send the message again"
    }
}

pub(crate) fn last_status(status: &Option<RunStatus>) -> String {
    match status {
        Some(status) => format!("its status is still {}", excerpt(status.as_str())),
        None => "the run could not be read".to_owned(),
    }
}

pub(crate) fn executed_hint(call: &FailedCall) -> String {
    match (call.purpose.starts(), call.maybe_executed) {
        (true, true) => decode_hint(call),
        (true, false) => "; nothing was carried out".to_owned(),
        (false, _) => String::new(),
    }
}

pub(crate) fn decode_hint(call: &FailedCall) -> String {
    if !call.purpose.starts() {
        return String::new();
    }
    let hint = match &call.session_id {
        // Nothing else in the error names it.
        Some(id) if call.purpose == Purpose::Mutation || !call.further_ids.is_empty() => &*format!(
            "{} before you send it again",
            named_by_response(id, &call.further_ids)
        ),
        Some(_) => "read the run before you send it again",
        None => "look in the workspace before you send it again",
    };
    format!("; it may have been carried out: {hint}")
}

/// The messages of GraphQL errors, each with its place in the data, unless that is the whole of
/// what the call asked for.
pub(crate) fn list(errors: &[GraphQlError]) -> String {
    const SHOWN: usize = 5;
    let shown = |error: &GraphQlError| match error.path[..] {
        [PathSegment::Field(_)] => excerpt(&error.message),
        _ => error.to_string(),
    };
    let mut messages: Vec<_> = errors.iter().take(SHOWN).map(shown).collect();
    if errors.len() > SHOWN {
        messages.push(format!("and {} more", errors.len() - SHOWN));
    }
    messages.join("; ")
}

/// That nobody knows whether a key has started a run.
pub(crate) fn key_unknown(key: &str, since: SystemTime, reason: &str) -> String {
    let since = rfc3339(since);
    format!("key {key:?} may have started a run at {since}, and nobody knows which: {reason}")
}

/// A session id, which is short, unless a server has made one up.
pub(crate) fn short(id: &SessionId) -> String {
    excerpt(id.as_str())
}

pub(crate) fn last_words(run: &Run) -> String {
    match run.answer() {
        Some(answer) => format!("; its last message: {}", excerpt(answer)),
        None => String::new(),
    }
}

/// What a backend does not know, and what to do without it.
pub(super) fn unsupported(call: &FailedCall, feature: &str, fields: &[String]) -> String {
    let fields = excerpt(&fields.join(", "));
    match call.purpose {
        // Its author has the names from a copy of the schema.
        Purpose::Query | Purpose::Mutation | Purpose::IdempotentMutation => format!(
            "this backend does not know {fields}; check the document (`dinoai schema check`), and what has changed \
             since your copy of the schema (`dinoai schema diff`)"
        ),
        _ => format!(
            "this backend does not support {} ({fields}); call without it, or ask Paradime for an update of the \
             workspace's backend",
            excerpt(feature)
        ),
    }
}
