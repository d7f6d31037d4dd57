//! Each recipe among the examples does what its header says: started as a program of its own, against
//! an emulator in the test's process.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "what fails here fails a test"
)]

mod chat_bot;
mod ci_check;
mod nightly_report;
mod program;
mod table;
mod webhook;
