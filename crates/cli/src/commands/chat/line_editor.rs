//! What is typed in a conversation: [`LineEditor`] reads it line by line, with editing and history;
//! [`TypedAhead`] is what was typed before there was a prompt.

use std::fs::DirBuilder;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use rustyline::error::ReadlineError;
use rustyline::{Config, DefaultEditor};
use tokio::sync::mpsc;

use crate::environment;
use crate::report::Failure;

/// What was typed.
pub(super) enum TypedLine {
    Text(String),
    /// Ctrl-C.
    Interrupt,
    /// Ctrl-D.
    End,
}

/// Reads lines on a thread of its own, since it blocks, and only when it is asked to: while a
/// turn is in progress the terminal is not an editor's.
pub(super) struct LineEditor {
    /// Each with what is in the line before anything is typed.
    asks: Sender<String>,
    answers: mpsc::UnboundedReceiver<Result<TypedLine, Failure>>,
}

impl LineEditor {
    pub(super) fn open() -> Result<Self, Failure> {
        let (asks, asked) = channel();
        let (answer, answers) = mpsc::unbounded_channel();
        thread::Builder::new()
            .name("lines".to_owned())
            .spawn(move || read(&asked, &answer))
            .map_err(|error| Failure::system(format!("no thread for the terminal: {error}")))?;
        Ok(Self { asks, answers })
    }

    /// The next line, which begins as `offered`.
    pub(super) async fn next(&mut self, offered: String) -> Result<TypedLine, Failure> {
        // A thread that has ended has no answer, as the error below says.
        let _ = self.asks.send(offered);
        let answer = self.answers.recv().await;
        answer.unwrap_or_else(|| Err(Failure::system("the terminal cannot be read")))
    }
}

fn read(asked: &Receiver<String>, answer: &mpsc::UnboundedSender<Result<TypedLine, Failure>>) {
    let broken =
        |error: ReadlineError| Failure::system(format!("the terminal cannot be read: {error}"));
    let config = Config::builder().auto_add_history(true).build();
    let mut editor = match DefaultEditor::with_config(config) {
        Ok(editor) => editor,
        Err(error) => {
            let _ = answer.send(Err(broken(error)));
            return;
        }
    };
    let history = history_file();
    if let Some(path) = &history {
        // None yet, as a rule.
        let _ = editor.load_history(path);
    }
    while let Ok(offered) = asked.recv() {
        let line = match editor.readline_with_initial("> ", (&offered, "")) {
            Ok(text) => Ok(TypedLine::Text(text)),
            Err(ReadlineError::Interrupted) => Ok(TypedLine::Interrupt),
            Err(ReadlineError::Eof) => Ok(TypedLine::End),
            Err(error) => Err(broken(error)),
        };
        if let (Some(path), Ok(TypedLine::Text(_))) = (&history, &line) {
            // A conversation without a history is one all the same.
            let _ = editor.save_history(path);
        }
        if answer.send(line).is_err() {
            return;
        }
    }
}

/// Where the lines of earlier conversations are kept: a file beside the credentials, and not the
/// vendor's, which has another form. `None` if there is no home, which is not made for it, or no
/// folder can be made in it.
fn history_file() -> Option<PathBuf> {
    let folder = environment::paradime_folder()?;
    #[cfg_attr(not(unix), allow(unused_mut, reason = "the mode is Unix's"))]
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    match builder.create(&folder) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return None,
        _ => {}
    }
    Some(folder.join("dinoai_chat_history"))
}

/// What becomes of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum TypedAhead {
    /// It is offered at the prompt, unsent; empty if nothing was typed.
    Line(String),
    /// It is left out: at the prompt nobody would know what Enter sends.
    Lines,
}

impl TypedAhead {
    /// What the terminal has kept. Keys that are no text count for nothing there.
    pub(super) fn of(typed: &[u8]) -> Self {
        let typed = String::from_utf8_lossy(typed).replace('\r', "\n");
        let text = console::strip_ansi_codes(&typed);
        let text: String = text
            .chars()
            .map(|letter| if letter == '\t' { ' ' } else { letter })
            .filter(|letter| *letter == '\n' || !letter.is_control())
            .collect();
        let line = text.trim_matches('\n');
        match line.contains('\n') {
            true => Self::Lines,
            false => Self::Line(line.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_is_offered_without_what_is_no_text() {
        for (typed, line) in [
            ("", ""),
            ("\n\r\n", ""),
            ("and now?", "and now?"),
            ("\nand\tnow?\u{1b}[A\0\u{7f}\r", "and now?"),
        ] {
            assert_eq!(
                TypedAhead::of(typed.as_bytes()),
                TypedAhead::Line(line.to_owned())
            );
        }
        assert_eq!(
            TypedAhead::of(b"caf\xc3\xa9 \xff"),
            TypedAhead::Line("caf\u{e9} \u{fffd}".to_owned())
        );
    }

    #[test]
    fn more_than_one_are_left_out() {
        assert_eq!(TypedAhead::of(b"one\rtwo"), TypedAhead::Lines);
        assert_eq!(TypedAhead::of(b"one\n\ntwo\n"), TypedAhead::Lines);
    }
}
