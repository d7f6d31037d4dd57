//! Text that others wrote, made harmless for where it is written: a terminal, the log of a CI
//! system, a page of GitHub's, JSON.

pub(crate) mod ci_log;
mod control_characters;
pub(crate) mod github;
pub(crate) mod json;

pub(crate) use ci_log::for_ci_log;
pub(crate) use control_characters::{excerpt, for_terminal, one_line};
