//! Failures, and hints that reach the account of the command.

use console::Style;

use super::{Output, write_line};
use crate::args::Format;
use crate::report::Failure;
use crate::report::hint::{AccountOptions, GONE};
use crate::sanitize::json;
use crate::stream::Stream;

impl Output {
    /// Why the command did not do what it was asked for.
    pub(crate) fn failure(&self, failure: &Failure) {
        let line = failure_line(failure, self.format, self.stderr, &self.account);
        self.write_err(line);
    }

    /// A text whose command, if it has one, reaches the same account.
    pub(crate) fn complete(&self, text: &str) -> String {
        self.account
            .complete(text)
            .unwrap_or_else(|| GONE.to_owned())
    }

    /// A failure with the hint as it is shown.
    pub(crate) fn completed(&self, failure: &Failure) -> Failure {
        completed(failure, &self.account)
    }

    /// Writes a failure past the queue, and blocks for as long as its reader does.
    pub(crate) fn last_words(&self) -> Box<dyn Fn(&Failure) + Send + Sync> {
        let (format, stderr, account) = (self.format, self.stderr, self.account.clone());
        let spinner = self.spinner_on_stderr();
        Box::new(move |failure| {
            if let Some(spinner) = &spinner {
                spinner.finish_and_clear();
            }
            write_line(&failure_line(failure, format, stderr, &account), None);
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
