//! A local emulator of Paradime's DinoAI agents API: a GraphQL server on a loopback port that
//! starts no agent, costs nothing and posts nowhere, but responds as the API does.
//!
//! ```
//! use dinoai_emulator::{Emulator, Scenario};
//!
//! # async fn example() -> Result<(), dinoai_emulator::Error> {
//! let emulator = Emulator::builder()
//!     .scenario("data-quality-checker", Scenario::failed())
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
//! How a run goes is a [`Scenario`]; which fields and arguments are known is a [`Backend`]; what
//! a client must survive though nothing is broken are [`Quirks`]; what a network and a proxy do
//! to it are [`Fault`]s. Everything is counted: what came in ([`Emulator::requests`]) and what it
//! started ([`Emulator::runs`]).
//!
//! The [guide] says how to test agent code, with a complete test to copy. [`check_documents`] checks
//! GraphQL documents of your own, without an emulator; [`changes`](mod@changes) says what a changed schema
//! means for them.
//!
//! # Requests and responses
//!
//! - HTTP/1.1 with keep-alive, over plain `http`, on 127.0.0.1 unless [`Builder::host`] says
//!   otherwise. Request bodies up to 1 MiB.
//! - GraphQL over HTTP: POST, and GET for queries; `application/json`, in which a refused document
//!   has the status 200, and `application/graphql-response+json`, in which it has 400. Introspection
//!   is on.
//! - Documents and variables are executed and refused as the reference implementation, npm
//!   `graphql`, executes and refuses them, subscriptions aside. Errors of validation and of variables
//!   have its words, without suggestions, and so have those of nulls where none may be; syntax errors
//!   need not. Documents have up to 100,000 tokens. Selections, values and types nest up to 200 levels
//!   deep in the text; and fragments spread one another up to 200 levels deep, whatever the nesting
//!   in each. Validation ends with an error if fragments times operations come to more than two
//!   million steps.
//! - Variables are JSON of up to 127 levels. One with a half of a surrogate pair, or with a number
//!   that no double can be, is not read, and the request gets 400. Those that an operation defines have
//!   up to 50,000 lists and objects together.
//! - HTTP 401 without valid credentials, and with a company token that names no workspace for all but
//!   `listWorkspaces`; 403 for those that lack a capability, 404 for any other
//!   path than those named here, all with a JSON body that is not GraphQL.
//! - 403 for requests to the name of another host and for those of pages of other sites, and 400
//!   without a readable `Host`, on every path: see [`Builder::allow_host`]. They are not recorded
//!   and use up no fault.
//! - `GET /health`: 200 while the emulator serves, without credentials; other machines get it, too.
//! - An unknown session id, an unknown agent if the agents are known, or a trigger with
//!   neither agent nor message: null for that field, with an error that has its path.
//! - A run that has ended takes follow-ups, for 24 hours after its last message on the emulator's
//!   clock ([`Emulator::advance`]). Stopping a run is at once, and leaves the run's children
//!   alone; one that has ended stays as it ended, and the response says how.
//! - Texts of steps are cut at 4,000 characters unless `maxChars` says otherwise.
//!
//! # The control path
//!
//! A program in another process, in any language, controls and observes a running emulator over
//! HTTP, at [`Emulator::control`]: `http://127.0.0.1:<port>/control`. It takes no credentials, and
//! only callers on this machine: others get 403. A POST with a body must have the content type
//! `application/json`. Errors are reported as `{"detail": …}`, with 400, 403, 404, 405, 413,
//! 415 or 503. A list shows each item as it is when the reader comes to it; a reset ends it.
//!
//! | request | response |
//! | --- | --- |
//! | `GET /control/requests` | the requests to the API so far: the fields of [`Request`] |
//! | `DELETE /control/requests` | empties the request log |
//! | `GET /control/runs` | the runs so far: the fields of [`Run`] |
//! | `GET /control/faults` | the faults ahead, in order: see [`Fault`] |
//! | `POST /control/faults` with a fault or a list of them | adds to the plan; returns the faults ahead |
//! | `DELETE /control/faults` | empties the plan |
//! | `GET /control/clock` | `{"elapsed_seconds": 12.5}` |
//! | `POST /control/clock` with `{"advance_seconds": 86400}` | moves the clock forward, by 100 years at most; responds as GET |
//! | `POST /control/reset` | brings back the state at the start ([`Emulator::reset`]); responds as `GET /control/clock` |
//!
//! ```sh
//! curl -H 'Content-Type: application/json' http://127.0.0.1:4000/control/faults \
//!   -d '{"fault": "unavailable", "retry_after": "2", "times": 3}'
//! ```
//!
//! # The demo agents
//!
//! With [`Builder::demo_agents`], runs go by the clock as those of real agents do. A pod boots, line
//! by line of its checklist; the agent takes one step after the other, with tools; its answer is
//! Markdown with a table and, at its end, a block of JSON. All of it is made up, from the words of
//! the message alone: the same message has the same answer.
//!
//! | agent | its run |
//! | --- | --- |
//! | `data-quality-checker` | finds three columns without a test in each model that the message names (three in a turn): 11 seconds |
//! | `pull-request-reviewer` | starts a `lineage-reader` and a `data-quality-checker`, waits for them, and says how each has ended: 26 seconds |
//! | `warehouse-cost-reporter` | fails, and says why: 8 seconds |
//! | `docs-writer` | describes twelve models: a minute and a half |
//! | any other, or none | finds nothing in the models that the message names: 9 seconds and more |
//!
//! Each answers any number of follow-ups, and remembers what was said. The checker also does what
//! they ask for: "Now fix the first one", "Fix all but 2", "Why?", "Now also check stg_customers",
//! "Which are open?", "The findings as JSON". It does only what it is sure of, and else says what it
//! can do: "Don't fix anything", and a question, change nothing.
//!
//! A follow-up to a run in progress waits: the turn ends first, with its answer, and the run does not
//! seem to have ended in between. What a stop cuts off was never said or done; "Go on" lets the
//! checker begin that again.
//!
//! Scenarios take precedence: that of an agent over its demo agent, a default scenario over all of them.
//! Which agents are known is a matter of [`Builder::agent`] alone. The program and `dinoai --emulator`
//! start with the demo agents; an emulator in a test has them only if it asks for them, since they
//! take their time.
//!
//! # What is kept
//!
//! An emulator that runs for days does not grow. It keeps the latest 10,000 requests that fit in
//! 32 MiB ([`Emulator::requests`], [`Builder::kept_requests`]): the first of them has a
//! [`number`](Request::number) above 1 if others came before. Runs take 384 MiB
//! ([`Emulator::runs`]), enough for 100,000 of the demo agents, and the long texts that they were
//! sent 64 MiB of it: when more is needed, those of the oldest are dropped, each with a sentence in
//! its place that says so, and if runs still take too much, the oldest runs. Ended runs come first.
//! The texts that one run was sent take 8 MiB of JSON, of which the oldest long ones are dropped first.
//! A run takes 10,000 follow-ups; a further one is an error. A reset frees all of it.
//!
//! Agents, base branches, model families, and channels and timestamps of Slack have 255 characters
//! at most: a trigger with a longer one is an error, and starts nothing.
//!
//! One response takes 48 MiB of memory while it is made, which is enough for 24 MiB of texts or for
//! 50,000 messages. In the place of a larger one stands an error, with `data` null; what a mutation
//! did before stays done. Responses above 64 KiB that are made and not read yet take 24 MiB together:
//! a further one waits until others are read, for ten seconds at most, and then gets 503; the lists
//! of the control path wait for as long as it takes. A trigger, a follow-up and a stop have short
//! responses, unless a document has hundreds of them. Request bodies take 1 MiB each while they come
//! in and are executed, or held back by a fault, on as many connections as there are.
//!
//! # Files
//!
//! `Builder::agents_folder` makes the agents of a folder known, `.dinoai/agents/<name>.yml`, and
//! refuses files that the vendor refuses; `check_agents` says what is wrong with them, and what is
//! probably not meant so. `Builder::scenario_file` reads scenarios from YAML: this one says everything
//! that such a file can say.
//!
//! ```yaml
#![doc = include_str!("../scenarios/tour.yml")]
//! ```
//!
//! # Features
//!
//! - `program` (default): the program `dinoai-emulator`, and `program::main` for other programs.
//!   Includes `yaml`.
//! - `yaml`: agents and scenarios from YAML files. Tests that need neither can turn both off.

#![cfg_attr(docsrs, feature(doc_cfg))]

// The modules in the order of imports: each imports only modules that stand above it.
//
// json         JSON as text, and how much memory it takes
// error        why an emulator cannot start; what is wrong in which line of a file
// text_file    a text file that has a largest size
// snippet      what is said of a place in a file, with its line and a caret
// clock        the only time that runs see
// credentials  the demo credentials and the workspaces, and what a request's headers allow
// quirks       what a client must survive though nothing is broken
// graphql      the language: syntax, validation, coercion, introspection; it knows no run
// backend      which schema is served
// documents    files of documents, checked against a schema
// changes      what a change of a schema means for documents
// scenario     how a run goes: stages, steps, children
// files        scenarios and agents from YAML files
// demo         the demo agents: scenarios made up from what a user says
// run          the runs: the record and the state of each, and all of them
// fault        what happens to a request, and the plan of it
// resolvers    what the fields of the API do and return
// http         the server, the request log, the control path, and faults on the wire
// emulator     a running emulator, as its user holds it
// builder      how one is started
// program      the program around it: options, signals, what it prints
mod backend;
mod builder;
pub mod changes;
mod clock;
mod credentials;
mod demo;
pub mod documents;
mod emulator;
mod error;
mod fault;
#[cfg(feature = "yaml")]
mod files;
mod graphql;
/// How to test agent code: start an emulator, script it, look at what the client did.
///
#[doc = include_str!("../GUIDE.md")]
pub mod guide {}
mod http;
mod json;
#[cfg(feature = "program")]
pub mod program;
mod quirks;
mod resolvers;
mod run;
mod scenario;
mod snippet;
mod text_file;

pub use backend::Backend;
pub use builder::Builder;
#[doc(inline)]
pub use documents::check_documents;
pub use emulator::Emulator;
pub use error::{Diagnostic, Error, Level};
pub use fault::{ErrorData, Fault};
#[cfg(feature = "yaml")]
pub use files::agents::{CheckedAgents, check_agents};
#[cfg(all(feature = "yaml", any(test, fuzzing)))]
#[doc(hidden)]
pub use files::fuzzing;
#[cfg(feature = "yaml")]
pub use files::scenarios::scenario_schema;
pub use http::Request;
pub use quirks::{Capability, Quirks, RefusalStatus};
pub use run::{Message, Run, Slack};
pub use scenario::{Child, Scenario, Stage, Status, Step};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
