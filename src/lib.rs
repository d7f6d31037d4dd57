//! A typed client for the [DinoAI programmable agents] of Paradime.
//!
//! Data teams define agents as YAML files in their dbt repository. With this crate a program starts a
//! *run* of an agent, waits until it has ended, and reads the agent's answer. It is for schedulers,
//! services, bots and checks.
//!
//! ```no_run
//! use dinoai::{Client, TriggerRun};
//!
//! #[tokio::main]
//! async fn main() -> dinoai::Result<()> {
//!     let client = Client::from_env()?;
//!     let request = TriggerRun::agent("data-quality-checker").with_message("Focus on stg_orders");
//!     let run = client.trigger_run_and_wait(request).await?;
//!     println!("{}", run.answer().unwrap_or("no answer"));
//!     Ok(())
//! }
//! ```
//!
//! `Client::from_env` reads `PARADIME_API_ENDPOINT`, `PARADIME_API_KEY` and `PARADIME_API_SECRET`.
//! The [guide] goes on from here: a [first run](guide::first_run) in detail, [waiting](guide::waiting),
//! [conversations](guide::conversations), [typed answers](guide::typed_answers), [many runs](guide::many_runs), starting
//! [once per key](guide::start_once), [documents of your own](guide::own_documents), what to do on each [error](guide::errors), [testing](guide::testing) without an account, moving
//! [from the vendor's Python SDK](guide::from_python), and what is [promised](guide::promises).
//!
//! # What it offers
//!
//! To set up a client:
//!
//! | type | what it is |
//! | --- | --- |
//! | [`Client`] | The API's operations, one method each. Make one and clone it. |
//! | [`ClientBuilder`] | Sets timeouts, retries, proxies and limits. |
//! | [`Credentials`] | A key with its secret, or a token; and where they are looked up. |
//! | [`Workspace`] | A workspace that the credentials reach. |
//! | [`Retry`] | How often, and for how long, a call is tried. |
//! | [`Call`], [`CallFuture`] | One call, with a timeout and retries of its own if you set them. |
//!
//! To start a run and read it:
//!
//! | type | what it is |
//! | --- | --- |
//! | [`TriggerRun`] | The request: which agent, with which message, on which branch. |
//! | [`Accepted`] | The API's response to a trigger, a follow-up or a stop. |
//! | [`SessionId`], [`InvalidSessionId`] | The id of a run. |
//! | [`Run`], [`RunStatus`], [`UnknownStatus`], [`Message`] | A run with its status and its transcript. |
//! | [`RunSteps`], [`StepOptions`], [`Step`], [`StartupStep`] | What the agent did, step by step. |
//!
//! To wait:
//!
//! | type | what it is |
//! | --- | --- |
//! | [`Wait`] | Waits until a run has ended. Polls the status alone. |
//! | [`Waits`] | The waits of a client, which share requests: one for up to 50 runs. |
//! | [`Watch`], [`Events`], [`Event`], [`HistoryChange`] | A run's statuses, messages and steps, as they happen. |
//! | [`PollOptions`], [`Schedule`], [`OnTimeout`] | How long to wait, when to poll, and what to do at the timeout. |
//! | [`Outage`] | Polls that fail while a wait goes on. |
//! | [`StopOnDrop`] | A guard that stops its run when it is dropped. |
//!
//! To act on an answer:
//!
//! | type | what it is |
//! | --- | --- |
//! | [`JsonAnswer`] | A value that a run, or a follow-up, is asked for, as JSON in its answer. |
//!
//! To hold a conversation:
//!
//! | type | what it is |
//! | --- | --- |
//! | [`Session`] | A handle on one run, made from its id: send, ask, wait, watch, stop. |
//! | [`Ask`], [`Turn`] | A follow-up message, and the agent's answer to it. |
//! | [`Checkpoint`] | Where a session stands, to store and to resume elsewhere. |
//!
//! To work with many runs:
//!
//! | type | what it is |
//! | --- | --- |
//! | [`RunAll`], [`RunResults`] | Starts many runs, a limited number at a time; their results as they end. |
//! | [`WaitAll`] | Waits for many runs that have been started. |
//! | [`ReadTree`], [`WaitTree`], [`Tree`] | A run with all the runs that it has started. |
//!
//! To start a run once although the process dies (the module [`journal`]):
//!
//! | type | what it is |
//! | --- | --- |
//! | [`StartOnce`], [`StartedOnce`] | Starts the run of a key, or finds what was started before. |
//! | [`RunOnce`] | The same, and waits for it. |
//!
//! To find out what a backend supports, and to send other documents than this crate's (the module
//! [`graphql`]):
//!
//! | type | what it is |
//! | --- | --- |
//! | [`Features`], [`Feature`], [`Support`], [`Access`] | What a backend supports, found without starting anything. |
//! | [`SCHEMA`] | The schema that this crate's documents are checked against. |
//!
//! To act on a failure: [`Error`] in a [`Result`], what it holds ([`GraphQlError`], [`Obstacle`]), and the
//! module [`mod@error`]. To test: the module [`mod@time`].
//!
//! # What is safe
//!
//! A run costs money and may post to Slack. So these promises hold, where a *trigger* is the request
//! that starts a run:
//!
//! - **A call starts a run at most once.** A trigger is sent again only if its body never left
//!   this machine, and no longer can, or if the server refused it with HTTP 429 and named no
//!   session id. Any other failure after it has left is [`Error::OutcomeUnknown`], unless the
//!   response proves that nothing was carried out.
//! - **A key starts one run**, also across processes that are killed at any moment, if it is started with
//!   [`Client::start_once`] or [`Client::run_once`]: what was started is remembered in a
//!   [`journal`]. Where nobody knows whether a run was started, none is, until somebody says.
//! - **Every error says whether it may have left a run behind.** [`Error::OutcomeUnknown`] is not
//!   the only one: so does an error whose response shows that the trigger was executed, and every
//!   error of a wait that has started its run. So ask [`Error::may_have_started`], which answers for the
//!   very call that failed, and [`Error::session_id`], which names a run that exists.
//! - **Every future may be dropped** at any await. If it is dropped before its trigger has left,
//!   nothing is started, then or later. If it is dropped after that, the run may start, or has
//!   started, and goes on. Its id is lost with the response, unless it was passed to
//!   [`on_started`](Wait::on_started) before. [`RunAll`] is the exception: its triggers run to
//!   their response on tasks of their own.
//! - **A wait ends when the run ends.** Once the run is known to exist, an outage of the API does
//!   not end the wait before its deadline. At the deadline the run is looked at once more. Which failures
//!   a wait tolerates, and for how long, is in [one table](Wait#failing-polls).
//! - **No credential is shown**, nor the endpoint's path, which holds a token: not in `Debug`,
//!   errors or logs. The texts of a run's messages are in no log of this crate, and in the text of
//!   no error but [`Error::RunFailed`], which ends with the run's last message, and
//!   [`Error::WrongAnswer`], which may quote a value of the answer. Redirects are not
//!   followed, since they would carry the key to another host.
//!
//! # Traces
//!
//! The crate records spans with [`tracing`], all at level INFO: `dinoai.call` for each call
//! (`operation`, `session_id`, `attempt`, `http.status`, `request_id`), `dinoai.wait` for each wait
//! (`session_id`) and `dinoai.turn` for each turn (`session_id`). They also have OpenTelemetry's
//! names for generative AI: `gen_ai.conversation.id` is the session id; what starts a run or a turn
//! has `gen_ai.operation.name` (`invoke_agent`), and `gen_ai.agent.name` if it names one. Inside
//! them is an event for each change of status (INFO), each warning of the API (WARN), each further
//! attempt and each failed poll (DEBUG). A call that several waits share is in no other span.
//! Message texts and credentials are never recorded. Nothing is recorded on the caller's own spans.
//!
//! # Features
//!
//! All are off by default.
//!
//! - `schema`: the JSON Schema of a type in the request for its value: `JsonAnswer::schema`.
//! - `blocking`: the same methods without async.
//! - `test-util`: a clock that passes at once (see [`mod@time`]), and constructors for the data that
//!   calls return.
//!
//! [DinoAI programmable agents]: https://docs.paradime.io

#![warn(clippy::print_stdout, clippy::print_stderr)]
#![cfg_attr(docsrs, feature(doc_cfg))]

// The modules in the order of imports: each imports only modules that stand above it.
//
// model       the nouns of the API as plain data
// error       what can go wrong, what it means for the next call, how it reads
// answer      typed answers
// config      endpoint and credentials, and where they are found
// time        the clock that waits are measured by
// transport   GraphQL over HTTP: one attempt, what a response means, when to send again
// operations  the documents of graphql/ as typed calls
// graphql     documents of the user's own
// probe       what a backend supports
// polling     how long, how often, and which failed polls are tolerated
// journal     one run a key, also across processes
// session     a run by its id: follow-ups and their turns, waits, watches
// tree        a run with its descendants
// batch       many runs at once
// client      the facade
// blocking    the same without async
// guide       how to use it all, in words; only in the documentation
// fuzzing     what must hold whatever a server sends; for fuzzing and tests

mod answer;
mod batch;
#[cfg(feature = "blocking")]
pub mod blocking;
mod client;
mod config;
pub mod error;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
pub mod graphql;
#[cfg(doc)]
pub mod guide;
pub mod journal;
mod model;
mod operations;
mod polling;
mod probe;
mod session;
pub mod time;
mod transport;
mod tree;

#[doc(inline)]
pub use batch::{RunAll, RunResults, WaitAll};
#[doc(inline)]
pub use client::{Client, ClientBuilder, Waits};
#[doc(inline)]
pub use config::Credentials;
#[doc(inline)]
pub use error::{Error, GraphQlError, Obstacle, Result};
#[doc(inline)]
pub use model::{
    Accepted, InvalidSessionId, Message, Run, RunStatus, RunSteps, SessionId, StartupStep, Step,
    StepOptions, TriggerRun, UnknownStatus, Workspace,
};
#[doc(inline)]
pub use operations::{Call, CallFuture, DOCUMENTS};
#[doc(inline)]
pub use polling::{OnTimeout, Outage, PollOptions, Schedule};
#[doc(inline)]
pub use probe::{Access, Feature, Features, Support};
#[doc(inline)]
pub use session::{
    Ask, Checkpoint, Event, Events, HistoryChange, JsonAnswer, RunOnce, Session, StartOnce,
    StartedOnce, StopOnDrop, Turn, Wait, Watch,
};
#[doc(inline)]
pub use transport::Retry;
#[doc(inline)]
pub use tree::{ReadTree, Tree, WaitTree};

/// What documents are derived with, in the version that this crate's own are.
///
/// For documents of your own: `use dinoai::graphql_client::{self, GraphQLQuery};` is all that the
/// derive needs.
#[doc(no_inline)]
pub use graphql_client;
/// The HTTP client, in the version that [`ClientBuilder::http_client`] takes.
#[doc(no_inline)]
pub use reqwest;

/// What [`JsonAnswer::schema`] makes a schema with, in the version that it takes.
#[cfg(feature = "schema")]
#[doc(no_inline)]
pub use schemars;

/// The schema that this crate's documents are checked against, as SDL.
///
/// `dinoai schema print` prints it. The derive reads a file, so a program with documents of its own
/// keeps a copy; a test says when it is old:
///
/// ```
/// let copy = std::fs::read_to_string("graphql/schema.graphql").unwrap();
/// assert!(copy == dinoai::SCHEMA, "old: dinoai schema print > graphql/schema.graphql");
/// ```
pub const SCHEMA: &str = include_str!("../graphql/schema.graphql");

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
