//! What the command reports of itself: a [`failure`] and its kind, the [`hint`]s what to do next, and
//! the [`exit_status`].

mod exit_status;
mod failure;
pub(crate) mod hint;

pub(crate) use exit_status::{ExitStatus, Signal};
pub(crate) use failure::{Failure, FailureKind};
