//! Signals, which stop the command, and the one rule for what becomes of a run then.
//!
//! A thread of its own listens, so that the command hears a signal whatever it is doing. The first
//! one reaches the command through [`Interrupts`], which does what [`decide`] says. A second one
//! ends the process in any case: the command has half a second for its last message, then its
//! runs are listed and the process exits. The exit status is the first one's.
//!
//! Before that thread is started signals have their usual effect: while a message or a batch is
//! read from a pipe nothing has been started, and Ctrl-C just ends the command. A signal that the
//! parent process ignores, as `nohup` does, stays ignored.

mod listener;
mod policy;

pub(crate) use listener::{Interrupts, Listener, StartedRuns};
pub(crate) use policy::{Action, RunStage, decide};
