//! The rows, by what they measure.

pub(crate) mod batches;
pub(crate) mod command;
pub(crate) mod conversations;
pub(crate) mod emulated;
pub(crate) mod emulator;
pub(crate) mod instructions;
pub(crate) mod reads;
pub(crate) mod schedule;
pub(crate) mod transcripts;
pub(crate) mod trees;
pub(crate) mod vendor;
pub(crate) mod waits;
