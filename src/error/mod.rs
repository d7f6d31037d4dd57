//! What can go wrong, to what, and what to do next.
//!
//! One enum, [`Error`]. These questions need no `match`:
//!
//! - [`Error::may_have_started`]: may this very call have started a run, or a turn? Then do not
//!   make it again without looking.
//! - [`Error::is_retryable`]: is it safe, and does it make sense, to make the same call again?
//! - [`Error::session_id`]: which run is it about? An id means that the run exists.
//!
//! [One table](Error#what-each-means) says of each variant what happened, whether something was
//! started, and what to do.
//!
//! No error contains a credential, the endpoint's path (it holds a token) or a whole response.

mod before_execution;
mod constructors;
mod display;
mod excerpt;
mod failed_call;
#[cfg(feature = "test-util")]
mod for_tests;
mod graphql;
mod journal;
mod questions;
mod retry_class;
#[cfg(test)]
pub(crate) mod tests;
mod unsupported;
mod wait_timeout;
mod wrong_answer;

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::model::{Run, RunStatus, SessionId};
use display::{
    decode_hint, executed_hint, http_hint, key_unknown, last_status, last_words, no_activity,
    not_sent, outcome_hint, retry_hint, said_by, short, sources_hint, turn_hint,
};

pub use failed_call::{FailedCall, Obstacle};
pub use graphql::{GraphQlError, Location, PathSegment};
pub use journal::JournalError;
pub use wait_timeout::WaitTimeout;
pub use wrong_answer::{AnswerPlace, AnswerProblem, WrongAnswer};

#[cfg(any(test, fuzzing))]
pub(crate) use before_execution::ABOUT_THE_REQUEST;
pub(crate) use before_execution::is_before_execution;
pub(crate) use display::{innermost, list, said};
pub(crate) use excerpt::excerpt;
pub(crate) use failed_call::Purpose;
pub(crate) use retry_class::{RetryClass, is_rate_limit_code, is_transient_status};
pub(crate) use unsupported::{unknown_name, unknown_type, unsupported};
pub(crate) use wait_timeout::Awaited;

/// A result whose error is this crate's.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The cause of an error, from another crate.
pub type Cause = Arc<dyn StdError + Send + Sync>;

/// An error of a call or of a wait.
///
/// Few programs need a `match`: [`may_have_started`](Self::may_have_started),
/// [`is_retryable`](Self::is_retryable) and [`session_id`](Self::session_id) answer for every
/// variant, and its text says what to do next.
///
/// ```no_run
/// use dinoai::{Client, Run, TriggerRun};
///
/// # async fn example(client: Client, request: TriggerRun) -> dinoai::Result<Option<Run>> {
/// let error = match client.trigger_run_and_wait(request).await {
///     Ok(run) => return Ok(Some(run)),
///     Err(error) => error,
/// };
/// if let Some(id) = error.session_id() {
///     // A run exists: wait for it, do not start another one.
///     return client.session(id)?.wait().await.map(Some);
/// }
/// if error.may_have_started() {
///     // A run may exist, and nobody knows its id: do not start another one.
///     return Err(error);
/// }
/// // Nothing was started.
/// if error.is_retryable() { Ok(None) } else { Err(error) }
/// # }
/// ```
///
/// # What each means
///
/// | variant | what happened | did this call start something? | what to do |
/// | --- | --- | --- | --- |
/// | [`InvalidRequest`](Self::InvalidRequest) | a text is blank, a number is out of range, a document of the program's own is not what its call takes | No | Fix the program. |
/// | [`InvalidConfig`](Self::InvalidConfig) | endpoint, credentials or a setting is missing or invalid | No | Set it as the text says. |
/// | [`NotSent`](Self::NotSent) | the request never left this machine | No | If it is retryable, call again; else the [`Obstacle`] says what stands in the way. |
/// | [`OutcomeUnknown`](Self::OutcomeUnknown) | a trigger or a follow-up left, and nothing proves what became of it | It may have | Look in the workspace, or in Slack, before you call again. |
/// | [`NotStarted`](Self::NotStarted) | [`run_all`](crate::Client::run_all) gave up before this run, since others failed | No | Deal with its `cause`, then start it. |
/// | [`Journal`](Self::Journal) | the journal of a [`start_once`](crate::Client::start_once) could not be used | No | If it is retryable, call again; else do as the text says. |
/// | [`KeyUnknown`](Self::KeyUnknown) | an earlier call with the same key may have started a run, and nobody knows | No | Look in the workspace, then [resolve or retry](crate::Client::resolve_key) the key. |
/// | [`Transport`](Self::Transport) | a read or a stop got no response | No | Call again. |
/// | [`Unauthorized`](Self::Unauthorized) | the credentials were refused | No | Check them, and their capabilities. |
/// | [`RateLimited`](Self::RateLimited) | too many requests | No | Call again, after [`retry_after`](Self::retry_after). |
/// | [`Http`](Self::Http) | a response that is not GraphQL | No | If it is retryable, call again; else check the endpoint. |
/// | [`GraphQl`](Self::GraphQl) | the API answered with errors | Ask [`may_have_started`](Self::may_have_started): if it was executed | If it is retryable, call again; else read the errors: no such agent, for one. |
/// | [`NotFound`](Self::NotFound) | the API knows no such run | No | Check the session id, and the workspace. |
/// | [`Unsupported`](Self::Unsupported) | the backend does not know a field that the call needs | No | Call without it. |
/// | [`Decode`](Self::Decode) | a response that is not what the schema says | Ask [`may_have_started`](Self::may_have_started): if it was executed | Report it; look whether a newer version of this crate reads it. |
/// | [`ResponseTooLarge`](Self::ResponseTooLarge) | a response over the limit | No | Raise [`response_limit`](crate::ClientBuilder::response_limit). |
/// | [`NotAccepted`](Self::NotAccepted) | the API answered `ok: false` | Ask [`may_have_started`](Self::may_have_started): if it named a run | Read the status beside it. |
/// | [`RunFailed`](Self::RunFailed) | the run failed, expired or was stopped | Ask [`may_have_started`](Self::may_have_started): if this call started the run | Read the run in it; start another one if that makes sense. |
/// | [`WaitTimeout`](Self::WaitTimeout) | what was waited for had not ended at the deadline, could not be read, or has stalled | Ask [`may_have_started`](Self::may_have_started): if this call started it | Wait again: [`client.session(id)?.wait()`](crate::Client::session). |
/// | [`WrongAnswer`](Self::WrongAnswer) | the run has ended, and its answer is not the JSON that was asked for | Ask [`may_have_started`](Self::may_have_started): if this call started it | Read the answer in it, or ask the run again. |
/// | [`TurnNotStarted`](Self::TurnNotStarted) | a follow-up has shown no activity | Ask [`may_have_started`](Self::may_have_started): if this call sent it | Read the run; send the message again if it is not there. |
///
/// Every error of a call that starts a run, or sends a follow-up, and then waits for it says
/// "yes" once the API has accepted that, whatever the variant. A mutation of your own with
/// [`Never`](crate::graphql::RetrySafety::Never) counts as a trigger, any other document as a read.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The request is invalid: a blank text, a timeout of zero, a document without its operation. Nothing was sent.
    #[error("{field} {problem}; nothing was sent")]
    #[non_exhaustive]
    InvalidRequest {
        /// What is wrong, for example `message`.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },

    /// The endpoint, the credentials or a setting is invalid. Nothing was sent.
    #[error("{setting} {problem}")]
    #[non_exhaustive]
    InvalidConfig {
        /// What is wrong, for example `PARADIME_API_ENDPOINT`.
        setting: String,
        /// What is wrong with it, and how to set it right.
        problem: String,
    },

    /// The request's body never left this machine, after all attempts, and no longer can.
    /// Nothing was started. [`is_retryable`](Self::is_retryable) says whether the same call can
    /// succeed later.
    #[error("{call} was not sent: {}", not_sent(*.obstacle, .source.as_ref()))]
    #[non_exhaustive]
    NotSent {
        /// The call.
        call: Box<FailedCall>,
        /// What stood in the way.
        obstacle: Obstacle,
        /// The last attempt's failure.
        source: Cause,
    },

    /// A trigger or a follow-up left this machine, and nothing proves that it was not carried
    /// out. It was not sent again, and cannot be looked up, as the API has neither an
    /// idempotency key nor a list of runs. Look in the workspace (or in Slack) before you send
    /// it again. If the response named a session id, [`Error::session_id`] returns it: that run
    /// exists.
    #[error(
        "{call} was sent but its outcome is unknown: {reason}{}; {}",
        said_by(.errors),
        outcome_hint(.call)
    )]
    #[non_exhaustive]
    OutcomeUnknown {
        /// The call.
        call: Box<FailedCall>,
        /// What came back instead of a usable response.
        reason: String,
        /// The GraphQL errors of the response, if it had any.
        errors: Vec<GraphQlError>,
        /// The failure underneath, if there is one.
        source: Option<Cause>,
    },

    /// A run of [`run_all`](crate::Client::run_all) was not started, because of what happened to
    /// others before it: the credentials were refused, or the outcome of three triggers in a row
    /// is unknown. Nothing was carried out for it.
    #[error("not started, because of an earlier run of the same batch: {cause}")]
    #[non_exhaustive]
    NotStarted {
        /// What happened to the other run.
        cause: Box<Error>,
    },

    /// The journal of a [`start_once`](crate::Client::start_once) could not be used. Nothing was
    /// sent.
    #[error("{source}; nothing was sent for key {key:?}")]
    #[non_exhaustive]
    Journal {
        /// The key.
        key: String,
        /// What is wrong with the journal.
        source: JournalError,
    },

    /// An earlier call with the same key may have started a run, and nobody knows its session id: it
    /// was killed before it knew, or its [outcome is unknown](Self::OutcomeUnknown). This call sent
    /// nothing, and none does until somebody has looked in the workspace, and has
    /// [resolved](crate::Client::resolve_key) or [retried](crate::Client::retry_key) the key.
    #[error("{}; look in the workspace, then resolve the key with the run's session id, or retry it", key_unknown(.key, *.since, .reason))]
    #[non_exhaustive]
    KeyUnknown {
        /// The key.
        key: String,
        /// When the run may have been started.
        since: SystemTime,
        /// Why nobody knows.
        reason: String,
    },

    /// The connection failed, or no response came in time, after all attempts, for an operation
    /// that may be sent again.
    #[error("{call} got no response: {}; check the network, then call again", innermost(.source.as_ref()))]
    #[non_exhaustive]
    Transport {
        /// The call.
        call: Box<FailedCall>,
        /// The last attempt's failure.
        source: Cause,
    },

    /// The credentials were refused: HTTP 401 or 403, or a GraphQL error with the code
    /// `UNAUTHENTICATED`. Nothing was carried out.
    #[error(
        "{call} was refused with HTTP {status}{}{}; check that key and secret (or the token) are \
         right for this endpoint and region{}, and that the key has the capabilities \
         dinoai:agent:trigger and dinoai:agent:read",
        said(.text),
        executed_hint(.call),
        sources_hint(.sources)
    )]
    #[non_exhaustive]
    Unauthorized {
        /// The call.
        call: Box<FailedCall>,
        /// The HTTP status: 401 or 403, or any other beside a GraphQL error.
        status: u16,
        /// The first 300 characters of what the server said.
        text: String,
        /// Where endpoint, key and secret were found: names of variables and files, never
        /// their values. `None` if the program gave them itself.
        sources: Option<String>,
    },

    /// Too many requests: HTTP 429, or for a read a GraphQL error with a code that means the
    /// same. After all attempts, or with a delay longer than a call waits for. Nothing was
    /// carried out.
    #[error("{call} was rate limited{}", retry_hint(.call))]
    #[non_exhaustive]
    RateLimited {
        /// The call. It holds the delay that the server asked for.
        call: Box<FailedCall>,
    },

    /// Any other response that is not GraphQL: a proxy's page, a wrong address. A trigger or a
    /// follow-up ends with it only at a status that proves that nothing was carried out.
    #[error(
        "{call} got an HTTP {status} response that is not GraphQL ({}){}; {}",
        content_type.as_deref().unwrap_or("no content type"), said(.text), http_hint(.status)
    )]
    #[non_exhaustive]
    Http {
        /// The call.
        call: Box<FailedCall>,
        /// The HTTP status.
        status: u16,
        /// The response's content type.
        content_type: Option<String>,
        /// The first 300 characters of what the server said; empty for a response to a read
        /// that looks like JSON, since a run's text could be in it.
        text: String,
    },

    /// The API answered with GraphQL errors. Its HTTP status is
    /// [`call.http_status`](FailedCall::http_status).
    #[error("{call} failed with GraphQL errors: {}{}", list(.errors), executed_hint(.call))]
    #[non_exhaustive]
    GraphQl {
        /// The call. Its session id is the one in the partial data, if there is one.
        call: Box<FailedCall>,
        /// All errors of the response.
        errors: Vec<GraphQlError>,
        /// The data that came beside the errors.
        data: Option<serde_json::Value>,
        /// Whether execution had begun.
        executed: bool,
    },

    /// The API knows no such run: the look-up gave null, and no error says why.
    #[error(
        "{call} failed: there is no such run; check the session id, and that it belongs to this workspace"
    )]
    #[non_exhaustive]
    NotFound {
        /// The call.
        call: Box<FailedCall>,
    },

    /// The backend does not know a field or an argument that the call needs, being older. Nothing was carried out.
    #[error("{call} was refused: {}", display::unsupported(call, feature, fields))]
    #[non_exhaustive]
    Unsupported {
        /// The call.
        call: Box<FailedCall>,
        /// The feature, in words: `the base branch`.
        feature: String,
        /// The first 100 fields and arguments that the backend does not know, as the schema has them.
        fields: Vec<String>,
        /// What the backend said.
        errors: Vec<GraphQlError>,
    },

    /// A GraphQL response that does not match the schema.
    #[error(
        "{call} got a response that does not match the schema at {path}: {problem}{}",
        decode_hint(.call)
    )]
    #[non_exhaustive]
    Decode {
        /// The call.
        call: Box<FailedCall>,
        /// Where in the response, for example `data.dinoaiAgentRun.status`.
        path: String,
        /// What is wrong there.
        problem: String,
    },

    /// The response is larger than the limit (64 MiB by default, after decompression).
    #[error(
        "{call} got a response of more than {limit} bytes; raise the client's response limit if \
         the transcript really is that long"
    )]
    #[non_exhaustive]
    ResponseTooLarge {
        /// The call.
        call: Box<FailedCall>,
        /// The limit, in bytes.
        limit: usize,
    },

    /// The API answered `ok: false`: the trigger, the message or the stop was not accepted, or
    /// the look-up did not succeed.
    #[error(
        "{call} was not accepted: the API answered ok: false with status {:?}{}",
        excerpt(.status),
        executed_hint(.call)
    )]
    #[non_exhaustive]
    NotAccepted {
        /// The call.
        call: Box<FailedCall>,
        /// The status beside it.
        status: String,
    },

    /// A wait ended because the run did, without completing: failed, expired or stopped.
    #[error("run {} ended {}{}", short(&run.session_id), run.status, last_words(.run))]
    #[non_exhaustive]
    RunFailed {
        /// The whole run, with its transcript.
        run: Box<Run>,
        /// Whether the call that ends with this error has started the run itself.
        started: bool,
    },

    /// A wait came to its timeout, or its run has stalled: it had not ended, or could not be read. Unless it was
    /// stopped, the run goes on, and [`client.session(id)?.wait()`](crate::Client::session) waits for it again.
    #[error("{0}")]
    WaitTimeout(Box<WaitTimeout>),

    /// The run has ended, and its answer is not the value that was asked for. The text may quote a value of it.
    #[error("{0}")]
    WrongAnswer(Box<WrongAnswer>),

    /// The turn of a follow-up has shown no activity within the grace period: the run still
    /// reads as before it was sent. Reported once; the session takes the turn for closed then.
    #[error(
        "{} within {waited:.1?} ({}); {}",
        no_activity(.session_id, *.accepted),
        last_status(.status),
        turn_hint(*.accepted)
    )]
    #[non_exhaustive]
    TurnNotStarted {
        /// The run.
        session_id: SessionId,
        /// How long the run showed no activity while it could be read.
        waited: Duration,
        /// What the run still reads as; `None` if it could not be read.
        status: Option<RunStatus>,
        /// Whether the API had accepted the follow-up; else its outcome is unknown.
        accepted: bool,
        /// Whether the call that ends with this error has sent the follow-up itself.
        started: bool,
    },
}
