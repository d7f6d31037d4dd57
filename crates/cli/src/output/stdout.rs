//! Results, on standard output.

use console::Term;
use serde::Serialize;
use serde_json::value::RawValue;

use super::{Output, markdown, note_stdout_error};
use crate::args::Format;
use crate::environment;
use crate::report::{ExitStatus, Failure};
use crate::sanitize::{json, one_line};

impl Output {
    /// A result for people.
    pub(crate) fn text(&self, text: &str) {
        self.write_to_stdout(format!("{}\n", self.stdout.safe(text)));
    }

    /// A result for people that is one line, whatever the API puts into it.
    pub(crate) fn line(&self, text: &str) {
        self.text(&one_line(text));
    }

    /// A text that is all of the result, once it has reached its reader. One that has enough of it
    /// misses nothing.
    pub(crate) fn print_result(&self, text: &str) -> Result<ExitStatus, Failure> {
        self.text(text);
        self.block_until_written(None);
        match self.stdout_error() {
            Some(lost) if !lost.is_closed => Err(lost.failure("")),
            _ => Ok(ExitStatus::Done),
        }
    }

    /// What an agent wrote: Markdown, rendered on a terminal. Not if a CI system reads it:
    /// without its markup, and in other lines, it could hold a command that it did not hold before.
    pub(crate) fn markdown(&self, text: &str) {
        const WIDEST: usize = 100;
        let text = self.stdout.safe(text.trim_end());
        if !self.stdout.is_terminal || self.stdout.is_github || environment::is_ci_log() {
            return self.paragraph(&text);
        }
        let (text, is_coloured) = (text.into_owned(), self.stdout.is_coloured);
        self.paragraph_of(move || {
            // Asked each time, since the window's size changes.
            let width = usize::from(Term::stdout().size().1).clamp(20, WIDEST);
            markdown::rendered(&text, width, is_coloured).unwrap_or(text)
        });
    }

    /// Text that is less important than what the agent wrote.
    pub(crate) fn aside(&self, text: &str) {
        let style = self.dim(self.stdout).for_stdout();
        let text = self.stdout.safe(text.trim_end());
        self.paragraph(&style.apply_to(text).to_string());
    }

    /// Text with an empty line between it and the paragraph before.
    fn paragraph(&self, text: &str) {
        let text = text.to_owned();
        self.paragraph_of(|| text);
    }

    /// The same with a text that takes time to make.
    fn paragraph_of(&self, make: impl FnOnce() -> String + Send + 'static) {
        let gap = match self.has_paragraphs.replace(true) {
            true => "\n",
            false => "",
        };
        self.write_to_stdout_with(move || format!("{gap}{}\n", make()));
    }

    /// A result for programs.
    pub(crate) fn json(&self, value: &impl Serialize) {
        let text = match self.format {
            Format::Jsonl => json::line(value),
            Format::Json | Format::Text => json::pretty(value),
        };
        match text {
            Ok(text) => self.write_to_stdout(format!("{text}\n")),
            Err(error) => note_stdout_error(&self.stdout_error, &error.into()),
        }
    }

    /// JSON as somebody has written it: its order, its numbers and its lines.
    pub(crate) fn json_as_written(&self, value: &RawValue) {
        // Between values a carriage return is white space; in one it is an escape.
        let text = json::escaped(value.get().replace('\r', ""));
        self.write_to_stdout(format!("{text}\n"));
    }

    /// A command of GitHub's log, whose texts are escaped.
    pub(crate) fn github_command(&self, command: &str) {
        self.write_to_stdout(format!("{command}\n"));
    }

    /// Undoes what a line editor has asked of the terminal, if it was not let come to its end:
    /// marks around what is pasted. Leaves its line.
    pub(crate) fn end_of_editing(&self) {
        if self.stdout.is_live {
            self.write_to_stdout("\u{1b}[?2004l\r\n".to_owned());
        }
    }
}
