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
//! | you want to | room |
//! | --- | --- |
//! | call an operation | [`client`] |
//! | set up a client | [`builder`], [`Credentials`], [`retry`] |
//! | say what to start | [`TriggerRun`] |
//! | wait for the end | [`wait`], [`schedule`] |
//! | go on with a run, hold a conversation | [`session`], [`turn`], [`cursor`] |
//! | see the work while it happens | [`watch`], [`StepOptions`] |
//! | follow the runs that a run starts | [`tree`] |
//! | start or wait for many | [`fleet`] |
//! | see polls that fail while a wait goes on | [`outage`] |
//! | stop a run that nobody waits for | [`stop`] |
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
//!   a wait tolerates, and for how long, is [one table](wait#failing-polls).
//! - **No credential is shown**, nor the endpoint's path, which holds a token: not in `Debug`,
//!   errors or logs. The texts of a run's messages are in no log of this crate, and in the text of
//!   no error but [`Error::RunFailed`], which ends with the run's last message. Redirects are not followed, since they would carry
//!   the key to another host.
//!
//! # Traces
//!
//! Through [`tracing`]: one span a call, `dinoai.call` (`operation`, `session_id`, `attempt`,
//! `http.status`, `request_id`), one a wait, `dinoai.wait` (`session_id`), and one a turn,
//! `dinoai.turn` (`session_id`), all at level INFO; inside them an event for each change of
//! status (INFO), each warning of the API (WARN), each further attempt and each failed poll
//! (DEBUG). Message texts and credentials never. Nothing is recorded on the caller's own spans.
//!
//! # Features
//!
//! - `blocking`: the same methods without async. Off by default.
//!
//! [DinoAI programmable agents]: https://docs.paradime.io

#![warn(clippy::print_stdout, clippy::print_stderr)]

#[cfg(feature = "blocking")]
pub mod blocking;
mod call;
mod client;
mod config;
pub mod cursor;
pub mod error;
mod family;
pub mod fleet;
mod fleet_loop;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod model;
mod operations;
pub mod outage;
mod poll;
pub mod schedule;
mod seen;
pub mod session;
pub mod stop;
pub mod time;
mod tolerance;
mod transport;
pub mod tree;
pub mod turn;
pub mod wait;
pub mod watch;

pub use call::CallFuture;
pub use client::{Client, ClientBuilder};
pub use config::Credentials;
pub use cursor::Checkpoint;
pub use error::{Error, GraphQlError, Obstacle, Result};
pub use fleet::{RunAll, WaitAll};
#[doc(inline)]
pub use model::{
    Accepted, InvalidSessionId, Message, Run, RunStatus, RunSteps, SessionId, StartupStep, Step,
    StepOptions, TriggerRun,
};
pub use outage::Outage;
pub use schedule::Schedule;
pub use session::Session;
pub use stop::StopOnDrop;
pub use transport::Retry;
pub use tree::{ReadTree, Tree, WaitTree};
pub use turn::{Ask, Turn};
pub use wait::{OnTimeout, Wait};
pub use watch::{Event, Watch};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(doctest)]
#[doc = include_str!("../guides/testing.md")]
struct GuideToTesting;
