//! The line on a terminal that says what is waited for, drawn over and over.

use std::fmt::Write;
use std::io;
use std::time::Duration;

use console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle, TermLike};

use crate::progress::Heartbeat;

/// The spinner, the gap behind it, and columns that stay free: what the terminal echoes at Ctrl-C
/// stands there, and is cleared with the line.
const OTHER_COLUMNS: usize = 5;

/// Draws what is waited for from now on, where nothing is drawn yet.
///
/// Whoever touches the spinner waits for the terminal, which may be held up.
pub(super) fn spin(spinner: &ProgressBar, heartbeat: &Heartbeat) {
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
        let line = Box::new(Line(Term::buffered_stderr()));
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
struct Line(Term);

impl TermLike for Line {
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
