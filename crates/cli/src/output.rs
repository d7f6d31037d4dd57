//! [`Output`]: results on standard output, everything else on standard error, in the format that
//! was asked for. What others wrote is made safe here for where it goes: [`Stream::safe`], and
//! [`json`](crate::sanitize::json).

mod failed;
mod live;
mod markdown;
#[cfg(test)]
mod tests;
mod waiting;

use std::cell::Cell;
use std::io::{self, ErrorKind, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use console::{Style, Term};
use dinoai::SessionId;
use indicatif::ProgressBar;
use serde::Serialize;
use serde_json::json;

use crate::args::{Color, Format, GlobalArgs};
use crate::environment;
use crate::queue::Queue;
use crate::report::ExitStatus;
use crate::report::hint::AccountOptions;
use crate::report::{Failure, Kind};
use crate::sanitize::json;
use crate::sanitize::one_line;
use crate::stream::Stream;
use crate::vigil::Vigil;

/// Where the command writes, and how.
///
/// Nothing here waits for a reader: what is written is queued. [`settled`](Self::settled) waits
/// until it has been written.
pub(crate) struct Output {
    pub(crate) format: Format,
    quiet: bool,
    account: AccountOptions,
    /// Whether a line on standard error says what is waited for, and is drawn over and over.
    is_live: bool,
    stdout: Stream,
    stderr: Stream,
    /// The same queue where both lead to one place, so that the order is kept there.
    out: Queue,
    err: Queue,
    are_one: bool,
    /// Hidden where nobody looks at it.
    spinner: ProgressBar,
    vigil: Vigil,
    /// Why standard output cannot be written any more.
    stdout_error: Arc<OnceLock<StdoutError>>,
    /// How often what was queued has been dropped.
    dropped: Arc<AtomicU64>,
    has_paragraphs: Cell<bool>,
}

/// Why standard output cannot be written any more.
#[derive(Debug, Clone)]
pub(crate) struct StdoutError {
    pub(crate) problem: String,
    /// Whether its reader has gone.
    pub(crate) is_closed: bool,
}

impl StdoutError {
    /// The failure of a command whose result could not be written; `known` says what it knows.
    pub(crate) fn failure(&self, known: &str) -> Failure {
        let problem = &self.problem;
        let gap = if known.is_empty() { "" } else { "; " };
        let text =
            format!("the result could not be written to standard output ({problem}){gap}{known}");
        Failure::new(Kind::Output, ExitStatus::Unavailable, text)
    }
}

impl Output {
    pub(crate) fn new(global: &GlobalArgs) -> Self {
        let stdout = Stream::stdout(global.color);
        let stderr = Stream::stderr(global.color);
        console::set_colors_enabled(stdout.is_coloured);
        console::set_colors_enabled_stderr(stderr.is_coloured);
        Self {
            quiet: global.quiet,
            account: AccountOptions::of(global),
            // Lines of traces stand where it would, and programs may read the other formats.
            is_live: stderr.is_live
                && global.output == Format::Text
                && !global.quiet
                && global.verbose == 0,
            ..Self::of(global.output, stdout, stderr)
        }
    }

    /// For what goes wrong before the options are known.
    pub(crate) fn plain(format: Format) -> Self {
        let stdout = Stream::stdout(Color::Never);
        let stderr = Stream::stderr(Color::Never);
        Self::of(format, stdout, stderr)
    }

    fn of(format: Format, stdout: Stream, stderr: Stream) -> Self {
        let err = Queue::start("stderr");
        let are_one = Stream::are_one();
        let out = match are_one {
            true => err.clone(),
            false => Queue::start("stdout"),
        };
        Self {
            format,
            quiet: false,
            account: AccountOptions::default(),
            is_live: false,
            stdout,
            stderr,
            out,
            err,
            are_one,
            spinner: ProgressBar::hidden(),
            vigil: Vigil::new(),
            stdout_error: Arc::default(),
            dropped: Arc::default(),
            has_paragraphs: Cell::new(false),
        }
    }

    /// Ends once everything that was written so far has reached its reader, or cannot. May be
    /// dropped at any time.
    pub(crate) async fn settled(&self) {
        self.out.settled().await;
        self.err.settled().await;
    }

    /// Waits for the same, for this long at most.
    pub(crate) fn finish(&self, limit: Option<Duration>) {
        let start = Instant::now();
        let left = || limit.map(|limit| limit.saturating_sub(start.elapsed()));
        self.err.finish(left());
        self.out.finish(left());
    }

    /// Writes nothing more to standard output of what is queued, but for the piece that is being
    /// written.
    pub(crate) fn drop_what_is_queued(&self) {
        self.dropped.fetch_add(1, Ordering::AcqRel);
    }

    /// Why standard output cannot be written any more; `None` while it can.
    pub(crate) fn stdout_error(&self) -> Option<&StdoutError> {
        self.stdout_error.get()
    }

    /// Where traces are written: on standard error, in the order of everything else there.
    pub(crate) fn traces(&self) -> Traces {
        Traces {
            err: self.err.clone(),
            format: self.format,
            stderr: self.stderr,
            spinner: self.spinner_on_stderr(),
            vigil: self.vigil.clone(),
        }
    }

    /// A result for people.
    pub(crate) fn text(&self, text: &str) {
        self.write_out(format!("{}\n", self.stdout.safe(text)));
    }

    /// A result for people that is one line, whatever the API puts into it.
    pub(crate) fn line(&self, text: &str) {
        self.text(&one_line(text));
    }

    /// A text that is all of the result, once it has reached its reader. One that has enough of it
    /// misses nothing.
    pub(crate) fn printed(&self, text: &str) -> Result<ExitStatus, Failure> {
        self.text(text);
        self.finish(None);
        match self.stdout_error() {
            Some(lost) if !lost.is_closed => Err(lost.failure("")),
            _ => Ok(ExitStatus::Done),
        }
    }

    /// What an agent wrote: Markdown, rendered on a terminal. Not where a CI system reads it:
    /// without its markup, and in other lines, it could hold a command that it did not hold before.
    pub(crate) fn markdown(&self, text: &str) {
        const WIDEST: usize = 100;
        let text = self.stdout.safe(text.trim_end());
        if !self.stdout.is_terminal || environment::is_ci_log() {
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
        self.write_made(move || format!("{gap}{}\n", make()));
    }

    /// A result for programs.
    pub(crate) fn json(&self, value: &impl Serialize) {
        let text = match self.format {
            Format::Jsonl => json::line(value),
            Format::Json | Format::Text => json::pretty(value),
        };
        match text {
            Ok(text) => self.write_out(format!("{text}\n")),
            Err(error) => lose(&self.stdout_error, &error.into()),
        }
    }

    /// Something that people may want to know, beside the result.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet && self.format == Format::Text {
            let style = self.dim(self.stderr).for_stderr();
            self.write_err(style.apply_to(self.stderr.safe(text)).to_string());
        }
    }

    /// How a run that is left is said to stand: not as going on without its emulator.
    pub(crate) fn left(&self) -> &'static str {
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
    pub(crate) fn id_elsewhere(&self, id: &SessionId) {
        let line = match self.format {
            Format::Text => Ok(format!(
                "session {}",
                self.stderr.safe(&one_line(id.as_str()))
            )),
            Format::Json | Format::Jsonl => json::line(&json!({ "agentSessionId": id })),
        };
        if let Ok(line) = line {
            self.write_err(line);
        }
    }

    /// The same for programs, a line of JSON.
    pub(crate) fn json_note(&self, value: &impl Serialize) {
        if let (false, Ok(line)) = (self.quiet, json::line(value)) {
            self.write_err(line);
        }
    }

    /// A note that is one line, whatever the API puts into it.
    pub(crate) fn line_note(&self, text: &str) {
        self.note(&one_line(text));
    }

    /// The same for what is going on, where no live line shows it.
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
        self.write_err(format!(
            "{} {}",
            word.apply_to("warning:"),
            self.stderr.safe(text)
        ));
    }

    /// The spinner, for who writes to standard output without this.
    pub(crate) fn spinner(&self) -> ProgressBar {
        self.spinner.clone()
    }

    /// Undoes what a line editor has asked of the terminal, where it was not let come to its end:
    /// marks around what is pasted. Leaves its line.
    pub(crate) fn end_of_editing(&self) {
        if self.stdout.is_live {
            self.write_out("\u{1b}[?2004l\r\n".to_owned());
        }
    }

    fn style(&self, stream: Stream) -> Style {
        Style::new().force_styling(stream.is_coloured)
    }

    fn dim(&self, stream: Stream) -> Style {
        self.style(stream).dim()
    }

    fn write_out(&self, text: String) {
        self.write_made(|| text);
    }

    /// Writes to standard output what is made only then, by the thread that writes it.
    fn write_made(&self, make: impl FnOnce() -> String + Send + 'static) {
        let lost = self.stdout_error.clone();
        let dropped = self.dropped.clone();
        let queued_at = dropped.load(Ordering::Acquire);
        let spinner = self.stdout.is_terminal.then(|| self.spinner.clone());
        if self.are_one {
            self.vigil.has_news();
        }
        self.out.push(move || {
            if lost.get().is_some() || dropped.load(Ordering::Acquire) != queued_at {
                return;
            }
            let text = make();
            let write = || {
                let mut out = io::stdout().lock();
                out.write_all(text.as_bytes())?;
                out.flush()
            };
            let written = match spinner {
                Some(spinner) => spinner.suspend(write),
                // It is not where the spinner is, and may block.
                None => write(),
            };
            if let Err(error) = written {
                lose(&lost, &error);
            }
        });
    }

    fn write_err(&self, line: String) {
        self.vigil.has_news();
        let spinner = self.spinner_on_stderr();
        self.err.push(move || write_line(&line, spinner.as_ref()));
    }

    fn spinner_on_stderr(&self) -> Option<ProgressBar> {
        self.stderr.is_terminal.then(|| self.spinner.clone())
    }
}

fn write_line(line: &str, spinner: Option<&ProgressBar>) {
    // Nobody is left to read that this cannot be written.
    let write = || drop(writeln!(io::stderr().lock(), "{line}"));
    match spinner {
        Some(spinner) => spinner.suspend(write),
        None => write(),
    }
}

fn lose(lost: &OnceLock<StdoutError>, error: &io::Error) {
    // The first one counts.
    let _ = lost.set(StdoutError {
        problem: error.to_string(),
        is_closed: error.kind() == ErrorKind::BrokenPipe,
    });
}

/// Where traces are written.
#[derive(Clone)]
pub(crate) struct Traces {
    err: Queue,
    format: Format,
    stderr: Stream,
    spinner: Option<ProgressBar>,
    vigil: Vigil,
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
        let spinner = self.spinner.clone();
        self.vigil.has_news();
        self.err.push(move || write_line(&line, spinner.as_ref()));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
