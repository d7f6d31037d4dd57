//! What a standard stream leads to: a terminal, a file or neither, with colours or not, and how
//! text that others wrote is made safe for it.

use std::borrow::Cow;
use std::io::{self, IsTerminal};

use console::is_dumb;

use crate::args::Color;
use crate::environment::{self, ColourChoice};
use crate::sanitize::{for_ci_log, for_terminal};

/// What a standard stream leads to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stream {
    pub(crate) is_terminal: bool,
    /// Whether it is a terminal that obeys control sequences, so that a line can be drawn over.
    pub(crate) is_live: bool,
    pub(crate) is_coloured: bool,
    /// Whether a CI system reads it for commands.
    is_logged: bool,
    /// Whether a runner of GitHub Actions reads it, whatever it leads to, and shows it on a page that obeys
    /// control sequences.
    pub(crate) is_github: bool,
}

impl Stream {
    pub(crate) fn stdout(color: Color) -> Self {
        Self::of(io::stdout().is_terminal(), is_file(io::stdout()), color)
    }

    pub(crate) fn stderr(color: Color) -> Self {
        Self::of(io::stderr().is_terminal(), is_file(io::stderr()), color)
    }

    /// The same if a runner of GitHub Actions reads it.
    pub(crate) fn for_github(self, is_github: bool) -> Self {
        Self {
            is_logged: self.is_logged || is_github,
            // A runner may give its steps a terminal.
            is_coloured: self.is_coloured && !is_github,
            is_live: self.is_live && !is_github,
            is_github,
            ..self
        }
    }

    /// Text that others wrote, as it may be written here: without what a terminal would obey if
    /// this is one, without commands where a CI system would obey them. A file gets it as it is.
    pub(crate) fn safe<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let text = match self.is_terminal || self.is_github {
            true => for_terminal(text),
            false => Cow::Borrowed(text),
        };
        match (self.is_logged, text) {
            (false, text) => text,
            (true, Cow::Borrowed(text)) => for_ci_log(text),
            (true, Cow::Owned(text)) => Cow::Owned(for_ci_log(&text).into_owned()),
        }
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

    /// Whether standard output was closed, as far as can be seen: the null device stands in for
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

    fn of(is_terminal: bool, is_file: bool, color: Color) -> Self {
        let is_live = is_terminal && !is_dumb();
        Self {
            is_terminal,
            is_live,
            is_github: false,
            is_logged: !is_file && environment::is_ci_log(),
            is_coloured: match ColourChoice::of(color) {
                ColourChoice::Always => true,
                ColourChoice::Never => false,
                ColourChoice::Auto => is_live,
            },
        }
    }
}

/// Whether a stream leads to a regular file.
#[cfg(unix)]
fn is_file(stream: impl std::os::fd::AsFd) -> bool {
    use rustix::fs::{FileType, fstat};

    let mode = fstat(stream).map(|stat| stat.st_mode);
    mode.is_ok_and(|mode| FileType::from_raw_mode(mode) == FileType::RegularFile)
}

#[cfg(windows)]
fn is_file(stream: impl std::os::windows::io::AsHandle) -> bool {
    let handle = stream.as_handle().try_clone_to_owned();
    // Of a pipe there are no metadata.
    let metadata = handle.and_then(|handle| std::fs::File::from(handle).metadata());
    metadata.is_ok_and(|metadata| metadata.is_file())
}

#[cfg(not(any(unix, windows)))]
fn is_file<T>(_: T) -> bool {
    false
}
