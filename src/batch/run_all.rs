//! [`RunAll`]: starts many runs, a bounded number at a time, and waits for them.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use futures_util::StreamExt;

use super::scheduler::{OnStarted, Results, Scheduler};
#[cfg(doc)]
use crate::Client;
#[cfg(doc)]
use crate::error::Error;
use crate::error::Result;
use crate::model::{Run, SessionId, TriggerRun};
use crate::operations::Api;
use crate::polling::{PollOptions, Schedule};

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
    options: PollOptions,
    requests: VecDeque<(usize, TriggerRun)>,
    concurrency: usize,
    on_started: Option<Box<OnStarted<usize>>>,
    /// The places of the requests whose results have not been given yet.
    outstanding: BTreeSet<usize>,
    results: Option<Results<usize>>,
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
            options: PollOptions::default(),
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
        self.options.timeout = timeout;
        self
    }

    /// Reads each run at a fixed interval. Without it the interval adapts: see
    /// [`Schedule`]. Set it before the first result.
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.options.schedule = Schedule::every(interval);
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
        let mut scheduler = Scheduler::new(self.api.clone(), self.options);
        let requests = std::mem::take(&mut self.requests);
        scheduler.start(requests, self.concurrency, self.on_started.take());
        scheduler.into_results()
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
            .field("options", &self.options)
            .field("concurrency", &self.concurrency)
            .finish_non_exhaustive()
    }
}
