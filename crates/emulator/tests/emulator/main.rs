//! The promises of the emulator: what its README, its guide and the documentation of the crate say. The
//! first line of each file says which of them it holds the emulator to.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[cfg(feature = "yaml")]
mod agents;
mod any_change;
mod callbacks;
mod caller;
mod changes;
mod control;
mod demo;
mod documentation;
mod documents;
mod faults;
#[cfg(feature = "yaml")]
mod files;
mod graphql;
mod guide;
mod http;
mod isolation;
mod limits;
mod old_types;
mod operations;
#[cfg(all(unix, feature = "program"))]
mod program;
mod quirks;
mod readme;
mod reports;
mod reset;
mod scenarios;
mod skipped;
