//! A journal in PostgreSQL for `dinoai`: the run of a key is started once, from any machine.
//!
//! [`PostgresJournal`] keeps the keys of `Client::start_once` in one table,
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

// The modules in the order of imports: each imports only modules that stand above it.
//
// url          the URL's parts and parameters
// certificate  which certificates of a server are accepted
// tls          the encrypted connection
// address      where the database is, and how it is spoken to
// table        the table, and the statements
// failure      what a failure of the database means for a journal
// rows         rows as what is stored
// link         connections, one for each runtime
// journal      the journal over all of that

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
