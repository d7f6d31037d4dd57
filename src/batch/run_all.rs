//! [`RunAll`]: starts many runs, a bounded number at a time, and waits for them.

use std::fmt;
use std::iter::repeat;
use std::sync::Arc;

use super::many_runs::{ManyRuns, StartHooks};
use super::results::RunResults;
use crate::error::{Error, JournalError};
use crate::journal::{Journal, Restart};
use crate::model::{Accepted, SessionId, TriggerRun};
use crate::operations::Api;
use crate::polling::{OnOutage, PollOptions, outage_setter, poll_setters};

/// Many runs that are started and waited for: set it up, then read its
/// [`results`](Self::results).
///
/// Each request is started at most once; its result comes with its place among the requests: the
/// run if it has completed, else the error, as from
/// [`trigger_run_and_wait`](crate::Client::trigger_run_and_wait). Runs are polled as by a
/// [`WaitAll`](crate::WaitAll); HTTP 429 to a trigger holds for all triggers. It starts and polls
/// only while the results are read, but a trigger in flight runs to its response on a task of its own,
/// however slowly they are read.
///
/// Dropped, it starts no more runs; the triggers in flight still run to their response and
/// call [`on_started`](RunAll::on_started), and the runs that have started go on, so keep their
/// ids there.
///
/// After a trigger that is refused as [`Error::Unauthorized`], or three in a row whose outcome is
/// unknown, nothing more is started: the rest is [`Error::NotStarted`].
#[must_use = "it starts nothing until its results are read"]
pub struct RunAll {
    api: Api,
    options: PollOptions,
    requests: Vec<TriggerRun>,
    concurrency: usize,
    once: Option<(Arc<dyn Journal>, Vec<String>)>,
    restart: Restart,
    hooks: StartHooks<usize>,
    on_outage: Option<Box<OnOutage>>,
}

impl RunAll {
    pub(crate) fn new(
        api: Api,
        requests: impl IntoIterator<Item = TriggerRun>,
        concurrency: usize,
    ) -> Self {
        Self {
            api,
            options: PollOptions::default(),
            requests: requests.into_iter().collect(),
            concurrency: concurrency.max(1),
            once: None,
            restart: Restart::default(),
            hooks: StartHooks::default(),
            on_outage: None,
        }
    }

    poll_setters!(
        " for each run, from its start",
        "client.run_all([TriggerRun::agent(\"checker\")], 2)"
    );
    outage_setter!(
        on_outage,
        "client.run_all([TriggerRun::agent(\"checker\")], 2)"
    );

    /// Starts each run once, by a key of its own in a journal: see
    /// [`Client::start_once`](crate::Client::start_once).
    ///
    /// The keys are in the order of the requests, and as many, else each result is
    /// [`Error::InvalidRequest`]. A run that was started before is waited for, or its end is the
    /// result; a key of which nobody knows is [`Error::KeyUnknown`]. So the same call, made again after a
    /// crash, goes on where the first one stood. How a run ends is recorded in the journal. If the journal
    /// cannot be used, nothing more is started.
    ///
    /// ```no_run
    /// use dinoai::TriggerRun;
    /// use dinoai::journal::FileJournal;
    ///
    /// # async fn example(client: dinoai::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let journal = FileJournal::open("runs.jsonl")?;
    /// let tables = ["orders", "customers"];
    /// let requests = tables.map(|table| TriggerRun::agent("checker").with_message(table));
    /// let keys = tables.map(|table| format!("2026-11-25/{table}"));
    /// let mut results = client.run_all(requests, 2).once(&journal, keys).results();
    /// while let Some((place, run)) = results.next().await {
    ///     println!("{}: {}", tables[place], run?.status);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn once<J, I>(mut self, journal: &J, keys: I) -> Self
    where
        J: Journal + Clone,
        I: IntoIterator<Item: Into<String>>,
    {
        let keys = keys.into_iter().map(Into::into).collect();
        self.once = Some((Arc::new(journal.clone()), keys));
        self
    }

    /// Sets whether a key that has been started is started again.
    ///
    /// [`Restart::Never`] by default. Only with [`once`](Self::once).
    ///
    /// ```no_run
    /// use dinoai::journal::{FileJournal, Restart};
    ///
    /// # fn example(client: dinoai::Client, requests: Vec<dinoai::TriggerRun>, journal: FileJournal) {
    /// let keys = (0..requests.len()).map(|place| format!("2026-11-25/{place}"));
    /// let runs = client.run_all(requests, 4).once(&journal, keys);
    /// let results = runs.restart(Restart::Failed).results();
    /// # let _ = results;
    /// # }
    /// ```
    pub fn restart(mut self, restart: Restart) -> Self {
        self.restart = restart;
        self
    }

    /// Calls `on_unrecorded` with a request's place if its run has started and the journal does not take the
    /// session id.
    ///
    /// Only with [`once`](Self::once); see
    /// [`StartOnce::on_unrecorded`](crate::StartOnce::on_unrecorded).
    ///
    /// ```no_run
    /// # use dinoai::journal::FileJournal;
    /// # fn example(client: dinoai::Client, requests: Vec<dinoai::TriggerRun>, journal: FileJournal) {
    /// let keys = (0..requests.len()).map(|place| format!("2026-11-25/{place}"));
    /// let runs = client.run_all(requests, 4).once(&journal, keys);
    /// let runs = runs.on_unrecorded(|place, id, error| eprintln!("{place}: started {id}, but {error}"));
    /// let results = runs.results();
    /// # let _ = results;
    /// # }
    /// ```
    pub fn on_unrecorded(
        mut self,
        on_unrecorded: impl FnMut(usize, &SessionId, &JournalError) + Send + 'static,
    ) -> Self {
        self.hooks.on_unrecorded = Some(Box::new(on_unrecorded));
        self
    }

    /// Calls `on_started` with a request's place and its session id as soon as the run is accepted, or was
    /// found.
    ///
    /// It is called on the task that has started the run, so it should not block for long. Store the
    /// id there, and a restart of your program need not start the run again.
    ///
    /// ```no_run
    /// # fn example(client: dinoai::Client, requests: Vec<dinoai::TriggerRun>) {
    /// let runs = client.run_all(requests, 4);
    /// let results = runs.on_started(|place, id| eprintln!("{place}: {id}")).results();
    /// # let _ = results;
    /// # }
    /// ```
    pub fn on_started(
        mut self,
        on_started: impl FnMut(usize, &SessionId) + Send + 'static,
    ) -> Self {
        self.hooks.on_started = Some(Box::new(on_started));
        self
    }

    /// Calls `on_accepted` with a request's place and the API's response to its trigger.
    ///
    /// Just before [`on_started`](Self::on_started), on the same task; for
    /// [`Accepted::warning`], for one.
    ///
    /// ```no_run
    /// # fn example(client: dinoai::Client, requests: Vec<dinoai::TriggerRun>) {
    /// let runs = client.run_all(requests, 4);
    /// let runs = runs.on_accepted(|place, accepted| eprintln!("{place}: {:?}", accepted.warning));
    /// let results = runs.results();
    /// # let _ = results;
    /// # }
    /// ```
    pub fn on_accepted(
        mut self,
        on_accepted: impl FnMut(usize, &Accepted) + Send + 'static,
    ) -> Self {
        self.hooks.on_accepted = Some(Box::new(on_accepted));
        self
    }

    /// The results as the runs end, each with the place of its request: a stream.
    ///
    /// Nothing is sent until it is read.
    ///
    /// ```no_run
    /// use dinoai::{Client, TriggerRun};
    ///
    /// # async fn example() -> dinoai::Result<()> {
    /// let client = Client::from_env()?;
    /// let requests = ["orders", "customers", "payments"]
    ///     .map(|table| TriggerRun::agent("data-quality-checker").with_message(table));
    /// let mut results = client.run_all(requests, 2).results();
    /// while let Some((place, run)) = results.next().await {
    ///     match run {
    ///         Ok(run) => println!("{place}: {}", run.answer().unwrap_or("no answer")),
    ///         Err(error) => println!("{place}: {error}"),
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn results(self) -> RunResults<usize> {
        let outstanding = (0..self.requests.len()).collect();
        RunResults::new(outstanding, move || {
            let mut runs = ManyRuns::new(self.api, self.options);
            let mut keys = vec![];
            if let Some((journal, all)) = self.once {
                if all.len() != self.requests.len() {
                    let (keys, requests) = (all.len(), self.requests.len());
                    return runs.refuse(
                        0..requests,
                        &Error::InvalidRequest {
                            field: "keys",
                            problem: format!("are {keys} for {requests} requests"),
                        },
                    );
                }
                keys = all;
                runs.once(journal, self.restart);
            }
            let keys = keys.into_iter().map(Some).chain(repeat(None));
            let requests = self.requests.into_iter().enumerate().zip(keys);
            let requests = requests.map(|((place, request), key)| (place, key, request));
            runs.start(requests, self.concurrency, self.hooks, self.on_outage);
            runs.into_results()
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
