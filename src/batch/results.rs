//! [`RunResults`]: the results of many runs as they end.

use std::collections::BTreeSet;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use futures_util::StreamExt;

use super::many_runs::Results;
use crate::error::Result;
use crate::model::Run;

/// The results of many runs, as they end: a stream.
///
/// `K` identifies the run: the session id for a [`WaitAll`](crate::WaitAll), the place of its
/// request for a [`RunAll`](crate::RunAll).
///
/// It works only while it is read. Dropped at any time it loses nothing.
#[must_use = "a stream does nothing until it is read"]
pub struct RunResults<K> {
    begin: Option<Box<dyn FnOnce() -> Results<K> + Send>>,
    items: Option<Results<K>>,
    /// What has not been given yet.
    outstanding: BTreeSet<K>,
}

impl<K: Ord + Unpin> RunResults<K> {
    pub(super) fn new(
        outstanding: BTreeSet<K>,
        begin: impl FnOnce() -> Results<K> + Send + 'static,
    ) -> Self {
        Self {
            begin: Some(Box::new(begin)),
            items: None,
            outstanding,
        }
    }

    /// The next result; `None` after the last one.
    ///
    /// May be dropped at any await: no result is lost.
    ///
    /// ```no_run
    /// # async fn example(client: dinoai::Client) -> dinoai::Result<()> {
    /// let mut results = client.wait_all(["xwzdneft6emspe0f"])?.results();
    /// if let Some((id, run)) = results.next().await {
    ///     println!("{id} {}", run?.status);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn next(&mut self) -> Option<(K, Result<Run>)> {
        StreamExt::next(self).await
    }

    /// What has not been given yet.
    #[cfg(feature = "blocking")]
    pub(crate) fn outstanding(&self) -> &BTreeSet<K> {
        &self.outstanding
    }

    /// Whether it has been read, so that runs may have been started.
    #[cfg(feature = "blocking")]
    pub(crate) fn has_begun(&self) -> bool {
        self.items.is_some()
    }
}

impl<K: Ord + Unpin> Stream for RunResults<K> {
    type Item = (K, Result<Run>);

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if let Some(begin) = this.begin.take() {
            this.items = Some(begin());
        }
        let Some(items) = &mut this.items else {
            return Poll::Ready(None);
        };
        let next = ready!(items.as_mut().poll_next(context));
        if let Some((key, _)) = &next {
            this.outstanding.remove(key);
        }
        Poll::Ready(next)
    }
}

impl<K> fmt::Debug for RunResults<K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RunResults")
            .field("outstanding", &self.outstanding.len())
            .finish_non_exhaustive()
    }
}
