//! The loop under [`fleet`](crate::fleet): starts runs, polls them in batches, reads the ended
//! ones.
//!
//! Triggers are sent by tasks of their own, so that a slow reader of the stream loses no
//! response. Polls and reads are driven by the stream itself. Whatever is awaited races the
//! earliest deadline.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::future::pending;
use std::panic::resume_unwind;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use futures_core::Stream;
use futures_util::StreamExt;
use futures_util::future::{Either, select};
use futures_util::stream::{self, FuturesUnordered};
use tokio::sync::Mutex;

use crate::error::{Awaited, Error, FailedCall, Failure, Result, WaitTimeout};
use crate::model::{Accepted, Run, RunStatus, SessionId, TriggerRun};
use crate::operations::Api;
use crate::outage::{Gap, OnOutage};
use crate::poll::{LAST_LOOK, LONGEST_RETRY_AFTER, Pace};
use crate::time::{Clock, Sleep};
use crate::tolerance::Streak;
use crate::transport::CallOptions;
use crate::wait::end;

/// How many runs one request reads at most.
const BATCH: usize = 50;
/// How many batches have to be answered before larger ones are tried again.
const BATCHES_BEFORE_LARGER_ONES: u32 = 100;
/// How often a batch may fail transiently, while other requests succeed, before it is halved.
const FAILURES_BEFORE_SMALLER_ONES: u32 = 3;
/// How many polls and reads are under way at a time, and how many triggers.
const REQUESTS: usize = 8;
const TRIGGERS: usize = 8;
/// How many polls and reads more there may be at the deadline of many runs.
const LAST_LOOKS: usize = 32;
/// After so many triggers in a row of unknown outcome no further run is started.
const UNKNOWN_IN_A_ROW: u32 = 3;
/// How long after its start a run is polled at the latest, so that polls can share a request.
const FIRST_POLL: Duration = Duration::from_secs(1);

const TRIGGER: &str = "TriggerDinoaiAgentRun";

pub(crate) type OnStarted<K> = dyn FnMut(K, &SessionId) + Send;

/// A result with what the caller knows its run by.
pub(crate) type Results<K> =
    Pin<Box<dyn Stream<Item = (K, Option<SessionId>, Result<Run>)> + Send>>;

/// The loop under both streams.
pub(crate) struct Fleet<K> {
    api: Api,
    clock: Arc<dyn Clock>,
    pace: Pace,
    /// What is still to be started, and how many runs may be going at a time.
    requests: VecDeque<Item<K>>,
    concurrency: usize,
    on_started: Option<Arc<Mutex<Box<OnStarted<K>>>>>,
    on_outage: Option<Box<OnOutage>>,
    /// Why no further run is started.
    stopped: Option<Error>,
    /// When the stream was last left with a result.
    left_at: Duration,
    /// The runs that are waited for, the one that is due next first.
    waiting: BinaryHeap<Reverse<Waiting<K>>>,
    /// The runs whose deadline has come: each is looked at once more.
    overdue: Vec<Waiting<K>>,
    /// The runs that have ended and are still to be read.
    ended: VecDeque<Waiting<K>>,
    /// No deadline of a run in `waiting` comes before this.
    next_deadline: Option<Duration>,
    under_way: FuturesUnordered<Request<K>>,
    triggers: usize,
    /// How many runs have been started, or are waited for, and have no result yet.
    going: usize,
    results: VecDeque<(K, Option<SessionId>, Result<Run>)>,
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
struct Item<K> {
    key: K,
    request: TriggerRun,
    /// How often the server has turned it away as one request too many.
    turned_away: usize,
}

type Request<K> = Pin<Box<dyn Future<Output = Outcome<K>> + Send>>;

/// What came of a request.
enum Outcome<K> {
    Started(Item<K>, Duration, Result<Accepted>),
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
    is_proven: bool,
    streak: Streak,
    gap: Gap,
    /// How often in a row its batch has failed transiently, and how many requests had been
    /// answered at the first time.
    batch_failures: (u32, u64),
    polls: u32,
    /// When the last request for it was sent.
    asked_at: Duration,
    status: Option<RunStatus>,
    /// Shared by the runs of a batch.
    last_error: Option<Arc<Error>>,
}

impl<K> Waiting<K> {
    fn new(key: K, id: SessionId, start: Duration) -> Self {
        Self {
            due: start,
            key,
            id,
            start,
            started: false,
            is_proven: false,
            streak: Streak::default(),
            gap: Gap::since(start),
            batch_failures: (0, 0),
            polls: 0,
            asked_at: Duration::ZERO,
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
    pub(crate) fn new(api: Api, pace: Pace) -> Self {
        Self {
            clock: api.clock().clone(),
            api,
            pace,
            requests: VecDeque::new(),
            concurrency: 1,
            on_started: None,
            on_outage: None,
            stopped: None,
            left_at: Duration::ZERO,
            waiting: BinaryHeap::new(),
            overdue: vec![],
            ended: VecDeque::new(),
            next_deadline: None,
            under_way: FuturesUnordered::new(),
            triggers: 0,
            going: 0,
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

    /// Starts runs, at most `concurrency` going at a time.
    pub(crate) fn start(
        &mut self,
        requests: impl IntoIterator<Item = (K, TriggerRun)>,
        concurrency: usize,
        on_started: Option<Box<OnStarted<K>>>,
    ) {
        let items = requests.into_iter().map(|(key, request)| Item {
            key,
            request,
            turned_away: 0,
        });
        self.requests = items.collect();
        self.concurrency = concurrency;
        self.on_started = on_started.map(|on_started| Arc::new(Mutex::new(on_started)));
    }

    pub(crate) fn into_results(mut self) -> Results<K> {
        if let Err(error) = self.pace.check() {
            for item in std::mem::take(&mut self.requests) {
                self.results.push_back((item.key, None, Err(error.clone())));
            }
            self.refuse_runs(&error);
        }
        let results = stream::unfold(self, async |mut fleet| {
            let result = fleet.next().await?;
            Some((result, fleet))
        });
        // Fused, so that it may be read after its end.
        Box::pin(results.fuse())
    }

    /// Ends all runs that are waited for with the same error, but for what is under way.
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
        for item in std::mem::take(&mut self.requests) {
            self.not_started(item, cause);
        }
        self.stopped.get_or_insert_with(|| cause.clone());
    }

    fn not_started(&mut self, item: Item<K>, cause: &Error) {
        let cause = Box::new(cause.clone());
        let error = Error::NotStarted { cause };
        self.results.push_back((item.key, None, Err(error)));
    }

    async fn next(&mut self) -> Option<(K, Option<SessionId>, Result<Run>)> {
        loop {
            self.find_overdue();
            if let Some(result) = self.results.pop_front() {
                self.left_at = self.clock.now();
                return Some(result);
            }
            self.send_what_is_due();
            let event = self.next_event();
            if self.under_way.is_empty() && self.results.is_empty() {
                let pause = event?.saturating_sub(self.clock.now());
                or_closed(
                    &self.api,
                    !self.requests.is_empty(),
                    self.clock.sleep(pause),
                )
                .await;
                continue;
            }
            let alarm = match event {
                Some(event) => self.clock.alarm(event),
                None => Box::pin(pending()),
            };
            let alarm = or_closed(&self.api, !self.requests.is_empty(), alarm);
            let outcome = match select(self.under_way.next(), pin!(alarm)).await {
                Either::Left((outcome, _)) => outcome,
                Either::Right(_) => None,
            };
            match outcome {
                Some(Outcome::Started(item, start, accepted)) => {
                    self.triggers -= 1;
                    self.started(item, start, accepted);
                }
                Some(Outcome::Polled(runs, statuses)) => self.polled(runs, statuses),
                Some(Outcome::Read(run, read)) => self.read(run, read),
                None => {}
            }
        }
    }

    /// When something is to be done next, whatever comes of what is under way.
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
        let is_free = self.triggers < most && (self.is_proven || self.under_way.is_empty());
        !self.requests.is_empty() && self.going < self.concurrency && is_free
    }

    /// Whether one more poll or read may be sent. One request finds out whether the host and the
    /// credentials are right.
    fn may_ask(&self) -> bool {
        let asking = self.under_way.len() - self.triggers;
        match self.is_proven {
            true => asking < REQUESTS,
            false => self.under_way.is_empty(),
        }
    }

    fn may_look_last(&self) -> bool {
        self.under_way.len() - self.triggers < REQUESTS + LAST_LOOKS
    }

    fn deadline(&self, run: &Waiting<K>) -> Duration {
        run.start.saturating_add(self.pace.timeout)
    }

    fn wait_on(&mut self, run: Waiting<K>) {
        self.note_deadline(self.deadline(&run));
        self.waiting.push(Reverse(run));
    }

    fn note_deadline(&mut self, deadline: Duration) {
        let next = self.next_deadline.unwrap_or(Duration::MAX);
        self.next_deadline = Some(next.min(deadline));
    }

    /// Finds the runs whose deadline has come.
    fn find_overdue(&mut self) {
        let now = self.clock.now();
        if self.next_deadline.is_none_or(|deadline| deadline > now) {
            return;
        }
        self.next_deadline = None;
        let ended: Vec<_> = self.ended.iter().map(|run| self.deadline(run)).collect();
        for deadline in ended.into_iter().filter(|deadline| *deadline > now) {
            self.note_deadline(deadline);
        }
        for Reverse(run) in std::mem::take(&mut self.waiting) {
            if self.deadline(&run) <= now {
                self.overdue.push(run);
            } else {
                self.wait_on(run);
            }
        }
    }

    fn send_what_is_due(&mut self) {
        if !self.requests.is_empty() && self.api.closing().is_closed() {
            self.start_no_more(&Error::closed(FailedCall::starting(TRIGGER)));
        }
        // Last looks do not wait for what hangs.
        while !self.overdue.is_empty() && self.may_look_last() {
            let rest = self.overdue.len().saturating_sub(self.batch);
            let runs = self.overdue.split_off(rest);
            self.under_way.push(self.polling(runs));
        }
        let now = self.clock.now();
        let (overdue, ended) = std::mem::take(&mut self.ended)
            .into_iter()
            .partition::<VecDeque<_>, _>(|run| self.deadline(run) <= now);
        self.ended = ended;
        for run in overdue {
            match self.may_look_last() {
                true => self.under_way.push(self.reading(run)),
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
            self.under_way.push(request);
        }
        // Due polls come before starts.
        while self.may_start() && now >= self.triggers_not_before {
            let Some(item) = self.requests.pop_front() else {
                return;
            };
            self.going += 1;
            self.triggers += 1;
            let request = self.starting(item, now);
            self.under_way.push(request);
        }
    }

    /// Starts a run on a task of its own: its response is read although nobody reads the stream,
    /// or the stream is dropped.
    fn starting(&self, item: Item<K>, now: Duration) -> Request<K> {
        let api = self.api.clone();
        let call = CallOptions {
            deadline: Some(now.saturating_add(self.pace.timeout)),
            returns_rate_limits: true,
            ..CallOptions::default()
        };
        let (key, request) = (item.key, item.request.clone());
        let on_started = self.on_started.clone();
        let task = tokio::spawn(async move {
            let accepted = api.trigger(request, call).await;
            let id = match &accepted {
                Ok(accepted) => Some(&accepted.session_id),
                // A response that failed can name the run all the same.
                Err(error) => error.session_id().filter(|_| error.may_have_started()),
            };
            if let (Some(id), Some(on_started)) = (id, on_started) {
                // Others wait for it without holding up a thread: it may block.
                on_started.lock().await(key, id);
            }
            accepted
        });
        Box::pin(async move {
            let accepted = match task.await {
                Ok(accepted) => accepted,
                Err(error) => match error.try_into_panic() {
                    // The caller's own callback's.
                    Ok(panic) => resume_unwind(panic),
                    Err(error) => Err(Error::lost(
                        TRIGGER,
                        format!("the task that was sending it is gone ({error})"),
                    )),
                },
            };
            Outcome::Started(item, now, accepted)
        })
    }

    fn reading(&self, mut run: Waiting<K>) -> Request<K> {
        run.asked_at = self.clock.now();
        let api = self.api.clone();
        let call = CallOptions {
            session_id: Some(run.id.clone()),
            ..self.call_options(std::slice::from_ref(&run))
        };
        Box::pin(async move {
            let read = api.read_run(call).await;
            Outcome::Read(run, read)
        })
    }

    fn polling(&self, mut runs: Vec<Waiting<K>>) -> Request<K> {
        let now = self.clock.now();
        for run in &mut runs {
            run.asked_at = now;
        }
        let api = self.api.clone();
        let call = self.call_options(&runs);
        Box::pin(async move {
            let ids: Vec<_> = runs.iter().map(|run| run.id.clone()).collect();
            let statuses = match &ids[..] {
                [id] => match api.read_status(call.for_run(id.clone())).await {
                    Ok(status) => Ok(vec![Ok(status)]),
                    // What has nothing to do with the run.
                    Err(error) if is_common(&error) => Err(error),
                    Err(error) => Ok(vec![Err(error)]),
                },
                _ => api.read_statuses(&ids, call).await,
            };
            Outcome::Polled(runs, statuses)
        })
    }

    /// The options of a poll or a read. One that is under way at the first run's deadline is its
    /// last look.
    fn call_options(&self, runs: &[Waiting<K>]) -> CallOptions {
        let now = self.clock.now();
        let deadline = runs.iter().map(|run| self.deadline(run)).min();
        let deadline = deadline.filter(|deadline| *deadline > now);
        let (deadline, overrun) = match deadline {
            // One attempt begins at once: only its end is bounded.
            Some(deadline) if self.is_proven => {
                (deadline.saturating_add(LAST_LOOK), Duration::ZERO)
            }
            Some(deadline) => (deadline, LAST_LOOK),
            None => (now.saturating_add(LAST_LOOK), Duration::ZERO),
        };
        let is_last = overrun.is_zero();
        CallOptions {
            deadline: Some(deadline),
            overrun,
            once: self.is_proven || is_last,
            started: runs.iter().all(|run| run.started),
            ..CallOptions::default()
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

    fn started(&mut self, mut item: Item<K>, start: Duration, accepted: Result<Accepted>) {
        let error = match accepted {
            Ok(accepted) => {
                self.is_proven = true;
                self.successes += 1;
                self.unknown_in_a_row = 0;
                let mut run = Waiting::new(item.key, accepted.session_id, start);
                let first_poll = self.pace.schedule.pause(Duration::ZERO).min(FIRST_POLL);
                run.due = self.clock.now().saturating_add(first_poll);
                run.started = true;
                run.is_proven = true;
                self.wait_on(run);
                return;
            }
            Err(error) => error,
        };
        self.going -= 1;
        if let Error::RateLimited { .. } = error {
            let retry = self.api.retry();
            let asked = error.retry_after().unwrap_or_default();
            let delay = retry.delays().nth(item.turned_away);
            let is_tried_again = delay.is_some() && asked <= retry.longest_retry_after();
            let asked = match is_tried_again {
                true => asked,
                false => asked.min(LONGEST_RETRY_AFTER),
            };
            let pause = delay.unwrap_or_default().max(asked);
            let not_before = self.clock.now().saturating_add(pause);
            self.triggers_not_before = self.triggers_not_before.max(not_before);
            if let Some(cause) = self.stopped.clone() {
                return self.not_started(item, &cause);
            }
            if is_tried_again {
                tracing::debug!(%error, ?pause, "starting no run for a while");
                item.turned_away += 1;
                self.requests.push_front(item);
                return;
            }
        }
        let is_unknown = error.may_have_started() && error.session_id().is_none();
        self.unknown_in_a_row = match is_unknown {
            true => self.unknown_in_a_row + 1,
            false => 0,
        };
        let is_hopeless = matches!(error, Error::Unauthorized { .. });
        if is_hopeless || self.unknown_in_a_row >= UNKNOWN_IN_A_ROW {
            self.start_no_more(&error);
        }
        self.results.push_back((item.key, None, Err(error)));
    }

    fn polled(&mut self, mut runs: Vec<Waiting<K>>, statuses: Result<Vec<Result<RunStatus>>>) {
        let due = self.next_due(&runs);
        for run in &mut runs {
            run.polls += 1;
            run.due = due;
        }
        let error = match statuses {
            Ok(statuses) => {
                if statuses.iter().any(Result::is_ok) {
                    self.successes += 1;
                    self.use_larger_batches();
                }
                for (run, status) in runs.into_iter().zip(statuses) {
                    match status {
                        Ok(status) => self.has_status(run, status),
                        Err(error) => self.fail(run, &Arc::new(error)),
                    }
                }
                return;
            }
            Err(error) => Arc::new(error),
        };
        let is_tolerated = match Failure::of(&error) {
            // Smaller ones may be taken.
            _ if is_about_the_batch(&error) => {
                self.use_smaller_batches(runs.len());
                let now = self.clock.now();
                for mut run in runs {
                    run.last_error = Some(error.clone());
                    // None of them has been looked at.
                    match self.deadline(&run) > now {
                        true => self.wait_on(run),
                        false => self.overdue.push(run),
                    }
                }
                return;
            }
            Failure::Refused => self.has_read,
            Failure::Transient | Failure::Doubtful | Failure::Final => self.is_proven,
        };
        if !is_tolerated {
            // The host or the credentials are wrong, for the others as well, and nothing that is
            // started could be read.
            for run in runs {
                self.wait_on(run);
            }
            self.refuse_runs(&error);
            self.start_no_more(&error);
            return;
        }
        if runs.len() > 1
            && Failure::of(&error) == Failure::Transient
            && self.has_failed_too_often(&mut runs)
        {
            self.use_smaller_batches(runs.len());
        }
        for run in runs {
            self.fail(run, &error);
        }
    }

    /// Counts a batch that failed transiently. True if it did so three times in a row while
    /// other requests were answered: it may be too large for the server.
    fn has_failed_too_often(&self, runs: &mut [Waiting<K>]) -> bool {
        let Some(first) = runs.first() else {
            return false;
        };
        let (failures, successes) = match first.batch_failures {
            (0, _) => (1, self.successes),
            (failures, successes) => (failures + 1, successes),
        };
        let is_too_often = failures >= FAILURES_BEFORE_SMALLER_ONES && self.successes > successes;
        for run in runs {
            run.batch_failures = match is_too_often {
                true => (0, 0),
                false => (failures, successes),
            };
        }
        is_too_often
    }

    fn use_smaller_batches(&mut self, refused: usize) {
        self.batch = self.batch.min(refused / 2).max(1);
        self.answered = 0;
        tracing::debug!(
            batch = self.batch,
            "a batch was refused, using smaller ones"
        );
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
            Ok(read) if read.status.is_terminal() => {
                self.successes += 1;
                let now = self.clock.now();
                run.gap.answered(&run.id, now, &mut self.on_outage);
                let started = run.started;
                self.finish(run, end(read, started));
            }
            // A follow-up has woken it in between.
            Ok(read) => self.has_status(run, read.status),
            Err(error) => self.fail(run, &Arc::new(error)),
        }
    }

    fn has_status(&mut self, mut run: Waiting<K>, status: RunStatus) {
        self.is_proven = true;
        self.has_read = true;
        run.is_proven = true;
        run.batch_failures = (0, 0);
        let is_terminal = status.is_terminal();
        run.status = Some(status);
        if is_terminal {
            // Failures to read it count on, or it would be read for ever.
            self.note_deadline(self.deadline(&run));
            self.ended.push_back(run);
        } else {
            run.streak = Streak::default();
            let now = self.clock.now();
            run.gap.answered(&run.id, now, &mut self.on_outage);
            run.last_error = None;
            self.wait_or_time_out(run);
        }
    }

    /// Tolerates a failure of one run, or makes it the run's result.
    fn fail(&mut self, mut run: Waiting<K>, error: &Arc<Error>) {
        let now = self.clock.now();
        if let Some(asked) = error.retry_after() {
            // It holds for all.
            let not_before = now.saturating_add(asked.min(LONGEST_RETRY_AFTER));
            self.polls_not_before = self.polls_not_before.max(not_before);
        }
        // Any run that was read proves the host, for all of them.
        let is_proven = run.is_proven || (self.is_proven && is_common(error));
        if !run.streak.tolerates(error, now, is_proven, self.has_read) {
            let error = error.for_run(&run.id, run.started);
            return self.finish(run, Err(error));
        }
        tracing::debug!(session_id = %run.id, %error, "a poll failed, the wait goes on");
        let shown = || error.for_run(&run.id, run.started);
        run.gap.failed(&run.id, now, shown, &mut self.on_outage);
        run.last_error = Some(error.clone());
        self.wait_or_time_out(run);
    }

    /// Goes on waiting for a run, unless this was its last look.
    fn wait_or_time_out(&mut self, run: Waiting<K>) {
        let now = self.clock.now();
        let deadline = self.deadline(&run);
        if deadline > now {
            self.wait_on(run);
            return;
        }
        // Nobody has read the stream meanwhile: the response may be from long before.
        if run.asked_at <= self.left_at && self.left_at < deadline {
            self.overdue.push(run);
            return;
        }
        let timeout = WaitTimeout {
            session_id: run.id.clone(),
            last_status: run.status.clone(),
            elapsed: now.saturating_sub(run.start),
            polls: run.polls,
            last_error: run
                .last_error
                .as_ref()
                .map(|error| Box::new(error.for_run(&run.id, run.started))),
            stopped: None,
            awaited: Awaited::Run,
            started: run.started,
        };
        self.finish(run, Err(Error::WaitTimeout(Box::new(timeout))));
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

/// Waits for a timer; where a run is still to be started, also until the client starts nothing
/// more.
async fn or_closed(api: &Api, starts: bool, timer: Sleep) {
    match starts {
        true => drop(select(timer, api.closing().closed()).await),
        false => timer.await,
    }
}

/// Whether a failure has nothing to do with the run that was asked for.
fn is_common(error: &Error) -> bool {
    matches!(Failure::of(error), Failure::Transient | Failure::Refused)
}

/// Whether the server refuses a batch that it might take if it were smaller.
fn is_about_the_batch(error: &Error) -> bool {
    match error {
        Error::Unsupported { .. } | Error::ResponseTooLarge { .. } => true,
        Error::GraphQl { .. } => Failure::of(error) != Failure::Transient,
        Error::Http { status, .. } => matches!(status, 400 | 413 | 414 | 422 | 431),
        _ => false,
    }
}

impl Fleet<()> {
    /// Waits for runs, a batch of them at once and the next batches spread over a second.
    pub(crate) fn wait_for(&mut self, ids: Vec<SessionId>, on_outage: Option<Box<OnOutage>>) {
        self.on_outage = on_outage;
        let now = self.clock.now();
        let interval = self.pace.schedule.pause(Duration::ZERO).min(FIRST_POLL);
        let batches = ids.len().div_ceil(BATCH).max(1);
        for (place, id) in ids.into_iter().enumerate() {
            let mut run = Waiting::new((), id, now);
            let part = (place / BATCH) as f64 / batches as f64;
            run.due = now.saturating_add(interval.mul_f64(part));
            self.wait_on(run);
        }
    }
}
