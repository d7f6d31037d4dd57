//! The loop under [`fleet`](crate::fleet): starts runs, polls them in batches, reads the ended
//! ones.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_core::Stream;
use futures_util::StreamExt;
use futures_util::future::{Either, select};
use futures_util::stream::{self, FuturesUnordered};

use crate::call::Terms;
use crate::client::Client;
use crate::clock::Clock;
use crate::error::{Error, Result, WaitTimeout};
use crate::poll::{Bearing, Pace, Polls};
use crate::run::{Accepted, Run, RunStatus, SessionId};
use crate::trigger::TriggerRun;
use crate::wait::end;

/// How many runs one request reads at most.
const BATCH: usize = 50;
/// How many batches have to be answered before larger ones are tried again.
const BATCHES_BEFORE_LARGER_ONES: u32 = 100;
/// How many requests are under way at a time.
const REQUESTS: usize = 8;

pub(crate) type OnStarted<K> = dyn FnMut(K, &SessionId) + Send;

/// A result with what the caller knows its run by.
pub(crate) type Results<K> =
    Pin<Box<dyn Stream<Item = (K, Option<SessionId>, Result<Run>)> + Send>>;

/// The loop under both streams.
pub(crate) struct Fleet<K> {
    client: Client,
    clock: Arc<dyn Clock>,
    pace: Pace,
    /// What is still to be started, and how many runs may be going at a time.
    pub(crate) requests: VecDeque<(K, TriggerRun)>,
    pub(crate) concurrency: usize,
    pub(crate) on_started: Option<Box<OnStarted<K>>>,
    /// The runs that are waited for, the one that is due next first.
    waiting: BinaryHeap<Reverse<Waiting<K>>>,
    /// The runs that have ended and are still to be read.
    ended: VecDeque<Waiting<K>>,
    under_way: FuturesUnordered<Request<K>>,
    /// How many runs have been started, or are waited for, and have no result yet.
    going: usize,
    results: VecDeque<(K, Option<SessionId>, Result<Run>)>,
    batch: usize,
    /// How many batches were answered since one was refused.
    answered: u32,
    /// Whether the server has read any run.
    proven: bool,
    /// When the server may be asked again.
    not_before: Duration,
}

type Request<K> = Pin<Box<dyn Future<Output = Outcome<K>> + Send>>;

/// What came of a request.
enum Outcome<K> {
    Started(K, Duration, Result<Accepted>),
    Polled(Vec<Waiting<K>>, Result<Vec<Result<RunStatus>>>),
    Read(Waiting<K>, Result<Run>),
}

/// A run that is waited for.
struct Waiting<K> {
    due: Duration,
    key: K,
    id: SessionId,
    start: Duration,
    /// Whether it was started here.
    started: bool,
    /// Whether the id is known to be right.
    proven: bool,
    doubtful: u32,
    polls: u32,
    status: Option<RunStatus>,
    last_error: Option<Box<Error>>,
}

impl<K> Waiting<K> {
    fn new(key: K, id: SessionId, start: Duration) -> Self {
        Self {
            due: start,
            key,
            id,
            start,
            started: false,
            proven: false,
            doubtful: 0,
            polls: 0,
            status: None,
            last_error: None,
        }
    }
}

impl<K> PartialEq for Waiting<K> {
    fn eq(&self, other: &Self) -> bool {
        self.due == other.due
    }
}

impl<K> Eq for Waiting<K> {}

impl<K> PartialOrd for Waiting<K> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<K> Ord for Waiting<K> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.due.cmp(&other.due)
    }
}

impl<K: Copy + Send + 'static> Fleet<K> {
    pub(crate) fn new(client: Client, pace: Pace) -> Self {
        Self {
            clock: client.clock().clone(),
            client,
            pace,
            requests: VecDeque::new(),
            concurrency: 1,
            on_started: None,
            waiting: BinaryHeap::new(),
            ended: VecDeque::new(),
            under_way: FuturesUnordered::new(),
            going: 0,
            results: VecDeque::new(),
            batch: BATCH,
            answered: 0,
            proven: false,
            not_before: Duration::ZERO,
        }
    }

    pub(crate) fn into_results(mut self) -> Results<K> {
        if let Err(error) = self.pace.check() {
            self.refuse(&error);
        }
        let results = stream::unfold(self, async |mut fleet| {
            let result = fleet.next().await?;
            Some((result, fleet))
        });
        // Fused, so that it may be read after its end.
        Box::pin(results.fuse())
    }

    /// Ends everything with the same error, but for what is under way.
    fn refuse(&mut self, error: &Error) {
        self.refuse_requests(error);
        let waiting: Vec<_> = self.waiting.drain().map(|Reverse(run)| run).collect();
        let ended: Vec<_> = self.ended.drain(..).collect();
        for run in waiting.into_iter().chain(ended) {
            let error = error.for_run(&run.id, run.started);
            self.finish(run, Err(error));
        }
    }

    fn refuse_requests(&mut self, error: &Error) {
        for (key, _) in self.requests.drain(..) {
            self.results.push_back((key, None, Err(error.clone())));
        }
    }

    async fn next(&mut self) -> Option<(K, Option<SessionId>, Result<Run>)> {
        loop {
            self.time_out();
            if let Some(result) = self.results.pop_front() {
                return Some(result);
            }
            self.send_what_is_due();
            let pause = self.pause();
            if self.under_way.is_empty() {
                self.clock.sleep(pause?).await;
                continue;
            }
            let outcome = match pause {
                Some(pause) if self.under_way.len() < self.most_requests() => {
                    let sleep = self.clock.sleep(pause);
                    match select(self.under_way.next(), sleep).await {
                        Either::Left((outcome, _)) => outcome,
                        Either::Right(_) => None,
                    }
                }
                _ => self.under_way.next().await,
            };
            match outcome {
                Some(Outcome::Started(key, start, accepted)) => self.started(key, start, accepted),
                Some(Outcome::Polled(runs, statuses)) => self.polled(runs, statuses),
                Some(Outcome::Read(run, read)) => self.read(run, read),
                None => {}
            }
        }
    }

    /// How long nothing is due; `None` where nothing will be.
    fn pause(&self) -> Option<Duration> {
        let now = self.clock.now();
        let may_start = !self.requests.is_empty() && self.going < self.concurrency;
        let next = match self.waiting.peek() {
            _ if may_start || !self.ended.is_empty() => now,
            Some(Reverse(run)) => run.due,
            None => return None,
        };
        let next = next.max(self.not_before);
        let next = self.deadline().map_or(next, |deadline| next.min(deadline));
        Some(next.saturating_sub(now))
    }

    /// When the first run comes to its timeout.
    fn deadline(&self) -> Option<Duration> {
        let waiting = self.waiting.iter().map(|Reverse(run)| run);
        let earliest = waiting.chain(&self.ended).map(|run| run.start).min()?;
        Some(earliest.saturating_add(self.pace.timeout))
    }

    /// Gives up the runs that have come to their timeout.
    fn time_out(&mut self) {
        let now = self.clock.now();
        if self.deadline().is_none_or(|deadline| deadline > now) {
            return;
        }
        let timeout = self.pace.timeout;
        let is_over = |run: &Waiting<K>| run.start.saturating_add(timeout) <= now;
        let waiting = std::mem::take(&mut self.waiting).into_iter();
        let waiting = waiting.map(|Reverse(run)| run);
        let (over, going): (Vec<_>, Vec<_>) = waiting.partition(is_over);
        self.waiting = going.into_iter().map(Reverse).collect();
        let ended = std::mem::take(&mut self.ended).into_iter();
        let (ended_over, ended): (Vec<_>, Vec<_>) = ended.partition(is_over);
        self.ended = ended.into();
        for run in over.into_iter().chain(ended_over) {
            let timeout = WaitTimeout {
                session_id: run.id.clone(),
                last_status: run.status.clone(),
                elapsed: now.saturating_sub(run.start),
                polls: run.polls,
                last_error: run.last_error.clone(),
                stopped: None,
            };
            self.finish(run, Err(Error::WaitTimeout(Box::new(timeout))));
        }
    }

    fn send_what_is_due(&mut self) {
        let now = self.clock.now();
        while now >= self.not_before && self.under_way.len() < self.most_requests() {
            if let Some(run) = self.ended.pop_front() {
                self.under_way.push(self.reading(run));
            } else if self.going < self.concurrency
                && let Some((key, request)) = self.requests.pop_front()
            {
                self.going += 1;
                self.under_way.push(self.starting(key, request, now));
            } else if let Some(runs) = self.due_batch(now) {
                self.under_way.push(self.polling(runs));
            } else {
                return;
            }
        }
    }

    /// One request finds out whether the host and the credentials are right.
    fn most_requests(&self) -> usize {
        if self.proven { REQUESTS } else { 1 }
    }

    fn starting(&self, key: K, request: TriggerRun, now: Duration) -> Request<K> {
        let client = self.client.clone();
        let terms = Terms {
            deadline: Some(now.saturating_add(self.pace.timeout)),
            ..Terms::default()
        };
        Box::pin(async move {
            let accepted = client.trigger(request, terms).await;
            Outcome::Started(key, now, accepted)
        })
    }

    fn reading(&self, run: Waiting<K>) -> Request<K> {
        let client = self.client.clone();
        let terms = Terms {
            session_id: Some(run.id.clone()),
            ..self.terms(std::slice::from_ref(&run))
        };
        Box::pin(async move {
            let read = client.read_run(terms).await;
            Outcome::Read(run, read)
        })
    }

    fn polling(&self, runs: Vec<Waiting<K>>) -> Request<K> {
        let client = self.client.clone();
        let terms = self.terms(&runs);
        Box::pin(async move {
            let ids: Vec<_> = runs.iter().map(|run| run.id.clone()).collect();
            let statuses = match &ids[..] {
                [id] => Ok(vec![client.read_status(terms.for_run(id.clone())).await]),
                _ => client.read_statuses(&ids, terms).await,
            };
            Outcome::Polled(runs, statuses)
        })
    }

    fn terms(&self, runs: &[Waiting<K>]) -> Terms {
        let start = runs.iter().map(|run| run.start).min();
        Terms {
            session_id: None,
            deadline: start.map(|start| start.saturating_add(self.pace.timeout)),
            once: self.proven,
            started: runs.iter().all(|run| run.started),
        }
    }

    /// The runs that are due now, filled up with those that are due soon.
    fn due_batch(&mut self, now: Duration) -> Option<Vec<Waiting<K>>> {
        let first = &self.waiting.peek().filter(|Reverse(run)| run.due <= now)?.0;
        let interval = self.pace.schedule.pause(now.saturating_sub(first.start));
        let soon = now.saturating_add(interval / 2);
        let mut runs = vec![];
        while runs.len() < self.batch
            && self
                .waiting
                .peek()
                .is_some_and(|Reverse(run)| run.due <= soon)
        {
            runs.extend(self.waiting.pop().map(|Reverse(run)| run));
        }
        Some(runs)
    }

    fn started(&mut self, key: K, start: Duration, accepted: Result<Accepted>) {
        match accepted {
            Ok(accepted) => {
                self.proven = true;
                if let Some(on_started) = &mut self.on_started {
                    on_started(key, &accepted.session_id);
                }
                let mut run = Waiting::new(key, accepted.session_id, start);
                run.due = self.clock.now();
                run.started = true;
                run.proven = true;
                self.waiting.push(Reverse(run));
            }
            Err(error) => {
                self.going -= 1;
                self.hold_back(&error);
                if is_unauthorized(&error) {
                    self.refuse_requests(&error);
                }
                self.results.push_back((key, None, Err(error)));
            }
        }
    }

    fn polled(&mut self, runs: Vec<Waiting<K>>, statuses: Result<Vec<Result<RunStatus>>>) {
        let due = self.next_due(&runs);
        match statuses {
            Ok(statuses) => {
                self.use_larger_batches();
                for (mut run, status) in runs.into_iter().zip(statuses) {
                    run.polls += 1;
                    run.due = due;
                    match status {
                        Ok(status) => self.has_status(run, status),
                        Err(error) => self.fail(run, &error),
                    }
                }
            }
            Err(error) => match Bearing::of(&error) {
                Bearing::Temporary if self.proven => {
                    for mut run in runs {
                        run.polls += 1;
                        run.due = due;
                        self.fail(run, &error);
                    }
                }
                Bearing::Doubtful | Bearing::Final if !is_unauthorized(&error) => {
                    self.use_smaller_batches(runs);
                }
                // The host or the credentials are wrong, for the others as well.
                _ => {
                    self.waiting.extend(runs.into_iter().map(Reverse));
                    self.refuse(&error);
                }
            },
        }
    }

    /// The server refused a batch: its runs are asked for again at once, in halves.
    fn use_smaller_batches(&mut self, runs: Vec<Waiting<K>>) {
        self.batch = self.batch.min(runs.len() / 2).max(1);
        self.answered = 0;
        tracing::debug!(
            batch = self.batch,
            "a batch was refused, using smaller ones"
        );
        for mut run in runs {
            run.due = self.clock.now();
            self.waiting.push(Reverse(run));
        }
    }

    /// The server may have refused a batch for a reason that has passed: now and then a larger
    /// one is tried again.
    fn use_larger_batches(&mut self) {
        self.answered += 1;
        if self.answered >= BATCHES_BEFORE_LARGER_ONES {
            self.answered = 0;
            self.batch = (self.batch * 2).min(BATCH);
        }
    }

    fn read(&mut self, mut run: Waiting<K>, read: Result<Run>) {
        run.due = self.next_due(std::slice::from_ref(&run));
        match read {
            Ok(read) if read.status.is_terminal() => self.finish(run, end(read)),
            // A follow-up has woken it in between.
            Ok(read) => self.has_status(run, read.status),
            Err(error) => self.fail(run, &error),
        }
    }

    fn has_status(&mut self, mut run: Waiting<K>, status: RunStatus) {
        self.proven = true;
        run.proven = true;
        let is_terminal = status.is_terminal();
        run.status = Some(status);
        if is_terminal {
            // Failures to read it count on, or it would be read for ever.
            self.ended.push_back(run);
        } else {
            run.doubtful = 0;
            run.last_error = None;
            self.waiting.push(Reverse(run));
        }
    }

    /// Bears a failure of one run, or makes it the run's result.
    fn fail(&mut self, mut run: Waiting<K>, error: &Error) {
        let error = error.for_run(&run.id, run.started);
        self.hold_back(&error);
        match Bearing::of(&error) {
            // Any run that was read proves the host, for all of them.
            Bearing::Temporary if self.proven => {}
            Bearing::Doubtful if run.proven && run.doubtful < Polls::DOUBTFUL_IN_A_ROW => {
                run.doubtful += 1;
            }
            _ => return self.finish(run, Err(error)),
        }
        run.last_error = Some(Box::new(error));
        self.waiting.push(Reverse(run));
    }

    /// A delay that the server asks for holds for all.
    fn hold_back(&mut self, error: &Error) {
        if let Some(asked) = error.retry_after() {
            self.not_before = self.not_before.max(self.clock.now().saturating_add(asked));
        }
    }

    fn finish(&mut self, run: Waiting<K>, result: Result<Run>) {
        self.going = self.going.saturating_sub(1);
        self.results.push_back((run.key, Some(run.id), result));
    }

    /// When runs that were just asked for are due again: all at the same time, so that they stay
    /// in one batch.
    fn next_due(&self, runs: &[Waiting<K>]) -> Duration {
        let now = self.clock.now();
        let start = runs.first().map_or(now, |run| run.start);
        now.saturating_add(self.pace.schedule.pause(now.saturating_sub(start)))
    }
}

fn is_unauthorized(error: &Error) -> bool {
    matches!(error, Error::Unauthorized { .. })
}

impl Fleet<()> {
    /// Waits for runs, a batch of them at once and the next batches spread over the first
    /// interval.
    pub(crate) fn wait_for(&mut self, ids: Vec<SessionId>) {
        let now = self.clock.now();
        let interval = self.pace.schedule.pause(Duration::ZERO);
        let batches = ids.len().div_ceil(BATCH).max(1);
        for (place, id) in ids.into_iter().enumerate() {
            let mut run = Waiting::new((), id, now);
            let part = (place / BATCH) as f64 / batches as f64;
            run.due = now.saturating_add(interval.mul_f64(part));
            self.waiting.push(Reverse(run));
        }
    }
}

#[cfg(test)]
mod tests {
    use apollo_compiler::{ExecutableDocument, Schema};

    use super::*;
    use crate::operations::StatusBatch;

    #[test]
    fn a_batch_of_any_size_is_a_valid_document() {
        let sdl = include_str!("../graphql/schema.graphql");
        let schema = Schema::parse_and_validate(sdl, "schema.graphql").unwrap();
        for size in [1, 2, BATCH] {
            let ids: Vec<_> = (0..size)
                .map(|number| SessionId::new(format!("session-{number}")).unwrap())
                .collect();
            let batch = serde_json::to_value(StatusBatch::new(&ids)).unwrap();
            let query = batch["query"].as_str().unwrap();
            let document = ExecutableDocument::parse_and_validate(&schema, query, "batch").unwrap();
            let operation = document
                .operations
                .get(batch["operationName"].as_str())
                .unwrap();
            assert_eq!(operation.root_fields(&document).count(), size);
            assert_eq!(batch["variables"].as_object().unwrap().len(), size);
            if size == 2 {
                insta::assert_snapshot!(query);
            }
        }
    }
}
