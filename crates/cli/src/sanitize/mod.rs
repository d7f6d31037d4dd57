//! Text that others wrote, made harmless for where it is written: a terminal, the log of a CI system,
//! JSON.

pub(crate) mod ci_log;
pub(crate) mod json;
mod terminal;

pub(crate) use ci_log::for_ci_log;
pub(crate) use terminal::{for_terminal, one_line};
