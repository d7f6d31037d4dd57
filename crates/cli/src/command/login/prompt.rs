//! Questions on standard error, answers from the terminal or from a pipe.

use std::io::{self, BufRead, IsTerminal, Write};

use console::Term;

use crate::failure::Failure;

/// Asks for one text after the other.
pub(super) struct Prompt {
    terminal: Option<Term>,
}

impl Prompt {
    pub(super) fn open() -> Result<Self, Failure> {
        Ok(Self {
            terminal: io::stdin().is_terminal().then(Term::stderr),
        })
    }

    /// An answer, empty or not, without the spaces around it.
    pub(super) fn line(&mut self, question: &str) -> Result<String, Failure> {
        ask(question)?;
        let mut answer = String::new();
        match io::stdin().lock().read_line(&mut answer) {
            Ok(0) => Err(no_answer()),
            Ok(_) => Ok(answer.trim().to_owned()),
            Err(error) => Err(unreadable(&error)),
        }
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
        loop {
            let answer = match &self.terminal {
                None => self.line(question)?,
                Some(terminal) => {
                    ask(question)?;
                    let answer = terminal.read_secure_line();
                    answer
                        .map_err(|error| unreadable(&error))?
                        .trim()
                        .to_owned()
                }
            };
            if !answer.is_empty() {
                return Ok(answer);
            }
        }
    }
}

fn ask(question: &str) -> Result<(), Failure> {
    let mut out = io::stderr().lock();
    out.write_all(question.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| unreadable(&error))
}

fn no_answer() -> Failure {
    Failure::usage("there was no answer; nothing was written")
}

fn unreadable(error: &io::Error) -> Failure {
    if error.kind() == io::ErrorKind::Interrupted {
        return Failure::new(
            "interrupted",
            crate::exit::Exit::Interrupted(crate::interrupt::Signal::Interrupt),
            "interrupted; nothing was written",
        );
    }
    Failure::system(format!(
        "the answer cannot be read: {error}; nothing was written"
    ))
}
