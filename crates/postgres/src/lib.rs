//! A journal in PostgreSQL for [`dinoai`]: the run of a key is started once, from any machine.
//!
//! [`PostgresJournal`] keeps the keys of [`Client::start_once`](dinoai::Client::start_once) in one table,
//! `dinoai_journal`, which it makes itself. A claim is one round trip.
//!
//! ```no_run
//! use dinoai::{Client, TriggerRun};
//! use dinoai_postgres::PostgresJournal;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::from_env()?;
//! let journal = PostgresJournal::connect("postgres://ci@db.example/runs?sslmode=verify-full").await?;
//! let request = TriggerRun::agent("data-quality-checker");
//! let run = client.run_once("nightly/2026-11-25", request, &journal).await?;
//! # Ok(())
//! # }
//! ```

mod address;
mod certificate;
mod failure;
mod journal;
mod link;
mod rows;
mod table;
mod tls;
mod url;

pub use journal::PostgresJournal;

/// What README.md shows has to compile.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
