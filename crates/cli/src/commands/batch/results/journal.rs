//! [`Journal`]: writes the records of a batch; each is on disk before what it says is done.
//!
//! Files and pipes are written by threads of their own, so that the one that hears signals never
//! waits for a disk, or for whoever reads standard output.

use std::io::{self, IsTerminal, Write};
use std::iter;
use std::sync::{Arc, OnceLock, mpsc};
use std::thread;

use dinoai::RunStatus;
use indicatif::ProgressBar;
use tokio::sync::oneshot;

use super::record::{ItemEvent, Record};
use super::results_file::ResultsFile;
use crate::args::Format;
use crate::file_identity::FileIdentity;
use crate::output::Stream;
use crate::sanitize::{for_ci_log, for_terminal, json, one_line};

/// Writes records to the results file, if there is one, and to standard output.
#[derive(Debug, Clone)]
pub(crate) struct Journal {
    file: Option<WriterThread>,
    stdout: Option<WriterThread>,
    /// Whether people read standard output, and not programs.
    is_for_people: bool,
    /// Whether they read there, too, what is said on standard error.
    is_one_with_stderr: bool,
}

impl Journal {
    /// A journal with a results file or without. If standard output leads into that file, it
    /// is `None`; else it comes with the spinner that stands aside while something is printed.
    /// In text, a terminal gets lines for people; whatever else it is, it gets the records.
    pub(crate) fn new(
        file: Option<ResultsFile>,
        stdout: Option<ProgressBar>,
        format: Format,
    ) -> io::Result<Self> {
        let is_for_people = format == Format::Text && io::stdout().is_terminal();
        let file =
            file.map(|mut file| WriterThread::new("results", move |lines| file.append(lines)));
        let stdout = stdout.map(|spinner| {
            let is_file = FileIdentity::of_stdout().is_some();
            // Not if a pipe may be full: until it has taken the lines, nobody could hide the
            // spinner, to say how the batch ended.
            let stands_aside = io::stdout().is_terminal();
            let print = move |lines: &[u8]| print(lines, is_file);
            WriterThread::new("stdout", move |lines| match stands_aside {
                true => spinner.suspend(|| print(lines)),
                false => print(lines),
            })
        });
        Ok(Self {
            file: file.transpose()?,
            stdout: stdout.transpose()?,
            is_for_people,
            is_one_with_stderr: Stream::are_one(),
        })
    }

    /// Queues a record, behind all that were queued before. That a run has failed is said on
    /// standard error.
    pub(crate) fn write(&self, item: usize, what: ItemEvent) -> Written {
        let is_said = self.is_one_with_stderr && has_failed(&what);
        self.queue(self.file.as_ref(), Record { item, what }, is_said)
    }

    /// Queues a record that the results file has already, for standard output alone.
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
        Written {
            file: file.map(|file| file.put(&line)),
            stdout: self.stdout.as_ref().map(|stdout| stdout.put(&printed)),
        }
    }

    /// Waits until all that was queued has been kept: in the file, else by standard output.
    pub(crate) async fn kept(&self) -> Result<(), WriteError> {
        let nothing = Arc::from(&b""[..]);
        let writer = self.file.as_ref().or(self.stdout.as_ref());
        match writer {
            Some(writer) => await_reply(Some(writer.put(&nothing))).await,
            None => Ok(()),
        }
    }

    /// Waits until all that was queued has been written, or cannot be. Fails if what is in the
    /// file is not kept.
    pub(crate) async fn finished(&self) -> Result<(), WriteError> {
        let nothing = Arc::from(&b""[..]);
        let writers = self.file.iter().chain(&self.stdout);
        let replies: Vec<_> = writers.map(|writer| writer.put(&nothing)).collect();
        for reply in replies {
            // What could not be written was said to whom it is about.
            let _ = await_reply(Some(reply)).await;
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
        self.file.as_ref()?.broken.get().cloned()
    }

    /// Why standard output has taken no more records while the file keeps them. That its reader
    /// has gone is no such reason.
    pub(crate) fn stdout_problem(&self) -> Option<WriteError> {
        let problem = self.stdout.as_ref()?.broken.get()?;
        let is_gone = problem.kind() == io::ErrorKind::BrokenPipe;
        let is_in_file = self.file.is_some() && self.file_problem().is_none();
        (is_in_file && !is_gone).then(|| problem.clone())
    }
}

/// Why a record was not kept.
pub(crate) type WriteError = Arc<io::Error>;

type WriteReply = oneshot::Receiver<Result<(), WriteError>>;

/// A record that is being written. Dropped, it is still written.
#[derive(Debug)]
#[must_use = "only the reply says whether a record is kept"]
pub(crate) struct Written {
    file: Option<WriteReply>,
    stdout: Option<WriteReply>,
}

impl Written {
    fn failed(error: io::Error) -> Self {
        let (sender, reply) = oneshot::channel();
        // Received below.
        let _ = sender.send(Err(Arc::new(error)));
        Self {
            file: Some(reply),
            stdout: None,
        }
    }

    /// Waits until the record is kept: on the file's disk, or else taken by standard output.
    pub(crate) async fn kept(self) -> Result<(), WriteError> {
        await_reply(self.file.or(self.stdout)).await
    }

    /// Waits until the record is kept, and standard output has taken it, too, so that no more is
    /// queued than its reader reads. Fails only if it is not kept.
    pub(crate) async fn done(self) -> Result<(), WriteError> {
        let is_in_file = self.file.is_some();
        let kept = await_reply(self.file).await;
        let printed = await_reply(self.stdout).await;
        match is_in_file {
            true => kept,
            false => printed,
        }
    }
}

async fn await_reply(reply: Option<WriteReply>) -> Result<(), WriteError> {
    match reply {
        Some(reply) => reply.await.unwrap_or_else(|_| {
            let error = io::Error::other("the thread that writes them has ended");
            Err(Arc::new(error))
        }),
        None => Ok(()),
    }
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

/// A thread that writes what it is given, in order.
#[derive(Debug, Clone)]
struct WriterThread {
    orders: mpsc::Sender<Order>,
    /// Set once something could not be written; from then on nothing is.
    broken: Arc<OnceLock<WriteError>>,
}

#[derive(Debug)]
struct Order {
    lines: Arc<[u8]>,
    reply: oneshot::Sender<Result<(), WriteError>>,
}

impl WriterThread {
    fn new(
        name: &str,
        mut write: impl FnMut(&[u8]) -> io::Result<()> + Send + 'static,
    ) -> io::Result<Self> {
        let (sender, orders) = mpsc::channel::<Order>();
        let broken = Arc::new(OnceLock::new());
        let writer = Self {
            orders: sender,
            broken: Arc::clone(&broken),
        };
        thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                while let Ok(first) = orders.recv() {
                    // What has come meanwhile goes to the disk with one sync.
                    let together: Vec<_> = iter::once(first).chain(orders.try_iter()).collect();
                    let lines: Vec<_> = together.iter().map(|order| &*order.lines).collect();
                    let lines = lines.concat();
                    if broken.get().is_none()
                        && let Err(error) = write(&lines)
                    {
                        // Nobody else sets it.
                        let _ = broken.set(Arc::new(error));
                    }
                    let result = broken.get().map_or(Ok(()), |lost| Err(lost.clone()));
                    for order in together {
                        // Not all wait for a reply.
                        let _ = order.reply.send(result.clone());
                    }
                }
            })?;
        Ok(writer)
    }

    fn put(&self, lines: &Arc<[u8]>) -> WriteReply {
        let (reply, receiver) = oneshot::channel();
        let lines = Arc::clone(lines);
        // A reply that is dropped with its order says that the thread has ended.
        let _ = self.orders.send(Order { lines, reply });
        receiver
    }
}

/// Prints whole lines. If standard output is a file, they are on its disk when this returns.
fn print(lines: &[u8], is_file: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(lines)?;
    out.flush()?;
    match is_file {
        true => sync_stdout(),
        false => Ok(()),
    }
}

#[cfg(unix)]
fn sync_stdout() -> io::Result<()> {
    Ok(rustix::fs::fsync(io::stdout())?)
}

#[cfg(not(unix))]
fn sync_stdout() -> io::Result<()> {
    Ok(())
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
