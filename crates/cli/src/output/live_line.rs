//! Shows what is waited for, a [`WaitingFor`]: on a terminal as a line that is drawn over and over,
//! elsewhere as a note from time to time.

use std::convert::Infallible;
use std::fmt::Write;
use std::io;
use std::time::Duration;

use console::Term;
use dinoai::SessionId;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle, TermLike};
use serde_json::json;

use super::Output;
use crate::args::Format;
use crate::progress::{Heartbeat, OutageSummary, Outages, WaitingFor};

impl Output {
    /// Shows what is done: see [`show_waiting_for`](Self::show_waiting_for).
    pub(crate) fn show_activity(&self, what: &str) {
        self.show_waiting_for(WaitingFor::activity(what, self.known_id()));
    }

    /// Shows the status of the run that is waited for.
    pub(crate) fn show_status(&self, status: &str) {
        self.show_waiting_for(WaitingFor::status(status, self.known_id()));
    }

    fn known_id(&self) -> Option<SessionId> {
        let (known, _) = self.heartbeat.waiting_for()?;
        known.id().cloned()
    }

    /// The runs that are polled in vain, while something is waited for.
    pub(crate) fn outages(&self) -> &Outages {
        &self.heartbeat.outages
    }

    /// The same, now that the run is known that it is about.
    pub(crate) fn show_activity_of(&self, id: &SessionId, what: &str) {
        self.show_waiting_for(WaitingFor::activity(what, Some(id.clone())));
    }

    /// Shows what is waited for, with the time since the first call: on a terminal by a line that
    /// is drawn over and over, elsewhere by a note each time that [`heartbeats`](Self::heartbeats)
    /// finds that nothing else has been said for a while.
    pub(crate) fn show_waiting_for(&self, waiting_for: WaitingFor) {
        self.heartbeat.begin(waiting_for);
        if self.is_live {
            let (spinner, heartbeat) = (self.spinner.clone(), self.heartbeat.clone());
            self.stderr_queue.push(move || spin(&spinner, &heartbeat));
        }
    }

    /// Nothing is waited for any more.
    pub(crate) fn clear_progress(&self) {
        self.heartbeat.end();
        if let Some(spinner) = self.spinner_on_stderr() {
            self.stderr_queue.push(move || spinner.finish_and_clear());
        }
    }

    /// Says that a wait continues, if nothing else has been said for a while. Never ends; may be
    /// dropped at any time.
    pub(crate) async fn heartbeats(&self) -> Infallible {
        if self.is_live || self.quiet {
            return std::future::pending().await;
        }
        loop {
            self.heartbeat.until_silent().await;
            // Also if it ends just now: it is said once.
            self.heartbeat.note_output();
            if let Some((waiting_for, elapsed)) = self.heartbeat.waiting_for() {
                self.still_waiting(&waiting_for, elapsed, self.outages().summary());
            }
        }
    }

    fn still_waiting(
        &self,
        waiting_for: &WaitingFor,
        elapsed: Duration,
        unanswered: Option<OutageSummary>,
    ) {
        let text = waiting_for.sentence(elapsed, unanswered.as_ref());
        match self.format {
            Format::Text => self.note(&text),
            Format::Json | Format::Jsonl => self.json_note(&json!({
                "kind": "still_waiting",
                "message": text,
                "agentSessionId": waiting_for.id(),
                "elapsedSeconds": elapsed.as_secs(),
                "unansweredSeconds": unanswered.map(|unanswered| unanswered.lasted.as_secs()),
            })),
        }
    }
}

/// The spinner, the gap behind it, and columns that stay free: what the terminal echoes at Ctrl-C
/// stands there, and is cleared with the line.
const OTHER_COLUMNS: usize = 5;

/// Draws what is waited for from now on, if nothing is drawn yet.
///
/// Whoever touches the spinner waits for the terminal, which may be held up.
fn spin(spinner: &ProgressBar, heartbeat: &Heartbeat) {
    if !spinner.is_hidden() && !spinner.is_finished() {
        return;
    }
    let template = "{spinner:.cyan} {head} {time:.dim}{tail:.dim}";
    if let Ok(mut style) = ProgressStyle::with_template(template) {
        for (place, key) in ["head", "time", "tail"].into_iter().enumerate() {
            let heartbeat = heartbeat.clone();
            style = style.with_key(key, move |_: &ProgressState, line: &mut dyn Write| {
                // A line takes all that is written to it.
                let _ = line.write_str(&part(&heartbeat, place));
            });
        }
        spinner.set_style(style);
    }
    spinner.reset();
    if spinner.is_hidden() {
        // Once: another target would not know of a line that is there. It is drawn from now on.
        let line = Box::new(TerminalLine(Term::buffered_stderr()));
        spinner.set_draw_target(ProgressDrawTarget::term_like(line));
    }
    spinner.enable_steady_tick(Duration::from_millis(100));
}

/// A part of the line as it is now, in a window as wide as it is now.
fn part(heartbeat: &Heartbeat, place: usize) -> String {
    let Some((waiting_for, elapsed)) = heartbeat.waiting_for() else {
        return String::new();
    };
    let (_, columns) = Term::stderr().size();
    let width = usize::from(columns).saturating_sub(OTHER_COLUMNS);
    let unanswered = heartbeat.outages.summary();
    let [head, time, tail] = waiting_for.parts(elapsed, unanswered.as_ref(), width);
    match place {
        0 => head,
        1 => time,
        _ => tail,
    }
}

/// The terminal, without the blanks that fill up a line to its end. Whatever else is written there,
/// `^C` for one, would begin a new line behind them, and in a window that is made narrower they
/// would be lines of their own.
#[derive(Debug)]
struct TerminalLine(Term);

impl TermLike for TerminalLine {
    fn width(&self) -> u16 {
        self.0.size().1
    }

    fn height(&self) -> u16 {
        self.0.size().0
    }

    fn move_cursor_up(&self, lines: usize) -> io::Result<()> {
        self.0.move_cursor_up(lines)
    }

    fn move_cursor_down(&self, lines: usize) -> io::Result<()> {
        self.0.move_cursor_down(lines)
    }

    fn move_cursor_right(&self, columns: usize) -> io::Result<()> {
        self.0.move_cursor_right(columns)
    }

    fn move_cursor_left(&self, columns: usize) -> io::Result<()> {
        self.0.move_cursor_left(columns)
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.0.write_line(text)
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        match text.trim_start_matches(' ') {
            "" => Ok(()),
            _ => self.0.write_str(text),
        }
    }

    fn clear_line(&self) -> io::Result<()> {
        self.0.clear_line()
    }

    fn flush(&self) -> io::Result<()> {
        self.0.flush()
    }
}
