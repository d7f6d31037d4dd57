//! How a command ends: a [`failure`] and its kind, the [`hint`]s what to do next, and the
//! [`exit_status`]. It writes none of them: [`output`](crate::output) does.

mod exit_status;
mod failure;
pub(crate) mod hint;

pub(crate) use exit_status::{ExitStatus, Signal};
pub(crate) use failure::{Failure, FailureKind};
