//! The methods of a [`Client`] that start the run of a key once.

use std::sync::Arc;

use super::Client;
#[cfg(doc)]
use crate::error::Error;
use crate::journal::{Entry, Journal, account, resolve, retry};
use crate::model::{Run, SessionId, TriggerRun};
use crate::operations::Call;
use crate::session::{RunOnce, StartOnce};

impl Client {
    /// Starts the run of a key at most once, also if the process dies and the call is made again.
    ///
    /// The key names the run for you: `nightly/2026-11-25`, a job's id, a message's id. It belongs to this
    /// request and this account for good. The [`journal`](crate::journal) remembers what was started.
    ///
    /// ```no_run
    /// use dinoai::journal::FileJournal;
    /// use dinoai::{Client, StartedOnce, TriggerRun};
    ///
    /// # async fn example(client: Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let journal = FileJournal::open("runs.jsonl")?;
    /// let request = TriggerRun::agent("data-quality-checker");
    /// match client.start_once("nightly/2026-11-25", request, &journal).await? {
    ///     StartedOnce::Started(session) => println!("started {}", session.id()),
    ///     StartedOnce::Attached(session) => println!("{} goes on", session.id()),
    ///     StartedOnce::Ended(run) => println!("it has ended {}", run.status),
    ///     other => println!("look in the workspace: {other:?}"),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Nothing is sent until it is awaited. [`StartOnce`] says what the next call finds in each state, what
    /// dropping does, and which errors there are.
    pub fn start_once<J>(
        &self,
        key: impl Into<String>,
        request: TriggerRun,
        journal: &J,
    ) -> StartOnce
    where
        J: Journal + Clone,
    {
        let journal = Arc::new(journal.clone());
        StartOnce::new(self.api.clone(), key.into(), request, journal)
    }

    /// Starts the run of a key at most once, as [`start_once`](Self::start_once) does, and waits until it
    /// has ended.
    ///
    /// ```no_run
    /// use dinoai::journal::FileJournal;
    /// use dinoai::{Client, TriggerRun};
    ///
    /// # async fn example(client: Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let journal = FileJournal::open("runs.jsonl")?;
    /// let request = TriggerRun::agent("data-quality-checker");
    /// let run = client.run_once("nightly/2026-11-25", request, &journal).await?;
    /// println!("{}", run.answer().unwrap_or("no answer"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Nothing is sent until it is awaited; see [`RunOnce`].
    pub fn run_once<J>(&self, key: impl Into<String>, request: TriggerRun, journal: &J) -> RunOnce
    where
        J: Journal + Clone,
    {
        let journal = Arc::new(journal.clone());
        RunOnce::new(self.api.clone(), key.into(), request, journal)
    }

    /// Whether a key belongs to the account of this client: its endpoint and workspace.
    ///
    /// The key of another account is [`Error::InvalidRequest`] where it is used.
    ///
    /// ```no_run
    /// use dinoai::journal::{FileJournal, Journal, JournalError};
    ///
    /// # async fn example(client: dinoai::Client, journal: FileJournal) -> Result<(), JournalError> {
    /// for (key, stored) in journal.list().await? {
    ///     if client.owns_key(&stored.entry) {
    ///         println!("{key}");
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn owns_key(&self, entry: &Entry) -> bool {
        entry.account == account(&self.api.account())
    }

    /// Says which run a key has started of which nobody knows, or that has started none.
    ///
    /// For whoever has found it in the workspace. The run is read first, so that a wrong id is noticed; it
    /// is returned. The next call for the key finds that run. Made twice, it does the same.
    ///
    /// ```no_run
    /// # use dinoai::journal::FileJournal;
    /// # async fn example(client: dinoai::Client, journal: FileJournal) -> dinoai::Result<()> {
    /// let run = client.resolve_key("nightly/2026-11-25", "xwzdneft6emspe0f", &journal).await?;
    /// println!("{}", run.status);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::InvalidRequest`] if the journal has no such key, or if the key belongs to another account,
    /// stands for another run, or is being started right now; [`Error::Journal`]; and those of
    /// [`get_run`](Self::get_run).
    pub fn resolve_key<J>(
        &self,
        key: impl Into<String>,
        id: impl AsRef<str>,
        journal: &J,
    ) -> Call<Run>
    where
        J: Journal + Clone,
    {
        let (key, journal) = (key.into(), journal.clone());
        let id = SessionId::new(id.as_ref());
        Call::new(self.api.clone(), async move |api, options| {
            resolve(&api, &journal, &key, id?, options).await
        })
    }

    /// Frees an unknown key, so that the next call for it starts a run.
    ///
    /// For whoever has looked in the workspace, and knows that the key has started no run, or takes the risk
    /// of a second one. If the id of a first run comes after all, it is kept beside the other. It sends
    /// nothing to the API. Made twice, it does the same.
    ///
    /// ```no_run
    /// # use dinoai::journal::FileJournal;
    /// # async fn example(client: dinoai::Client, journal: FileJournal) -> dinoai::Result<()> {
    /// client.retry_key("nightly/2026-11-25", &journal).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::InvalidRequest`] if the journal has no such key, or if the key belongs to another account, has
    /// started a run, or is being started right now; [`Error::Journal`].
    pub fn retry_key<J>(&self, key: impl Into<String>, journal: &J) -> Call<()>
    where
        J: Journal + Clone,
    {
        let (key, journal) = (key.into(), journal.clone());
        Call::new(self.api.clone(), async move |api, _| {
            retry(&api, &journal, &key).await
        })
    }
}
