//! What the generated types of each document become, and what the transport has to know of each:
//! may it be sent again, and which of its fields may be missing.

use super::documents::{
    DinoAiAgentRunStatus, DinoaiAgentRun, DinoaiAgentRunDigest, DinoaiAgentRunStatus,
    DinoaiAgentRunSteps, ListWorkspaces, SendDinoaiAgentMessage, StopDinoaiAgentRun,
    TriggerDinoaiAgentRun, TriggerDinoaiAgentRunWithOptions, dinoai_agent_run,
    dinoai_agent_run_digest, dinoai_agent_run_status, dinoai_agent_run_steps, list_workspaces,
    send_dinoai_agent_message, stop_dinoai_agent_run, trigger_dinoai_agent_run,
    trigger_dinoai_agent_run_with_options,
};
use super::find_ids::find_ids;
use super::lenient::{relax_changes, relax_reads};
use super::refusal::is_refusal;
use crate::error::Purpose;
use crate::model::{
    Accepted, Message, MessageKey, Run, RunStatus, RunSteps, SessionId, Slack, StartupStep, Step,
    StepOptions, TriggerRun, Workspace,
};
use crate::transport::{Operation, OperationInfo, Refusal, Safety};

/// What tells that there is something new in a run, without its texts.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Digest {
    pub(crate) status: RunStatus,
    pub(crate) messages: Vec<MessageKey>,
    pub(crate) child_session_ids: Vec<SessionId>,
}

impl Digest {
    /// Where the status alone was read.
    pub(crate) fn of_status(status: RunStatus) -> Self {
        Self {
            status,
            messages: vec![],
            child_session_ids: vec![],
        }
    }
}

/// The root field of every look-up.
pub(super) const READ_ROOT: &str = "dinoaiAgentRun";

/// Of a look-up.
pub(super) const fn read(name: &'static str, purpose: Purpose) -> OperationInfo {
    OperationInfo {
        name,
        purpose,
        root: Some(READ_ROOT),
        skipped_root: None,
        id_field: "agentSessionId",
        safety: Safety::Read,
        needs_workspace: true,
        may_miss: &[],
        relax: relax_reads,
        find_ids,
        is_refusal,
    }
}

/// Of a mutation.
const fn change(name: &'static str, purpose: Purpose, root: &'static str) -> OperationInfo {
    OperationInfo {
        name,
        purpose,
        root: Some(root),
        skipped_root: None,
        id_field: "agentSessionId",
        safety: Safety::Never,
        needs_workspace: true,
        may_miss: &[],
        relax: relax_changes,
        find_ids,
        is_refusal,
    }
}

impl Operation for TriggerDinoaiAgentRun {
    const INFO: OperationInfo = change(
        trigger_dinoai_agent_run::OPERATION_NAME,
        Purpose::Trigger,
        "triggerDinoaiAgentRun",
    );
    type Output = Accepted;

    fn output(data: Self::ResponseData) -> Result<Accepted, Refusal> {
        let run = data.trigger_dinoai_agent_run.ok_or(Refusal::Nothing)?;
        let path = "triggerDinoaiAgentRun.agentSessionId";
        accepted(run.ok, path, run.agent_session_id, run.status, None)
    }

    fn agent(variables: &Self::Variables) -> Option<&str> {
        variables.agent.as_deref()
    }
}

impl Operation for TriggerDinoaiAgentRunWithOptions {
    const INFO: OperationInfo = OperationInfo {
        may_miss: &["warning"],
        ..change(
            trigger_dinoai_agent_run_with_options::OPERATION_NAME,
            Purpose::Trigger,
            "triggerDinoaiAgentRun",
        )
    };
    type Output = Accepted;

    fn output(data: Self::ResponseData) -> Result<Accepted, Refusal> {
        let run = data.trigger_dinoai_agent_run.ok_or(Refusal::Nothing)?;
        let path = "triggerDinoaiAgentRun.agentSessionId";
        accepted(run.ok, path, run.agent_session_id, run.status, run.warning)
    }

    fn agent(variables: &Self::Variables) -> Option<&str> {
        variables.agent.as_deref()
    }
}

impl Operation for SendDinoaiAgentMessage {
    const INFO: OperationInfo = change(
        send_dinoai_agent_message::OPERATION_NAME,
        Purpose::FollowUp,
        "sendDinoaiAgentMessage",
    );
    type Output = Accepted;

    fn output(data: Self::ResponseData) -> Result<Accepted, Refusal> {
        let sent = data.send_dinoai_agent_message.ok_or(Refusal::Nothing)?;
        let path = "sendDinoaiAgentMessage.agentSessionId";
        accepted(sent.ok, path, sent.agent_session_id, sent.status, None)
    }

    fn session_id(accepted: &Accepted) -> Option<&SessionId> {
        Some(&accepted.session_id)
    }
}

impl Operation for DinoaiAgentRun {
    const INFO: OperationInfo = read(dinoai_agent_run::OPERATION_NAME, Purpose::Read);
    type Output = Run;

    fn output(data: Self::ResponseData) -> Result<Run, Refusal> {
        let run = data.dinoai_agent_run.ok_or(Refusal::Nothing)?;
        let status = run_status(run.ok, run.status)?;
        Ok(Run {
            session_id: session_id("dinoaiAgentRun.agentSessionId", run.agent_session_id)?,
            status,
            messages: run.messages.into_iter().map(message).collect(),
            child_session_ids: children(run.child_session_ids)?,
            workspace_uid: run.workspace_uid,
        })
    }

    fn session_id(run: &Run) -> Option<&SessionId> {
        Some(&run.session_id)
    }
}

impl Operation for DinoaiAgentRunStatus {
    const INFO: OperationInfo = read(dinoai_agent_run_status::OPERATION_NAME, Purpose::ReadStatus);
    type Output = RunStatus;

    fn output(data: Self::ResponseData) -> Result<RunStatus, Refusal> {
        let run = data.dinoai_agent_run.ok_or(Refusal::Nothing)?;
        run_status(run.ok, run.status)
    }
}

impl Operation for DinoaiAgentRunDigest {
    const INFO: OperationInfo = read(dinoai_agent_run_digest::OPERATION_NAME, Purpose::Read);
    type Output = Digest;

    fn output(data: Self::ResponseData) -> Result<Digest, Refusal> {
        let run = data.dinoai_agent_run.ok_or(Refusal::Nothing)?;
        Ok(Digest {
            status: run_status(run.ok, run.status)?,
            messages: run
                .messages
                .iter()
                .map(|message| MessageKey::new(message.ts, &message.role))
                .collect(),
            child_session_ids: children(run.child_session_ids)?,
        })
    }
}

impl Operation for DinoaiAgentRunSteps {
    const INFO: OperationInfo = OperationInfo {
        may_miss: &["steps", "startupSteps"],
        ..read(dinoai_agent_run_steps::OPERATION_NAME, Purpose::ReadSteps)
    };
    type Output = RunSteps;

    fn output(data: Self::ResponseData) -> Result<RunSteps, Refusal> {
        let run = data.dinoai_agent_run.ok_or(Refusal::Nothing)?;
        let steps = |steps: Vec<_>| steps.into_iter().map(step).collect();
        let startup_steps = |steps: Vec<_>| steps.into_iter().map(startup_step).collect();
        Ok(RunSteps {
            status: run_status(run.ok, run.status)?,
            steps: run.steps.map(steps),
            startup_steps: run.startup_steps.map(startup_steps),
        })
    }
}

impl Operation for StopDinoaiAgentRun {
    const INFO: OperationInfo = OperationInfo {
        safety: Safety::Idempotent,
        ..change(
            stop_dinoai_agent_run::OPERATION_NAME,
            Purpose::Stop,
            "stopDinoaiAgentRun",
        )
    };
    /// The status, as the API's word.
    type Output = String;

    fn output(data: Self::ResponseData) -> Result<String, Refusal> {
        let stopped = data.stop_dinoai_agent_run.ok_or(Refusal::Nothing)?;
        if !stopped.ok {
            return Err(Refusal::NotAccepted(stopped.status));
        }
        Ok(stopped.status)
    }
}

impl Operation for ListWorkspaces {
    const INFO: OperationInfo = OperationInfo {
        root: Some("listWorkspaces"),
        needs_workspace: false,
        relax: |_| {},
        ..read(list_workspaces::OPERATION_NAME, Purpose::ListWorkspaces)
    };
    type Output = Vec<Workspace>;

    fn output(data: Self::ResponseData) -> Result<Vec<Workspace>, Refusal> {
        // Not `Nothing`, which says that there is no such run.
        let listed = data.list_workspaces.ok_or(Refusal::Invalid {
            path: "listWorkspaces",
            problem: "null, and no error says why",
        })?;
        let listed = listed.workspaces.into_iter();
        let workspaces = listed.map(|workspace| Workspace {
            uid: workspace.uid,
            name: workspace.name,
        });
        Ok(workspaces.collect())
    }
}

impl From<TriggerRun> for trigger_dinoai_agent_run::Variables {
    fn from(request: TriggerRun) -> Self {
        Self {
            agent: request.agent,
            message: request.message,
            slack: request.slack.map(|Slack { channel, thread_ts }| {
                trigger_dinoai_agent_run::DinoAiAgentSlackInput { channel, thread_ts }
            }),
        }
    }
}

impl From<TriggerRun> for trigger_dinoai_agent_run_with_options::Variables {
    fn from(request: TriggerRun) -> Self {
        Self {
            agent: request.agent,
            message: request.message,
            slack: request.slack.map(|Slack { channel, thread_ts }| {
                trigger_dinoai_agent_run_with_options::DinoAiAgentSlackInput { channel, thread_ts }
            }),
            base_branch: request.base_branch,
            model_family: request.model_family,
        }
    }
}

impl dinoai_agent_run_steps::Variables {
    pub(crate) fn new(id: String, options: StepOptions) -> Self {
        Self {
            id,
            after: options.after,
            include_tool_io: options.tool_io.then_some(true),
            max_chars: options.max_chars.map(i64::from),
        }
    }
}

fn accepted(
    ok: bool,
    path: &'static str,
    id: String,
    status: String,
    warning: Option<String>,
) -> Result<Accepted, Refusal> {
    if !ok {
        return Err(Refusal::NotAccepted(status));
    }
    Ok(Accepted {
        session_id: session_id(path, id)?,
        status,
        warning,
    })
}

pub(super) fn run_status(ok: bool, status: DinoAiAgentRunStatus) -> Result<RunStatus, Refusal> {
    let status = match status {
        DinoAiAgentRunStatus::Queued => RunStatus::Queued,
        DinoAiAgentRunStatus::Running => RunStatus::Running,
        DinoAiAgentRunStatus::Completed => RunStatus::Completed,
        DinoAiAgentRunStatus::Failed => RunStatus::Failed,
        DinoAiAgentRunStatus::Expired => RunStatus::Expired,
        DinoAiAgentRunStatus::Stopped => RunStatus::Stopped,
        DinoAiAgentRunStatus::Other(word) => RunStatus::from(word),
    };
    if ok {
        Ok(status)
    } else {
        Err(Refusal::NotAccepted(status.to_string()))
    }
}

fn session_id(path: &'static str, id: String) -> Result<SessionId, Refusal> {
    SessionId::new(id).map_err(|_| Refusal::Invalid {
        path,
        problem: "a blank session id",
    })
}

fn children(ids: Vec<String>) -> Result<Vec<SessionId>, Refusal> {
    ids.into_iter()
        .map(|id| session_id("dinoaiAgentRun.childSessionIds", id))
        .collect()
}

fn message(message: dinoai_agent_run::Message) -> Message {
    Message {
        ts: message.ts,
        role: message.role,
        content: message.content,
    }
}

fn step(step: dinoai_agent_run_steps::Step) -> Step {
    Step {
        index: step.index,
        role: step.role,
        tool_name: step.tool_name,
        tool_input: step.tool_input,
        content: step.content,
        truncated: step.truncated,
    }
}

fn startup_step(step: dinoai_agent_run_steps::StartupStep) -> StartupStep {
    StartupStep {
        label: step.label,
        done: step.done,
    }
}
