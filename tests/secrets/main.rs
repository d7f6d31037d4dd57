//! Nothing secret is shown. These tests have a binary of their own, since they set the log of the
//! whole process.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what fails here fails a test"
)]

#[path = "../support/mod.rs"]
mod support;

mod log;
mod no_credential_is_shown;
mod own;
mod proxies;
mod spans;
mod spans_of_the_caller;
mod texts_stay_private;
