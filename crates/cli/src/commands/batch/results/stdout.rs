//! [`Stdout`]: standard output as a place for records.

use std::io::{self, IsTerminal, Write};

use indicatif::ProgressBar;

use super::writer_thread::Sink;
use crate::file_identity::FileIdentity;

/// Standard output, which may be a file.
pub(super) struct Stdout {
    spinner: ProgressBar,
    /// Whether the spinner stands aside. Not if a pipe may be full: until it has taken the lines,
    /// nobody could hide the spinner, to say how the batch ended.
    stands_aside: bool,
    is_on_disk: bool,
    is_synced: bool,
}

impl Stdout {
    pub(super) fn new(spinner: ProgressBar) -> Self {
        Self {
            spinner,
            stands_aside: io::stdout().is_terminal(),
            is_on_disk: FileIdentity::of_stdout().is_some(),
            is_synced: true,
        }
    }

    pub(super) fn is_on_disk(&self) -> bool {
        self.is_on_disk
    }
}

impl Sink for Stdout {
    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        self.is_synced &= lines.is_empty();
        match self.stands_aside {
            true => self.spinner.suspend(|| print(lines)),
            false => print(lines),
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        if self.is_on_disk && !self.is_synced {
            sync_stdout()?;
            self.is_synced = true;
        }
        Ok(())
    }
}

fn print(lines: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(lines)?;
    out.flush()
}

#[cfg(unix)]
fn sync_stdout() -> io::Result<()> {
    Ok(rustix::fs::fsync(io::stdout())?)
}

#[cfg(not(unix))]
fn sync_stdout() -> io::Result<()> {
    Ok(())
}
