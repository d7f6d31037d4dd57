//! [`Terminal`]: the terminal's settings as they were before a line editor changed them.

use std::io::{self, IsTerminal};

/// The settings of the terminal on standard input.
pub(super) struct Terminal {
    #[cfg(unix)]
    before: rustix::termios::Termios,
}

impl Terminal {
    /// `None` where standard input is no terminal.
    pub(super) fn remember() -> Option<Self> {
        if !io::stdin().is_terminal() {
            return None;
        }
        Some(Self {
            #[cfg(unix)]
            before: rustix::termios::tcgetattr(io::stdin()).ok()?,
        })
    }

    /// Puts them back, where the editor was ended in the middle of a line.
    pub(super) fn restore(&self) {
        // There is nothing more to do where the terminal has gone.
        #[cfg(unix)]
        let _ = rustix::termios::tcsetattr(
            io::stdin(),
            rustix::termios::OptionalActions::Now,
            &self.before,
        );
    }
}
