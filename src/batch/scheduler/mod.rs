//! The loop under [`WaitAll`](super::WaitAll) and [`RunAll`](super::RunAll): starts runs, polls them
//! in batches, reads the ended ones.
//!
//! `next` is the loop: `find_overdue` (queue.rs), `send_what_is_due` (requests.rs builds what it sends),
//! then `started`, `polled` or `read` (answers.rs).
//!
//! Triggers are sent by tasks of their own, so that a slow reader of the stream loses no
//! response. Polls and reads are driven by the stream itself. Whatever is awaited races the
//! earliest deadline.

mod answers;
mod queue;
mod requests;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::future::pending;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use futures_core::Stream;
use futures_util::StreamExt;
use futures_util::future::{Either, select};
use futures_util::stream::{self, FuturesUnordered};
use tokio::sync::Mutex;

use super::waiting_run::WaitingRun;
use crate::error::{Error, Result, RetryClass, WaitTimeout};
use crate::model::{Accepted, Run, RunStatus, SessionId, TriggerRun};
use crate::operations::Api;
use crate::operations::documents::TriggerDinoaiAgentRun;
use crate::polling::{OnOutage, PollOptions};
use crate::time::{Clock, Sleep};
use crate::transport::Operation;

/// How many runs one request reads at most.
const BATCH: usize = 50;
/// How many batches have to be answered before larger ones are tried again.
const BATCHES_BEFORE_LARGER_ONES: u32 = 100;
/// How often a batch may fail transiently, while other requests succeed, before it is halved.
const FAILURES_BEFORE_SMALLER_ONES: u32 = 3;
/// How many polls and reads are in flight at a time, and how many triggers.
const POLLS_AND_READS: usize = 8;
const TRIGGERS: usize = 8;
/// How many polls and reads more there may be at the deadline of many runs.
const LAST_LOOKS: usize = 32;
/// After so many triggers in a row of unknown outcome no further run is started.
const UNKNOWN_IN_A_ROW: u32 = 3;
/// How long after its start a run is polled at the latest, so that polls can share a request.
const FIRST_POLL: Duration = Duration::from_secs(1);

/// What the caller wants to be called with when a run is started.
pub(crate) struct StartHooks<K> {
    pub(crate) on_started: Option<Box<OnEachStarted<K>>>,
    pub(crate) on_accepted: Option<Box<OnEachAccepted<K>>>,
}

pub(crate) type OnEachStarted<K> = dyn FnMut(K, &SessionId) + Send;
pub(crate) type OnEachAccepted<K> = dyn FnMut(K, &Accepted) + Send;

impl<K> Default for StartHooks<K> {
    fn default() -> Self {
        Self {
            on_started: None,
            on_accepted: None,
        }
    }
}

/// The results, each with what the caller knows its run by.
pub(crate) type Results<K> = Pin<Box<dyn Stream<Item = (K, Result<Run>)> + Send>>;

/// The loop under both streams.
pub(crate) struct Scheduler<K> {
    api: Api,
    clock: Arc<dyn Clock>,
    options: PollOptions,
    /// What is still to be started, and how many runs may be in progress at a time.
    to_start: VecDeque<ToStart<K>>,
    concurrency: usize,
    hooks: Arc<Mutex<StartHooks<K>>>,
    on_outage: Option<Box<OnOutage>>,
    /// Why no further run is started.
    refused_by: Option<Error>,
    /// When the stream was last left with a result.
    left_at: Duration,
    /// The runs that are waited for, the one that is due next first.
    waiting: BinaryHeap<Reverse<WaitingRun<K>>>,
    /// The runs whose deadline has come: each is looked at once more.
    overdue: Vec<WaitingRun<K>>,
    /// The runs that have ended and are still to be read.
    ended: VecDeque<WaitingRun<K>>,
    /// The runs that are still in progress at their deadline, and are to be stopped.
    to_stop: VecDeque<(WaitingRun<K>, Box<WaitTimeout>)>,
    /// No deadline of a run in `waiting` comes before this.
    next_deadline: Option<Duration>,
    in_flight: FuturesUnordered<InFlight<K>>,
    triggers: usize,
    /// How many runs have been started, or are waited for, and have no result yet.
    in_progress: usize,
    results: VecDeque<(K, Result<Run>)>,
    batch: usize,
    /// How many batches were answered since one was refused.
    answered: u32,
    /// How many requests were answered at all.
    successes: u64,
    /// Whether the server has accepted or read any run, and whether it has read one.
    is_proven: bool,
    has_read: bool,
    unknown_in_a_row: u32,
    /// When the server may be asked again, and when it may be asked to start a run.
    polls_not_before: Duration,
    triggers_not_before: Duration,
}

/// A run that is to be started.
struct ToStart<K> {
    key: K,
    request: TriggerRun,
    /// How often the server has turned it away as one request too many.
    turned_away: usize,
}

type InFlight<K> = Pin<Box<dyn Future<Output = Answered<K>> + Send>>;

/// What came of a request.
enum Answered<K> {
    Triggered(ToStart<K>, Duration, Result<Accepted>),
    Polled(Vec<WaitingRun<K>>, Result<Vec<Result<RunStatus>>>),
    Read(WaitingRun<K>, Result<Run>),
    Stopped(WaitingRun<K>, Box<WaitTimeout>),
}

impl<K: Clone + Send + 'static> Scheduler<K> {
    pub(crate) fn new(api: Api, options: PollOptions) -> Self {
        Self {
            clock: api.clock().clone(),
            api,
            options,
            to_start: VecDeque::new(),
            concurrency: 1,
            hooks: Arc::default(),
            on_outage: None,
            refused_by: None,
            left_at: Duration::ZERO,
            waiting: BinaryHeap::new(),
            overdue: vec![],
            ended: VecDeque::new(),
            to_stop: VecDeque::new(),
            next_deadline: None,
            in_flight: FuturesUnordered::new(),
            triggers: 0,
            in_progress: 0,
            results: VecDeque::new(),
            batch: BATCH,
            answered: 0,
            successes: 0,
            is_proven: false,
            has_read: false,
            unknown_in_a_row: 0,
            polls_not_before: Duration::ZERO,
            triggers_not_before: Duration::ZERO,
        }
    }

    /// Starts runs, at most `concurrency` in progress at a time.
    pub(crate) fn start(
        &mut self,
        requests: impl IntoIterator<Item = (K, TriggerRun)>,
        concurrency: usize,
        hooks: StartHooks<K>,
        on_outage: Option<Box<OnOutage>>,
    ) {
        self.on_outage = on_outage;
        let items = requests.into_iter().map(|(key, request)| ToStart {
            key,
            request,
            turned_away: 0,
        });
        self.to_start = items.collect();
        self.concurrency = concurrency;
        self.hooks = Arc::new(Mutex::new(hooks));
    }

    pub(crate) fn into_results(mut self) -> Results<K> {
        if let Err(error) = self.options.check() {
            for item in std::mem::take(&mut self.to_start) {
                self.results.push_back((item.key, Err(error.clone())));
            }
            self.refuse_runs(&error);
        }
        let results = stream::unfold(self, async |mut scheduler| {
            let result = scheduler.next().await?;
            Some((result, scheduler))
        });
        // Fused, so that it may be read after its end.
        Box::pin(results.fuse())
    }

    /// Ends all runs that are waited for with the same error, but for what is in flight.
    fn refuse_runs(&mut self, error: &Error) {
        let waiting: Vec<_> = self.waiting.drain().map(|Reverse(run)| run).collect();
        let overdue = std::mem::take(&mut self.overdue);
        let ended: Vec<_> = self.ended.drain(..).collect();
        for run in waiting.into_iter().chain(overdue).chain(ended) {
            let error = error.for_run(&run.id, run.started);
            self.finish(run, Err(error));
        }
    }

    /// Starts no further run, because of what came of others.
    fn start_no_more(&mut self, cause: &Error) {
        for item in std::mem::take(&mut self.to_start) {
            self.not_started(item, cause);
        }
        self.refused_by.get_or_insert_with(|| cause.clone());
    }

    fn not_started(&mut self, item: ToStart<K>, cause: &Error) {
        let cause = Box::new(cause.clone());
        let error = Error::NotStarted { cause };
        self.results.push_back((item.key, Err(error)));
    }

    async fn next(&mut self) -> Option<(K, Result<Run>)> {
        loop {
            self.find_overdue();
            if let Some(result) = self.results.pop_front() {
                self.left_at = self.clock.now();
                return Some(result);
            }
            self.send_what_is_due();
            let event = self.next_event();
            if self.in_flight.is_empty() && self.results.is_empty() {
                let pause = event?.saturating_sub(self.clock.now());
                or_closed(
                    &self.api,
                    !self.to_start.is_empty(),
                    self.clock.sleep(pause),
                )
                .await;
                continue;
            }
            let alarm = match event {
                Some(event) => self.clock.alarm(event),
                None => Box::pin(pending()),
            };
            let alarm = or_closed(&self.api, !self.to_start.is_empty(), alarm);
            let outcome = match select(self.in_flight.next(), pin!(alarm)).await {
                Either::Left((outcome, _)) => outcome,
                Either::Right(_) => None,
            };
            match outcome {
                Some(Answered::Triggered(item, start, accepted)) => {
                    self.triggers -= 1;
                    self.started(item, start, accepted);
                }
                Some(Answered::Polled(runs, statuses)) => self.polled(runs, statuses),
                Some(Answered::Read(run, read)) => self.read(run, read),
                Some(Answered::Stopped(run, timeout)) => {
                    self.finish(run, Err(Error::WaitTimeout(timeout)));
                }
                None => {}
            }
        }
    }

    /// When something is to be done next, whatever comes of what is in flight.
    fn next_event(&self) -> Option<Duration> {
        let start = self.may_start().then_some(self.triggers_not_before);
        let read = (!self.ended.is_empty()).then_some(Duration::ZERO);
        let poll = self.waiting.peek().map(|Reverse(run)| run.due);
        let asked = read.into_iter().chain(poll).min();
        let asked = asked.filter(|_| self.may_ask());
        let asked = asked.map(|due| due.max(self.polls_not_before));
        let is_any = !self.waiting.is_empty() || !self.ended.is_empty();
        let deadline = self.next_deadline.filter(|_| is_any);
        [start, asked, deadline].into_iter().flatten().min()
    }

    fn may_start(&self) -> bool {
        let most = if self.is_proven { TRIGGERS } else { 1 };
        let is_free = self.triggers < most && (self.is_proven || self.in_flight.is_empty());
        !self.to_start.is_empty() && self.in_progress < self.concurrency && is_free
    }

    /// Whether one more poll or read may be sent. One request finds out whether the host and the
    /// credentials are right.
    fn may_ask(&self) -> bool {
        let asking = self.in_flight.len() - self.triggers;
        match self.is_proven {
            true => asking < POLLS_AND_READS,
            false => self.in_flight.is_empty(),
        }
    }

    fn may_look_last(&self) -> bool {
        self.in_flight.len() - self.triggers < POLLS_AND_READS + LAST_LOOKS
    }

    fn send_what_is_due(&mut self) {
        if !self.to_start.is_empty() && self.api.closed().is_cancelled() {
            self.start_no_more(&Error::closed(TriggerDinoaiAgentRun::INFO.call()));
        }
        // Last looks do not wait for what hangs.
        while !self.overdue.is_empty() && self.may_look_last() {
            let rest = self.overdue.len().saturating_sub(self.batch);
            let runs = self.overdue.split_off(rest);
            self.in_flight.push(self.polling(runs));
        }
        while self.may_look_last() {
            let Some((run, timeout)) = self.to_stop.pop_front() else {
                break;
            };
            self.in_flight.push(self.stopping(run, timeout));
        }
        let now = self.clock.now();
        let (ended_overdue, ended) = std::mem::take(&mut self.ended)
            .into_iter()
            .partition::<VecDeque<_>, _>(|run| self.deadline(run) <= now);
        self.ended = ended;
        for run in ended_overdue {
            match self.may_look_last() {
                true => self.in_flight.push(self.reading(run)),
                false => self.ended.push_front(run),
            }
        }
        while self.may_ask() && now >= self.polls_not_before {
            let request = if let Some(run) = self.ended.pop_front() {
                self.reading(run)
            } else if let Some(runs) = self.due_batch(now) {
                self.polling(runs)
            } else {
                break;
            };
            self.in_flight.push(request);
        }
        // Due polls come before starts.
        while self.may_start() && now >= self.triggers_not_before {
            let Some(item) = self.to_start.pop_front() else {
                return;
            };
            self.in_progress += 1;
            self.triggers += 1;
            let request = self.starting(item, now);
            self.in_flight.push(request);
        }
    }

    fn finish(&mut self, run: WaitingRun<K>, result: Result<Run>) {
        self.in_progress = self.in_progress.saturating_sub(1);
        self.results.push_back((run.key, result));
    }
}

/// Waits for a timer; where a run is still to be started, also until the client is closed.
async fn or_closed(api: &Api, starts: bool, timer: Sleep) {
    match starts {
        true => drop(api.closed().run_until_cancelled(timer).await),
        false => timer.await,
    }
}

impl Scheduler<SessionId> {
    /// Waits for runs, a batch of them at once and the next batches spread over a second.
    pub(crate) fn wait_for(&mut self, ids: Vec<SessionId>, on_outage: Option<Box<OnOutage>>) {
        self.on_outage = on_outage;
        let now = self.clock.now();
        let interval = self.options.schedule.pause(Duration::ZERO).min(FIRST_POLL);
        let batches = ids.len().div_ceil(BATCH).max(1);
        for (place, id) in ids.into_iter().enumerate() {
            let mut run = WaitingRun::new(id.clone(), id, now);
            let part = (place / BATCH) as f64 / batches as f64;
            run.due = now.saturating_add(interval.mul_f64(part));
            self.wait_on(run);
        }
    }
}

/// Whether a failure has nothing to do with the run that was asked for.
fn is_common(error: &Error) -> bool {
    matches!(
        RetryClass::of(error),
        RetryClass::Transient | RetryClass::Refused
    )
}
