//! [`Api`]: the operations of the API, an async function for each.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::check::check_request;
use super::convert::Digest;
use super::documents::{
    DinoaiAgentRun, DinoaiAgentRunDigest, DinoaiAgentRunStatus, DinoaiAgentRunSteps,
    ListWorkspaces, SendDinoaiAgentMessage, StopDinoaiAgentRun, TriggerDinoaiAgentRun,
    TriggerDinoaiAgentRunWithOptions, dinoai_agent_run, dinoai_agent_run_digest,
    dinoai_agent_run_status, dinoai_agent_run_steps, list_workspaces, send_dinoai_agent_message,
    stop_dinoai_agent_run,
};
use super::scheduler::{Member, Scheduler};
use crate::error::{Error, Result};
use crate::model::{
    Accepted, Run, RunStatus, RunSteps, SessionId, StepOptions, TriggerRun, Workspace,
};
use crate::time::Clock;
use crate::transport::{CallOptions, Executor, Retry};

/// The API's operations. Cheap to clone: clones share everything.
#[derive(Clone)]
pub(crate) struct Api {
    executor: Arc<Executor>,
    scheduler: Arc<Scheduler>,
    /// Cancelled once the client is closed: nothing is started any more.
    closed: CancellationToken,
}

impl Api {
    pub(crate) fn new(executor: Executor) -> Self {
        Self {
            executor: Arc::new(executor),
            scheduler: Arc::default(),
            closed: CancellationToken::new(),
        }
    }

    /// One that shares everything and can be closed alone.
    pub(crate) fn child(&self) -> Self {
        Self {
            executor: self.executor.clone(),
            scheduler: self.scheduler.clone(),
            closed: self.closed.child_token(),
        }
    }

    /// The same for another workspace. Its polls are requests of their own, since one names one workspace.
    pub(crate) fn with_workspace(&self, uid: &str) -> Result<Self> {
        Ok(Self {
            executor: Arc::new(self.executor.with_workspace(uid)?),
            scheduler: Arc::default(),
            closed: self.closed.clone(),
        })
    }

    pub(crate) fn executor(&self) -> &Executor {
        &self.executor
    }

    /// The options of a call that starts something.
    pub(crate) fn starting(&self, options: CallOptions) -> CallOptions {
        CallOptions {
            closed: Some(self.closed.clone()),
            ..options
        }
    }

    pub(crate) fn closed(&self) -> &CancellationToken {
        &self.closed
    }

    pub(crate) async fn trigger(
        &self,
        request: TriggerRun,
        options: CallOptions,
    ) -> Result<Accepted> {
        check_request(&request)?;
        let options = self.starting(options);
        if request.is_on_the_page() {
            return self
                .executor
                .call::<TriggerDinoaiAgentRun>(request.into(), options)
                .await;
        }
        let accepted = self
            .executor
            .call::<TriggerDinoaiAgentRunWithOptions>(request.into(), options)
            .await?;
        if let Some(warning) = &accepted.warning {
            let warning = self.executor.context().redaction.text(warning);
            tracing::warn!(session_id = %accepted.session_id, warning, "accepted with a warning");
        }
        Ok(accepted)
    }

    pub(crate) async fn send(&self, message: String, options: CallOptions) -> Result<Accepted> {
        if message.trim().is_empty() {
            return Err(Error::blank("message"));
        }
        let options = self.starting(options);
        let variables = send_dinoai_agent_message::Variables {
            agent_session_id: options.id(),
            message,
        };
        self.executor
            .call::<SendDinoaiAgentMessage>(variables, options)
            .await
    }

    pub(crate) async fn stop(&self, id: SessionId, options: CallOptions) -> Result<Accepted> {
        let variables = stop_dinoai_agent_run::Variables {
            agent_session_id: id.to_string(),
        };
        let status = self
            .executor
            .call::<StopDinoaiAgentRun>(variables, options.for_run(id.clone()))
            .await?;
        Ok(Accepted {
            session_id: id,
            status,
            warning: None,
        })
    }

    pub(crate) async fn read_run(&self, options: CallOptions) -> Result<Run> {
        let variables = dinoai_agent_run::Variables { id: options.id() };
        self.executor
            .call::<DinoaiAgentRun>(variables, options)
            .await
    }

    pub(crate) async fn read_status(&self, options: CallOptions) -> Result<RunStatus> {
        let variables = dinoai_agent_run_status::Variables { id: options.id() };
        self.executor
            .call::<DinoaiAgentRunStatus>(variables, options)
            .await
    }

    pub(crate) async fn read_digest(&self, options: CallOptions) -> Result<Digest> {
        let variables = dinoai_agent_run_digest::Variables { id: options.id() };
        self.executor
            .call::<DinoaiAgentRunDigest>(variables, options)
            .await
    }

    pub(crate) async fn read_steps(
        &self,
        steps: StepOptions,
        options: CallOptions,
    ) -> Result<RunSteps> {
        let variables = dinoai_agent_run_steps::Variables::new(options.id(), steps);
        self.executor
            .call::<DinoaiAgentRunSteps>(variables, options)
            .await
    }

    pub(crate) async fn list_workspaces(&self, options: CallOptions) -> Result<Vec<Workspace>> {
        let variables = list_workspaces::Variables {};
        self.executor
            .call::<ListWorkspaces>(variables, options)
            .await
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        self.executor.clock()
    }

    /// What identifies the account: the endpoint, and the workspace if one is named. Not to be shown.
    pub(crate) fn account(&self) -> String {
        self.executor.http().account()
    }

    pub(crate) fn retry(&self) -> &Retry {
        self.executor.retry()
    }

    /// When a call that begins now is over, at the latest.
    pub(crate) fn over_at(&self, options: &CallOptions, now: Duration) -> Duration {
        self.executor.over_at(options, now)
    }

    /// Reads a run whole among the polls of all waits: see [`Member::read_run`].
    pub(crate) fn read_run_among(
        &self,
        member: &Member,
        call: CallOptions,
        deadline: Duration,
    ) -> impl Future<Output = (Duration, Result<Run>)> + Send + use<> {
        member.read_run(&self.executor, call, deadline)
    }

    /// Takes part in the polls of all waits of this client.
    pub(crate) fn join(&self) -> Member {
        self.scheduler.join(&self.executor)
    }

    /// The same in the runtime in which a wait goes on now. A delay that was asked for still holds.
    pub(crate) fn join_again(&self, before: &Member) -> Member {
        let member = self.join();
        member.hold_until(before.held_until());
        member
    }
}
