//! The loop under [`WaitAll`](super::WaitAll) and [`RunAll`](super::RunAll): starts runs, asks the
//! client's scheduler for looks at them, reads the ended ones.
//!
//! `next` is the loop: `send_what_is_due` (requests.rs builds what it sends), then `started`,
//! `looked` or `read` (outcomes.rs).
//!
//! Triggers are sent by tasks of their own, so that a slow reader of the stream loses no
//! response; looks are sent by the scheduler, reads and stops by tasks that end with the stream.

mod hooks;
mod outcomes;
mod requests;
mod waiting;

use std::collections::{BTreeMap, VecDeque};
use std::future::{pending, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_core::Stream;
use futures_util::StreamExt;
use futures_util::stream::{self, FuturesUnordered};
use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_util::sync::CancellationToken;

use self::outcomes::{ReadRun, Stopped, Triggered};
use super::waiting_run::WaitingRun;
use crate::error::{Error, Result, WaitTimeout};
use crate::journal::{Journal, Restart};
use crate::model::{Run, TriggerRun};
use crate::operations::Api;
use crate::operations::documents::TriggerDinoaiAgentRun;
use crate::operations::scheduler::{LAST_LOOKS, Member, READS, REQUESTS, SlotLooked};
use crate::polling::{OnOutage, PollOptions};
use crate::time::Clock;
use crate::transport::Operation;

pub(crate) use self::hooks::StartHooks;

/// How many triggers are in flight at a time.
const TRIGGERS: usize = 8;
/// After so many triggers in a row of unknown outcome no further run is started.
const UNKNOWN_IN_A_ROW: u32 = 3;

/// The results, each with what the caller knows its run by.
pub(crate) type Results<K> = Pin<Box<dyn Stream<Item = (K, Result<Run>)> + Send>>;

/// The loop under both streams.
pub(crate) struct ManyRuns<K> {
    api: Api,
    clock: Arc<dyn Clock>,
    options: PollOptions,
    /// What is still to be started, and how many runs may be in progress at a time.
    to_start: VecDeque<ToStart<K>>,
    concurrency: usize,
    hooks: Arc<Mutex<StartHooks<K>>>,
    /// Where the keys of runs are kept that are started once.
    journal: Option<Arc<dyn Journal>>,
    restart: Restart,
    /// Cancelled once the stream is dropped: nothing is claimed any more.
    given_up: CancellationToken,
    on_outage: Option<Box<OnOutage>>,
    /// Why no further run is started.
    refused_by: Option<Error>,
    /// When the stream was last left with a result, and when it was read again.
    left_at: Duration,
    resumed_at: Duration,
    /// The client's scheduler, and where it reports looks.
    member: Member,
    looks: (UnboundedSender<SlotLooked>, UnboundedReceiver<SlotLooked>),
    /// The runs that are to be looked at. Each has a slot of its own, which no other gets.
    waiting: Vec<Option<Box<WaitingRun<K>>>>,
    /// How many they are.
    looks_asked_for: usize,
    /// The runs that have ended and are still to be read, by their deadlines and numbers.
    ended: BTreeMap<(Duration, u64), Box<WaitingRun<K>>>,
    numbers: u64,
    /// The runs that are still in progress at their deadline, and are to be stopped.
    to_stop: VecDeque<ToStop<K>>,
    triggers: FuturesUnordered<Triggering<K>>,
    /// The runs that are being read, by their numbers.
    reads: FuturesUnordered<Reading>,
    reading: BTreeMap<u64, Box<WaitingRun<K>>>,
    /// The runs that are being stopped, by their numbers.
    stops: FuturesUnordered<Stopping>,
    stopping: BTreeMap<u64, ToStop<K>>,
    /// How many runs have been started, or are waited for, and have no result yet.
    in_progress: usize,
    results: VecDeque<(K, Result<Run>)>,
    /// Whether the server has accepted or read any run, and whether it has read one.
    is_proven: bool,
    has_read: bool,
    unknown_in_a_row: u32,
    /// When the server may be asked to start a run.
    triggers_not_before: Duration,
}

/// A run that is to be started.
struct ToStart<K> {
    key: K,
    /// The key under which it is started once, if it is.
    once: Option<Arc<str>>,
    request: TriggerRun,
    /// How often the server has turned it away as one request too many.
    turned_away: usize,
}

/// A run that is to be stopped, or is being stopped.
struct ToStop<K> {
    run: Box<WaitingRun<K>>,
    timeout: Box<WaitTimeout>,
    /// When its last look was noticed.
    since: Duration,
    /// Whether a stop may have been sent, in a runtime that the stream has left.
    may_be_sent: bool,
}

type Triggering<K> = Pin<Box<dyn Future<Output = Triggered<K>> + Send>>;
type Reading = Pin<Box<dyn Future<Output = ReadRun> + Send>>;
type Stopping = Pin<Box<dyn Future<Output = Stopped> + Send>>;

/// What the loop waits for.
enum Happened<K> {
    Triggered(Triggered<K>),
    Read(ReadRun),
    Stopped(Stopped),
    Looked(SlotLooked),
    /// Something may be due, or the client is closed.
    Woken,
}

impl<K: Clone + Send + 'static> ManyRuns<K> {
    pub(crate) fn new(api: Api, options: PollOptions) -> Self {
        Self {
            clock: api.clock().clone(),
            options,
            to_start: VecDeque::new(),
            concurrency: 1,
            hooks: Arc::default(),
            journal: None,
            restart: Restart::default(),
            given_up: CancellationToken::new(),
            on_outage: None,
            refused_by: None,
            left_at: Duration::ZERO,
            resumed_at: Duration::ZERO,
            member: api.join(),
            api,
            looks: unbounded_channel(),
            waiting: vec![],
            looks_asked_for: 0,
            ended: BTreeMap::new(),
            numbers: 0,
            to_stop: VecDeque::new(),
            triggers: FuturesUnordered::new(),
            reads: FuturesUnordered::new(),
            reading: BTreeMap::new(),
            stops: FuturesUnordered::new(),
            stopping: BTreeMap::new(),
            in_progress: 0,
            results: VecDeque::new(),
            is_proven: false,
            has_read: false,
            unknown_in_a_row: 0,
            triggers_not_before: Duration::ZERO,
        }
    }

    /// Starts runs, at most `concurrency` in progress at a time.
    pub(crate) fn start(
        &mut self,
        requests: impl IntoIterator<Item = (K, Option<String>, TriggerRun)>,
        concurrency: usize,
        hooks: StartHooks<K>,
        on_outage: Option<Box<OnOutage>>,
    ) {
        self.on_outage = on_outage;
        if let Err(error) = self.options.check() {
            let refused = |(key, _, _)| (key, Err(error.clone()));
            self.results = requests.into_iter().map(refused).collect();
            return;
        }
        let items = requests.into_iter().map(|(key, once, request)| ToStart {
            key,
            once: once.map(Arc::from),
            request,
            turned_away: 0,
        });
        self.to_start = items.collect();
        self.concurrency = concurrency;
        self.hooks = Arc::new(Mutex::new(hooks));
    }

    /// Starts nothing: each result is this error.
    pub(crate) fn refuse(mut self, keys: impl IntoIterator<Item = K>, error: &Error) -> Results<K> {
        let refused = |key| (key, Err(error.clone()));
        self.results = keys.into_iter().map(refused).collect();
        self.into_results()
    }

    /// Starts each run once, by its key in a journal.
    pub(crate) fn once(&mut self, journal: Arc<dyn Journal>, restart: Restart) {
        self.journal = Some(journal);
        self.restart = restart;
    }

    pub(crate) fn into_results(self) -> Results<K> {
        let results = stream::unfold(self, async |mut runs| {
            let result = runs.next().await?;
            Some((result, runs))
        });
        // Fused, so that it may be read after its end.
        Box::pin(results.fuse())
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
        self.resumed_at = self.clock.now();
        loop {
            self.follow_the_runtime();
            while let Ok((slot, looked)) = self.looks.1.try_recv() {
                self.looked(slot, looked);
            }
            self.send_what_is_due();
            if let Some(result) = self.results.pop_front() {
                self.left_at = self.clock.now();
                return Some(result);
            }
            match self.happened().await? {
                Happened::Triggered((item, start, accepted)) => {
                    self.started(*item, start, accepted);
                }
                Happened::Read(read) => self.read(read),
                Happened::Stopped(stopped) => self.stopped(stopped),
                Happened::Looked((slot, looked)) => self.looked(slot, looked),
                Happened::Woken => {}
            }
        }
    }

    /// Waits for whatever comes first; `None` once nothing is left to be done.
    async fn happened(&mut self) -> Option<Happened<K>> {
        let event = self.next_event();
        let is_changing = !self.triggers.is_empty() || !self.stops.is_empty();
        let is_asking = !self.reads.is_empty() || self.looks_asked_for > 0;
        let is_idle = !is_changing && !is_asking;
        let timer = match event {
            Some(event) if is_idle => {
                let now = self.clock.now();
                self.clock.sleep(event.saturating_sub(now))
            }
            Some(event) => self.clock.alarm(event),
            None if is_idle => return None,
            None => Box::pin(pending()),
        };
        let closed = self.api.closed().clone();
        let may_start = !self.to_start.is_empty();
        let mut timer = pin!(async {
            match may_start {
                true => drop(closed.run_until_cancelled(timer).await),
                false => timer.await,
            }
        });
        poll_fn(|context| {
            // First, since what the old runtime has lost is no failure.
            if self.member.has_moved() {
                return Poll::Ready(Some(Happened::Woken));
            }
            // This side keeps a sender, so that the channel does not end.
            if let Poll::Ready(Some(looked)) = self.looks.1.poll_recv(context) {
                return Poll::Ready(Some(Happened::Looked(looked)));
            }
            if let Poll::Ready(Some(triggered)) = self.triggers.poll_next_unpin(context) {
                return Poll::Ready(Some(Happened::Triggered(triggered)));
            }
            if let Poll::Ready(Some(stopped)) = self.stops.poll_next_unpin(context) {
                return Poll::Ready(Some(Happened::Stopped(stopped)));
            }
            if let Poll::Ready(Some(read)) = self.reads.poll_next_unpin(context) {
                return Poll::Ready(Some(Happened::Read(read)));
            }
            let woken = timer.as_mut().poll(context);
            woken.map(|()| Some(Happened::Woken))
        })
        .await
    }

    /// When something is to be done next, whatever comes of what is in flight.
    fn next_event(&self) -> Option<Duration> {
        let start = self.may_start().then_some(self.triggers_not_before);
        let read =
            self.ended
                .first_key_value()
                .and_then(|((deadline, _), _)| match self.may_read() {
                    true => Some(self.member.held_until().min(*deadline)),
                    // Else one has to be answered first.
                    false => self.may_read_last().then_some(*deadline),
                });
        start.into_iter().chain(read).min()
    }

    fn may_start(&self) -> bool {
        let most = if self.is_proven { TRIGGERS } else { 1 };
        let is_first = self.triggers.is_empty() && self.stops.is_empty() && self.reads.is_empty();
        let is_free = self.triggers.len() < most && (self.is_proven || is_first);
        !self.to_start.is_empty() && self.in_progress < self.concurrency && is_free
    }

    /// Whether one more read may be asked for.
    fn may_read(&self) -> bool {
        self.reads.len() < READS
    }

    /// The same of a run whose deadline has come.
    fn may_read_last(&self) -> bool {
        self.reads.len() < READS + LAST_LOOKS
    }

    /// Whether one more run may be stopped. Reads do not wait for stops that hang.
    fn may_stop(&self) -> bool {
        self.stops.len() < REQUESTS + LAST_LOOKS
    }

    fn send_what_is_due(&mut self) {
        if !self.to_start.is_empty() && self.api.closed().is_cancelled() {
            self.start_no_more(&Error::closed(TriggerDinoaiAgentRun::INFO.call()));
        }
        let now = self.clock.now();
        while self.may_stop() {
            let Some(to_stop) = self.to_stop.pop_front() else {
                break;
            };
            self.numbers += 1;
            self.stops.push(self.stopping(&to_stop, self.numbers));
            self.stopping.insert(self.numbers, to_stop);
        }
        let is_held = now < self.member.held_until();
        while let Some((&(deadline, _), _)) = self.ended.first_key_value() {
            let is_last = deadline <= now;
            let may_read = match is_last {
                // Last looks do not wait for what hangs.
                true => self.may_read_last(),
                false => self.may_read() && !is_held,
            };
            if !may_read {
                break;
            }
            let Some(((_, number), run)) = self.ended.pop_first() else {
                break;
            };
            self.reads.push(self.reading(&run, number));
            self.reading.insert(number, run);
        }
        while self.may_start() && now >= self.triggers_not_before {
            let Some(item) = self.to_start.pop_front() else {
                return;
            };
            self.in_progress += 1;
            self.triggers.push(self.starting(item, now));
        }
    }

    fn finish(&mut self, run: WaitingRun<K>, result: Result<Run>) {
        self.in_progress = self.in_progress.saturating_sub(1);
        self.results.push_back((run.key, result));
    }
}

impl<K> Drop for ManyRuns<K> {
    fn drop(&mut self) {
        self.given_up.cancel();
        if self.looks_asked_for > 0 {
            self.looks.1.close();
            self.member.forget_closed();
        }
    }
}
