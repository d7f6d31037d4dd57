//! [`Work`]: sees the items of a batch to their ends, a bounded number at a time.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use dinoai::{Client, Error, Obstacle, Run, SessionId, Wait};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{Semaphore, oneshot};

use super::interrupted::Interrupted;
use super::item::Item;
use super::journal::{Journal, Lost, Written};
use super::ledger::Task;
use super::progress::Progress;
use super::record::{What, not_started};
use super::tally::{Outcome, Tally};
use crate::command::run::trigger;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupt::{Fate, Interrupts, Signal, Stage, Started, fate};
use crate::options::{OnInterrupt, Pace};
use crate::output::Output;

/// How many triggers are on their way at a time, as in the library: what stops a batch stops it
/// before many more have been sent.
const TRIGGERS: usize = 8;
/// After so many outcomes in a row that are unknown nothing more is started.
const UNKNOWN_IN_A_ROW: u32 = 3;
/// How long the disk is waited for after a signal.
const DISK_WAIT: Duration = Duration::from_secs(2);

/// What the items of a batch share.
pub(super) struct Work<'a> {
    pub(super) client: &'a Client,
    pub(super) output: &'a Output,
    pub(super) pace: Pace,
    pub(super) journal: Journal,
    /// Closed once nothing more is to be started.
    starts: Arc<Semaphore>,
    progress: Arc<Progress>,
}

/// What came of the items.
pub(super) struct Ended {
    pub(super) exits: Vec<Exit>,
    /// The items whose results are not kept anywhere, each with what is known of it.
    pub(super) lost: Vec<String>,
    /// The signal that ended it, and what goes on then.
    pub(super) interrupted: Option<Interrupted>,
}

/// What came of one item.
struct Done {
    number: usize,
    outcome: Outcome,
    exit: Exit,
    /// What is known of it, if that is not kept anywhere.
    lost: Option<String>,
}

impl<'a> Work<'a> {
    pub(super) fn new(
        client: &'a Client,
        output: &'a Output,
        pace: Pace,
        journal: Journal,
        started: &Started,
    ) -> Self {
        Self {
            client,
            output,
            pace,
            journal,
            starts: Arc::new(Semaphore::new(TRIGGERS)),
            progress: Arc::new(Progress::new(started.clone())),
        }
    }

    /// Whether results could not be kept, so that the batch stopped.
    pub(super) fn has_lost_results(&self) -> bool {
        let stopped = self.progress.stopped();
        stopped.is_some_and(|(exit, _)| exit == Exit::Unavailable)
    }

    /// Does what is left to do, at most so many items at a time.
    pub(super) async fn all(
        &self,
        mut to_do: VecDeque<(usize, Task)>,
        concurrency: usize,
        tally: &mut Tally,
        interrupts: &mut Interrupts,
    ) -> Ended {
        let mut ended = Ended {
            exits: vec![],
            lost: vec![],
            interrupted: None,
        };
        let mut running = FuturesUnordered::new();
        let total = to_do.len();
        loop {
            while running.len() < concurrency
                && !self.starts.is_closed()
                && let Some((number, task)) = to_do.pop_front()
            {
                running.push(self.one(number, task));
            }
            self.output
                .busy(&format!("{} of {total} ended", ended.exits.len()));
            let done = tokio::select! {
                done = running.next() => done,
                signal = interrupts.next() => {
                    self.start_nothing_more();
                    tokio::select! {
                        () = self.last_answers(&mut running, tally, &mut ended) => {}
                        () = tokio::time::sleep(answer_wait()) => {}
                        _ = interrupts.next() => {}
                    }
                    let kept = tokio::time::timeout(DISK_WAIT, self.journal.kept()).await;
                    let is_kept = kept.is_ok_and(|kept| kept.is_ok());
                    ended.interrupted = Some(self.interrupted(signal, is_kept, &to_do, tally));
                    return ended;
                }
            };
            match done {
                Some(done) => ended.note(done, tally),
                None => break,
            }
        }
        self.give_up(&to_do, &mut ended);
        tokio::select! {
            () = self.journal.finished() => {}
            signal = interrupts.next() => {
                ended.interrupted = Some(self.interrupted(signal, true, &to_do, tally));
            }
        }
        ended
    }

    /// Reports the items that were not begun, since the batch stopped before.
    fn give_up(&self, left: &VecDeque<(usize, Task)>, ended: &mut Ended) {
        let Some((exit, reason)) = self.progress.stopped() else {
            return;
        };
        for (number, task) in left {
            ended.exits.push(match task {
                Task::Start(_) => {
                    // Kept or not, it has not started.
                    drop(self.journal.write(*number, not_started(&reason)));
                    exit
                }
                _ => Exit::StillGoing,
            });
        }
    }

    /// Waits until no trigger is in flight any more.
    async fn last_answers<F: Future<Output = Done>>(
        &self,
        running: &mut FuturesUnordered<F>,
        tally: &mut Tally,
        ended: &mut Ended,
    ) {
        while self.progress.is_starting() {
            tokio::select! {
                Some(done) = running.next() => ended.note(done, tally),
                () = self.progress.changed() => {}
            }
        }
    }

    fn interrupted(
        &self,
        signal: Signal,
        is_kept: bool,
        left: &VecDeque<(usize, Task)>,
        tally: &mut Tally,
    ) -> Interrupted {
        let unanswered = self.progress.unanswered();
        for number in &unanswered {
            tally.set(*number, Outcome::Unknown);
        }
        let mut going = vec![];
        for (number, id) in self.progress.going() {
            tally.set(number, Outcome::Going);
            going.push(id);
        }
        going.extend(left.iter().filter_map(|(_, task)| match task {
            Task::GoOn(_, id) => Some(id.clone()),
            _ => None,
        }));
        Interrupted {
            signal,
            going,
            unanswered,
            is_kept,
        }
    }

    /// Sees one item to its end.
    async fn one(&self, number: usize, task: Task) -> Done {
        match task {
            Task::Start(item) => self.start(number, item).await,
            Task::GoOn(item, id) => {
                self.progress.started(number, &id);
                let result = match self.client.session(&id) {
                    Ok(session) => self.wait(session.wait()).await,
                    Err(error) => Err(error),
                };
                self.end(number, item, result).await
            }
            // Nothing is left to do for these.
            Task::LeaveUnknown | Task::Print(..) => Done::not_started(number),
        }
    }

    async fn start(&self, number: usize, item: Item) -> Done {
        let Ok(permit) = Arc::clone(&self.starts).acquire_owned().await else {
            return self.report_not_started(number).await;
        };
        let request = match trigger(item.clone().into()) {
            Ok(request) => request,
            Err(failure) => {
                let error = Error::InvalidConfig {
                    setting: format!("item {number}"),
                    problem: failure.message,
                };
                return self.end(number, item, Err(error)).await;
            }
        };
        self.progress.intended(number);
        let intent = What::Starting {
            request: item.clone(),
        };
        let starting = self.journal.write(number, intent);
        if let Err(lost) = starting.kept().await {
            self.progress.settled(number);
            self.stop_unkept(&lost);
            return Done::not_started(number);
        }
        if self.starts.is_closed() {
            return self.report_not_started(number).await;
        }

        self.progress.sent(number);
        let (sender, receiver) = oneshot::channel();
        let (journal, progress) = (self.journal.clone(), Arc::clone(&self.progress));
        let wait = self.client.trigger_run_and_wait(request);
        let wait = wait.on_started(move |id| {
            let session_id = id.clone();
            let written = journal.write(number, What::Started { session_id });
            progress.started(number, id);
            // Whoever would receive it is gone only with the whole item.
            let _ = sender.send((id.clone(), written));
            drop(permit);
        });
        let (result, ()) = tokio::join!(self.wait(wait), self.keeps_id(number, receiver));
        self.end(number, item, result).await
    }

    async fn wait(&self, wait: Wait) -> dinoai::Result<Run> {
        let wait = wait.timeout(self.pace.timeout);
        match self.pace.poll_interval {
            Some(interval) => wait.poll_interval(interval).await,
            None => wait.await,
        }
    }

    /// Says an id at once that could not be written down.
    async fn keeps_id(&self, number: usize, id: oneshot::Receiver<(SessionId, Written)>) {
        let Ok((id, written)) = id.await else {
            return;
        };
        if let Err(lost) = written.kept().await {
            let message = format!(
                "item {number} has started session {id}, but this cannot be written to the \
                 results: {lost}"
            );
            let failure = Failure::new("results", Exit::Unavailable, message);
            self.output.failure(&failure.about(&id));
            self.stop_unkept(&lost);
        }
    }

    /// Writes down what came of an item.
    async fn end(&self, number: usize, item: Item, result: dinoai::Result<Run>) -> Done {
        let id = self.progress.id(number);
        let (what, outcome, exit, known) = match result {
            Ok(run) => {
                let known = format!("session {} {}", run.session_id, run.status);
                let request = Some(item);
                let what = What::Ended { request, run };
                (what, Outcome::Completed, Exit::Done, known)
            }
            Err(Error::RunFailed { run, .. }) => {
                let known = format!("session {} {}", run.session_id, run.status);
                let what = What::Ended {
                    request: Some(item),
                    run: *run,
                };
                (what, Outcome::Failed, Exit::RunFailed, known)
            }
            Err(error) => self.not_ended(error, id.clone()),
        };
        let written = self.journal.write(number, what);
        self.progress.settled(number);
        if matches!(outcome, Outcome::Completed | Outcome::Failed)
            && let Some(id) = &id
        {
            self.progress.has_ended(id);
        }
        let lost = match written.done().await {
            Ok(()) => None,
            Err(lost) => {
                self.stop_unkept(&lost);
                Some(format!("item {number}: {known}"))
            }
        };
        Done {
            number,
            outcome,
            exit,
            lost,
        }
    }

    /// What came of an item that has not been seen to end. Some of it stops the batch.
    fn not_ended(&self, error: Error, started: Option<SessionId>) -> (What, Outcome, Exit, String) {
        let may_have_started = error.may_have_started();
        let is_refused = matches!(error, Error::Unauthorized { .. });
        // Not sent, or not again, since the batch has stopped for another reason.
        let is_held_back = matches!(
            error,
            Error::NotSent {
                obstacle: Obstacle::Closed,
                ..
            } | Error::RateLimited { .. }
        );
        let id = error.session_id().cloned().or(started);
        let failure = Failure::of_a_wait(error);
        let (outcome, known) = match &id {
            Some(id) => (Outcome::Going, format!("session {id}, still going")),
            None if may_have_started => (
                Outcome::Unknown,
                "it is unknown whether it has started".to_owned(),
            ),
            None => (Outcome::NotStarted, "not started".to_owned()),
        };
        let in_a_row = match &id {
            // It was counted when it started, here or before.
            Some(_) => 0,
            None => self.progress.unknown_in_a_row(outcome == Outcome::Unknown),
        };
        if is_refused {
            let reason = format!("nothing more is started: {}", failure.message);
            self.stop(Failure::new(failure.kind, Exit::Refused, reason));
        } else if in_a_row >= UNKNOWN_IN_A_ROW {
            let reason = format!(
                "nothing more is started: of {in_a_row} items in a row it is unknown whether they \
                 have started; the last one: {}",
                failure.message
            );
            self.stop(Failure::new(failure.kind, Exit::Unknown, reason));
        }
        let exit = match self.progress.stopped() {
            Some((exit, _)) if is_held_back => exit,
            _ => failure.exit,
        };
        let what = What::Failed {
            error: failure.into(),
            may_have_started,
        };
        (what, outcome, exit, known)
    }

    /// An item that was about to start when the batch stopped.
    async fn report_not_started(&self, number: usize) -> Done {
        let (exit, reason) = match self.progress.stopped() {
            Some(stopped) => stopped,
            None => (Exit::Done, "interrupted".to_owned()),
        };
        let written = self.journal.write(number, not_started(&reason));
        self.progress.settled(number);
        // Not kept: it has not started for that.
        let _ = written.done().await;
        Done {
            exit,
            ..Done::not_started(number)
        }
    }

    fn stop_unkept(&self, lost: &Lost) {
        let message = match lost.kind() {
            std::io::ErrorKind::BrokenPipe => {
                "nothing more is started: nobody reads the results any more, and no file keeps \
                 them; --resume RESULTS would keep them"
                    .to_owned()
            }
            _ => format!("nothing more is started: the results cannot be written: {lost}"),
        };
        self.stop(Failure::new("results", Exit::Unavailable, message));
    }

    /// Starts nothing more, and says why, the first time.
    fn stop(&self, failure: Failure) {
        if self.progress.stop(failure.exit, &failure.message) {
            self.output.failure(&failure);
        }
        self.start_nothing_more();
    }

    fn start_nothing_more(&self) {
        self.starts.close();
        // Those that wait for their next attempt, too.
        self.client.start_nothing_more();
    }
}

/// How long the answers to triggers are waited for after a signal, since session ids are in them.
fn answer_wait() -> Duration {
    match fate(Stage::InFlight, OnInterrupt::Leave) {
        Fate::AwaitId(limit) => limit.unwrap_or(Duration::MAX),
        Fate::Nothing | Fate::Leave | Fate::Stop => Duration::ZERO,
    }
}

impl Ended {
    fn note(&mut self, done: Done, tally: &mut Tally) {
        tally.set(done.number, done.outcome);
        self.exits.push(done.exit);
        self.lost.extend(done.lost);
    }
}

impl Done {
    fn not_started(number: usize) -> Self {
        Self {
            number,
            outcome: Outcome::NotStarted,
            exit: Exit::Done,
            lost: None,
        }
    }
}
