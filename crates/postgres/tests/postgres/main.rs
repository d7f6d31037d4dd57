//! What the journal promises, with servers of the tests' own. Where there is no PostgreSQL the tests are
//! skipped, unless `DINOAI_REQUIRE_POSTGRES=1` says that there has to be one; for PgBouncer that is
//! `DINOAI_REQUIRE_PGBOUNCER=1`.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests are tests"
)]

mod claimants;
mod conformance;
mod connections;
mod creation;
mod durability;
mod forgetting;
mod hanging;
mod kills;
mod once;
mod poolers;
mod refusals;
mod round_trips;
mod runtimes;
mod secrets;
mod servers_lost;
mod support;
mod tls;
mod versions;
