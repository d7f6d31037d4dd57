//! [`Output`]: writes results to standard output, and everything else to standard error, in the format
//! that was asked for. It knows no events and no transcripts: what is shown of a run,
//! [`print`](mod@crate::print) chooses. What others wrote is made safe here for where it goes:
//! [`Stream::safe`], and [`json`](crate::sanitize::json).
//!
//! [`stdout`] has what goes to standard output, with [`markdown`] rendered for a terminal;
//! [`stderr`] what goes to standard error, the library's traces among it, [`live_line`] what is
//! shown there while something is waited for. Each pushes its text onto a [`write_queue`],
//! whose thread writes it. [`stream`] says what a standard stream leads to.

#[cfg(feature = "mcp")]
mod json_lines;
mod live_line;
mod markdown;
mod stderr;
mod stdout;
mod stream;
mod write_queue;

use std::cell::Cell;
use std::io::{self, ErrorKind, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use console::Style;
use indicatif::ProgressBar;

use crate::args::{Color, Format, GlobalArgs, OutputFormat};
use crate::progress::Heartbeat;
use crate::report::Failure;
use crate::report::hint::AccountOptions;
#[cfg(feature = "mcp")]
pub(crate) use json_lines::JsonLines;
pub(crate) use stderr::show_traces;
pub(crate) use stream::Stream;
use write_queue::WriteQueue;

/// Where the command writes, and how.
///
/// Nothing here waits for a reader: what is written is queued. [`until_written`](Self::until_written)
/// and [`block_until_written`](Self::block_until_written) wait for it.
pub(crate) struct Output {
    pub(crate) format: Format,
    quiet: bool,
    account: AccountOptions,
    /// Whether a line on standard error says what is waited for, and is drawn over and over.
    is_live: bool,
    stdout: Stream,
    stderr: Stream,
    /// The same queue if both lead to one place, so that the order is kept there.
    stdout_queue: WriteQueue,
    stderr_queue: WriteQueue,
    are_one: bool,
    /// Hidden if nobody looks at it.
    spinner: ProgressBar,
    heartbeat: Heartbeat,
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
        Failure::output(text)
    }
}

impl Output {
    pub(crate) fn new(global: &GlobalArgs) -> Self {
        let is_github = global.output == OutputFormat::Github;
        let stdout = Stream::stdout(global.color).for_github(is_github);
        let stderr = Stream::stderr(global.color).for_github(is_github);
        console::set_colors_enabled(stdout.is_coloured);
        console::set_colors_enabled_stderr(stderr.is_coloured);
        Self {
            quiet: global.quiet,
            account: AccountOptions::of(global),
            // Lines of traces stand where it would, and programs may read the other formats.
            is_live: stderr.is_live
                && global.output == OutputFormat::Text
                && !global.quiet
                && global.verbose == 0,
            ..Self::of(global.output.format(), stdout, stderr)
        }
    }

    /// For what goes wrong before the options are known.
    pub(crate) fn plain(format: OutputFormat) -> Self {
        let is_github = format == OutputFormat::Github;
        let stdout = Stream::stdout(Color::Never).for_github(is_github);
        let stderr = Stream::stderr(Color::Never).for_github(is_github);
        Self::of(format.format(), stdout, stderr)
    }

    fn of(format: Format, stdout: Stream, stderr: Stream) -> Self {
        let stderr_queue = WriteQueue::start("stderr");
        let are_one = Stream::are_one();
        let stdout_queue = match are_one {
            true => stderr_queue.clone(),
            false => WriteQueue::start("stdout"),
        };
        Self {
            format,
            quiet: false,
            account: AccountOptions::default(),
            is_live: false,
            stdout,
            stderr,
            stdout_queue,
            stderr_queue,
            are_one,
            spinner: ProgressBar::hidden(),
            heartbeat: Heartbeat::new(),
            stdout_error: Arc::default(),
            dropped: Arc::default(),
            has_paragraphs: Cell::new(false),
        }
    }

    /// Whether standard output or standard error is a terminal, so that somebody may look on.
    pub(crate) fn is_on_terminal(&self) -> bool {
        self.stdout.is_terminal || self.stderr.is_terminal
    }

    /// Ends once everything that was written so far has reached its reader, or cannot. May be
    /// dropped at any time.
    pub(crate) async fn until_written(&self) {
        self.stdout_queue.until_done().await;
        self.stderr_queue.until_done().await;
    }

    /// Blocks until the same, for this long at most.
    pub(crate) fn block_until_written(&self, limit: Option<Duration>) {
        let start = Instant::now();
        let left = || limit.map(|limit| limit.saturating_sub(start.elapsed()));
        self.stderr_queue.block_until_done(left());
        self.stdout_queue.block_until_done(left());
    }

    /// Writes nothing more to standard output of what is queued, but for the piece that is being
    /// written.
    pub(crate) fn drop_queued_results(&self) {
        self.dropped.fetch_add(1, Ordering::AcqRel);
    }

    /// Why standard output cannot be written any more; `None` while it can.
    pub(crate) fn stdout_error(&self) -> Option<&StdoutError> {
        self.stdout_error.get()
    }

    /// The spinner, for who writes to standard output without this.
    pub(crate) fn spinner(&self) -> ProgressBar {
        self.spinner.clone()
    }

    fn style(&self, stream: Stream) -> Style {
        Style::new().force_styling(stream.is_coloured)
    }

    fn dim(&self, stream: Stream) -> Style {
        self.style(stream).dim()
    }

    fn write_to_stdout(&self, text: String) {
        self.write_to_stdout_with(|| text);
    }

    /// Writes to standard output what is made only then, by the thread that writes it.
    fn write_to_stdout_with(&self, make: impl FnOnce() -> String + Send + 'static) {
        let lost = self.stdout_error.clone();
        let dropped = self.dropped.clone();
        let queued_at = dropped.load(Ordering::Acquire);
        let spinner = self.stdout.is_terminal.then(|| self.spinner.clone());
        if self.are_one {
            self.heartbeat.note_output();
        }
        self.stdout_queue.push(move || {
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
                note_stdout_error(&lost, &error);
            }
        });
    }

    fn write_to_stderr(&self, line: String) {
        self.heartbeat.note_output();
        let spinner = self.spinner_on_stderr();
        self.stderr_queue
            .push(move || write_line_to_stderr(&line, spinner.as_ref()));
    }

    fn spinner_on_stderr(&self) -> Option<ProgressBar> {
        self.stderr.is_terminal.then(|| self.spinner.clone())
    }
}

fn write_line_to_stderr(line: &str, spinner: Option<&ProgressBar>) {
    // Nobody is left to read that this cannot be written.
    let write = || drop(writeln!(io::stderr().lock(), "{line}"));
    match spinner {
        Some(spinner) => spinner.suspend(write),
        None => write(),
    }
}

fn note_stdout_error(lost: &OnceLock<StdoutError>, error: &io::Error) {
    // The first one counts.
    let _ = lost.set(StdoutError {
        problem: error.to_string(),
        is_closed: error.kind() == ErrorKind::BrokenPipe,
    });
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::time::Duration;

    use dinoai::SessionId;
    use tokio::time::{Instant, advance};

    use super::*;

    /// How long a wait is silent if this is done 20 s after it has begun.
    async fn silent_after(news: impl FnOnce(&Output)) -> Duration {
        let output = Output::plain(OutputFormat::Text);
        output.show_activity("RUNNING");
        let start = Instant::now();
        advance(Duration::from_secs(20)).await;
        news(&output);
        output.heartbeat.until_silent().await;
        start.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn whatever_is_said_on_standard_error_puts_the_next_sign_of_life_off() {
        let put_off = Duration::from_secs(49);
        assert_eq!(silent_after(|output| output.note("a note")).await, put_off);
        assert_eq!(
            silent_after(|output| output.warning("careful")).await,
            put_off
        );
        let failure = Failure::usage("a failure");
        assert_eq!(
            silent_after(|output| output.failure(&failure)).await,
            put_off
        );
        let trace = |output: &Output| output.traces().write_all(b"a trace\n").unwrap();
        assert_eq!(silent_after(trace).await, put_off);
    }

    #[tokio::test(start_paused = true)]
    async fn what_nobody_reads_there_does_not() {
        let soon = Duration::from_secs(29);
        assert_eq!(silent_after(|_| {}).await, soon);
        assert_eq!(
            silent_after(|output| output.show_activity("RUNNING on")).await,
            soon
        );
        let id = SessionId::new("abc").unwrap();
        assert_eq!(
            silent_after(|output| output.show_activity_of(&id, "RUNNING")).await,
            soon
        );
    }
}
