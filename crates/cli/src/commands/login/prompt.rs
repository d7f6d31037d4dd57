//! Questions on standard error, answers from the terminal or from a pipe. [`TerminalEcho`] keeps a
//! secret off the terminal while it is typed.

use std::io::{self, BufRead, IsTerminal, Write};
use std::sync::Arc;
#[cfg(unix)]
use std::sync::{Mutex, MutexGuard, PoisonError};

#[cfg(unix)]
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::report::Failure;

/// Asks for one text after the other.
pub(super) struct Prompt {
    /// `None` where nothing is typed.
    echo: Option<Arc<TerminalEcho>>,
}

impl Prompt {
    pub(super) fn new(echo: Arc<TerminalEcho>) -> Self {
        Self {
            echo: io::stdin().is_terminal().then_some(echo),
        }
    }

    /// An answer, empty or not, without the spaces around it.
    pub(super) fn line(&mut self, question: &str) -> Result<String, Failure> {
        ask(question)?;
        given(read())
    }

    /// An answer that is not empty: asks until there is one.
    pub(super) fn filled(&mut self, question: &str) -> Result<String, Failure> {
        loop {
            let answer = self.line(question)?;
            if !answer.is_empty() {
                return Ok(answer);
            }
        }
    }

    /// The same, not shown while it is typed.
    pub(super) fn secret(&mut self, question: &str) -> Result<String, Failure> {
        let Some(echo) = &self.echo else {
            return self.filled(question);
        };
        loop {
            ask(question)?;
            let answer = given(echo.hidden(read))?;
            if !answer.is_empty() {
                return Ok(answer);
            }
        }
    }
}

fn ask(question: &str) -> Result<(), Failure> {
    let mut out = io::stderr().lock();
    out.write_all(question.as_bytes())
        .and_then(|()| match io::stdin().is_terminal() {
            true => Ok(()),
            // What is typed ends the line; what comes from a pipe is not shown.
            false => writeln!(out),
        })
        .and_then(|()| out.flush())
        .map_err(|error| unreadable(&error))
}

/// Ends the line of a question that was not answered: what follows begins one.
pub(super) fn end_line() {
    if io::stdin().is_terminal() {
        // Nobody is left to read that this cannot be written.
        let _ = writeln!(io::stderr());
    }
}

fn read() -> io::Result<String> {
    let mut answer = String::new();
    match io::stdin().lock().read_line(&mut answer)? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(answer),
    }
}

fn given(answer: io::Result<String>) -> Result<String, Failure> {
    match answer {
        Ok(answer) => Ok(answer.trim().to_owned()),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            end_line();
            Err(Failure::usage("no answer given; nothing was written"))
        }
        Err(error) => Err(unreadable(&error)),
    }
}

fn unreadable(error: &io::Error) -> Failure {
    Failure::system(format!(
        "cannot read the answer: {error}; nothing was written"
    ))
}

/// Whether the terminal shows what is typed: off while a secret is, and on again whatever ends
/// that, be it another thread.
#[cfg(unix)]
#[derive(Default)]
pub(super) struct TerminalEcho(Mutex<EchoState>);

#[cfg(unix)]
#[derive(Default)]
enum EchoState {
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
        if let EchoState::Off(before) = &*state {
            restore(before);
            *state = EchoState::On;
        }
        answer
    }

    /// Turns the echo off again where it is to be off: a shell that the process comes back from,
    /// after Ctrl-Z, has turned it on.
    pub(super) fn again(&self) {
        if let EchoState::Off(before) = &*self.state() {
            // There is nothing to be done about a terminal that is gone.
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &without_echo(before));
        }
    }

    /// Turns the echo on for good.
    pub(super) fn close(&self) {
        let mut state = self.state();
        if let EchoState::Off(before) = &*state {
            restore(before);
        }
        *state = EchoState::Closed;
    }

    fn turn_off(&self) -> io::Result<()> {
        let mut state = self.state();
        if let EchoState::Closed = *state {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let before = tcgetattr(io::stdin())?;
        tcsetattr(io::stdin(), OptionalActions::Now, &without_echo(&before))?;
        *state = EchoState::Off(before);
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, EchoState> {
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
