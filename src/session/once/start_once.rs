//! [`StartOnce`]: starts the run of a key once, also across processes.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio_util::sync::CancellationToken;

use crate::error::{Error, JournalError, Result};
use crate::journal::{EarlierRun, Journal, Keyed, OnUnrecorded, Once, Restart};
use crate::model::{Run, SessionId, TriggerRun};
use crate::operations::{Api, CallFuture};
use crate::session::{Checkpoint, Session, Watch};
use crate::transport::Retry;

/// Starts the run of a key, at most once, however often it is called and in however many processes.
///
/// Await it; nothing is sent before. It returns what it has found or done: [`StartedOnce`].
///
/// Before it sends the request it claims the key in the journal, and afterwards stores the session id
/// there. So a call that is made again, by a scheduler's retry for one, finds the run of the first one,
/// also if the process died at any moment:
///
/// | the process died | the next call returns |
/// | --- | --- |
/// | before the claim was stored | [`Started`](StartedOnce::Started) |
/// | between claim and session id | [`Unknown`](StartedOnce::Unknown): a run may have been started, and nobody knows |
/// | after the session id was stored | [`Attached`](StartedOnce::Attached), or [`Ended`](StartedOnce::Ended) |
///
/// A call that fails with proof that nothing was started frees the key; the next one sends again. While
/// another process sends the request, a call waits for what comes of it.
///
/// # Dropping
///
/// Dropped before the request has left, nothing is started, then or later, and the key is free again.
/// Dropped after that, the response is still awaited and recorded by a task of its own, as long as the
/// runtime lives.
///
/// # Errors
///
/// - [`Error::InvalidRequest`] for a blank text; for a key that is blank, longer than 512 bytes or has a
///   control character in it; for a key that belongs to another request or to another account.
/// - [`Error::Journal`] if the journal cannot be used. Nothing was sent.
/// - Those of [`Client::trigger_run`](crate::Client::trigger_run). After an [`Error::OutcomeUnknown`] the
///   key is unknown.
#[must_use = "nothing is sent until it is awaited"]
pub struct StartOnce {
    api: Api,
    journal: Arc<dyn Journal>,
    key: String,
    request: TriggerRun,
    restart: Restart,
    timeout: Option<Duration>,
    retry: Option<Retry>,
    on_unrecorded: Option<Box<OnUnrecorded>>,
}

/// What a [`StartOnce`] has found or done.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartedOnce {
    /// It has started the run.
    Started(Session),
    /// It has started the run once more, since the one before had failed: see [`Restart::Failed`].
    #[non_exhaustive]
    Restarted {
        /// The new run.
        session: Session,
        /// The run before.
        before: EarlierRun,
    },
    /// The run was started before, here or elsewhere. It goes on, or could not be read.
    Attached(Session),
    /// The run was started before, and has ended like this.
    Ended(Run),
    /// An earlier call may have started a run, and nobody knows its session id. This one has sent nothing.
    ///
    /// Look in the workspace, then [resolve](crate::Client::resolve_key) the key with the run's session id, or
    /// [retry](crate::Client::retry_key) it.
    #[non_exhaustive]
    Unknown {
        /// When the run may have been started.
        since: SystemTime,
        /// Why nobody knows.
        reason: String,
    },
}

impl StartedOnce {
    /// The session id of the run, unless nobody knows it.
    ///
    /// ```
    /// # fn example(started: dinoai::StartedOnce) {
    /// match started.session_id() {
    ///     Some(id) => println!("run {id}"),
    ///     None => println!("look in the workspace"),
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn session_id(&self) -> Option<&SessionId> {
        match self {
            Self::Started(session) | Self::Attached(session) => Some(session.id()),
            Self::Restarted { session, .. } => Some(session.id()),
            Self::Ended(run) => Some(&run.session_id),
            Self::Unknown { .. } => None,
        }
    }

    pub(super) fn of(once: Once, api: Api) -> Self {
        let attached = |id| Session::resumed(api.clone(), Checkpoint::fresh(id));
        match once {
            Once::Started {
                accepted, failed, ..
            } => {
                let session = Session::started(api.clone(), accepted);
                match failed {
                    Some(before) => Self::Restarted { session, before },
                    None => Self::Started(session),
                }
            }
            Once::Attached(id) => Self::Attached(attached(id)),
            Once::Ended(run) => Self::Ended(*run),
            Once::Unknown { since, reason } => Self::Unknown { since, reason },
        }
    }
}

impl StartOnce {
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
            timeout: None,
            retry: None,
            on_unrecorded: None,
        }
    }

    /// Sets whether a key that has been started is started again.
    ///
    /// [`Restart::Never`] by default.
    ///
    /// ```no_run
    /// use dinoai::TriggerRun;
    /// use dinoai::journal::{FileJournal, Restart};
    ///
    /// # async fn example(client: dinoai::Client, journal: FileJournal) -> dinoai::Result<()> {
    /// let request = TriggerRun::agent("data-quality-checker");
    /// let started = client
    ///     .start_once("nightly/2026-11-25", request, &journal)
    ///     .restart(Restart::Failed)
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn restart(mut self, restart: Restart) -> Self {
        self.restart = restart;
        self
    }

    /// Sets how long the call may take, all attempts and pauses included.
    ///
    /// Without it the request has two minutes to leave, and another process that is sending it is waited
    /// for until its claim lapses: two minutes and a half. A request that has left by then is still awaited
    /// as long as the request timeout says. Zero is [`Error::InvalidRequest`] once the call is awaited.
    ///
    /// ```no_run
    /// # use dinoai::journal::FileJournal;
    /// # async fn example(client: dinoai::Client, journal: FileJournal) -> dinoai::Result<()> {
    /// let request = dinoai::TriggerRun::agent("data-quality-checker");
    /// let call = client.start_once("nightly/2026-11-25", request, &journal);
    /// let started = call.timeout(std::time::Duration::from_secs(20)).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets how often, and for how long, its requests are tried, in place of the client's
    /// [`Retry`].
    ///
    /// What may be sent again is not changed by it.
    ///
    /// ```no_run
    /// # use dinoai::journal::FileJournal;
    /// # async fn example(client: dinoai::Client, journal: FileJournal) -> dinoai::Result<()> {
    /// let request = dinoai::TriggerRun::agent("data-quality-checker");
    /// let call = client.start_once("nightly/2026-11-25", request, &journal);
    /// let started = call.retry(dinoai::Retry::none()).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = Some(retry);
        self
    }

    /// Calls `on_unrecorded` if the run has started and the journal does not take its session id.
    ///
    /// The call goes on, and a task of its own gives the id to the journal again until that takes it, as
    /// long as the runtime lives. If the process ends before, the key is unknown: keep the id.
    ///
    /// ```no_run
    /// # use dinoai::journal::FileJournal;
    /// # async fn example(client: dinoai::Client, journal: FileJournal) -> dinoai::Result<()> {
    /// let request = dinoai::TriggerRun::agent("data-quality-checker");
    /// let call = client.start_once("nightly/2026-11-25", request, &journal);
    /// let started = call.on_unrecorded(|id, error| eprintln!("started {id}, but {error}")).await?;
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
}

impl StartOnce {
    /// Watches the run, which is started once the events are read.
    ///
    /// The first event is [`Event::Started`](crate::Event::Started), before it
    /// [`Event::Restarted`](crate::Event::Restarted) if the run before had failed; or
    /// [`Event::Attached`](crate::Event::Attached) if the run was started before, of which all is then
    /// emitted, also if it has ended. A key of which nobody knows is the error [`Error::KeyUnknown`]. How
    /// the run ends is recorded in the journal once the events are read to their end. The timeout is that of the [`Watch`], for all of it, in place
    /// of [`timeout`](Self::timeout).
    ///
    /// ```no_run
    /// use dinoai::Event;
    /// use dinoai::journal::FileJournal;
    ///
    /// # async fn example(client: dinoai::Client, journal: FileJournal) -> dinoai::Result<()> {
    /// let request = dinoai::TriggerRun::agent("data-quality-checker");
    /// let mut events = client.start_once("nightly/2026-11-25", request, &journal).watch().events();
    /// while let Some(event) = events.next().await {
    ///     if let Event::Message(message) = event? {
    ///         println!("[{}] {}", message.role, message.content);
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn watch(self) -> Watch {
        let (keyed, on_unrecorded) = self.into_keyed();
        Watch::for_key(keyed, on_unrecorded)
    }

    /// Without a deadline.
    fn into_keyed(self) -> (Keyed, Option<Box<OnUnrecorded>>) {
        let keyed = Keyed {
            deadline: None,
            api: self.api,
            journal: self.journal,
            key: self.key,
            request: self.request,
            restart: self.restart,
            retry: self.retry,
            returns_rate_limits: false,
            given_up: CancellationToken::new(),
        };
        (keyed, self.on_unrecorded)
    }
}

impl IntoFuture for StartOnce {
    type Output = Result<StartedOnce>;
    type IntoFuture = CallFuture<StartedOnce>;

    fn into_future(self) -> CallFuture<StartedOnce> {
        Box::pin(async move {
            let api = self.api.clone();
            if self.timeout.is_some_and(|timeout| timeout.is_zero()) {
                return Err(Error::zero("timeout"));
            }
            let now = api.clock().now();
            let deadline = self.timeout.map(|timeout| now.saturating_add(timeout));
            let (keyed, on_unrecorded) = self.into_keyed();
            let keyed = Keyed { deadline, ..keyed };
            let once = keyed.start(on_unrecorded).await?;
            Ok(StartedOnce::of(once, api))
        })
    }
}

impl fmt::Debug for StartOnce {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("StartOnce")
            .field("key", &self.key)
            .field("restart", &self.restart)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
