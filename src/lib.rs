//! Typed client for the [DinoAI programmable agents] of Paradime: start a run, wait for it over few
//! requests, read it, or learn the exact reason why not.
//!
//! Data teams define agents as YAML in their dbt repository. A program starts a run of one,
//! waits, and acts on the result:
//!
//! ```no_run
//! use dinoai::{Client, TriggerRun};
//!
//! #[tokio::main]
//! async fn main() -> dinoai::Result<()> {
//!     let request = TriggerRun::agent("data-quality-checker").with_message("Focus on stg_orders");
//!     let run = Client::from_env()?.trigger_run_and_wait(request).await?;
//!     println!("{}", run.answer().unwrap_or("no answer"));
//!     Ok(())
//! }
//! ```
//!
//! # Where to find what
//!
//! | you want to | see |
//! | --- | --- |
//! | call an operation | [`Client`] |
//! | set up a client | [`ClientBuilder`], [`Credentials`], [`Retry`] |
//! | say what to start | [`TriggerRun`] |
//! | wait for the end | [`Wait`], [`Schedule`] |
//! | go on with a run, hold a conversation | [`Session`], [`Ask`], [`Turn`], [`Checkpoint`] |
//! | see the work while it happens | [`Watch`], [`Events`], [`Event`], [`StepOptions`] |
//! | follow the runs that a run starts | [`Tree`] |
//! | start or wait for many | [`RunAll`], [`WaitAll`] |
//! | see polls that fail while a wait goes on | [`Outage`] |
//! | stop a run that nobody waits for | [`StopOnDrop`] |
//! | read a run | [`Run`] |
//! | act on a failure | [`error`] |
//! | do without async | `blocking`, with the feature of that name |
//! | test without waiting | [`time`] |
//!
//! # What is safe
//!
//! - **A call starts a run at most once.** A trigger is sent again only if its body never left
//!   this machine, and no longer can, or if the server turned it away with HTTP 429 and named no
//!   session id. Otherwise it counts as not carried out only if the response proves it; if not,
//!   it is [`Error::OutcomeUnknown`].
//! - **More errors than that can leave a run behind**: a trigger whose response shows that it was
//!   executed, and every error of a wait that has started its run. So ask
//!   [`Error::may_have_started`], which answers for the very call that failed, and
//!   [`Error::session_id`], which names a run that exists.
//! - **Every future may be dropped** at any await. Dropped before its trigger has left, nothing is
//!   started, then or later. Dropped after that, the run may start, or has started, and goes on;
//!   its id is lost with the response, unless it was passed to
//!   [`on_started`](Wait::on_started) before. [`RunAll`] is the exception: its triggers run to
//!   their response on tasks of their own.
//! - **A wait ends when the run ends.** Once the run is known to exist, an outage of the API does
//!   not end the wait before its deadline, and then the run is looked at once more; which failures
//!   a wait tolerates, and for how long, is [one table](Wait#failing-polls).
//! - **No credential is shown**, nor the endpoint's path, which holds a token: not in `Debug`,
//!   errors or logs. The texts of a run's messages are in no log of this crate, and in the text of
//!   no error but [`Error::RunFailed`], which ends with the run's last message. Redirects are not followed, since they would carry
//!   the key to another host.
//!
//! # Traces
//!
//! Through [`tracing`]: one span a call, `dinoai.call` (`operation`, `session_id`, `attempt`,
//! `http.status`, `request_id`), one a wait, `dinoai.wait` (`session_id`), and one a turn,
//! `dinoai.turn` (`session_id`), all at level INFO. Beside these names stand OpenTelemetry's for
//! generative AI: `gen_ai.conversation.id` is the session id; what starts a run or a turn has
//! `gen_ai.operation.name` (`invoke_agent`), and `gen_ai.agent.name` if it names one. Inside the
//! spans there is an event for each change of status (INFO), each warning of the API (WARN), each further attempt and each failed poll
//! (DEBUG). Message texts and credentials never. Nothing is recorded on the caller's own spans.
//!
//! # Features
//!
//! - `blocking`: the same methods without async. Off by default.
//! - `test-util`: [`VirtualClock`](time::VirtualClock), and constructors for the data that calls
//!   return. For tests; off by default.
//!
//! [DinoAI programmable agents]: https://docs.paradime.io

#![warn(clippy::print_stdout, clippy::print_stderr)]

// The modules in the order of imports: each imports only modules that stand above it.
//
// model       the nouns of the API as plain data
// error       what can go wrong, what it means for the next call, how it reads
// config      endpoint and credentials, and where they are found
// time        the clock that waits are measured by
// transport   GraphQL over HTTP: one attempt, what a response means, when to send again
// operations  the documents of graphql/ as typed calls
// polling     how long, how often, and which failed polls are tolerated
// session     a run by its id: follow-ups and their turns, waits, watches
// tree        a run with its descendants
// batch       many runs at once
// client      the facade
// blocking    the same without async
// guide       how to use it all, in words; only in the documentation
// fuzzing     what must hold whatever a server sends; for fuzzing and tests

mod batch;
#[cfg(feature = "blocking")]
pub mod blocking;
mod client;
mod config;
pub mod error;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
#[cfg(doc)]
pub mod guide;
mod model;
mod operations;
mod polling;
mod session;
pub mod time;
mod transport;
mod tree;

#[doc(inline)]
pub use batch::{RunAll, RunResults, WaitAll};
#[doc(inline)]
pub use client::{Client, ClientBuilder};
#[doc(inline)]
pub use config::Credentials;
#[doc(inline)]
pub use error::{Error, GraphQlError, Obstacle, Result};
#[doc(inline)]
pub use model::{
    Accepted, InvalidSessionId, Message, Run, RunStatus, RunSteps, SessionId, StartupStep, Step,
    StepOptions, TriggerRun, UnknownStatus,
};
#[doc(inline)]
pub use operations::{Call, CallFuture};
#[doc(inline)]
pub use polling::{OnTimeout, Outage, PollOptions, Schedule};
#[doc(inline)]
pub use session::{Ask, Checkpoint, Event, Events, Session, StopOnDrop, Turn, Wait, Watch};
#[doc(inline)]
pub use transport::Retry;
#[doc(inline)]
pub use tree::{ReadTree, Tree, WaitTree};

#[doc(no_inline)]
pub use reqwest;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
