//! Starts a run once per key, also if the process dies: what was started is remembered in a journal.
//!
//! The API has neither an idempotency key nor a list of runs, so the client has to remember. Give each run
//! a key of your own, and start it with [`Client::start_once`](crate::Client::start_once) or
//! [`Client::run_once`](crate::Client::run_once). A [`FileJournal`] keeps the keys in a file, which many
//! processes can share, a [`MemoryJournal`] for as long as the process lives; a [`Journal`] of your own keeps
//! them elsewhere.
//!
//! ```no_run
//! use dinoai::journal::FileJournal;
//! use dinoai::{Client, TriggerRun};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::from_env()?;
//! let journal = FileJournal::open("runs.jsonl")?;
//! let request = TriggerRun::agent("data-quality-checker");
//! let run = client.run_once("nightly/2026-11-25", request, &journal).await?;
//! println!("{}", run.answer().unwrap_or("no answer"));
//! # Ok(())
//! # }
//! ```
//!
//! # States
//!
//! | state of a key | what it means | the next call |
//! | --- | --- | --- |
//! | [claimed](State::Claimed) | a process is sending the request | waits until that is over; unknown if the process is dead |
//! | [started](State::Started) | the session id is known | waits for that run |
//! | [ended](State::Ended) | the run has ended | returns that run, unless it failed and [`Restart::Failed`] is set |
//! | [free](State::Free) | nothing was started, for certain | sends the request |
//! | [unknown](State::Unknown) | a run may have been started, and nobody knows | returns [`StartedOnce::Unknown`](crate::StartedOnce::Unknown) |
//!
//! A claim holds until its request has certainly left or not: in a file as long as its process lives, elsewhere
//! two minutes and a half at most. Only its own session id, [`resolve_key`](crate::Client::resolve_key),
//! [`retry_key`](crate::Client::retry_key) and [`Restart::Unknown`] lead out of unknown; and proof by the owner of the
//! claim that nothing was started. A session id is never dropped: where two runs exist for one key, the entry shows both.
//!
//! A key that has ended or is free is kept for 90 days; an unknown one until somebody decides.

mod bounded;
mod claim;
mod claiming;
#[cfg(feature = "test-util")]
pub mod conformance;
mod entry;
mod file;
mod memory;
mod once;
mod pauses;
mod reason;
mod record;
mod restart;
mod rules;
mod settle;
mod start;
mod store;
#[cfg(test)]
mod tests;

pub use crate::error::JournalError;
pub use entry::{Entry, RequestDigest, State};
pub use file::FileJournal;
pub use memory::MemoryJournal;
pub use restart::{EarlierRun, Restart};
pub use store::{Hold, Journal, JournalFuture, Stored, Version, Written};

pub(crate) use entry::account;
pub(crate) use once::{Keyed, OnUnrecorded, Once};
pub(crate) use record::record_end;
pub(crate) use settle::{resolve, retry};
