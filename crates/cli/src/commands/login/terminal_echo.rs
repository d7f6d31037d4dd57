//! [`TerminalEcho`]: whether the terminal shows what is typed.

use std::io;
#[cfg(unix)]
use std::sync::{Mutex, MutexGuard, PoisonError};

#[cfg(unix)]
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

/// Whether the terminal shows what is typed: off while a secret is, and on again whatever ends
/// that, be it another thread.
#[cfg(unix)]
#[derive(Default)]
pub(super) struct TerminalEcho(Mutex<State>);

#[cfg(unix)]
#[derive(Default)]
enum State {
    #[default]
    On,
    /// With the settings from before.
    Off(Termios),
    /// On for good.
    Closed,
}

#[cfg(unix)]
impl TerminalEcho {
    /// Reads with the echo off.
    pub(super) fn hidden(&self, read: impl FnOnce() -> io::Result<String>) -> io::Result<String> {
        self.turn_off()?;
        let answer = read();
        let mut state = self.state();
        if let State::Off(before) = &*state {
            restore(before);
            *state = State::On;
        }
        answer
    }

    /// Turns the echo off again where it is to be off: a shell that the process comes back from,
    /// after Ctrl-Z, has turned it on.
    pub(super) fn again(&self) {
        if let State::Off(before) = &*self.state() {
            // There is nothing to be done about a terminal that is gone.
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &without_echo(before));
        }
    }

    /// Turns the echo on for good.
    pub(super) fn close(&self) {
        let mut state = self.state();
        if let State::Off(before) = &*state {
            restore(before);
        }
        *state = State::Closed;
    }

    fn turn_off(&self) -> io::Result<()> {
        let mut state = self.state();
        if let State::Closed = *state {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let before = tcgetattr(io::stdin())?;
        tcsetattr(io::stdin(), OptionalActions::Now, &without_echo(&before))?;
        *state = State::Off(before);
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// But the end of the line is shown.
#[cfg(unix)]
fn without_echo(before: &Termios) -> Termios {
    let mut hidden = before.clone();
    hidden.local_modes.remove(LocalModes::ECHO);
    hidden.local_modes.insert(LocalModes::ECHONL);
    hidden
}

/// There is nothing to be done about a terminal that is gone.
#[cfg(unix)]
fn restore(before: &Termios) {
    let _ = tcsetattr(io::stdin(), OptionalActions::Now, before);
}

/// Elsewhere the console's own way to read a secret cares for it.
#[cfg(not(unix))]
#[derive(Default)]
pub(super) struct TerminalEcho;

#[cfg(not(unix))]
impl TerminalEcho {
    pub(super) fn hidden(&self, _read: impl FnOnce() -> io::Result<String>) -> io::Result<String> {
        console::Term::stderr().read_secure_line()
    }

    pub(super) fn again(&self) {}

    pub(super) fn close(&self) {}
}
