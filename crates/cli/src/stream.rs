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

    /// Whether standard output and standard error lead to one place, a terminal or a log for one.
    #[cfg(unix)]
    pub(crate) fn are_one() -> bool {
        use rustix::fs::fstat;

        match (fstat(io::stdout()), fstat(io::stderr())) {
            (Ok(out), Ok(err)) => (out.st_dev, out.st_ino) == (err.st_dev, err.st_ino),
            _ => false,
        }
    }

    #[cfg(not(unix))]
    pub(crate) fn are_one() -> bool {
        io::stdout().is_terminal() && io::stderr().is_terminal()
    }

    /// Whether standard output was closed, as far as can be told: the null device stands in for
    /// it then, open for reading and writing. Whoever wants to discard it opens it for writing.
    #[cfg(unix)]
    pub(crate) fn is_stdout_closed() -> bool {
        use rustix::fs::{OFlags, fcntl_getfl, fstat, stat};

        let is_null = match (fstat(io::stdout()), stat("/dev/null")) {
            (Ok(out), Ok(null)) => (out.st_dev, out.st_ino) == (null.st_dev, null.st_ino),
            _ => false,
        };
        is_null && fcntl_getfl(io::stdout()).is_ok_and(|flags| flags.contains(OFlags::RDWR))
    }

    #[cfg(not(unix))]
    pub(crate) fn is_stdout_closed() -> bool {
        false
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
