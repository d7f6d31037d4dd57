//! [`Client`]: the facade, with a method for each thing that one wants to do.
//!
//! Make one client and clone it: clones share connections, the retry budget and the clock. It is
//! used inside a tokio runtime. [`constructors`] and a [`builder`] make it.
//!
//! The methods in [`operations`] are named as the API's operations and do one thing each. Most
//! programs want [`trigger_run_and_wait`](Client::trigger_run_and_wait), or
//! [`start`](Client::start) and the [`Session`] that it gives. A program that has to
//! end closes it.

mod account;
mod builder;
mod constructors;
mod documents;
mod once;
mod operations;
mod waits;

use std::fmt;

use serde::de::DeserializeOwned;

use crate::batch::{RunAll, WaitAll};
#[cfg(doc)]
use crate::error::Error;
use crate::error::Result;
#[cfg(doc)]
use crate::model::Run;
use crate::model::{SessionId, TriggerRun};
use crate::operations::{Api, Call};
use crate::session::{Checkpoint, JsonAnswer, Session, Wait, Watch};
use crate::transport::Executor;

pub use builder::ClientBuilder;
pub use waits::Waits;

/// A client of the DinoAI agents API.
///
/// Cheap to clone.
#[derive(Clone)]
pub struct Client {
    api: Api,
}

impl Client {
    fn of(executor: Executor) -> Self {
        Self {
            api: Api::new(executor),
        }
    }

    /// Starts a run, and waits until it has ended.
    ///
    /// ```no_run
    /// use std::time::Duration;
    /// use dinoai::{Client, TriggerRun};
    ///
    /// # async fn example() -> dinoai::Result<()> {
    /// let client = Client::from_env()?;
    /// let run = client
    ///     .trigger_run_and_wait(TriggerRun::agent("data-quality-checker"))
    ///     .timeout(Duration::from_secs(1800))
    ///     .await?;
    /// println!("{}", run.answer().unwrap_or("no answer"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Awaiting it returns the whole [`Run`] if it has completed, else an error: see
    /// [`Wait`], which also says what happens when it is dropped. Nothing is sent until it is
    /// awaited.
    pub fn trigger_run_and_wait(&self, request: TriggerRun) -> Wait {
        Wait::for_new(self.api.clone(), request)
    }

    /// Starts a run, waits until it has ended, and reads the JSON in its answer as a value of this type.
    ///
    /// It is [`trigger_run_and_wait`](Self::trigger_run_and_wait) and
    /// [`Run::answer_json`], and one follow-up where the answer is not that value: see [`JsonAnswer`].
    ///
    /// ```no_run
    /// use dinoai::{Client, TriggerRun};
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Finding {
    ///     model: String,
    ///     rows: u64,
    /// }
    ///
    /// # async fn example(client: Client) -> dinoai::Result<()> {
    /// let request = TriggerRun::agent("data-quality-checker").with_message("Focus on stg_orders");
    /// let findings: Vec<Finding> = client.run_json(request).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn run_json<T: DeserializeOwned>(&self, request: TriggerRun) -> JsonAnswer<T> {
        JsonAnswer::of_new(self.api.clone(), request)
    }

    /// Starts a run and watches it: a stream of [`Event`](crate::Event)s, see [`Watch`].
    ///
    /// The first one is [`Event::Started`](crate::Event::Started), with the session id; one timeout
    /// holds for all of it, the trigger counted, as in
    /// [`trigger_run_and_wait`](Self::trigger_run_and_wait). Nothing is sent until it is read. An
    /// error is its last item, one of the trigger too: see [`Watch`].
    ///
    /// ```no_run
    /// use dinoai::{Client, Event, TriggerRun};
    ///
    /// # async fn example() -> dinoai::Result<()> {
    /// let client = Client::from_env()?;
    /// let watch = client.trigger_run_and_watch(TriggerRun::agent("data-quality-checker"));
    /// let mut events = watch.events();
    /// while let Some(event) = events.next().await {
    ///     match event? {
    ///         Event::Started(accepted) => println!("session {}", accepted.session_id),
    ///         Event::Message(message) => println!("[{}] {}", message.role, message.content),
    ///         Event::Ended(run) => println!("ended {}", run.status),
    ///         _ => {}
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn trigger_run_and_watch(&self, request: TriggerRun) -> Watch {
        Watch::for_new(self.api.clone(), request)
    }

    /// Starts a run, and returns the [`Session`] to go on with it.
    ///
    /// It sends what [`trigger_run`](Self::trigger_run) sends, and dropping it does what dropping
    /// that does.
    ///
    /// ```no_run
    /// use dinoai::{Client, TriggerRun};
    ///
    /// # async fn example(client: Client) -> dinoai::Result<()> {
    /// let session = client.start(TriggerRun::message("Which tests fail?")).await?;
    /// println!("started {}", session.id());
    /// let run = session.wait().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`trigger_run`](Self::trigger_run).
    pub fn start(&self, request: TriggerRun) -> Call<Session> {
        Call::new(self.api.clone(), async move |api, options| {
            let accepted = api.trigger(request, options).await?;
            Ok(Session::started(api, accepted))
        })
    }

    /// The session of a run that was started before, here or elsewhere.
    ///
    /// It sends nothing: that the run exists shows at the first call. The session has emitted
    /// nothing yet; to go on where another one stood, [`resume`](Self::resume) it.
    ///
    /// ```no_run
    /// # async fn example(client: dinoai::Client) -> dinoai::Result<()> {
    /// let run = client.session("xwzdneft6emspe0f")?.wait().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::InvalidRequest`] if the id is blank.
    pub fn session(&self, id: impl AsRef<str>) -> Result<Session> {
        let id = SessionId::new(id.as_ref())?;
        Ok(Session::resumed(self.api.clone(), Checkpoint::fresh(id)))
    }

    /// The session that a [`Checkpoint`] was taken of, here or elsewhere, where it stood.
    ///
    /// It sends nothing, and emits what the other session has not emitted. One checkpoint can be
    /// resumed any number of times.
    ///
    /// ```no_run
    /// # async fn example(client: dinoai::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let stored = std::fs::read("session.json")?;
    /// let mut events = client.resume(serde_json::from_slice(&stored)?).watch().events();
    /// while let Some(event) = events.next().await {
    ///     println!("{:?}", event?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn resume(&self, checkpoint: Checkpoint) -> Session {
        Session::resumed(self.api.clone(), checkpoint)
    }

    /// Waits for many runs at once, up to 50 in a request: [`WaitAll::results`] is a stream of their
    /// results as they end.
    ///
    /// An id that is given twice is waited for once.
    ///
    /// ```no_run
    /// # async fn example(client: dinoai::Client) -> dinoai::Result<()> {
    /// let mut results = client.wait_all(["xwzdneft6emspe0f", "b2v9q1m4k7c3x8za"])?.results();
    /// while let Some((id, run)) = results.next().await {
    ///     println!("{id} {}", run?.status);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::InvalidRequest`] if an id is blank.
    pub fn wait_all<I>(&self, ids: I) -> Result<WaitAll>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        WaitAll::new(self.api.clone(), ids)
    }

    /// Starts many runs, each at most once, and waits for them.
    ///
    /// At most `concurrency` are in progress at a time (0 counts as 1). [`RunAll::results`] is a stream
    /// of their results as they end.
    ///
    /// ```no_run
    /// use dinoai::{Client, TriggerRun};
    ///
    /// # async fn example(client: Client) -> dinoai::Result<()> {
    /// let requests = ["orders", "customers"]
    ///     .map(|table| TriggerRun::agent("data-quality-checker").with_message(table));
    /// let mut results = client.run_all(requests, 2).results();
    /// while let Some((place, run)) = results.next().await {
    ///     println!("{place} {}", run?.status);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn run_all(
        &self,
        requests: impl IntoIterator<Item = TriggerRun>,
        concurrency: usize,
    ) -> RunAll {
        RunAll::new(self.api.clone(), requests, concurrency)
    }

    /// Closes the client: from now on no trigger and no follow-up of it leaves this machine.
    ///
    /// That holds for its clones and each [`child`](Self::child), too. For a program that has to
    /// end: call it in the handler of the signal, then await what is in flight.
    ///
    /// A trigger or a follow-up that has not left by then fails with [`Error::NotSent`] and
    /// [`Obstacle::Closed`](crate::Obstacle::Closed), also one that pauses before another attempt
    /// (that one fails with the last attempt's error): nothing was started, then or later. One that
    /// has left is awaited as ever, so that its session id is not lost. Reads, waits and stops go
    /// on. It takes effect at once, may be called twice, and cannot be undone.
    ///
    /// ```
    /// use dinoai::{Client, Error, Obstacle, TriggerRun};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> dinoai::Result<()> {
    /// # let credentials = dinoai::Credentials::key_and_secret("key", "secret");
    /// # let client = Client::new("http://127.0.0.1:9/graphql", credentials)?;
    /// client.close();
    /// let refused = client.trigger_run(TriggerRun::agent("data-quality-checker")).await;
    /// assert!(matches!(refused, Err(Error::NotSent { obstacle: Obstacle::Closed, .. })));
    /// # Ok(())
    /// # }
    /// ```
    pub fn close(&self) {
        self.api.closed().cancel();
    }

    /// The same client for another workspace: a cheap clone that names this one in every request.
    ///
    /// It shares connections, the retry budget and [`close`](Self::close) with this one; its polls are
    /// requests of their own. The workspace is part of the account: a key of
    /// [`start_once`](Self::start_once) belongs to one.
    ///
    /// ```
    /// use dinoai::{Client, Credentials};
    ///
    /// # fn main() -> dinoai::Result<()> {
    /// let credentials = Credentials::company_token("prdm_cmp_example", "finance");
    /// let finance = Client::new("https://api.paradime.io/api/v1/your-company/graphql", credentials)?;
    /// let marketing = finance.with_workspace("marketing")?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::InvalidConfig`] if the uid is blank, begins or ends with white space, or has a character that
    /// no HTTP header can carry. Whether there is such a workspace shows at the first call.
    pub fn with_workspace(&self, uid: impl AsRef<str>) -> Result<Self> {
        let api = self.api.with_workspace(uid.as_ref())?;
        Ok(Self { api })
    }

    /// A client that shares everything with this one and can be closed alone.
    ///
    /// [`close`](Self::close) on it, or on a clone of it, does not close this one. Closing this one
    /// closes it, too. For work that can be given up while the program goes on, such as one request
    /// of a server or one turn of a conversation.
    ///
    /// ```
    /// use dinoai::{Client, TriggerRun};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> dinoai::Result<()> {
    /// # let credentials = dinoai::Credentials::key_and_secret("key", "secret");
    /// # let client = Client::new("http://127.0.0.1:9/graphql", credentials)?;
    /// let job = client.child();
    /// let run = job.trigger_run(TriggerRun::agent("data-quality-checker"));
    /// job.close();
    /// assert!(run.await.is_err());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn child(&self) -> Self {
        Self {
            api: self.api.child(),
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Client")
            .field("transport", self.api.executor().http())
            .field("retry", self.api.retry())
            .finish_non_exhaustive()
    }
}
