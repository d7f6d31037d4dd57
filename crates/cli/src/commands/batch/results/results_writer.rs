//! [`ResultsWriter`]: writes the records of a batch. They are there for other processes at once, and on the
//! disk within a second. What a batch starts is remembered in the journal, not here.
//!
//! Files and pipes are written by threads of their own, so that the one that hears signals never
//! waits for a disk, or for whoever reads standard output.

use std::io::{self, IsTerminal};
use std::sync::Arc;

use dinoai::RunStatus;
use indicatif::ProgressBar;

use super::record::{ItemEvent, Record};
use super::results_file::ResultsFile;
use super::stdout::Stdout;
use super::writer_thread::{Replies, Reply, Sink, Urgency, WriteError, WriterThread, received};
use crate::args::Format;
use crate::output::Stream;
use crate::sanitize::{for_ci_log, for_terminal, json, one_line};

/// Writes records to the results file, if there is one, and to standard output.
#[derive(Debug, Clone)]
pub(crate) struct ResultsWriter {
    file: Option<WriterThread>,
    stdout: Option<WriterThread>,
    /// Whether standard output is on a disk, and nothing else is.
    is_kept_by_stdout: bool,
    /// Whether people read standard output, and not programs.
    is_for_people: bool,
    /// Whether they read there, too, what is said on standard error.
    is_one_with_stderr: bool,
}

impl ResultsWriter {
    /// A writer with a results file or without. If standard output leads into that file, it
    /// is `None`; else it comes with the spinner that stands aside while something is printed.
    /// In text, a terminal gets lines for people; whatever else it is, it gets the records.
    pub(crate) fn new(
        file: Option<ResultsFile>,
        stdout: Option<ProgressBar>,
        format: Format,
    ) -> io::Result<Self> {
        let stdout = stdout.map(Stdout::new);
        let is_on_disk = stdout.as_ref().is_some_and(Stdout::is_on_disk);
        Self::over(file, stdout, is_on_disk, format)
    }

    /// The same over anything that is written to. `is_on_disk`: whether standard output is.
    pub(crate) fn over(
        file: Option<impl Sink>,
        stdout: Option<impl Sink>,
        is_on_disk: bool,
        format: Format,
    ) -> io::Result<Self> {
        let file = file.map(|file| WriterThread::new("results", file));
        let stdout = stdout.map(|stdout| WriterThread::new("stdout", stdout));
        Ok(Self {
            is_kept_by_stdout: file.is_none() && is_on_disk,
            file: file.transpose()?,
            stdout: stdout.transpose()?,
            is_for_people: format == Format::Text && io::stdout().is_terminal(),
            is_one_with_stderr: Stream::are_one(),
        })
    }

    /// Queues a record, behind all that were queued before. That a run has failed is said on
    /// standard error.
    pub(crate) fn write(&self, item: usize, what: ItemEvent) -> Written {
        let is_said = self.is_one_with_stderr && has_failed(&what);
        self.queue(self.file.as_ref(), Record { item, what }, is_said)
    }

    /// Queues a record as [`write`](Self::write) does, that is waited for in the results file alone; for that alone, if
    /// it is printed already.
    pub(crate) fn note(&self, item: usize, what: ItemEvent, is_printed: bool) -> Written {
        if !is_printed {
            // Its reader is not waited for.
            drop(self.print(item, what.clone()));
        }
        let file = self.file.as_ref();
        match line(&Record { item, what }) {
            Ok(line) => Written {
                file: file.map(|file| file.put(&line, Urgency::Later)),
                stdout: None,
            },
            Err(error) => Written::failed(error),
        }
    }

    /// Whether a results file keeps the records.
    pub(crate) fn has_file(&self) -> bool {
        self.file.is_some()
    }

    /// Queues a record that the results file has already, or gets by itself, for standard output alone.
    pub(crate) fn print(&self, item: usize, what: ItemEvent) -> Written {
        self.queue(None, Record { item, what }, false)
    }

    /// `is_said`: whether people have read it already.
    fn queue(&self, file: Option<&WriterThread>, record: Record, is_said: bool) -> Written {
        let line = match line(&record) {
            Ok(line) => line,
            Err(error) => return Written::failed(error),
        };
        let printed = match self.is_for_people {
            true if is_said => Arc::from(&b""[..]),
            true => in_words(&record),
            false => Arc::clone(&line),
        };
        let of_stdout = match self.is_kept_by_stdout {
            true => Urgency::Later,
            false => Urgency::Never,
        };
        let stdout = self.stdout.as_ref();
        Written {
            file: file.map(|file| file.put(&line, Urgency::Later)),
            stdout: stdout.map(|stdout| stdout.put(&printed, of_stdout)),
        }
    }

    /// Waits until all that was queued has been kept: in the file, else by standard output.
    pub(crate) async fn kept(&self) -> Result<(), WriteError> {
        match self.file.as_ref().or(self.stdout.as_ref()) {
            Some(writer) => writer.put(&nothing(), Urgency::Now).kept().await,
            None => Ok(()),
        }
    }

    /// Waits until all that was queued has been written and is on disk, or cannot be. Fails if
    /// what is in the file is not kept.
    pub(crate) async fn finished(&self) -> Result<(), WriteError> {
        let writers = self.file.iter().chain(&self.stdout);
        let replies: Vec<_> = writers
            .map(|writer| writer.put(&nothing(), Urgency::Now))
            .collect();
        for reply in replies {
            // What could not be written was said to whom it is about.
            let _ = reply.kept().await;
        }
        match self.file_problem() {
            Some(problem) => Err(problem),
            None => Ok(()),
        }
    }

    /// Whether the results file is gone, with all that it kept.
    pub(crate) fn has_lost_file(&self) -> bool {
        let problem = self.file_problem();
        problem.is_some_and(|problem| problem.kind() == io::ErrorKind::NotFound)
    }

    /// Why the results file keeps nothing more.
    pub(crate) fn file_problem(&self) -> Option<WriteError> {
        self.file.as_ref()?.problem().cloned()
    }

    /// Why standard output has taken no more records while the file keeps them. That its reader
    /// has gone is no such reason.
    pub(crate) fn stdout_problem(&self) -> Option<WriteError> {
        let problem = self.stdout.as_ref()?.problem()?;
        let is_gone = problem.kind() == io::ErrorKind::BrokenPipe;
        let is_in_file = self.file.is_some() && self.file_problem().is_none();
        (is_in_file && !is_gone).then(|| problem.clone())
    }
}

/// A record that is being written. Dropped, it is still written.
#[derive(Debug)]
#[must_use = "only the reply says whether a record is kept"]
pub(crate) struct Written {
    file: Option<Replies>,
    stdout: Option<Replies>,
}

impl Written {
    fn failed(error: io::Error) -> Self {
        Self {
            file: Some(Replies::failed(error)),
            stdout: None,
        }
    }

    /// Waits until the record is written: to the file, or else to standard output. It outlasts this process
    /// then.
    pub(crate) async fn written(self) -> Result<(), WriteError> {
        match self.file.or(self.stdout) {
            Some(replies) => received(replies.written).await,
            None => Ok(()),
        }
    }

    /// The same, and until standard output has taken it, too, so that no more is queued than its reader
    /// reads. Fails only if it is not written.
    pub(crate) async fn taken(self) -> Result<Taken, WriteError> {
        let is_in_file = self.file.is_some();
        let (file, file_synced) = taken(self.file).await;
        let (printed, stdout_synced) = taken(self.stdout).await;
        match is_in_file {
            true => file.map(|()| Taken(file_synced)),
            false => printed.map(|()| Taken(stdout_synced)),
        }
    }
}

/// A record that was written, and that a disk may not keep yet.
#[derive(Debug)]
pub(crate) struct Taken(Option<Reply>);

impl Taken {
    /// Waits until the disk keeps it, if there is one.
    pub(crate) async fn kept(self) -> Result<(), WriteError> {
        match self.0 {
            Some(synced) => received(synced).await,
            None => Ok(()),
        }
    }
}

async fn taken(replies: Option<Replies>) -> (Result<(), WriteError>, Option<Reply>) {
    match replies {
        Some(replies) => (received(replies.written).await, replies.synced),
        None => (Ok(()), None),
    }
}

fn nothing() -> Arc<[u8]> {
    Arc::from(&b""[..])
}

fn line(record: &Record) -> io::Result<Arc<[u8]>> {
    let mut line = json::line(record)?;
    line.push('\n');
    Ok(line.into_bytes().into())
}

fn has_failed(what: &ItemEvent) -> bool {
    matches!(what, ItemEvent::Ended { run, .. } if run.status != RunStatus::Completed)
}

/// A record as people read it on a terminal: nothing, if it says nothing that they need.
fn in_words(record: &Record) -> Arc<[u8]> {
    let text = record
        .in_words()
        .map(|text| format!("{}\n", for_ci_log(&for_terminal(&one_line(&text)))));
    text.unwrap_or_default().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    #[test]
    fn what_the_api_says_is_not_obeyed_on_a_terminal_nor_in_a_log() {
        let status = "DONE\u{1b}[31m\n::add-mask::a ##vso[b]";
        let run = json!({
            "agentSessionId": "abc", "status": status, "messages": [], "childSessionIds": [],
            "workspaceUid": "",
        });
        let record = from_value(json!({ "item": 1, "event": "ended", "run": run })).unwrap();
        let line = in_words(&record);
        let expected = "item 1 DONE␛[31m ::add-mask::a ## vso[b] abc\n";
        assert_eq!(std::str::from_utf8(&line).unwrap(), expected);
    }
}
