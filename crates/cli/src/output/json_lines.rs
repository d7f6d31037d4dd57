//! [`JsonLines`]: standard output for a protocol whose messages are lines of JSON.

use std::io::{self, ErrorKind, Write};
use std::sync::{Arc, OnceLock};

use serde::Serialize;

use super::write_queue::WriteQueue;
use super::{Output, StdoutError, note_stdout_error};
use crate::sanitize::json;

/// Writes values as lines of JSON, in order and as [`json`] makes them safe. Never waits for a reader.
#[derive(Clone)]
pub(crate) struct JsonLines {
    queue: WriteQueue,
    lost: Arc<OnceLock<StdoutError>>,
}

impl Output {
    /// Standard output, for nothing but such lines.
    pub(crate) fn json_lines(&self) -> JsonLines {
        JsonLines {
            queue: self.stdout_queue.clone(),
            lost: self.stdout_error.clone(),
        }
    }
}

impl JsonLines {
    /// Fails if one before could not be written.
    pub(crate) fn write(&self, value: &impl Serialize) -> io::Result<()> {
        if let Some(lost) = self.lost.get() {
            return Err(io::Error::new(ErrorKind::BrokenPipe, &*lost.problem));
        }
        let line = json::line(value)? + "\n";
        let lost = self.lost.clone();
        self.queue.push(move || {
            let write = || {
                let mut out = io::stdout().lock();
                out.write_all(line.as_bytes())?;
                out.flush()
            };
            if lost.get().is_none()
                && let Err(error) = write()
            {
                note_stdout_error(&lost, &error);
            }
        });
        Ok(())
    }
}
