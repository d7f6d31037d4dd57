//! [`BatchRunner`]: runs the items of a batch, a bounded number at a time.
//!
//! [`BatchRunner::run_all`] takes the items in order; what is done for one of them is in
//! `item_lifecycle.rs`, what is known of all of them in `batch_state.rs`.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use dinoai::{Client, SessionId};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::Semaphore;

use super::batch_state::{SharedBatchState, left_in_progress};
use super::outcome::{Interruption, ItemOutcome, ItemOutcomes, item_numbers};
use super::plan::{PriorState, Task};
use super::results::results_writer::{ResultsWriter, Taken};
use super::results::writer_thread::WriteError;
use crate::args::{OnInterrupt, PollArgs};
use crate::interrupt::{Action, Interrupts, RunStage, decide};
use crate::journal::Ledger;
use crate::output::Output;
use crate::progress::waiting_for::{NamedRuns, OutcomeCounts, RunCounts, WaitingFor};
use crate::report::{ExitStatus, Failure, FailureKind, Signal};

/// How many triggers are in flight at a time, as in the library: what stops a batch stops it
/// before many more have been sent.
pub(super) const TRIGGERS: usize = 8;
/// How long the disk is waited for after a signal.
const DISK_WAIT: Duration = Duration::from_secs(2);

/// What the items of a batch share.
pub(super) struct BatchRunner<'a> {
    pub(super) client: &'a Client,
    pub(super) output: &'a Output,
    pub(super) poll: PollArgs,
    pub(super) ledger: Ledger,
    pub(super) results: ResultsWriter,
    /// The command that resumes the batch, if one can; and whether that needs a file of results.
    pub(super) resume: Option<String>,
    pub(super) has_file: bool,
    /// Closed once nothing more is to be started.
    pub(super) starts: Arc<Semaphore>,
    pub(super) state: Arc<SharedBatchState>,
}

/// What came of the items, and which signal stopped the batch.
pub(super) struct BatchReport {
    pub(super) exits: Vec<ExitStatus>,
    /// How many items came to what, those among them that had nothing left to do.
    counts: OutcomeCounts,
    /// The items whose results are not kept anywhere, each with what is known of it.
    pub(super) lost: Vec<String>,
    /// The signal that ended it, and what is in progress then.
    pub(super) interrupted: Option<Interruption>,
}

impl BatchRunner<'_> {
    /// Notes what earlier batches have made known of an item.
    pub(super) fn note_known(&self, number: usize, task: &Task) {
        let known = match task {
            Task::Resume(_, id, _) => Some(left_in_progress(number, id)),
            Task::Start(_, prior, _) | Task::Read(_, prior, ..) | Task::Leave(prior) => {
                let known = prior.known();
                known.map(|known| format!("item {number}: {known}"))
            }
        };
        if let Some(known) = known {
            self.state.note_known(number, known);
        }
    }

    /// Whether a key and the journal are all that resuming it takes.
    pub(super) fn is_by_key_alone(&self) -> bool {
        self.resume.is_some() && !self.has_file
    }

    /// Whether results could not be kept, so that the batch stopped.
    pub(super) fn has_lost_results(&self) -> bool {
        let stopped = self.state.stopped();
        stopped.is_some_and(|(exit, _)| exit == ExitStatus::Unavailable)
    }

    /// Does what is left to do, at most so many items at a time. `counts`: what the others came to.
    pub(super) async fn run_all(
        &self,
        counts: OutcomeCounts,
        mut to_do: VecDeque<(usize, Task)>,
        concurrency: usize,
        outcomes: &mut ItemOutcomes,
        interrupts: &mut Interrupts,
    ) -> BatchReport {
        let mut report = BatchReport {
            exits: vec![],
            counts,
            lost: vec![],
            interrupted: None,
        };
        let mut running = FuturesUnordered::new();
        let mut unsynced = FuturesUnordered::new();
        loop {
            while running.len() < concurrency
                && !self.starts.is_closed()
                && let Some((number, task)) = to_do.pop_front()
            {
                running.push(self.run_item(number, task));
            }
            self.output
                .show_waiting_for(self.waiting_for(&report, running.len(), to_do.len()));
            let done = tokio::select! {
                done = running.next() => done,
                Some(lost) = unsynced.next() => {
                    report.lost.extend(lost);
                    continue;
                }
                signal = interrupts.next() => {
                    self.close();
                    tokio::select! {
                        () = self.last_responses(&mut running, outcomes, &mut report) => {}
                        () = tokio::time::sleep(response_wait()) => {}
                        _ = interrupts.next() => {}
                    }
                    self.interrupted(signal, &to_do, outcomes, &mut report).await;
                    self.list_what_was_in_the_file(&mut report);
                    return report;
                }
            };
            match done {
                Some(done) => {
                    let left = report.note(done, outcomes);
                    unsynced.extend(left.map(|left| self.keep(left)));
                }
                None => break,
            }
        }
        self.give_up(&to_do, &mut report);
        tokio::select! {
            finished = self.results.finished() => {
                while let Some(lost) = unsynced.next().await {
                    report.lost.extend(lost);
                }
                if let Err(lost) = finished {
                    self.stop_unkept(&lost);
                }
            }
            signal = interrupts.next() => {
                self.interrupted(signal, &to_do, outcomes, &mut report).await;
            }
        }
        self.list_what_was_in_the_file(&mut report);
        report
    }

    /// Waits until what came of an item is on disk; says what is known of it if it is not kept.
    async fn keep(&self, unsynced: Unsynced) -> Option<String> {
        let kept = unsynced.taken.kept().await;
        self.state.note_written(unsynced.number);
        let lost = kept.err()?;
        self.stop_unkept(&lost);
        unsynced.known
    }

    /// What is waited for while so many items are in progress, and so many are left to start.
    fn waiting_for(&self, report: &BatchReport, in_progress: usize, to_start: usize) -> WaitingFor {
        let outcomes = report.counts;
        let state = Arc::clone(&self.state);
        WaitingFor::Many(Arc::new(move || RunCounts {
            outcomes,
            in_progress,
            to_start,
            named: NamedRuns::Longest(state.longest()),
        }))
    }

    /// Reports the items that were not begun, since the batch stopped before.
    fn give_up(&self, left: &VecDeque<(usize, Task)>, report: &mut BatchReport) {
        let Some((exit, reason)) = self.state.stopped() else {
            return;
        };
        for (number, task) in left {
            report.exits.push(match task {
                Task::Start(_, prior, _) | Task::Read(_, prior, ..) | Task::Leave(prior) => {
                    // On standard output alone: in the results it is what it was.
                    drop(self.results.print(*number, prior.report(&reason)));
                    ItemResult::unstarted(*number, prior, exit).exit
                }
                Task::Resume(..) => ExitStatus::InProgress,
            });
        }
    }

    /// Waits until no trigger is in flight any more.
    async fn last_responses<F: Future<Output = ItemResult>>(
        &self,
        running: &mut FuturesUnordered<F>,
        outcomes: &mut ItemOutcomes,
        report: &mut BatchReport,
    ) {
        while self.state.is_starting() {
            tokio::select! {
                // What is not on disk yet is waited for with all that was queued.
                Some(done) = running.next() => drop(report.note(done, outcomes)),
                () = self.state.changed() => {}
            }
        }
    }

    /// Notes how things stand when a signal ends the batch.
    async fn interrupted(
        &self,
        signal: Signal,
        left: &VecDeque<(usize, Task)>,
        outcomes: &mut ItemOutcomes,
        report: &mut BatchReport,
    ) {
        let kept = tokio::time::timeout(DISK_WAIT, self.results.kept()).await;
        let is_kept = kept.is_ok_and(|kept| kept.is_ok());
        for (number, outcome, known) in self.state.unwritten() {
            outcomes.set(number, outcome);
            if !is_kept {
                report.lost.extend(known);
            }
        }
        let unanswered = self.state.unanswered();
        for number in &unanswered {
            outcomes.set(*number, ItemOutcome::Unknown);
        }
        let mut in_progress = vec![];
        for (number, id) in self.state.in_progress() {
            outcomes.set(number, ItemOutcome::InProgress);
            in_progress.push(id);
        }
        in_progress.extend(left.iter().filter_map(|(_, task)| match task {
            Task::Resume(_, id, _) => Some(id.clone()),
            _ => None,
        }));
        report.interrupted = Some(Interruption {
            signal,
            in_progress,
            unanswered,
            outage: self.output.outages().summary(),
            is_kept,
        });
    }

    /// Says, once, for which items the credentials were refused.
    pub(super) fn say_refused(&self) {
        let Some((items, why)) = self.state.refused_items() else {
            return;
        };
        let why = why.map(|why| format!(": {why}")).unwrap_or_default();
        let items = item_numbers(&items);
        let text = format!("the credentials were refused for {items}{why}");
        self.output.failure(&Failure::new(
            FailureKind::Unauthorized,
            ExitStatus::Refused,
            text,
        ));
    }

    /// The runs that have not been seen to end.
    pub(super) fn in_progress(&self) -> Vec<SessionId> {
        self.state.in_progress().into_values().collect()
    }

    /// With a results file that is gone, all that it kept is.
    fn list_what_was_in_the_file(&self, report: &mut BatchReport) {
        if self.results.has_lost_file() {
            report.lost = self.state.known_items();
        }
    }

    pub(super) fn stop_unkept(&self, lost: &WriteError) {
        let message = match lost.kind() {
            std::io::ErrorKind::BrokenPipe if self.is_by_key_alone() => {
                "no more runs are started: nobody reads the results any more; the same command goes on".to_owned()
            }
            std::io::ErrorKind::BrokenPipe => {
                "no more runs are started: nobody reads the results any more, and no file keeps \
                 them; to keep them, use --resume RESULTS"
                    .to_owned()
            }
            _ => format!("no more runs are started: cannot write the results: {lost}"),
        };
        self.stop(Failure::results(message));
    }

    /// Starts nothing more, and says why, the first time.
    pub(super) fn stop(&self, failure: Failure) {
        if self.state.stop(failure.exit, &failure.message) {
            self.output.failure(&failure);
        }
        self.close();
    }

    fn close(&self) {
        self.starts.close();
        // Those that wait for their next attempt, too.
        self.client.close();
    }
}

/// How long the responses to triggers are waited for after a signal, since session ids are in them.
fn response_wait() -> Duration {
    match decide(RunStage::InFlight, OnInterrupt::Leave) {
        Action::AwaitId(limit) => limit.unwrap_or(Duration::MAX),
        Action::Nothing | Action::AwaitStop(_) | Action::Leave | Action::Stop => Duration::ZERO,
    }
}

impl BatchReport {
    /// Notes what came of an item; returns it while it is not on disk.
    fn note(&mut self, done: ItemResult, outcomes: &mut ItemOutcomes) -> Option<Unsynced> {
        outcomes.set(done.number, done.outcome);
        self.exits.push(done.exit);
        done.outcome.count(&mut self.counts);
        self.lost.extend(done.lost);
        done.unsynced
    }
}

/// What came of one item.
pub(super) struct ItemResult {
    pub(super) number: usize,
    pub(super) outcome: ItemOutcome,
    pub(super) exit: ExitStatus,
    /// It, if it is written and not yet on disk: that is waited for beside the next items.
    pub(super) unsynced: Option<Unsynced>,
    /// What is known of it, if that is not kept anywhere.
    pub(super) lost: Option<String>,
}

/// What came of an item, and is written.
pub(super) struct Unsynced {
    pub(super) number: usize,
    /// What is said of it if it is not kept after all.
    pub(super) known: Option<String>,
    pub(super) taken: Taken,
}

impl ItemResult {
    /// Nothing of it was started, and that has this exit status.
    pub(super) fn unstarted(number: usize, prior: &PriorState, exit: ExitStatus) -> Self {
        Self {
            number,
            outcome: prior.outcome(),
            exit: ExitStatus::worst([exit, prior.exit()]),
            unsynced: None,
            lost: None,
        }
    }
}
