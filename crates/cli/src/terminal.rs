//! [`Terminal`]: the terminal on standard input, and how it was set before anything changed it.

use std::io::{self, IsTerminal};

/// The settings of the terminal on standard input.
#[derive(Debug, Clone)]
pub(crate) struct Terminal {
    #[cfg(unix)]
    before: rustix::termios::Termios,
}

impl Terminal {
    /// `None` where standard input is no terminal.
    pub(crate) fn remember() -> Option<Self> {
        if !io::stdin().is_terminal() {
            return None;
        }
        Some(Self {
            #[cfg(unix)]
            before: rustix::termios::tcgetattr(io::stdin()).ok()?,
        })
    }

    /// Puts them back, where somebody was ended who had changed them. In the background nobody
    /// has, and whoever tried there would be held up by the system.
    pub(crate) fn restore(&self) {
        #[cfg(unix)]
        if rustix::termios::tcgetpgrp(io::stdin()) != Ok(rustix::process::getpgrp()) {
            return;
        }
        // There is nothing more to do where the terminal has gone.
        #[cfg(unix)]
        let _ = rustix::termios::tcsetattr(
            io::stdin(),
            rustix::termios::OptionalActions::Now,
            &self.before,
        );
    }

    /// Reads what has been typed, or pasted, until no more comes, so that it does not go to the
    /// shell as commands. Gives the number of its bytes.
    #[cfg(unix)]
    pub(crate) fn drain(&self) -> usize {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        use rustix::io::retry_on_intr;
        use rustix::termios::{LocalModes, OptionalActions, tcsetattr};

        /// A paste comes in pieces.
        const QUIET: Timespec = Timespec {
            tv_sec: 0,
            tv_nsec: 100_000_000,
        };
        /// More than anybody pastes; what comes for ever is not waited for.
        const MOST: usize = 1024 * 1024;
        let stdin = io::stdin();
        // A line without its end can be read in this mode only.
        let mut settings = self.before.clone();
        settings.local_modes &= !(LocalModes::ICANON | LocalModes::ECHO);
        if tcsetattr(&stdin, OptionalActions::Now, &settings).is_err() {
            return 0;
        }
        let mut bytes = 0;
        let mut piece = [0; 4096];
        while bytes < MOST {
            let mut descriptors = [PollFd::new(&stdin, PollFlags::IN)];
            // A signal ends neither of them.
            let ready = retry_on_intr(|| poll(&mut descriptors, Some(&QUIET)));
            let is_ready = ready.is_ok_and(|ready| ready > 0);
            match is_ready.then(|| retry_on_intr(|| rustix::io::read(&stdin, &mut piece))) {
                Some(Ok(length @ 1..)) => bytes += length,
                _ => break,
            }
        }
        self.restore();
        bytes
    }

    #[cfg(not(unix))]
    pub(crate) fn drain(&self) -> usize {
        0
    }
}
