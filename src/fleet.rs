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
//! One request reads the status of up to 50 runs. If the server refuses that, or such a request
//! fails three times in a row while others succeed, batches become smaller, down to a request for
//! each run. Polls are spread over time, so that many runs are never asked for in one burst; a
//! delay that the server asks for holds for all of them, and HTTP 429 to a trigger for all
//! triggers. A run that cannot be read concerns that run only, by the rules for [failing
//! polls](crate::wait#failing-polls). At its deadline each run is looked at once more.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use futures_util::StreamExt;

#[cfg(doc)]
use crate::error::Error;
use crate::error::Result;
use crate::fleet_loop::{Fleet, OnStarted, Results};
use crate::model::{Run, SessionId, TriggerRun};
use crate::operations::Api;
use crate::outage::{OnOutage, Outage};
use crate::poll::Pace;
use crate::schedule::Schedule;

/// The results of many runs that are waited for, as they end: a stream.
///
/// Each run's result comes once: the run where it has completed, else the error, as from a
/// [wait](crate::wait): [`Error::RunFailed`], [`Error::WaitTimeout`], and those of a run that
/// cannot be read. It polls only while it is read. Dropped at any time it loses nothing: the runs
/// go on, and can be waited for again.
#[must_use = "a stream does nothing until it is read"]
pub struct WaitAll {
    api: Api,
    pace: Pace,
    ids: Vec<SessionId>,
    /// The runs whose results have not been given yet.
    outstanding: BTreeSet<SessionId>,
    on_outage: Option<Box<OnOutage>>,
    results: Option<Results<()>>,
}

/// The results of many runs that are started and waited for, as they end: a stream.
///
/// Each request is started at most once; its result comes with its place among the requests: the
/// run if it has completed, else the error, as from
/// [`trigger_run_and_wait`](Client::trigger_run_and_wait). It starts and polls only while it is
/// read, but a trigger that is on its way is seen to its end by a task of its own, however slowly
/// the stream is read.
///
/// Dropped, it starts nothing more; the triggers on their way still run to their response and
/// call [`on_started`](RunAll::on_started), and the runs that have started go on, so keep their
/// ids there.
///
/// After a trigger that is refused as [`Error::Unauthorized`], or three in a row whose outcome is
/// unknown, nothing more is started: the rest is [`Error::NotStarted`].
#[must_use = "a stream does nothing until it is read"]
pub struct RunAll {
    api: Api,
    pace: Pace,
    requests: VecDeque<(usize, TriggerRun)>,
    concurrency: usize,
    on_started: Option<Box<OnStarted<usize>>>,
    /// The places of the requests whose results have not been given yet.
    outstanding: BTreeSet<usize>,
    results: Option<Results<usize>>,
}

impl WaitAll {
    pub(crate) fn new(api: Api, ids: impl IntoIterator<Item = SessionId>) -> Self {
        let mut met = BTreeSet::new();
        Self {
            api,
            pace: Pace::default(),
            ids: ids
                .into_iter()
                .filter(|id| met.insert(id.clone()))
                .collect(),
            outstanding: met,
            on_outage: None,
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

    /// Calls `on_outage` with a run's id and its [`Outage`] after each poll of that run that fails
    /// and is [tolerated](crate::wait#failing-polls), and with `None` after its next poll that is
    /// answered. A request that reads many runs is a poll of each. Set it before the first result.
    ///
    /// ```no_run
    /// use dinoai::{Client, SessionId};
    ///
    /// # async fn example(client: Client, ids: Vec<SessionId>) -> dinoai::Result<()> {
    /// let mut results = client.wait_all(ids).on_outage(|id, outage| match outage {
    ///     Some(outage) => eprintln!("{id}: no usable answer for {:.0?}", outage.lasted),
    ///     None => eprintln!("{id}: answered again"),
    /// });
    /// while let Some((id, run)) = results.next().await {
    ///     println!("{id} {}", run?.status);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_outage(
        mut self,
        on_outage: impl FnMut(&SessionId, Option<&Outage>) + Send + 'static,
    ) -> Self {
        self.on_outage = Some(Box::new(on_outage));
        self
    }

    /// The next result; `None` after the last one. May be dropped at any await: no result is
    /// lost.
    pub async fn next(&mut self) -> Option<(SessionId, Result<Run>)> {
        StreamExt::next(self).await
    }

    /// The runs whose results have not been given yet.
    #[cfg(feature = "blocking")]
    pub(crate) fn outstanding(&self) -> &BTreeSet<SessionId> {
        &self.outstanding
    }

    fn start(&mut self) -> Results<()> {
        let mut fleet = Fleet::new(self.api.clone(), self.pace);
        fleet.wait_for(std::mem::take(&mut self.ids), self.on_outage.take());
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
        next.map(|next| {
            let ((), id, run) = next?;
            let id = id?;
            this.outstanding.remove(&id);
            Some((id, run))
        })
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
        api: Api,
        requests: impl IntoIterator<Item = TriggerRun>,
        concurrency: usize,
    ) -> Self {
        let requests: VecDeque<_> = requests.into_iter().enumerate().collect();
        Self {
            api,
            pace: Pace::default(),
            outstanding: (0..requests.len()).collect(),
            requests,
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

    /// Calls `on_started` with the place of a request and its session id as soon as the run is
    /// accepted, on the task that has started it. Store it there, and a restart of your program
    /// need not start the run again. Set it before the first result.
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

    /// The places of the requests whose results have not been given yet.
    #[cfg(feature = "blocking")]
    pub(crate) fn outstanding(&self) -> &BTreeSet<usize> {
        &self.outstanding
    }

    /// Whether it has been read, so that runs may have been started.
    #[cfg(feature = "blocking")]
    pub(crate) fn has_begun(&self) -> bool {
        self.results.is_some()
    }

    fn start(&mut self) -> Results<usize> {
        let mut fleet = Fleet::new(self.api.clone(), self.pace);
        let requests = std::mem::take(&mut self.requests);
        fleet.start(requests, self.concurrency, self.on_started.take());
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
        next.map(|next| {
            let (index, _, run) = next?;
            this.outstanding.remove(&index);
            Some((index, run))
        })
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
