//! What a backend supports, found without starting anything: [`Features`].
//!
//! Each document of this crate is sent with `@skip(if: true)` on its root field, so that the server
//! validates it and executes nothing; and with variables that it has to refuse should it execute it all
//! the same: [`skipped`] writes it into a [`document`] to send, [`server`] sends it, [`support`] says what the
//! response means, and [`look`] does so for all. A mutation that is [`executed`] all the same ends the probe.
//! [`access`] reads the status of no run; [`refusal`] says which errors refuse the credentials.

mod access;
mod document;
mod executed;
mod features;
mod look;
mod refusal;
mod server;
mod skipped;
mod support;

pub use features::{Access, Feature, Features, Support};
