//! What `-v` shows: the library's traces, on standard error.

use std::io::{self, Write};

use indicatif::ProgressBar;
use serde_json::json;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::write_queue::WriteQueue;
use super::{Output, Stream, write_line_to_stderr};
use crate::args::Format;
use crate::progress::Heartbeat;
use crate::sanitize::json;

/// Shows what the library traces, and nothing of the crates below it, which know credentials.
pub(crate) fn show(verbose: u8, output: &Output) {
    let level = match verbose {
        0 => return,
        1 => LevelFilter::INFO,
        _ => LevelFilter::DEBUG,
    };
    let writer = output.traces();
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(move || writer.clone())
        // The crate is built without colours, and panics where it is asked for them.
        .with_ansi(false);
    // Fails only where something else is set, and then that shows them.
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
        self.heartbeat.note_output();
        self.queue
            .push(move || write_line_to_stderr(&line, spinner.as_ref()));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
