//! [`WaitAll`]: waits for many runs that have been started, over few requests.

use std::collections::BTreeSet;
use std::fmt;

use super::many_runs::ManyRuns;
use super::results::RunResults;
#[cfg(doc)]
use crate::error::Error;
use crate::error::Result;
use crate::model::SessionId;
use crate::operations::Api;
use crate::polling::{OnOutage, PollOptions, outage_setter, poll_setters};

/// A wait for many runs that have been started: set it up, then read its
/// [`results`](Self::results).
///
/// One request reads the status of up to 50 runs, those of the client's other waits among them: see
/// [`Waits`](crate::Waits). Polls are spread over time, so that many runs are never asked for in one
/// burst. It goes on only while it is read; each run is looked at once more at most until then. A run
/// that cannot be read concerns that run only, by the rules for
/// [failing polls](crate::Wait#failing-polls). At its deadline each run is looked at once more. For one run a [`Wait`](crate::Wait) is enough.
///
/// Each run's result comes once: the run if it has completed, else the error, as from a
/// [`Wait`](crate::Wait): [`Error::RunFailed`], [`Error::WaitTimeout`], and those of a run that
/// cannot be read. Dropped at any time it loses nothing: the runs go on, and can be waited for
/// again.
#[must_use = "a wait does nothing until its results are read"]
pub struct WaitAll {
    api: Api,
    options: PollOptions,
    ids: Vec<SessionId>,
    on_outage: Option<Box<OnOutage>>,
}

impl WaitAll {
    pub(crate) fn new<I>(api: Api, ids: I) -> Result<Self>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        let mut met = BTreeSet::new();
        let mut each = vec![];
        for id in ids {
            let id = SessionId::new(id.as_ref())?;
            if met.insert(id.clone()) {
                each.push(id);
            }
        }
        Ok(Self {
            api,
            options: PollOptions::default(),
            ids: each,
            on_outage: None,
        })
    }

    poll_setters!(" for all of them", "client.wait_all(&ids)?");
    outage_setter!(on_outage, "client.wait_all(&ids)?");

    /// The results as the runs end, each with its session id: a stream.
    ///
    /// Nothing is sent until it is read.
    ///
    /// ```no_run
    /// # async fn example(client: dinoai::Client) -> dinoai::Result<()> {
    /// let mut results = client.wait_all(["xwzdneft6emspe0f", "b2v9q1m4k7c3x8za"])?.results();
    /// while let Some((id, run)) = results.next().await {
    ///     match run {
    ///         Ok(run) => println!("{id}: {}", run.answer().unwrap_or("no answer")),
    ///         Err(error) => println!("{id}: {error}"),
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn results(self) -> RunResults<SessionId> {
        let outstanding = self.ids.iter().cloned().collect();
        RunResults::new(outstanding, move || {
            let mut runs = ManyRuns::new(self.api, self.options);
            runs.wait_for(self.ids, self.on_outage);
            runs.into_results()
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
