//! Notes, hints, warnings and failures, on standard error.

use console::Style;
use dinoai::SessionId;
use serde::Serialize;
use serde_json::json;

use super::{Output, Stream, write_line_to_stderr};
use crate::args::Format;
use crate::report::Failure;
use crate::report::hint::{AccountOptions, GONE};
use crate::sanitize::{json, one_line};

impl Output {
    /// Something that people may want to know, beside the result.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet && self.format == Format::Text {
            let style = self.dim(self.stderr).for_stderr();
            self.write_to_stderr(style.apply_to(self.stderr.safe(text)).to_string());
        }
    }

    /// How a run that is left is said to stand: not as going on without its emulator.
    pub(crate) fn left_run_words(&self) -> &'static str {
        self.account.left()
    }

    /// How to go on, with the options that reach the same account.
    pub(crate) fn hint(&self, hint: &str) {
        if let Some(hint) = self.account.complete(hint) {
            self.note(&hint);
        }
    }

    /// A session id that nobody can read where it belongs: on standard error, also if that is to
    /// be quiet.
    pub(crate) fn session_id_on_stderr(&self, id: &SessionId) {
        let line = match self.format {
            Format::Text => Ok(format!(
                "session {}",
                self.stderr.safe(&one_line(id.as_str()))
            )),
            Format::Json | Format::Jsonl => json::line(&json!({ "agentSessionId": id })),
        };
        if let Ok(line) = line {
            self.write_to_stderr(line);
        }
    }

    /// A note for programs, a line of JSON.
    pub(crate) fn json_note(&self, value: &impl Serialize) {
        if let (false, Ok(line)) = (self.quiet, json::line(value)) {
            self.write_to_stderr(line);
        }
    }

    /// A note that is one line, whatever the API puts into it.
    pub(crate) fn line_note(&self, text: &str) {
        self.note(&one_line(text));
    }

    /// A note of one line about what is going on, where no live line shows it.
    pub(crate) fn plain_note(&self, text: &str) {
        if !self.is_live {
            self.line_note(text);
        }
    }

    /// Something that people should know.
    pub(crate) fn warning(&self, text: &str) {
        if self.quiet {
            return;
        }
        if self.format != Format::Text {
            let kind = "warning";
            return self.json_note(&json!({ "kind": kind, "message": text }));
        }
        let word = self.style(self.stderr).yellow().for_stderr();
        self.write_to_stderr(format!(
            "{} {}",
            word.apply_to("warning:"),
            self.stderr.safe(text)
        ));
    }

    /// Why the command did not do what it was asked for.
    pub(crate) fn failure(&self, failure: &Failure) {
        let line = failure_line(failure, self.format, self.stderr, &self.account);
        self.write_to_stderr(line);
    }

    /// A text whose command, if it has one, reaches the same account.
    pub(crate) fn complete_hint(&self, text: &str) -> String {
        self.account
            .complete(text)
            .unwrap_or_else(|| GONE.to_owned())
    }

    /// A failure with the hint as it is shown.
    pub(crate) fn with_complete_hint(&self, failure: &Failure) -> Failure {
        completed(failure, &self.account)
    }

    /// Writes a failure past the queue, and blocks for as long as its reader does.
    pub(crate) fn failure_writer(&self) -> Box<dyn Fn(&Failure) + Send + Sync> {
        let (format, stderr, account) = (self.format, self.stderr, self.account.clone());
        let spinner = self.spinner_on_stderr();
        Box::new(move |failure| {
            if let Some(spinner) = &spinner {
                spinner.finish_and_clear();
            }
            write_line_to_stderr(&failure_line(failure, format, stderr, &account), None);
        })
    }
}

fn failure_line(
    failure: &Failure,
    format: Format,
    stderr: Stream,
    account: &AccountOptions,
) -> String {
    let failure = &completed(failure, account);
    if format != Format::Text {
        return json::line(failure).unwrap_or_default();
    }
    let word = Style::new().force_styling(stderr.is_coloured).red().bold();
    let text = failure.to_string();
    format!(
        "{} {}",
        word.for_stderr().apply_to("error:"),
        stderr.safe(&text)
    )
}

/// A failure whose hint reaches the same account.
fn completed(failure: &Failure, account: &AccountOptions) -> Failure {
    let hint = failure.hint.as_deref();
    let hint = hint.map(|hint| account.complete(hint).unwrap_or_else(|| GONE.to_owned()));
    Failure {
        hint,
        ..failure.clone()
    }
}
