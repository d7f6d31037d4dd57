//! [`RunOnce`]: starts the run of a key once, and waits for it.

use std::fmt;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::start_once::StartedOnce;
use crate::error::{Error, JournalError, Result};
use crate::journal::{Journal, Keyed, OnUnrecorded, Once, Restart, record_end};
use crate::model::{Run, SessionId, TriggerRun};
use crate::operations::{Api, CallFuture};
use crate::polling::{OnOutage, PollOptions, completed, outage_setter, poll_setters, stall_setter};
#[cfg(doc)]
use crate::session::Wait;

/// Starts the run of a key at most once, and waits until it has ended: a
/// [`StartOnce`](super::StartOnce), and then a [`Wait`].
///
/// Await it; nothing is sent before. It returns the run if it has completed, whichever call had started
/// it, as a [`Wait`] does; and records in the journal how it has ended. Made again after a crash, it waits
/// for the same run.
///
/// # Dropping
///
/// As for a [`StartOnce`](super::StartOnce); the run goes on, and the next call for the key waits for it.
///
/// # Errors
///
/// - Those of a [`StartOnce`](super::StartOnce).
/// - [`Error::KeyUnknown`] if an earlier call may have started a run, and nobody knows.
/// - Those of a [`Wait`]: [`Error::RunFailed`], [`Error::WaitTimeout`].
///   [`Error::may_have_started`] is true for them if this very call has started the run.
#[must_use = "nothing is sent until it is awaited"]
pub struct RunOnce {
    api: Api,
    journal: Arc<dyn Journal>,
    key: String,
    request: TriggerRun,
    restart: Restart,
    options: PollOptions,
    on_found: Option<Box<OnFound>>,
    on_unrecorded: Option<Box<OnUnrecorded>>,
    on_outage: Option<Box<OnOutage>>,
}

type OnFound = dyn FnOnce(&StartedOnce) + Send;

impl RunOnce {
    pub(crate) fn new(
        api: Api,
        key: String,
        request: TriggerRun,
        journal: Arc<dyn Journal>,
    ) -> Self {
        Self {
            api,
            journal,
            key,
            request,
            restart: Restart::default(),
            options: PollOptions::default(),
            on_found: None,
            on_unrecorded: None,
            on_outage: None,
        }
    }

    poll_setters!(
        ", the start counted",
        "client.run_once(\"nightly\", TriggerRun::agent(\"checker\"), &journal)"
    );
    stall_setter!("client.run_once(\"nightly\", TriggerRun::agent(\"checker\"), &journal)");
    outage_setter!(
        on_outage,
        "client.run_once(\"nightly\", TriggerRun::agent(\"checker\"), &journal)"
    );

    /// Sets whether a key that has been started is started again: before the wait, not after it.
    ///
    /// [`Restart::Never`] by default.
    ///
    /// ```no_run
    /// use dinoai::TriggerRun;
    /// use dinoai::journal::{FileJournal, Restart};
    ///
    /// # async fn example(client: dinoai::Client, journal: FileJournal) -> dinoai::Result<()> {
    /// let request = TriggerRun::agent("data-quality-checker");
    /// let once = client.run_once("nightly/2026-11-25", request, &journal);
    /// let run = once.restart(Restart::Failed).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn restart(mut self, restart: Restart) -> Self {
        self.restart = restart;
        self
    }

    /// Calls `on_found` with what was found or done under the key, before the wait.
    ///
    /// ```no_run
    /// use dinoai::StartedOnce;
    /// use dinoai::journal::FileJournal;
    ///
    /// # async fn example(client: dinoai::Client, journal: FileJournal) -> dinoai::Result<()> {
    /// let request = dinoai::TriggerRun::agent("data-quality-checker");
    /// let once = client.run_once("nightly/2026-11-25", request, &journal);
    /// let run = once.on_found(|found| match found {
    ///     StartedOnce::Attached(session) => eprintln!("waiting for run {}", session.id()),
    ///     found => eprintln!("{found:?}"),
    /// });
    /// println!("{}", run.await?.status);
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_found(mut self, on_found: impl FnOnce(&StartedOnce) + Send + 'static) -> Self {
        self.on_found = Some(Box::new(on_found));
        self
    }

    /// Calls `on_unrecorded` if the run has started and the journal does not take its session id: see
    /// [`StartOnce::on_unrecorded`](super::StartOnce::on_unrecorded).
    ///
    /// ```no_run
    /// # use dinoai::journal::FileJournal;
    /// # async fn example(client: dinoai::Client, journal: FileJournal) -> dinoai::Result<()> {
    /// let request = dinoai::TriggerRun::agent("data-quality-checker");
    /// let once = client.run_once("nightly/2026-11-25", request, &journal);
    /// let run = once.on_unrecorded(|id, error| eprintln!("started {id}, but {error}")).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_unrecorded(
        mut self,
        on_unrecorded: impl FnOnce(&SessionId, &JournalError) + Send + 'static,
    ) -> Self {
        self.on_unrecorded = Some(Box::new(on_unrecorded));
        self
    }

    async fn run(self) -> Result<Run> {
        self.options.check()?;
        let (api, options) = (self.api, self.options);
        let start = api.clock().now();
        let keyed = Keyed {
            api: api.clone(),
            journal: self.journal.clone(),
            key: self.key.clone(),
            request: self.request,
            restart: self.restart,
            deadline: Some(start.saturating_add(options.timeout)),
            retry: None,
            returns_rate_limits: false,
            given_up: CancellationToken::new(),
        };
        let once = keyed.start(self.on_unrecorded).await?;
        let owner = match &once {
            Once::Started { owner, .. } => Some(owner.clone()),
            Once::Attached(_) | Once::Ended(_) | Once::Unknown { .. } => None,
        };
        let found = StartedOnce::of(once, api.clone());
        if let Some(on_found) = self.on_found {
            on_found(&found);
        }
        let session = match found {
            StartedOnce::Started(session)
            | StartedOnce::Restarted { session, .. }
            | StartedOnce::Attached(session) => session,
            StartedOnce::Ended(run) => return completed(run, false),
            StartedOnce::Unknown { since, reason } => {
                return Err(Error::KeyUnknown {
                    key: self.key,
                    since,
                    reason,
                });
            }
        };
        let wait = session.wait().poll_options(options).since(start);
        let result = wait.with_outages(self.on_outage).await;
        let ended = match &result {
            Ok(run) => Some(run),
            Err(Error::RunFailed { run, .. }) => Some(&**run),
            Err(_) => None,
        };
        if let Some(run) = ended {
            let (journal, owner) = (&*self.journal, owner.as_deref());
            record_end(
                &api,
                journal,
                &self.key,
                owner,
                &run.session_id,
                &run.status,
            )
            .await;
        }
        match owner {
            Some(_) => result.map_err(Error::with_started),
            None => result,
        }
    }
}

impl IntoFuture for RunOnce {
    type Output = Result<Run>;
    type IntoFuture = CallFuture<Run>;

    fn into_future(self) -> CallFuture<Run> {
        Box::pin(self.run())
    }
}

impl fmt::Debug for RunOnce {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RunOnce")
            .field("key", &self.key)
            .field("restart", &self.restart)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
