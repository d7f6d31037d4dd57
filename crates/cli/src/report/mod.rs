//! What the command reports of itself: a [`failure`] with its [`kind`], the [`hint`]s to go on
//! with, and the [`exit_status`].

mod exit_status;
mod failure;
pub(crate) mod hint;
mod kind;
pub(crate) mod shell;

pub(crate) use exit_status::{ExitStatus, Signal};
pub(crate) use failure::Failure;
pub(crate) use kind::Kind;
