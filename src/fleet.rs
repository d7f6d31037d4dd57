//! [`WaitAll`] and [`RunAll`]: many runs waited for at once, over few requests.
//!
//! Use [`Client::wait_all`] for runs that have been started, [`Client::run_all`] to start many,
//! a bounded number at a time. For one run a [wait](crate::wait) is enough.
//!
//! ```no_run
//! use dinoai::{Client, TriggerRun};
//!
//! # async fn example() -> dinoai::Result<()> {
//! let client = Client::from_env()?;
//! let requests = ["orders", "customers", "payments"]
//!     .map(|table| TriggerRun::agent("data-quality-checker").with_message(table));
//! let mut results = client.run_all(requests, 2);
//! while let Some((index, run)) = results.next().await {
//!     match run {
//!         Ok(run) => println!("{index}: {}", run.answer().unwrap_or("no answer")),
//!         Err(error) => println!("{index}: {error}"),
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! One request reads the status of up to 50 runs. Where the server refuses that, batches become
//! smaller, down to a request for each run. Polls are spread over time, so that many runs are
//! never asked for in one burst; a delay that the server asks for holds for all of them. A run
//! that cannot be read concerns that run only, by the rules of a [wait](crate::wait); failures
//! that have nothing to do with a run are borne for all until the timeout.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet, VecDeque};
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use futures_util::StreamExt;
use futures_util::future::{Either, select};
use futures_util::stream::{self, FuturesUnordered};

use crate::client::{Client, Terms};
use crate::clock::Clock;
use crate::error::{Error, Result, WaitTimeout};
use crate::poll::{Bearing, Pace, Polls};
use crate::run::{Accepted, Run, RunStatus, SessionId};
use crate::schedule::Schedule;
use crate::trigger::TriggerRun;
use crate::wait::end;

/// How many runs one request reads at most.
const BATCH: usize = 50;
/// How many requests are under way at a time.
const REQUESTS: usize = 8;

/// The results of many runs that are waited for, as they end: a stream.
///
/// Each run's result comes once: the run where it has completed, else the error, as from a
/// [wait](crate::wait): [`Error::RunFailed`], [`Error::WaitTimeout`], and those of a run that
/// cannot be read. It polls only while it is read. Dropped at any time it loses nothing: the runs
/// go on, and can be waited for again.
#[must_use = "a stream does nothing until it is read"]
pub struct WaitAll {
    client: Client,
    pace: Pace,
    ids: Vec<SessionId>,
    results: Option<Results<()>>,
}

/// The results of many runs that are started and waited for, as they end: a stream.
///
/// Each request is started once at most; its result comes with its place among the requests: the
/// run where it has completed, else the error, as from
/// [`trigger_run_and_wait`](Client::trigger_run_and_wait). It starts and polls only while it is
/// read. Dropped, what has not been started is not; the runs that have go on, so keep their ids
/// with [`on_started`](RunAll::on_started).
#[must_use = "a stream does nothing until it is read"]
pub struct RunAll {
    client: Client,
    pace: Pace,
    requests: VecDeque<(usize, TriggerRun)>,
    concurrency: usize,
    on_started: Option<Box<OnStarted<usize>>>,
    results: Option<Results<usize>>,
}

type OnStarted<K> = dyn FnMut(K, &SessionId) + Send;

/// A result with what the caller knows its run by.
type Results<K> = Pin<Box<dyn Stream<Item = (K, Option<SessionId>, Result<Run>)> + Send>>;

impl WaitAll {
    pub(crate) fn new(client: Client, ids: impl IntoIterator<Item = SessionId>) -> Self {
        let mut met = HashSet::new();
        Self {
            client,
            pace: Pace::default(),
            ids: ids
                .into_iter()
                .filter(|id| met.insert(id.clone()))
                .collect(),
            results: None,
        }
    }

    /// How long to wait for all of them. 3600 s by default. Set it before the first result.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.pace.timeout = timeout;
        self
    }

    /// Reads each run at a fixed interval. Without it the interval adapts: see
    /// [`schedule`](crate::schedule). Set it before the first result.
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.pace.schedule = Schedule::every(interval);
        self
    }

    /// The next result; `None` after the last one. May be dropped at any await: no result is
    /// lost.
    pub async fn next(&mut self) -> Option<(SessionId, Result<Run>)> {
        StreamExt::next(self).await
    }

    fn start(&mut self) -> Results<()> {
        let mut fleet = Fleet::new(self.client.clone(), self.pace);
        fleet.wait_for(std::mem::take(&mut self.ids));
        fleet.into_results()
    }
}

impl Stream for WaitAll {
    type Item = (SessionId, Result<Run>);

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.results.is_none() {
            this.results = Some(this.start());
        }
        let Some(results) = &mut this.results else {
            return Poll::Ready(None);
        };
        let next = results.as_mut().poll_next(context);
        next.map(|next| next.and_then(|((), id, run)| Some((id?, run))))
    }
}

impl fmt::Debug for WaitAll {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("WaitAll")
            .field("pace", &self.pace)
            .finish_non_exhaustive()
    }
}

impl RunAll {
    pub(crate) fn new(
        client: Client,
        requests: impl IntoIterator<Item = TriggerRun>,
        concurrency: usize,
    ) -> Self {
        Self {
            client,
            pace: Pace::default(),
            requests: requests.into_iter().enumerate().collect(),
            concurrency: concurrency.max(1),
            on_started: None,
            results: None,
        }
    }

    /// How long to wait for each run, from its start. 3600 s by default. Set it before the first
    /// result.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.pace.timeout = timeout;
        self
    }

    /// Reads each run at a fixed interval. Without it the interval adapts: see
    /// [`schedule`](crate::schedule). Set it before the first result.
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.pace.schedule = Schedule::every(interval);
        self
    }

    /// Hands out each session id as soon as it is known, with the place of its request. Store it
    /// there, and a restart of your program need not start the run again. Set it before the
    /// first result.
    pub fn on_started(
        mut self,
        on_started: impl FnMut(usize, &SessionId) + Send + 'static,
    ) -> Self {
        self.on_started = Some(Box::new(on_started));
        self
    }

    /// The next result; `None` after the last one. May be dropped at any await: no result is
    /// lost.
    pub async fn next(&mut self) -> Option<(usize, Result<Run>)> {
        StreamExt::next(self).await
    }

    fn start(&mut self) -> Results<usize> {
        let mut fleet = Fleet::new(self.client.clone(), self.pace);
        fleet.requests = std::mem::take(&mut self.requests);
        fleet.concurrency = self.concurrency;
        fleet.on_started = self.on_started.take();
        fleet.into_results()
    }
}

impl Stream for RunAll {
    type Item = (usize, Result<Run>);

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.results.is_none() {
            this.results = Some(this.start());
        }
        let Some(results) = &mut this.results else {
            return Poll::Ready(None);
        };
        let next = results.as_mut().poll_next(context);
        next.map(|next| next.map(|(index, _, run)| (index, run)))
    }
}

impl fmt::Debug for RunAll {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RunAll")
            .field("pace", &self.pace)
            .field("concurrency", &self.concurrency)
            .finish_non_exhaustive()
    }
}

/// The loop under both streams.
struct Fleet<K> {
    client: Client,
    clock: Arc<dyn Clock>,
    pace: Pace,
    /// What is still to be started, and how many runs may be going at a time.
    requests: VecDeque<(K, TriggerRun)>,
    concurrency: usize,
    on_started: Option<Box<OnStarted<K>>>,
    /// The runs that are waited for, the one that is due next first.
    waiting: BinaryHeap<Reverse<Waiting<K>>>,
    /// The runs that have ended and are still to be read.
    ended: VecDeque<Waiting<K>>,
    under_way: FuturesUnordered<Request<K>>,
    /// How many runs have been started, or are waited for, and have no result yet.
    going: usize,
    results: VecDeque<(K, Option<SessionId>, Result<Run>)>,
    batch: usize,
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
    fn new(client: Client, pace: Pace) -> Self {
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
            proven: false,
            not_before: Duration::ZERO,
        }
    }

    fn into_results(mut self) -> Results<K> {
        if let Err(error) = self.pace.check() {
            self.refuse(&error);
        }
        Box::pin(stream::unfold(self, async |mut fleet| {
            let result = fleet.next().await?;
            Some((result, fleet))
        }))
    }

    /// Ends everything with the same error.
    fn refuse(&mut self, error: &Error) {
        for (key, _) in self.requests.drain(..) {
            self.results.push_back((key, None, Err(error.clone())));
        }
        for Reverse(run) in self.waiting.drain() {
            let result = Err(error.clone());
            self.results.push_back((run.key, Some(run.id), result));
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
                Some(pause) if self.under_way.len() < REQUESTS => {
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
        let next = match self.waiting.peek() {
            _ if !self.ended.is_empty() => now,
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
        while self.under_way.len() < REQUESTS {
            let may_ask = now >= self.not_before;
            if may_ask && let Some(run) = self.ended.pop_front() {
                self.under_way.push(self.reading(run));
            } else if self.going < self.concurrency
                && let Some((key, request)) = self.requests.pop_front()
            {
                self.going += 1;
                self.under_way.push(self.starting(key, request, now));
            } else if may_ask && let Some(runs) = self.due_batch(now) {
                self.under_way.push(self.polling(runs));
            } else {
                return;
            }
        }
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
                self.results.push_back((key, None, Err(error)));
            }
        }
    }

    fn polled(&mut self, runs: Vec<Waiting<K>>, statuses: Result<Vec<Result<RunStatus>>>) {
        let due = self.next_due(&runs);
        match statuses {
            Ok(statuses) => {
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
                Bearing::Doubtful if runs.len() > 1 => self.use_smaller_batches(runs),
                Bearing::Final if !matches!(error, Error::Unauthorized { .. }) => {
                    self.use_smaller_batches(runs);
                }
                _ => {
                    for mut run in runs {
                        run.polls += 1;
                        run.due = due;
                        // The fleet knows better than the run whether the host is right.
                        run.proven |= self.proven && error.is_temporary();
                        self.fail(run, &error);
                    }
                }
            },
        }
    }

    /// The server refused a batch: its runs are asked for again at once, in halves.
    fn use_smaller_batches(&mut self, runs: Vec<Waiting<K>>) {
        self.batch = self.batch.min(runs.len() / 2).max(1);
        tracing::debug!(
            batch = self.batch,
            "a batch was refused, using smaller ones"
        );
        for mut run in runs {
            run.due = self.clock.now();
            self.waiting.push(Reverse(run));
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
        run.doubtful = 0;
        run.last_error = None;
        let is_terminal = status.is_terminal();
        run.status = Some(status);
        if is_terminal {
            self.ended.push_back(run);
        } else {
            self.waiting.push(Reverse(run));
        }
    }

    /// Bears a failure of one run, or makes it the run's result.
    fn fail(&mut self, mut run: Waiting<K>, error: &Error) {
        let error = error.for_run(&run.id, run.started);
        if let Some(asked) = error.retry_after() {
            self.not_before = self.not_before.max(self.clock.now().saturating_add(asked));
        }
        match Bearing::of(&error) {
            _ if !run.proven => return self.finish(run, Err(error)),
            Bearing::Temporary => {}
            Bearing::Doubtful if run.doubtful < Polls::DOUBTFUL_IN_A_ROW => run.doubtful += 1,
            Bearing::Doubtful | Bearing::Final => return self.finish(run, Err(error)),
        }
        run.last_error = Some(Box::new(error));
        self.waiting.push(Reverse(run));
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

impl Fleet<()> {
    /// Waits for runs, a batch of them at once and the next batches spread over the first
    /// interval.
    fn wait_for(&mut self, ids: Vec<SessionId>) {
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
