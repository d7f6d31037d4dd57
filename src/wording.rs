//! How errors read: what happened, to what, and what to do next.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use crate::error::{Call, WaitTimeout};
use crate::excerpt::excerpt;
use crate::graphql_error::GraphQlError;
use crate::run::{Run, RunStatus, SessionId};

impl fmt::Display for Call {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.operation)?;
        if let Some(session_id) = &self.session_id {
            write!(formatter, " of run {}", short(session_id))?;
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
        } = self;
        let session_id = short(session_id);
        write!(formatter, "run {session_id} ")?;
        match last_status {
            Some(status) if status.is_terminal() => {
                write!(formatter, "ended {status}, but could not be read whole")?;
            }
            Some(status) => {
                write!(formatter, "is still going ({})", excerpt(status.as_str()))?;
            }
            None => write!(formatter, "could not be read")?,
        }
        write!(formatter, " after {elapsed:.1?} and {polls} polls")?;
        if let Some(error) = last_error {
            write!(formatter, "; the last poll failed: {error}")?;
        }
        match stopped {
            None => write!(
                formatter,
                "; the run was left as it is: wait for session {session_id} again to go on"
            ),
            Some(Ok(status)) => {
                write!(formatter, "; it was told to stop ({})", excerpt(status))
            }
            Some(Err(error)) => write!(formatter, "; it could not be stopped: {error}"),
        }
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
        format!(", which said: {text}")
    }
}

pub(crate) fn http_hint(status: &u16) -> &'static str {
    if *status >= 500 {
        "the server, or a proxy before it, is in trouble: call again later"
    } else {
        "check that the endpoint is the one shown when the API key was generated"
    }
}

pub(crate) fn retry_hint(retry_after: &Option<Duration>) -> String {
    match retry_after {
        Some(delay) => format!("; the server asks to wait {} s", delay.as_secs()),
        None => "; call again later".to_owned(),
    }
}

pub(crate) fn still_reads(status: &Option<RunStatus>) -> String {
    match status {
        Some(status) => format!("still reads {}", excerpt(status.as_str())),
        None => "could not be read".to_owned(),
    }
}

pub(crate) fn executed_hint(call: &Call, executed: &bool) -> &'static str {
    match (call.starts, executed) {
        (true, true) => {
            "; execution had begun, so it may have been carried out: look before you send it again"
        }
        (true, false) => "; nothing was carried out",
        (false, _) => "",
    }
}

pub(crate) fn decode_hint(call: &Call) -> &'static str {
    if call.starts {
        "; it may have been carried out: look before you send it again"
    } else {
        ""
    }
}

pub(crate) fn list(errors: &[GraphQlError]) -> String {
    const SHOWN: usize = 5;
    let mut messages: Vec<_> = errors.iter().take(SHOWN).map(ToString::to_string).collect();
    if errors.len() > SHOWN {
        messages.push(format!("and {} more", errors.len() - SHOWN));
    }
    messages.join("; ")
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
