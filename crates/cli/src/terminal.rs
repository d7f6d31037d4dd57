//! [`Terminal`]: the terminal on standard input: how it was set before anything changed it, and
//! what was typed while nobody read it.

use std::io::{self, IsTerminal};
use std::time::Duration;

/// How long the next piece of a paste is waited for.
const QUIET: Duration = Duration::from_millis(100);

/// The settings of the terminal on standard input.
#[derive(Debug, Clone)]
pub(crate) struct Terminal {
    #[cfg(unix)]
    before: rustix::termios::Termios,
}

impl Terminal {
    /// `None` if standard input is no terminal.
    pub(crate) fn remember() -> Option<Self> {
        if !io::stdin().is_terminal() {
            return None;
        }
        Some(Self {
            #[cfg(unix)]
            before: rustix::termios::tcgetattr(io::stdin()).ok()?,
        })
    }

    /// Puts them back, if somebody was ended who had changed them.
    pub(crate) fn restore(&self) {
        #[cfg(unix)]
        self.set(&self.before);
    }

    /// Shows nothing of what is typed, until they are put back.
    pub(crate) fn hide_typing(&self) {
        #[cfg(unix)]
        {
            use rustix::termios::LocalModes;

            let mut settings = self.before.clone();
            settings.local_modes &= !(LocalModes::ECHO | LocalModes::ECHONL);
            self.set(&settings);
        }
    }

    /// In the background nobody has changed them, and whoever tried there would be held up by the
    /// system.
    #[cfg(unix)]
    fn set(&self, settings: &rustix::termios::Termios) {
        use rustix::termios::{OptionalActions, tcgetpgrp, tcsetattr};

        if tcgetpgrp(io::stdin()) == Ok(rustix::process::getpgrp()) {
            // There is nothing more to do if the terminal has gone.
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, settings);
        }
    }

    /// Reads what has been typed, or pasted, until no more comes, so that it does not go to the
    /// shell as commands. Returns the number of its bytes.
    pub(crate) fn drain(&self) -> usize {
        self.read(QUIET).len()
    }

    /// Reads what has been typed, or pasted, by now, and what still comes of it; puts the settings
    /// back.
    pub(crate) fn typed(&self) -> Vec<u8> {
        self.read(Duration::ZERO)
    }

    /// Reads until no more comes. `first`: how long the first piece is waited for.
    #[cfg(unix)]
    fn read(&self, first: Duration) -> Vec<u8> {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        use rustix::io::retry_on_intr;
        use rustix::termios::{LocalModes, OptionalActions, tcsetattr};

        /// More than anybody pastes; what comes for ever is not waited for.
        const MOST: usize = 1024 * 1024;
        let stdin = io::stdin();
        // A line without its end can be read in this mode only.
        let mut settings = self.before.clone();
        settings.local_modes &= !(LocalModes::ICANON | LocalModes::ECHO);
        if tcsetattr(&stdin, OptionalActions::Now, &settings).is_err() {
            return vec![];
        }
        let mut bytes = vec![];
        let mut piece = [0; 4096];
        let mut limit = first;
        while bytes.len() < MOST {
            let mut descriptors = [PollFd::new(&stdin, PollFlags::IN)];
            // Less than a second fits.
            let timeout = Timespec::try_from(limit).ok();
            // A signal ends neither of them.
            let ready = retry_on_intr(|| poll(&mut descriptors, timeout.as_ref()));
            let is_ready = ready.is_ok_and(|ready| ready > 0);
            match is_ready.then(|| retry_on_intr(|| rustix::io::read(&stdin, &mut piece))) {
                Some(Ok(length @ 1..)) => bytes.extend_from_slice(&piece[..length]),
                _ => break,
            }
            limit = QUIET;
        }
        self.restore();
        bytes
    }

    #[cfg(not(unix))]
    fn read(&self, _first: Duration) -> Vec<u8> {
        vec![]
    }
}
