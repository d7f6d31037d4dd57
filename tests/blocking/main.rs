//! Blocking calls return what awaiting returns, wherever they are made.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what fails here fails a test"
)]

#[path = "../support/mod.rs"]
mod support;

mod api;
mod as_awaited;
mod callbacks;
mod connections;
mod documents_and_workspaces;
mod guards;
