//! [`WaitAll`]: waits for many runs that have been started, over few requests.

use std::collections::BTreeSet;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use futures_util::StreamExt;

use super::scheduler::{Results, Scheduler};
#[cfg(doc)]
use crate::error::Error;
use crate::error::Result;
use crate::model::{Run, SessionId};
use crate::operations::Api;
use crate::polling::{OnOutage, Outage, PollOptions, Schedule};

/// The results of many runs that are waited for, as they end: a stream.
///
/// Each run's result comes once: the run where it has completed, else the error, as from a
/// [`Wait`](crate::Wait): [`Error::RunFailed`], [`Error::WaitTimeout`], and those of a run that
/// cannot be read. It polls only while it is read. Dropped at any time it loses nothing: the runs
/// go on, and can be waited for again.
#[must_use = "a stream does nothing until it is read"]
pub struct WaitAll {
    api: Api,
    options: PollOptions,
    ids: Vec<SessionId>,
    /// The runs whose results have not been given yet.
    outstanding: BTreeSet<SessionId>,
    on_outage: Option<Box<OnOutage>>,
    results: Option<Results<()>>,
}

impl WaitAll {
    pub(crate) fn new(api: Api, ids: impl IntoIterator<Item = SessionId>) -> Self {
        let mut met = BTreeSet::new();
        Self {
            api,
            options: PollOptions::default(),
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
        self.options.timeout = timeout;
        self
    }

    /// Reads each run at a fixed interval. Without it the interval adapts: see
    /// [`Schedule`]. Set it before the first result.
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.options.schedule = Schedule::every(interval);
        self
    }

    /// Calls `on_outage` with a run's id and its [`Outage`] after each poll of that run that fails
    /// and is [tolerated](crate::Wait#failing-polls), and with `None` after its next poll that is
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
        let mut scheduler = Scheduler::new(self.api.clone(), self.options);
        scheduler.wait_for(std::mem::take(&mut self.ids), self.on_outage.take());
        scheduler.into_results()
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
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
