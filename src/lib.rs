//! Typed client for the [DinoAI programmable agents] of Paradime: start a run exactly once, wait
//! for it at a fair price, read it, or learn the exact reason why not.
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
//! | set up a client | [`builder`], [`credentials`], [`retry`] |
//! | say what to start | [`trigger`] |
//! | wait for the end | [`wait`], [`schedule`] |
//! | go on with a run, hold a conversation | [`session`], [`turn`], [`cursor`] |
//! | see the work while it happens | [`watch`], [`steps`] |
//! | follow the runs that a run starts | [`tree`] |
//! | start or wait for many | [`fleet`] |
//! | stop a run that nobody waits for | [`stop`] |
//! | read a run | [`run`] |
//! | act on a failure | [`error`], [`graphql_error`] |
//! | do without async | `blocking`, with the feature of that name |
//! | test without waiting | [`clock`] |
//!
//! # What is safe
//!
//! - **A run is never started twice by this crate.** A trigger is sent again only while its body
//!   has certainly not left, or when the server turned it away with 429. Whatever else happens
//!   is told as [`Error::OutcomeUnknown`]; [`Error::may_have_started`] says it for all errors.
//! - **No credential is shown**, nor the endpoint's path, which holds a token: not in `Debug`,
//!   errors or logs. Redirects are not followed, since they would carry the key to another host.
//! - **Every future may be dropped** at any await; the run goes on.
//!
//! # Traces
//!
//! Through [`tracing`]: one span a call, `dinoai.call` (`operation`, `session_id`, `attempt`,
//! `http.status`, `request_id`), one a wait, `dinoai.wait` (`session_id`), and one a turn,
//! `dinoai.turn` (`session_id`), all at level INFO; inside them an event for each change of status (INFO), each warning of the API's (WARN),
//! each further attempt and each failed poll (DEBUG). Message texts and credentials never.
//!
//! # Features
//!
//! - `blocking`: the same methods without async. Off by default.
//!
//! [DinoAI programmable agents]: https://docs.paradime.io

#![warn(clippy::print_stdout, clippy::print_stderr)]

mod account;
#[cfg(feature = "blocking")]
pub mod blocking;
mod body;
pub mod builder;
mod call;
pub mod client;
pub mod clock;
pub mod credentials;
pub mod cursor;
mod endpoint;
pub mod error;
mod excerpt;
mod family;
pub mod fleet;
mod fleet_loop;
pub mod graphql_error;
mod lenient;
mod operations;
mod poll;
mod proof;
mod redaction;
mod response;
pub mod retry;
pub mod run;
pub mod schedule;
mod seen;
pub mod session;
pub mod steps;
pub mod stop;
mod surrogates;
mod tolerance;
mod transport;
pub mod tree;
pub mod trigger;
pub mod turn;
mod unpack;
pub mod wait;
pub mod watch;
mod wording;

pub use builder::ClientBuilder;
pub use call::CallFuture;
pub use client::Client;
pub use credentials::Credentials;
pub use cursor::Checkpoint;
pub use error::{Error, Obstacle, Result};
pub use fleet::{RunAll, WaitAll};
pub use graphql_error::GraphQlError;
pub use retry::Retry;
pub use run::{Accepted, Message, Run, RunStatus, SessionId};
pub use schedule::Schedule;
pub use session::Session;
pub use steps::{RunSteps, StartupStep, Step, StepOptions};
pub use stop::StopOnDrop;
pub use tree::{ReadTree, Tree, WaitTree};
pub use trigger::TriggerRun;
pub use turn::{Ask, Turn};
pub use wait::{OnTimeout, Wait};
pub use watch::{Event, Watch};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(doctest)]
#[doc = include_str!("../guides/testing.md")]
struct GuideToTesting;
