//! What tests share: servers that fail on request or follow a script, clients of them, and samples.

#![allow(dead_code, reason = "each test binary uses a part of it")]

pub(crate) mod emulated;
pub(crate) mod fault_server;
pub(crate) mod kills;
pub(crate) mod memory_journal;
pub(crate) mod operations;
pub(crate) mod poll_once;
pub(crate) mod samples;
pub(crate) mod scripted_server;
pub(crate) mod shown_run;
