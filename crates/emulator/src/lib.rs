//! A local emulator of Paradime's DinoAI agents API: a GraphQL server on a loopback port that
//! starts no agent, costs nothing and posts nowhere, but answers as the API does.
//!
//! ```
//! use dinoai_emulator::{Emulator, Scenario};
//!
//! # async fn example() -> Result<(), dinoai_emulator::Error> {
//! let emulator = Emulator::builder()
//!     .scenario("data-quality-checker", Scenario::fails())
//!     .start()
//!     .await?;
//! // Point a client at `emulator.endpoint()`, with `emulator.key()` and `emulator.secret()`,
//! // let it work, and then look at what it did:
//! assert_eq!(emulator.runs().len(), 0);
//! assert_eq!(emulator.requests().len(), 0);
//! # Ok(())
//! # }
//! ```
//!
//! How a run goes is a [`Scenario`]; which fields and arguments are known is a [`Backend`].
//! Everything is counted: what came in ([`Emulator::requests`]) and what it started
//! ([`Emulator::runs`]).
//!
//! # What is answered
//!
//! - HTTP/1.1 with keep-alive, over plain `http`, on 127.0.0.1. Request bodies up to 1 MiB.
//! - GraphQL over HTTP: POST, and GET for queries; `application/json`, where a refused document
//!   has the status 200, and `application/graphql-response+json`, where it has 400. Messages of
//!   refusals have the wording of the reference implementation. Introspection is on.
//! - HTTP 401 without valid credentials, 404 for any path but the endpoint's, both with a JSON
//!   body that is not GraphQL.
//! - An unknown session id, or a trigger with neither agent nor message: null for that field,
//!   with an error that has its path.
//! - A run that has ended takes follow-ups and can be stopped. Stopping is at once, and leaves
//!   the run's children alone.
//! - Texts of steps are cut at 4,000 characters unless `maxChars` says otherwise.
//!
//! # Features
//!
//! - `program` (default): the program `dinoai-emulator`. Tests do well without it.

mod backend;
mod clock;
mod control;
mod credentials;
mod edges;
mod emulator;
mod error;
mod execute;
mod fault;
mod http;
mod media;
mod objects;
mod operations;
mod parameters;
mod progress;
mod reply;
mod requests;
mod run_fields;
mod runs;
mod scenario;
mod seconds;
mod server;
mod session_id;
mod spoiled;
mod stage;
mod status;
mod step;
mod world;

pub use backend::Backend;
pub use edges::{Capability, Edges, RefusalStatus};
pub use emulator::{Builder, Emulator};
pub use error::Error;
pub use fault::Fault;
pub use requests::Request;
pub use runs::{Run, Slack};
pub use scenario::Scenario;
pub use stage::Stage;
pub use status::Status;
pub use step::{Child, Step};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
