//! The methods of a [`Client`] that are named as the API's operations, and do one thing each.

use super::Client;
#[cfg(doc)]
use crate::config::Credentials;
#[cfg(doc)]
use crate::error::Error;
use crate::model::{Accepted, Run, RunSteps, SessionId, StepOptions, TriggerRun, Workspace};
use crate::operations::{Call, check_step_options};
use crate::probe::Features;
#[cfg(doc)]
use crate::session::Session;

impl Client {
    /// Starts a run at most once, and returns its session id as soon as it is accepted.
    ///
    /// The trigger is sent again only if its body never left, or after HTTP 429 (see
    /// [`Retry`](crate::Retry)). Unless the response proves that nothing was carried out, a
    /// failure is [`Error::OutcomeUnknown`]. A session id anywhere in a response is kept.
    ///
    /// ```no_run
    /// use dinoai::{Client, TriggerRun};
    ///
    /// # async fn example(client: Client) -> dinoai::Result<()> {
    /// let accepted = client.trigger_run(TriggerRun::agent("data-quality-checker")).await?;
    /// println!("started {}", accepted.session_id);
    /// # Ok(())
    /// # }
    /// ```
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
    /// ```no_run
    /// # async fn example(client: dinoai::Client) -> dinoai::Result<()> {
    /// let accepted = client.send_message("xwzdneft6emspe0f", "Now fix the first one").await?;
    /// # Ok(())
    /// # }
    /// ```
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
    /// ```no_run
    /// # async fn example(client: dinoai::Client) -> dinoai::Result<()> {
    /// let run = client.get_run("xwzdneft6emspe0f").await?;
    /// println!("{} {}", run.status, run.answer().unwrap_or("no answer"));
    /// # Ok(())
    /// # }
    /// ```
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

    /// Stops a run.
    ///
    /// It ends as [`RunStatus::Stopped`](crate::RunStatus::Stopped); [`Accepted::status`] is the
    /// API's word.
    ///
    /// Not on the vendor's pages; observed in the vendor's GitHub Action. Stopping twice does no
    /// harm, so it is sent again like a read.
    ///
    /// ```no_run
    /// # async fn example(client: dinoai::Client) -> dinoai::Result<()> {
    /// let accepted = client.stop_run("xwzdneft6emspe0f").await?;
    /// println!("{}", accepted.status);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`get_run`](Self::get_run), and [`Error::Unsupported`] if the backend does not
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
            api.stop(id?, options).await
        })
    }

    /// Reads what an agent did, step by step, and its start-up checklist.
    ///
    /// Not on the vendor's pages; observed in the vendor's own client. Where the backend could
    /// not read the steps they are `None`, and the rest of the response stands.
    ///
    /// ```no_run
    /// # async fn example(client: dinoai::Client) -> dinoai::Result<()> {
    /// let read = client.get_run_steps("xwzdneft6emspe0f", dinoai::StepOptions::default()).await?;
    /// for step in read.steps.unwrap_or_default() {
    ///     println!("{} {}", step.index, step.role);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`get_run`](Self::get_run); [`Error::Unsupported`] if the backend does not know
    /// steps; [`Error::InvalidRequest`] if a number of the options is beyond 32 bits.
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

    /// Lists the workspaces that the credentials reach, in the API's order.
    ///
    /// It needs no workspace: a client of a company token alone
    /// ([`Credentials::company_token_without_workspace`]) finds the uid here that its other calls
    /// need. Not on the vendor's pages; observed in the vendor's own client.
    ///
    /// ```no_run
    /// # async fn example(client: dinoai::Client) -> dinoai::Result<()> {
    /// for workspace in client.list_workspaces().await? {
    ///     println!("{} {}", workspace.uid, workspace.name);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of any call, as for [`get_run`](Self::get_run), but never [`Error::NotFound`];
    /// [`Error::Unsupported`] if the backend does not know it; [`Error::Decode`] if the response
    /// has neither a list nor an error.
    ///
    /// # Document
    ///
    /// ```graphql
    #[doc = include_str!("../../graphql/list_workspaces.graphql")]
    /// ```
    pub fn list_workspaces(&self) -> Call<Vec<Workspace>> {
        Call::new(self.api.clone(), async move |api, options| {
            api.list_workspaces(options).await
        })
    }

    /// Finds out what the backend supports, and whether the credentials may read.
    ///
    /// It starts nothing and sends no message: each document of this crate is sent with `@skip(if: true)`
    /// on its root field, so that the server validates it and executes nothing; its variables have to be
    /// refused should a server execute it all the same: a trigger has neither agent nor message, and
    /// session ids are empty. Should a server carry even that out, the probe ends at once with an error
    /// that names the run. It works where introspection is off. Whether the credentials may start runs is
    /// not tested.
    ///
    /// Ten documents, one after the other: the status of no run, which is executed and shows whether the
    /// credentials may read, unless they need a workspace and none is named; and the nine of
    /// [`Features::iter`]. What the credentials are refused for is
    /// [`Support::Refused`](crate::Support::Refused). Reads are sent again as those of any call are, mutations
    /// as a [trigger](Self::trigger_run). All of it has the time of one call, 2 minutes by default (see
    /// [`Call::timeout`]): what could not be asked by then is
    /// [`NotChecked`](crate::Support::NotChecked). It may be dropped, and called as often as you like.
    ///
    /// ```no_run
    /// # async fn example(client: dinoai::Client) -> dinoai::Result<()> {
    /// let features = client.probe().await?;
    /// if !features.steps.is_supported() {
    ///     println!("this backend has no steps");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::OutcomeUnknown`] if a response to a mutation, whole or cut, names a run, or holds a value at
    /// the mutation: the server has executed what it should have skipped. [`Error::may_have_started`] is
    /// true then, [`Error::session_id`] is the run, and nothing more was sent.
    ///
    /// [`Error::NotSent`], [`Error::Transport`], [`Error::RateLimited`] or [`Error::Http`] if the server
    /// has not been reached, or if all that it says is that it is asked too soon, or is not GraphQL: no
    /// further request would fare better.
    ///
    /// What else goes wrong is part of the [`Features`].
    pub fn probe(&self) -> Call<Features> {
        Call::new(self.api.clone(), async move |api, options| {
            api.probe(options).await
        })
    }
}
