//! Questions on standard error, answers from the terminal or from a pipe.

use std::io::{self, BufRead, IsTerminal, Write};
use std::sync::Arc;

use super::terminal_echo::TerminalEcho;
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
