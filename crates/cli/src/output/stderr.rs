//! Notes, hints, warnings and failures, on standard error; and the library's traces there, which `-v`
//! shows ([`show_traces`]).

use std::io::{self, Write};

use console::Style;
use dinoai::SessionId;
use indicatif::ProgressBar;
use serde::Serialize;
use serde_json::json;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::write_queue::WriteQueue;
use super::{Output, Stream, write_line_to_stderr};
use crate::args::Format;
use crate::progress::Heartbeat;
use crate::report::Failure;
use crate::report::hint::{AccountOptions, GONE};
use crate::sanitize::github::data;
use crate::sanitize::{json, one_line};

impl Output {
    /// Something that people may want to know, beside the result.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet && self.format == Format::Text {
            let style = self.dim(self.stderr).for_stderr();
            self.write_to_stderr(style.apply_to(self.stderr.safe(text)).to_string());
        }
    }

    /// What is said of a run that is left: not that it is in progress without its emulator.
    pub(crate) fn left_run_words(&self) -> &'static str {
        self.account.left()
    }

    /// What to do next, with the options that reach the same account.
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

    /// That a run is asked for its answer once more, and why.
    pub(crate) fn asks_again(&self, id: &SessionId, why: &str) {
        match self.format {
            Format::Text => self.line_note(&format!("{why}; asking once more")),
            Format::Json | Format::Jsonl => self.json_note(&json!({
                "kind": "asked_again",
                "message": why,
                "agentSessionId": id,
            })),
        }
    }

    /// A note that is one line, whatever the API puts into it.
    pub(crate) fn line_note(&self, text: &str) {
        self.note(&one_line(text));
    }

    /// A note of one line about what is being done, if no live line shows it.
    pub(crate) fn note_unless_live(&self, text: &str) {
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
        if self.stderr.is_github {
            return self.write_to_stderr(format!("::warning title=dinoai::{}", data(text)));
        }
        let word = self.style(self.stderr).yellow().for_stderr();
        self.write_to_stderr(format!(
            "{} {}",
            word.apply_to("warning:"),
            self.stderr.safe(text)
        ));
    }

    /// What is said, at once and also with `--quiet`, of a run that nothing else remembers.
    pub(crate) fn alarm(&self) -> impl FnOnce(&SessionId, &str) + Send + use<> {
        let mut traces = self.traces();
        move |id, text| {
            let line = match traces.format {
                Format::Text => format!("warning: {text}"),
                Format::Json | Format::Jsonl => {
                    let line = json!({ "kind": "warning", "message": text, "agentSessionId": id });
                    return traces.push(json::line(&line).unwrap_or_default());
                }
            };
            traces.push(traces.stderr.safe(&line).into_owned());
        }
    }

    /// Why the command did not do what it was asked for.
    pub(crate) fn failure(&self, failure: &Failure) {
        let line = failure_line(failure, self.format, self.stderr, &self.account);
        self.write_to_stderr(line);
    }

    /// A text whose command, if it has one, reaches the same account.
    pub(crate) fn hint_for_account(&self, text: &str) -> String {
        self.account
            .complete(text)
            .unwrap_or_else(|| GONE.to_owned())
    }

    /// A failure with the hint as it is shown.
    pub(crate) fn for_account(&self, failure: &Failure) -> Failure {
        failure_for_account(failure, &self.account)
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
    let failure = &failure_for_account(failure, account);
    if format != Format::Text {
        return json::line(failure).unwrap_or_default();
    }
    let text = failure.to_string();
    if stderr.is_github {
        return format!("::error title=dinoai::{}", data(&text));
    }
    let word = Style::new().force_styling(stderr.is_coloured).red().bold();
    format!(
        "{} {}",
        word.for_stderr().apply_to("error:"),
        stderr.safe(&text)
    )
}

/// A failure whose hint reaches the same account.
fn failure_for_account(failure: &Failure, account: &AccountOptions) -> Failure {
    let hint = failure.hint.as_deref();
    let hint = hint.map(|hint| account.complete(hint).unwrap_or_else(|| GONE.to_owned()));
    Failure {
        hint,
        ..failure.clone()
    }
}

/// Shows what the library traces, and nothing of the crates below it, which know credentials.
pub(crate) fn show_traces(verbose: u8, output: &Output) {
    let level = match verbose {
        0 => return,
        1 => LevelFilter::INFO,
        _ => LevelFilter::DEBUG,
    };
    let writer = output.traces();
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(move || writer.clone())
        // The crate is built without colours, and panics if it is asked for them.
        .with_ansi(false);
    // Fails only if something else is set, and then that shows them.
    let _ = tracing_subscriber::registry()
        .with(lines)
        .with(Targets::new().with_target("dinoai", level))
        .try_init();
}

impl Output {
    /// Where traces are written: on standard error, in the order of everything else there.
    pub(crate) fn traces(&self) -> Traces {
        Traces {
            queue: self.stderr_queue.clone(),
            format: self.format,
            stderr: self.stderr,
            spinner: self.spinner_on_stderr(),
            heartbeat: self.heartbeat.clone(),
        }
    }
}

/// Where traces are written.
#[derive(Clone)]
pub(crate) struct Traces {
    queue: WriteQueue,
    format: Format,
    stderr: Stream,
    spinner: Option<ProgressBar>,
    heartbeat: Heartbeat,
}

impl Traces {
    fn push(&mut self, line: String) {
        let spinner = self.spinner.clone();
        self.heartbeat.note_output();
        self.queue
            .push(move || write_line_to_stderr(&line, spinner.as_ref()));
    }
}

impl Write for Traces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let line = String::from_utf8_lossy(bytes).trim_end().to_owned();
        let line = match self.format {
            Format::Text => self.stderr.safe(&line).into_owned(),
            Format::Json | Format::Jsonl => {
                json::line(&json!({ "kind": "trace", "message": line }))?
            }
        };
        self.push(line);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
