//! What a standard stream leads to: a terminal or not, with colours or not.

use std::env;
use std::io::{self, IsTerminal};

use crate::options::Color;

/// What a standard stream leads to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stream {
    pub(crate) is_terminal: bool,
    pub(crate) is_coloured: bool,
}

impl Stream {
    pub(crate) fn stdout(color: Color) -> Self {
        Self::of(io::stdout().is_terminal(), color)
    }

    pub(crate) fn stderr(color: Color) -> Self {
        Self::of(io::stderr().is_terminal(), color)
    }

    fn of(is_terminal: bool, color: Color) -> Self {
        let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = || env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            is_terminal,
            is_coloured: match color {
                Color::Always => true,
                Color::Never => false,
                Color::Auto => is_terminal && !is_set("NO_COLOR") && !is_dumb(),
            },
        }
    }
}
