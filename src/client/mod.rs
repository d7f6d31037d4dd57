//! [`Client`]: the API's operations, one method each.
//!
//! Make one client and clone it: clones share connections, the retry budget and the clock. It is
//! used inside a tokio runtime.
//!
//! The methods named as the API's operations ([`trigger_run`](Client::trigger_run),
//! [`send_message`](Client::send_message), [`get_run`](Client::get_run),
//! [`stop_run`](Client::stop_run)) do one thing each. Most programs want
//! [`trigger_run_and_wait`](Client::trigger_run_and_wait), or [`start`](Client::start) and the
//! [`Session`] that it gives.

mod builder;
mod closing;

use std::fmt;

use crate::batch::{RunAll, WaitAll};
use crate::config::Credentials;
#[cfg(doc)]
use crate::error::Error;
use crate::error::Result;
use crate::model::{Accepted, Run, RunSteps, SessionId, StepOptions, TriggerRun};
use crate::operations::{Api, Call, check_step_options};
use crate::session::{Checkpoint, Session, Wait, Watch};
use crate::transport::Executor;

pub use builder::ClientBuilder;

/// A client of the DinoAI agents API. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    api: Api,
}

impl Client {
    /// A client with default settings, for the endpoint shown when the API key was generated.
    ///
    /// ```
    /// use dinoai::{Client, Credentials};
    ///
    /// let client = Client::new(
    ///     "https://api.paradime.io/api/v1/your-company/graphql",
    ///     Credentials::key_and_secret("key", "secret"),
    /// );
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::InvalidConfig`] as for [`ClientBuilder::build`].
    pub fn new(endpoint: impl Into<String>, credentials: Credentials) -> Result<Self> {
        Self::builder()
            .endpoint(endpoint)
            .credentials(credentials)
            .build()
    }

    /// A client for the endpoint and credentials in the environment, with default settings. [`Credentials`]
    /// lists the variables.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidConfig`] where variables are missing (it says which, and how to set them),
    /// and as for [`ClientBuilder::build`].
    pub fn from_env() -> Result<Self> {
        Self::builder().from_env()?.build()
    }

    /// The same, where `~/.paradime/credentials`, which `paradime login` writes, fills what the
    /// environment leaves open.
    ///
    /// # Errors
    ///
    /// As for [`from_env`](Self::from_env), and where the file is needed but cannot be read or is
    /// not UTF-8.
    pub fn from_env_or_file() -> Result<Self> {
        Self::builder().from_env_or_file()?.build()
    }

    fn of(executor: Executor) -> Self {
        Self {
            api: Api::new(executor),
        }
    }

    /// Sets up a client piece by piece.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
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
    /// Awaiting it gives the whole [`Run`] where it has completed, else an error: see
    /// [`Wait`], which also says what happens when it is dropped. Nothing is sent until it is
    /// awaited.
    pub fn trigger_run_and_wait(&self, request: TriggerRun) -> Wait {
        Wait::for_new(self.api.clone(), request)
    }

    /// Starts a run and watches it: a stream of [`Event`](crate::Event)s, see [`Watch`]. The
    /// first one is [`Event::Started`](crate::Event::Started), with the session id; one timeout
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

    /// Starts a run, and gives the [`Session`] to go on with it.
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

    /// The session of a run that was started before, here or elsewhere. Sends nothing: that the
    /// run exists shows at the first call.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidRequest`] where the id is blank.
    pub fn session(&self, id: impl AsRef<str>) -> Result<Session> {
        let id = SessionId::new(id.as_ref())?;
        Ok(Session::resumed(self.api.clone(), Checkpoint::fresh(id)))
    }

    /// The session that a [`Checkpoint`] was taken of, here or elsewhere, where it stood. Sends
    /// nothing.
    pub fn resume(&self, checkpoint: Checkpoint) -> Session {
        Session::resumed(self.api.clone(), checkpoint)
    }

    /// Starts a run at most once, and returns its session id as soon as it is accepted.
    ///
    /// The trigger is sent again only if its body never left, or after HTTP 429 (see
    /// [`Retry`](crate::Retry)). Unless the response proves that nothing was carried out, a
    /// failure is [`Error::OutcomeUnknown`]. A session id anywhere in a response is kept.
    ///
    /// # Dropping
    ///
    /// Dropped before its body has left, nothing is started, then or later. Dropped after that,
    /// the run may start all the same, and its id is lost with the response: spawn the call if
    /// that matters.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidRequest`] for a blank text; [`Error::Unsupported`] if the request names a
    /// base branch or a model family and the backend does not know it; [`Error::NotAccepted`];
    /// and those of any call: [`Error::NotSent`], [`Error::OutcomeUnknown`],
    /// [`Error::Unauthorized`], [`Error::RateLimited`], [`Error::Http`], [`Error::GraphQl`] (for
    /// one, if there is no such agent), [`Error::Decode`]. Which of them can leave a run behind
    /// [`Error::may_have_started`] says.
    ///
    /// # Document
    ///
    /// ```graphql
    #[doc = include_str!("../../graphql/trigger_dinoai_agent_run.graphql")]
    /// ```
    ///
    /// With a base branch or a model family:
    ///
    /// ```graphql
    #[doc = include_str!("../../graphql/trigger_dinoai_agent_run_with_options.graphql")]
    /// ```
    pub fn trigger_run(&self, request: TriggerRun) -> Call<Accepted> {
        Call::new(self.api.clone(), async move |api, options| {
            api.trigger(request, options).await
        })
    }

    /// Sends a follow-up message to a run, and returns at once.
    ///
    /// The agent keeps the whole conversation in mind for 24 hours after the last message (the
    /// vendor's page); what the API says to a later follow-up is returned as it is.
    ///
    /// For a while after it the run can still read as the previous turn's `COMPLETED` (observed),
    /// so a plain wait for it may return the previous answer: use [`Session::ask`], which does
    /// not, or [`Session::send`] and then [`Session::wait`] on that session.
    ///
    /// Sent again only if its body never left, or after HTTP 429, as for
    /// [`trigger_run`](Self::trigger_run); dropping it does what dropping that does.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidRequest`] for a blank id or message; [`Error::NotAccepted`]; and those of
    /// any call, as for [`trigger_run`](Self::trigger_run).
    ///
    /// # Document
    ///
    /// ```graphql
    #[doc = include_str!("../../graphql/send_dinoai_agent_message.graphql")]
    /// ```
    pub fn send_message(&self, id: impl AsRef<str>, message: impl Into<String>) -> Call<Accepted> {
        let (id, message) = (SessionId::new(id.as_ref()), message.into());
        Call::new(self.api.clone(), async move |api, options| {
            api.send(message, options.for_run(id?)).await
        })
    }

    /// Reads a run: status, transcript, children.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidRequest`] for a blank id; [`Error::NotFound`], or [`Error::GraphQl`] with
    /// the API's words, if there is no such run; [`Error::NotAccepted`]; and those of any call:
    /// [`Error::NotSent`], [`Error::Transport`], [`Error::Unauthorized`],
    /// [`Error::RateLimited`], [`Error::Http`], [`Error::GraphQl`], [`Error::Decode`] (also if
    /// the response is about another run), [`Error::ResponseTooLarge`].
    ///
    /// # Document
    ///
    /// ```graphql
    #[doc = include_str!("../../graphql/dinoai_agent_run.graphql")]
    /// ```
    pub fn get_run(&self, id: impl AsRef<str>) -> Call<Run> {
        let id = SessionId::new(id.as_ref());
        Call::new(self.api.clone(), async move |api, options| {
            api.read_run(options.for_run(id?)).await
        })
    }

    /// Stops a run. It ends as [`RunStatus::Stopped`](crate::RunStatus::Stopped); [`Accepted::status`] is the API's word.
    ///
    /// Not on the vendor's pages; observed in the vendor's GitHub Action. Stopping twice does no
    /// harm, so it is sent again like a read.
    ///
    /// # Errors
    ///
    /// As for [`get_run`](Self::get_run), and [`Error::Unsupported`] where the backend does not
    /// know it.
    ///
    /// # Document
    ///
    /// ```graphql
    #[doc = include_str!("../../graphql/stop_dinoai_agent_run.graphql")]
    /// ```
    pub fn stop_run(&self, id: impl AsRef<str>) -> Call<Accepted> {
        let id = SessionId::new(id.as_ref());
        Call::new(self.api.clone(), async move |api, options| {
            let session_id = id?;
            let status = api.stop(options.for_run(session_id.clone())).await?;
            Ok(Accepted {
                session_id,
                status,
                warning: None,
            })
        })
    }

    /// Reads what an agent did, step by step, and its start-up checklist.
    ///
    /// Not on the vendor's pages; observed in the vendor's own client. Where the backend could
    /// not read the steps they are `None`, and the rest of the answer stands.
    ///
    /// # Errors
    ///
    /// As for [`get_run`](Self::get_run); [`Error::Unsupported`] where the backend does not know
    /// steps; [`Error::InvalidRequest`] where a number of the options is beyond 32 bits.
    ///
    /// # Document
    ///
    /// ```graphql
    #[doc = include_str!("../../graphql/dinoai_agent_run_steps.graphql")]
    /// ```
    pub fn get_run_steps(&self, id: impl AsRef<str>, options: StepOptions) -> Call<RunSteps> {
        let id = SessionId::new(id.as_ref());
        Call::new(self.api.clone(), async move |api, call| {
            check_step_options(&options)?;
            api.read_steps(options, call.for_run(id?)).await
        })
    }

    /// Waits for many runs at once, over few requests: [`WaitAll::results`] is a stream of their
    /// results as they end. An id that is given twice is waited for once.
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
    /// [`Error::InvalidRequest`] where an id is blank.
    pub fn wait_all<I>(&self, ids: I) -> Result<WaitAll>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        WaitAll::new(self.api.clone(), ids)
    }

    /// Starts many runs, each at most once and at most `concurrency` going at a time (0 counts as
    /// 1), and waits for them: [`RunAll::results`] is a stream of their results as they end.
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
