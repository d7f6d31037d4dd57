//! The questions of `login`: [`PromptThread`] has them asked on a thread of their own, since a thread
//! that waits for an answer hears no signal. [`Prompt`] asks on standard error, and reads answers from
//! the terminal or from a pipe. [`TerminalEcho`] keeps a secret off the terminal while it is typed.
//!
//! The echo is turned off here, and not by a crate, since none that was tried leaves the terminal as it
//! was: docs/architecture.md names them. What is needed, `terminal/login.rs` in the tests shows:
//! whatever signal ends the command turns the echo on again, from another thread than the one that
//! reads; and if Ctrl-Z has stopped the command, the echo is off again after `fg`.

use std::io::{self, BufRead, IsTerminal, Write};
use std::sync::Arc;
#[cfg(unix)]
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

#[cfg(unix)]
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use crate::interrupt::{Interrupts, Listener};
use crate::output::Output;
use crate::report::{Failure, Signal};

/// Listens for signals from when it is made. Whatever comes after the last answer is not cut off
/// by one: a file is written as a whole.
pub(super) struct PromptThread {
    runtime: Runtime,
    interrupts: Interrupts,
    echo: Arc<TerminalEcho>,
}

impl PromptThread {
    pub(super) fn begin(output: &Output) -> Result<Self, Failure> {
        let begin = || {
            Ok(Self {
                runtime: tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()?,
                interrupts: Listener::start(output)?,
                echo: Arc::default(),
            })
        };
        begin().map_err(|error: io::Error| {
            Failure::system(format!("cannot listen for signals: {error}"))
        })
    }

    /// The answer to some questions, unless a signal comes first: then the terminal is as before.
    pub(super) fn ask<T: Send + 'static>(
        &mut self,
        questions: impl FnOnce(&mut Prompt) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let Self {
            runtime,
            interrupts,
            echo,
        } = self;
        let (answered, mut answer) = oneshot::channel();
        let mut prompt = Prompt::new(Arc::clone(echo));
        thread::Builder::new()
            .spawn(move || answered.send(questions(&mut prompt)).is_ok())
            .map_err(|error| Failure::system(format!("cannot ask: {error}")))?;
        runtime.block_on(async {
            let mut resumed = ContinueSignals::listen();
            loop {
                tokio::select! {
                    // A signal that came together with the answer counts.
                    biased;
                    signal = interrupts.next() => {
                        echo.close();
                        end_line();
                        return Err(interrupted(signal));
                    }
                    () = resumed.next() => echo.again(),
                    answer = &mut answer => {
                        let lost = |_| Err(Failure::system("cannot ask: no answer came"));
                        return answer.unwrap_or_else(lost);
                    }
                }
            }
        })
    }
}

/// The moments at which the process continues after it was stopped, by Ctrl-Z for one.
struct ContinueSignals {
    #[cfg(unix)]
    signals: Option<tokio::signal::unix::Signal>,
}

impl ContinueSignals {
    fn listen() -> Self {
        Self {
            // Without it the questions work all the same.
            #[cfg(unix)]
            signals: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::from_raw(
                rustix::process::Signal::CONT.as_raw(),
            ))
            .ok(),
        }
    }

    async fn next(&mut self) {
        #[cfg(unix)]
        if let Some(signals) = &mut self.signals {
            signals.recv().await;
            return;
        }
        std::future::pending().await
    }
}

fn interrupted(signal: Signal) -> Failure {
    Failure::by_signal(signal, "interrupted; nothing was written")
}

/// Asks for one text after the other.
pub(super) struct Prompt {
    /// `None` if nothing is typed.
    echo: Option<Arc<TerminalEcho>>,
}

impl Prompt {
    fn new(echo: Arc<TerminalEcho>) -> Self {
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
fn end_line() {
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
            Err(Failure::usage("no answer; nothing was written"))
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
struct TerminalEcho(Mutex<EchoState>);

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
    fn hidden(&self, read: impl FnOnce() -> io::Result<String>) -> io::Result<String> {
        self.turn_off()?;
        let answer = read();
        let mut state = self.state();
        if let EchoState::Off(before) = &*state {
            restore(before);
            *state = EchoState::On;
        }
        answer
    }

    /// Turns the echo off again if it is to be off: a shell that the process comes back from,
    /// after Ctrl-Z, has turned it on.
    fn again(&self) {
        if let EchoState::Off(before) = &*self.state() {
            // There is nothing to be done about a terminal that is gone.
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &without_echo(before));
        }
    }

    /// Turns the echo on for good.
    fn close(&self) {
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
struct TerminalEcho;

#[cfg(not(unix))]
impl TerminalEcho {
    fn hidden(&self, _read: impl FnOnce() -> io::Result<String>) -> io::Result<String> {
        console::Term::stderr().read_secure_line()
    }

    fn again(&self) {}

    fn close(&self) {}
}
