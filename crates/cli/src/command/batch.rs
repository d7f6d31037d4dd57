//! `dinoai batch`: many runs from a file, each started at most once, even where the batch is
//! killed and resumed.
//!
//! Before a run is started, that it will be is on disk; once it has started, its session id is.
//! So a batch that was killed in between leaves an item of which nobody knows whether it has
//! started. Such an item is reported as unknown, and started again only when told to.

mod item;
mod journal;
mod ledger;
#[cfg(test)]
mod properties;
mod record;
mod records;

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dinoai::{Client, Error, Run, SessionId};
use futures_util::{StreamExt, stream};

use super::Desk;
use super::run::trigger;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupt::{Interrupts, Signal};
use crate::options::{Batch, Pace, Request};
use crate::output::Output;
use item::Item;
use journal::Journal;
use ledger::{Ledger, State};
use record::{FailureRecord, What, unknown};

pub(crate) async fn batch(mut desk: Desk<'_>, options: Batch) -> Result<Exit, Failure> {
    let items = read(&options.file)?;
    let (journal, records) = Journal::open(options.resume.as_deref(), desk.output)?;
    let ledger = Ledger::of(&items, records)?;
    let shared = Shared {
        client: desk.client.clone(),
        pace: options.pace,
        journal: Arc::new(Mutex::new(journal)),
    };

    let mut exits = vec![];
    let mut to_do = vec![];
    for (place, (item, state)) in items.into_iter().zip(ledger.states).enumerate() {
        let number = place + 1;
        match state {
            State::Ended(exit) => exits.push(exit),
            State::Unknown if !options.retry_unknown => {
                shared.journal().write(number, unknown())?;
                exits.push(Exit::Unknown);
            }
            State::Going(id) => to_do.push((number, Task::GoOn(id))),
            State::New | State::Unknown => to_do.push((number, Task::Start(item))),
        }
    }
    let unknown = exits.iter().filter(|exit| **exit == Exit::Unknown).count();
    if unknown > 0 {
        desk.output.warning(&format!(
            "of {unknown} items it is unknown whether they have started: look in the workspace; \
             --retry-unknown starts them again"
        ));
    }
    shared
        .carry_out(to_do, exits, options.concurrency.into(), &mut desk)
        .await
}

/// Reads all items, before any is started.
fn read(file: &Path) -> Result<Vec<Item>, Failure> {
    let shown = file.display();
    let text = fs::read_to_string(file)
        .map_err(|error| Failure::usage(format!("{shown} cannot be read: {error}")))?;
    let items = item::parse(file, &text);
    items.map_err(|problem| Failure::usage(format!("{shown}, {problem}; nothing was started")))
}

impl From<Item> for Request {
    fn from(item: Item) -> Self {
        Self {
            agent: item.agent,
            message: item.message,
            slack_channel: item.slack_channel,
            slack_thread: item.slack_thread,
            base_branch: item.base_branch,
            model_family: item.model_family,
        }
    }
}

impl From<Failure> for FailureRecord {
    fn from(failure: Failure) -> Self {
        Self {
            kind: failure.kind.to_owned(),
            message: failure.message,
            session_id: failure.session_id,
        }
    }
}

/// What is left to do for an item.
enum Task {
    Start(Item),
    GoOn(SessionId),
}

/// What the items of a batch share.
struct Shared {
    client: Client,
    pace: Pace,
    journal: Arc<Mutex<Journal>>,
}

impl Shared {
    async fn carry_out(
        &self,
        to_do: Vec<(usize, Task)>,
        mut exits: Vec<Exit>,
        concurrency: usize,
        desk: &mut Desk<'_>,
    ) -> Result<Exit, Failure> {
        let total = exits.len() + to_do.len();
        let mut results = stream::iter(to_do)
            .map(|(number, task)| self.carry_out_one(number, task))
            .buffer_unordered(concurrency);
        loop {
            show(desk.output, exits.len(), total);
            let next = tokio::select! {
                next = results.next() => next,
                signal = desk.interrupts.next() => {
                    self.journal().close();
                    let rest = async { while results.next().await.is_some() {} };
                    self.answers(rest, desk.interrupts).await;
                    return Err(self.interrupted(signal));
                }
            };
            match next {
                Some(exit) => exits.push(exit?),
                None => return Ok(Exit::worst(exits)),
            }
        }
    }

    /// Gives the triggers that are on their way a little while, so that their session ids are
    /// written down.
    async fn answers(&self, rest: impl Future<Output = ()>, interrupts: &mut Interrupts) {
        const LAST_WAIT: Duration = Duration::from_secs(2);
        const LOOK: Duration = Duration::from_millis(10);
        let all_answered = async {
            while self.journal().in_flight() > 0 {
                tokio::time::sleep(LOOK).await;
            }
        };
        tokio::select! {
            () = rest => {}
            () = all_answered => {}
            () = tokio::time::sleep(LAST_WAIT) => {}
            _ = interrupts.next() => {}
        }
    }

    fn interrupted(&self, signal: Signal) -> Failure {
        let journal = self.journal();
        let unanswered = match journal.in_flight() {
            0 => String::new(),
            number => format!("; of {number} it is unknown whether they have started"),
        };
        let failure = Failure::new(
            "interrupted",
            Exit::Interrupted(signal),
            format!("interrupted; the runs that were started go on{unanswered}"),
        );
        failure.with_hint("go on with the same command and --resume RESULTS")
    }

    /// Sees one item to its end. An error ends the batch: its records cannot be written.
    async fn carry_out_one(&self, number: usize, task: Task) -> Result<Exit, Failure> {
        let result = match task {
            Task::Start(item) => {
                if self.journal().is_closed() {
                    return Ok(Exit::Done);
                }
                let what = What::Starting {
                    request: item.clone(),
                };
                self.journal().write(number, what)?;
                self.start(number, item).await
            }
            Task::GoOn(id) => {
                let session = self.client.session(&id)?;
                let wait = session.wait().timeout(self.pace.timeout);
                match self.pace.poll_interval {
                    Some(interval) => wait.poll_interval(interval).await,
                    None => wait.await,
                }
            }
        };
        let (what, exit) = end(result);
        self.journal().write(number, what)?;
        Ok(exit)
    }

    async fn start(&self, number: usize, item: Item) -> dinoai::Result<Run> {
        let request = match trigger(item.into()) {
            Ok(request) => request,
            Err(failure) => {
                return Err(Error::InvalidConfig {
                    setting: format!("item {number}"),
                    problem: failure.message,
                });
            }
        };
        let journal = Arc::clone(&self.journal);
        let wait = self
            .client
            .trigger_run_and_wait(request)
            .timeout(self.pace.timeout)
            .on_started(move |id| {
                let session_id = id.clone();
                // Kept in the journal, which tells it at the next record.
                let _ = lock(&journal).write(number, What::Started { session_id });
            });
        match self.pace.poll_interval {
            Some(interval) => wait.poll_interval(interval).await,
            None => wait.await,
        }
    }

    fn journal(&self) -> MutexGuard<'_, Journal> {
        lock(&self.journal)
    }
}

fn lock(journal: &Mutex<Journal>) -> MutexGuard<'_, Journal> {
    journal.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What came of an item.
fn end(result: dinoai::Result<Run>) -> (What, Exit) {
    match result {
        Ok(run) => (What::Ended { run }, Exit::Done),
        Err(Error::RunFailed { run, .. }) => (What::Ended { run: *run }, Exit::RunFailed),
        Err(error) => {
            let may_have_started = error.may_have_started();
            let failure = Failure::of_a_wait(error);
            let exit = failure.exit;
            let error = failure.into();
            (
                What::Failed {
                    error,
                    may_have_started,
                },
                exit,
            )
        }
    }
}

fn show(output: &Output, ended: usize, total: usize) {
    output.busy(&format!("{ended} of {total} ended"));
}
