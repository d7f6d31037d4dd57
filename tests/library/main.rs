//! The promises of the library: each folder and file is named by what it promises, and its first
//! line says it. `tests/README.md` lists promise by promise where the tests are.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what fails here fails a test"
)]

#[path = "../support/mod.rs"]
mod support;

mod answers;
mod calls;
mod conversations;
mod dropping;
mod hostile;
mod main_job;
mod many_runs;
mod once;
mod own_documents;
mod probing;
mod requests;
mod set_up;
mod starting;
mod trees;
mod waiting;
mod watching;
