//! [`Output`]: results on standard output, everything else on standard error, in the format that
//! was asked for. All text goes through [`neutral`](crate::neutral) here.

use std::cell::Cell;
use std::io::{self, ErrorKind, Write};
use std::time::Duration;

use console::{Style, Term};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use serde_json::json;
use termimad::MadSkin;

use crate::failure::Failure;
use crate::neutral::{neutral, one_line};
use crate::options::{Format, Global};
use crate::stream::Stream;

/// Where the command writes, and how.
pub(crate) struct Output {
    pub(crate) format: Format,
    quiet: bool,
    /// Whether lines of traces stand where a spinner would.
    has_traces: bool,
    stdout: Stream,
    stderr: Stream,
    /// Hidden where nobody looks at it.
    spinner: ProgressBar,
    /// Whether the reader of standard output has gone.
    is_closed: Cell<bool>,
    has_paragraphs: Cell<bool>,
}

impl Output {
    pub(crate) fn new(global: &Global) -> Self {
        let stdout = Stream::stdout(global.color);
        let stderr = Stream::stderr(global.color);
        console::set_colors_enabled(stdout.is_coloured);
        console::set_colors_enabled_stderr(stderr.is_coloured);
        Self {
            format: global.output,
            quiet: global.quiet,
            has_traces: global.verbose > 0,
            stdout,
            stderr,
            spinner: ProgressBar::hidden(),
            is_closed: Cell::new(false),
            has_paragraphs: Cell::new(false),
        }
    }

    /// For what goes wrong before the options are known.
    pub(crate) fn plain(format: Format) -> Self {
        let stream = Stream {
            is_terminal: false,
            is_coloured: false,
        };
        Self {
            format,
            quiet: false,
            has_traces: false,
            stdout: stream,
            stderr: stream,
            spinner: ProgressBar::hidden(),
            is_closed: Cell::new(false),
            has_paragraphs: Cell::new(false),
        }
    }

    /// Whether the reader of standard output has gone, so that nothing need be written any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.get()
    }

    /// Whether traces are coloured.
    pub(crate) fn has_coloured_notes(&self) -> bool {
        self.stderr.is_coloured
    }

    /// A result for people.
    pub(crate) fn text(&self, text: &str) -> Result<(), Failure> {
        self.write_out(&format!("{}\n", neutral(text)))
    }

    /// What an agent wrote: Markdown, rendered on a terminal.
    pub(crate) fn markdown(&self, text: &str) -> Result<(), Failure> {
        const WIDEST: usize = 100;
        let text = neutral(text.trim_end());
        if !self.stdout.is_terminal {
            return self.paragraph(&text);
        }
        let skin = match self.stdout.is_coloured {
            true => MadSkin::default(),
            false => MadSkin::no_style(),
        };
        // Asked each time, since the window's size changes.
        let width = usize::from(Term::stdout().size().1).clamp(20, WIDEST);
        self.paragraph(skin.text(&text, Some(width)).to_string().trim_end())
    }

    /// Text that is less important than what the agent wrote.
    pub(crate) fn aside(&self, text: &str) -> Result<(), Failure> {
        let style = self.dim(self.stdout).for_stdout();
        let text = neutral(text.trim_end());
        self.paragraph(&style.apply_to(text).to_string())
    }

    /// Text with an empty line between it and the paragraph before.
    fn paragraph(&self, text: &str) -> Result<(), Failure> {
        let gap = match self.has_paragraphs.replace(true) {
            true => "\n",
            false => "",
        };
        self.write_out(&format!("{gap}{text}\n"))
    }

    /// A result for programs.
    pub(crate) fn json(&self, value: &impl Serialize) -> Result<(), Failure> {
        let text = match self.format {
            Format::Jsonl => serde_json::to_string(value),
            Format::Json | Format::Text => serde_json::to_string_pretty(value),
        };
        let text = text.map_err(|error| Failure::system(format!("cannot write JSON: {error}")))?;
        self.write_out(&format!("{text}\n"))
    }

    /// Something that people may want to know, beside the result.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet && self.format == Format::Text {
            let style = self.dim(self.stderr).for_stderr();
            self.write_err(&style.apply_to(neutral(text)).to_string());
        }
    }

    /// The same for programs, a line of JSON.
    pub(crate) fn json_note(&self, value: &impl Serialize) {
        if let (false, Ok(line)) = (self.quiet, serde_json::to_string(value)) {
            self.write_err(&line);
        }
    }

    /// A note that tells what is going on, where no spinner does.
    pub(crate) fn plain_note(&self, text: &str) {
        if !self.stderr.is_terminal {
            self.note(text);
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
        self.write_err(&format!("{} {}", word.apply_to("warning:"), neutral(text)));
    }

    /// Why the command did not do what it was asked for.
    pub(crate) fn failure(&self, failure: &Failure) {
        self.idle();
        if self.format != Format::Text {
            if let Ok(line) = serde_json::to_string(failure) {
                self.write_err(&line);
            }
            return;
        }
        let word = self.style(self.stderr).red().bold().for_stderr();
        let text = failure.to_string();
        self.write_err(&format!("{} {}", word.apply_to("error:"), neutral(&text)));
    }

    /// Shows what is waited for, with the time since it was first called, on a terminal.
    pub(crate) fn busy(&self, status: &str) {
        let is_wanted = self.format == Format::Text && !self.quiet && !self.has_traces;
        if !is_wanted || !self.stderr.is_terminal {
            return;
        }
        self.spinner.set_message(one_line(status));
        if !self.spinner.is_hidden() && !self.spinner.is_finished() {
            return;
        }
        if let Ok(style) = ProgressStyle::with_template("{spinner:.cyan} {msg} {elapsed:.dim}") {
            self.spinner.set_style(style);
        }
        self.spinner.reset();
        // Last, since it is drawn from now on.
        self.spinner.set_draw_target(ProgressDrawTarget::stderr());
        self.spinner.enable_steady_tick(Duration::from_millis(100));
    }

    /// Takes the spinner away.
    pub(crate) fn idle(&self) {
        self.spinner.finish_and_clear();
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

    fn write_out(&self, text: &str) -> Result<(), Failure> {
        if self.is_closed() {
            return Ok(());
        }
        let write = || {
            let mut out = io::stdout().lock();
            out.write_all(text.as_bytes())?;
            out.flush()
        };
        match self.spinner.suspend(write) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.is_closed.set(true);
                Ok(())
            }
            written => written
                .map_err(|error| Failure::system(format!("the result cannot be written: {error}"))),
        }
    }

    /// There is nobody left to tell if this cannot be written.
    fn write_err(&self, line: &str) {
        self.spinner.suspend(|| {
            let _ = writeln!(io::stderr().lock(), "{line}");
        });
    }
}
