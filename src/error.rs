//! What can go wrong, to what, and what to do next.
//!
//! One enum, [`Error`]. Three questions need no `match`:
//!
//! - [`Error::may_have_started`]: may a run (or a turn) exist now that this call did not return?
//!   Then do not start it again without looking.
//! - [`Error::is_retryable`]: is it safe, and does it make sense, to make the same call again?
//! - [`Error::session_id`]: which run is it about?
//!
//! No error contains a credential, the endpoint's path (it holds a token) or a whole response.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use crate::excerpt::excerpt;
use crate::graphql_error::GraphQlError;
use crate::run::{Run, RunStatus, SessionId};
use crate::wording::{
    decode_hint, executed_hint, http_hint, innermost, last_words, list, retry_hint, said, short,
    still_reads,
};

/// A result whose error is this crate's.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The cause of an error, from another crate.
pub type Cause = Arc<dyn StdError + Send + Sync>;

/// Why a call, or a wait, did not give what was asked for.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The request cannot be right: a blank text, a timeout of zero. Nothing was sent.
    #[error("{field} {problem}; nothing was sent")]
    InvalidRequest {
        /// What is wrong, for example `message`.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },

    /// The endpoint, the credentials or a setting cannot be right. Nothing was sent.
    #[error("{setting} {problem}")]
    InvalidConfig {
        /// What is wrong, for example `PARADIME_API_ENDPOINT`.
        setting: String,
        /// What is wrong with it, and how to set it right.
        problem: String,
    },

    /// The request's body never left this machine: no name, no connection, no TLS, or no time
    /// left, after all attempts. Nothing was started; the call can be made again.
    #[error(
        "{call} was not sent: {}; check the endpoint's host and the network, then call again",
        innermost(.source.as_ref())
    )]
    NotSent {
        /// The call.
        call: Box<Call>,
        /// The last attempt's failure.
        source: Cause,
    },

    /// A trigger or a follow-up left this machine and no usable answer came back: it may have
    /// been carried out, or not. It was not sent again, and cannot be looked up, as the API has
    /// neither an idempotency key nor a list of runs. Look in the workspace (or in Slack)
    /// before you send it again.
    #[error(
        "{call} was sent but its outcome is unknown: {reason}; it may have been carried out and \
         was not sent again, so look in the workspace before you send it again"
    )]
    OutcomeUnknown {
        /// The call.
        call: Box<Call>,
        /// What came back instead of an answer.
        reason: String,
        /// The failure underneath, where there is one.
        source: Option<Cause>,
    },

    /// The connection failed, or no answer came in time, after all attempts, for an operation
    /// that may be sent again.
    #[error("{call} got no answer: {}; check the network, then call again", innermost(.source.as_ref()))]
    Transport {
        /// The call.
        call: Box<Call>,
        /// The last attempt's failure.
        source: Cause,
    },

    /// The credentials were refused (HTTP 401 or 403).
    #[error(
        "{call} was refused with HTTP {status}{}; check that key and secret (or the token) are \
         right for this endpoint and region, and that the key has the capabilities \
         dinoai:agent:trigger and dinoai:agent:read",
        said(.text)
    )]
    Unauthorized {
        /// The call.
        call: Box<Call>,
        /// 401 or 403.
        status: u16,
        /// The first 300 characters of what the server said.
        text: String,
    },

    /// Too many requests (HTTP 429), after all attempts, or with a delay longer than a call
    /// waits for. Nothing was carried out.
    #[error("{call} was turned away as one request too many (HTTP 429){}", retry_hint(.retry_after))]
    RateLimited {
        /// The call.
        call: Box<Call>,
        /// How long the server asked to wait, where it did.
        retry_after: Option<Duration>,
    },

    /// Any other answer that is not GraphQL: a proxy's page, a wrong address. After all
    /// attempts where the status is 5xx, or a success that is not GraphQL.
    #[error(
        "{call} got HTTP {status} that is not GraphQL ({}){}; {}",
        content_type.as_deref().unwrap_or("no content type"), said(.text), http_hint(.status)
    )]
    Http {
        /// The call.
        call: Box<Call>,
        /// The HTTP status.
        status: u16,
        /// The answer's content type.
        content_type: Option<String>,
        /// The first 300 characters of what the server said.
        text: String,
        /// How long the server asked to wait, where it did.
        retry_after: Option<Duration>,
    },

    /// The API answered with GraphQL errors.
    #[error("{call} was answered with GraphQL errors: {}{}", list(.errors), executed_hint(.call, .executed))]
    GraphQl {
        /// The call. Its session id is the one in the partial data, where there is one.
        call: Box<Call>,
        /// All errors of the answer.
        errors: Vec<GraphQlError>,
        /// The data that came beside the errors.
        data: Option<serde_json::Value>,
        /// Whether execution had begun, so that a trigger may have been carried out.
        executed: bool,
    },

    /// The backend does not know a field or an argument that the call needs: it is older than
    /// the feature. Nothing was carried out.
    #[error(
        "{call} needs {}, which this backend does not know ({}); call without it, or ask Paradime \
         for an update of the workspace's backend",
        excerpt(.feature),
        excerpt(&.fields.join(", "))
    )]
    Unsupported {
        /// The call.
        call: Box<Call>,
        /// The feature, in words: `the base branch`.
        feature: String,
        /// The fields and arguments that the backend does not know, as the schema spells them.
        fields: Vec<String>,
        /// What the backend said.
        errors: Vec<GraphQlError>,
    },

    /// A GraphQL answer that is not what the schema says.
    #[error(
        "{call} was answered with something else than the schema says, at {path}: {problem}{}",
        decode_hint(.call)
    )]
    Decode {
        /// The call.
        call: Box<Call>,
        /// Where in the response, for example `data.dinoaiAgentRun.status`.
        path: String,
        /// What is wrong there.
        problem: String,
    },

    /// The answer is larger than the limit (64 MiB by default, after decompression).
    #[error(
        "{call} was answered with more than {limit} bytes; raise the client's response limit if \
         the transcript really is that long"
    )]
    ResponseTooLarge {
        /// The call.
        call: Box<Call>,
        /// The limit, in bytes.
        limit: usize,
    },

    /// The API answered `ok: false`: the trigger, the message or the stop was not accepted, or
    /// the look-up did not succeed.
    #[error(
        "{call} was not accepted: the API answered ok: false with status {:?}",
        excerpt(.status)
    )]
    NotAccepted {
        /// The call.
        call: Box<Call>,
        /// The status beside it.
        status: String,
    },

    /// A wait ended because the run did, without completing: failed, expired or stopped.
    #[error("run {} ended {}{}", short(&run.session_id), run.status, last_words(.run))]
    RunFailed {
        /// The whole run, with its transcript.
        run: Box<Run>,
    },

    /// A wait came to its timeout. The run goes on:
    /// [`client.session(id)?.wait()`](crate::Client::session) goes on waiting for it.
    #[error("{0}")]
    WaitTimeout(Box<WaitTimeout>),

    /// A follow-up was accepted, but its turn has shown no sign of life within the grace time.
    #[error(
        "the follow-up to run {} was accepted, but its turn showed no sign of life within \
         {waited:.1?} (the run {}); it may start yet, so read the run before you send the message \
         again",
        short(.session_id),
        still_reads(.status)
    )]
    TurnNotStarted {
        /// The run.
        session_id: SessionId,
        /// How long the turn was waited for.
        waited: Duration,
        /// What the run still reads as; `None` where it could not be read.
        status: Option<RunStatus>,
    },
}

/// One call of the client's: which operation, about which run, how often sent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Call {
    /// The GraphQL operation's name, for example `TriggerDinoaiAgentRun`.
    pub operation: &'static str,
    /// The run that it is about, where it is known.
    pub session_id: Option<SessionId>,
    /// How many times it was tried.
    pub attempts: u32,
    /// The server's name for the last request, from the response's headers, where it sent one:
    /// what the vendor's support asks for.
    pub request_id: Option<String>,
    /// Whether the operation starts something: a trigger or a follow-up.
    pub(crate) starts: bool,
    /// Whether something was started before the call, by the wait that made it.
    pub(crate) started: bool,
}

/// A wait that came to its timeout.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct WaitTimeout {
    /// The run.
    pub session_id: SessionId,
    /// The status that was read last; `None` where none could be read.
    pub last_status: Option<RunStatus>,
    /// How long was waited.
    pub elapsed: Duration,
    /// How often the status was asked for.
    pub polls: u32,
    /// Why the last poll failed, where it did.
    pub last_error: Option<Box<Error>>,
    /// The API's word on stopping the run, or why it could not be stopped; `None` where the run
    /// was left as it is.
    pub stopped: Option<Result<String, Box<Error>>>,
}

/// The call in an error that concerns one, borrowed as the error is.
macro_rules! call_of {
    ($error:expr) => {
        match $error {
            Error::NotSent { call, .. }
            | Error::OutcomeUnknown { call, .. }
            | Error::Transport { call, .. }
            | Error::Unauthorized { call, .. }
            | Error::RateLimited { call, .. }
            | Error::Http { call, .. }
            | Error::GraphQl { call, .. }
            | Error::Unsupported { call, .. }
            | Error::Decode { call, .. }
            | Error::ResponseTooLarge { call, .. }
            | Error::NotAccepted { call, .. } => Some(call),
            Error::InvalidRequest { .. }
            | Error::InvalidConfig { .. }
            | Error::RunFailed { .. }
            | Error::WaitTimeout(_)
            | Error::TurnNotStarted { .. } => None,
        }
    };
}

impl Error {
    /// The run that the error is about, where it is about one.
    #[must_use]
    pub fn session_id(&self) -> Option<&SessionId> {
        match self {
            Self::RunFailed { run } => Some(&run.session_id),
            Self::WaitTimeout(timeout) => Some(&timeout.session_id),
            Self::TurnNotStarted { session_id, .. } => Some(session_id),
            _ => self.call()?.session_id.as_ref(),
        }
    }

    /// The server's name for the request that failed, where it sent one.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        match self {
            Self::WaitTimeout(timeout) => timeout.last_error.as_ref()?.request_id(),
            _ => self.call()?.request_id.as_deref(),
        }
    }

    /// Whether a run, or a turn, was started or may have been: by a trigger or follow-up whose
    /// answer was lost, or by a wait that had started its run before it failed.
    ///
    /// True means: making the same call again can start a second run, which costs money and
    /// posts to Slack twice. Go on with [`session_id`](Self::session_id) where there is one.
    #[must_use]
    pub fn may_have_started(&self) -> bool {
        match self {
            Self::OutcomeUnknown { .. }
            | Self::RunFailed { .. }
            | Self::WaitTimeout(_)
            | Self::TurnNotStarted { .. } => true,
            Self::GraphQl { call, executed, .. } => (call.starts && *executed) || call.started,
            Self::Decode { call, .. } => call.starts || call.started,
            _ => self.call().is_some_and(|call| call.started),
        }
    }

    /// Whether the same call, made again later, may succeed and can do no harm: the failure is
    /// temporary, and nothing may have been started. The client has already tried as often as
    /// its [`Retry`](crate::Retry) says.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.is_temporary() && !self.may_have_started()
    }

    /// How long the server asked to wait before the next request, where it did.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after, .. } | Self::Http { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// A failure that has nothing to do with what was asked.
    pub(crate) fn is_temporary(&self) -> bool {
        match self {
            Self::NotSent { .. } | Self::Transport { .. } | Self::RateLimited { .. } => true,
            Self::Http { status, .. } => *status >= 500 || (200..300).contains(status),
            _ => false,
        }
    }

    pub(crate) fn blank(field: &'static str) -> Self {
        Self::InvalidRequest {
            field,
            problem: "is blank".to_owned(),
        }
    }

    pub(crate) fn config(setting: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::InvalidConfig {
            setting: setting.into(),
            problem: problem.into(),
        }
    }

    /// The same error for one of several runs that it concerns.
    pub(crate) fn for_run(&self, session_id: &SessionId, started: bool) -> Self {
        let mut error = self.clone();
        if let Some(call) = error.call_mut() {
            call.session_id = Some(session_id.clone());
            call.started = started;
        }
        error
    }

    fn call(&self) -> Option<&Call> {
        call_of!(self)
    }

    fn call_mut(&mut self) -> Option<&mut Call> {
        call_of!(self)
    }
}
