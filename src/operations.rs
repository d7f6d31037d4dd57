//! The API's operations, one struct for each document in `graphql/`, with the types that
//! `graphql_client` derives from it and the schema; and what the rest of the crate needs to know
//! of each: may it be sent twice, and what does its answer become.

use crate::run::{Accepted, Message, Run, RunStatus, SessionId};
use crate::trigger::{Slack, TriggerRun};
use graphql_client::GraphQLQuery;

pub(crate) use dinoai_agent_run_status::DinoAiAgentRunStatus;

/// One operation of the API's.
pub(crate) trait Operation: GraphQLQuery {
    /// What may happen to a request whose answer was lost.
    const REPEAT: Repeat;
    /// The fields of the root that may be null beside an error while the rest still counts.
    const MAY_MISS: &'static [&'static str] = &[];
    /// The answer, for the rest of the crate.
    type Answer;

    /// The answer, or why there is none.
    fn answer(data: Self::ResponseData) -> Result<Self::Answer, Refusal>;
}

/// What may happen to a request whose body left and whose answer was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// A read: it is sent again, over kept connections.
    Read,
    /// A change that can be made twice without harm: it is sent again.
    Idempotent,
    /// A change that would be made twice: it is never sent again.
    Never,
}

/// Data that is no answer.
#[derive(Debug, PartialEq)]
pub(crate) enum Refusal {
    /// The root field is null, and no error says why.
    Nothing,
    /// `ok: false`, and the status beside it.
    NotAccepted(String),
    /// A value that cannot be, and where.
    Invalid {
        path: &'static str,
        problem: &'static str,
    },
}

macro_rules! operation {
    ($name:ident, $document:tt $(, $option:ident $values:tt)?) => {
        #[derive(Debug, GraphQLQuery)]
        #[graphql(
            schema_path = "graphql/schema.graphql",
            query_path = $document,
            normalization = "rust",
            variables_derives = "Debug, Clone, PartialEq",
            response_derives = "Debug, Clone, PartialEq",
            skip_serializing_none
            $(, $option $values)?
        )]
        pub(crate) struct $name;
    };
}

operation!(
    TriggerDinoaiAgentRun,
    "graphql/trigger_dinoai_agent_run.graphql"
);
operation!(
    TriggerDinoaiAgentRunWithOptions,
    "graphql/trigger_dinoai_agent_run_with_options.graphql"
);
operation!(
    SendDinoaiAgentMessage,
    "graphql/send_dinoai_agent_message.graphql"
);
operation!(
    DinoaiAgentRun,
    "graphql/dinoai_agent_run.graphql",
    extern_enums("DinoAiAgentRunStatus")
);
// Owns the status enum; the others take it.
operation!(
    DinoaiAgentRunStatus,
    "graphql/dinoai_agent_run_status.graphql"
);
operation!(StopDinoaiAgentRun, "graphql/stop_dinoai_agent_run.graphql");

impl Operation for TriggerDinoaiAgentRun {
    const REPEAT: Repeat = Repeat::Never;
    type Answer = Accepted;

    fn answer(data: Self::ResponseData) -> Result<Accepted, Refusal> {
        let run = data.trigger_dinoai_agent_run.ok_or(Refusal::Nothing)?;
        let path = "triggerDinoaiAgentRun.agentSessionId";
        accepted(run.ok, path, run.agent_session_id, run.status, None)
    }
}

impl Operation for TriggerDinoaiAgentRunWithOptions {
    const REPEAT: Repeat = Repeat::Never;
    type Answer = Accepted;

    fn answer(data: Self::ResponseData) -> Result<Accepted, Refusal> {
        let run = data.trigger_dinoai_agent_run.ok_or(Refusal::Nothing)?;
        let path = "triggerDinoaiAgentRun.agentSessionId";
        accepted(run.ok, path, run.agent_session_id, run.status, run.warning)
    }
}

impl Operation for SendDinoaiAgentMessage {
    const REPEAT: Repeat = Repeat::Never;
    type Answer = Accepted;

    fn answer(data: Self::ResponseData) -> Result<Accepted, Refusal> {
        let sent = data.send_dinoai_agent_message.ok_or(Refusal::Nothing)?;
        let path = "sendDinoaiAgentMessage.agentSessionId";
        accepted(sent.ok, path, sent.agent_session_id, sent.status, None)
    }
}

impl Operation for DinoaiAgentRun {
    const REPEAT: Repeat = Repeat::Read;
    type Answer = Run;

    fn answer(data: Self::ResponseData) -> Result<Run, Refusal> {
        let run = data.dinoai_agent_run.ok_or(Refusal::Nothing)?;
        let status = run_status(run.ok, run.status)?;
        Ok(Run {
            session_id: session_id("dinoaiAgentRun.agentSessionId", run.agent_session_id)?,
            status,
            messages: run.messages.into_iter().map(message).collect(),
            child_session_ids: run
                .child_session_ids
                .into_iter()
                .map(|id| session_id("dinoaiAgentRun.childSessionIds", id))
                .collect::<Result<_, _>>()?,
            workspace_uid: run.workspace_uid,
        })
    }
}

impl Operation for DinoaiAgentRunStatus {
    const REPEAT: Repeat = Repeat::Read;
    type Answer = RunStatus;

    fn answer(data: Self::ResponseData) -> Result<RunStatus, Refusal> {
        let run = data.dinoai_agent_run.ok_or(Refusal::Nothing)?;
        run_status(run.ok, run.status)
    }
}

impl Operation for StopDinoaiAgentRun {
    const REPEAT: Repeat = Repeat::Idempotent;
    /// The status, as a word of the API's.
    type Answer = String;

    fn answer(data: Self::ResponseData) -> Result<String, Refusal> {
        let stopped = data.stop_dinoai_agent_run.ok_or(Refusal::Nothing)?;
        if !stopped.ok {
            return Err(Refusal::NotAccepted(stopped.status));
        }
        Ok(stopped.status)
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

fn run_status(ok: bool, status: DinoAiAgentRunStatus) -> Result<RunStatus, Refusal> {
    let status = match status {
        DinoAiAgentRunStatus::Queued => RunStatus::Queued,
        DinoAiAgentRunStatus::Running => RunStatus::Running,
        DinoAiAgentRunStatus::Completed => RunStatus::Completed,
        DinoAiAgentRunStatus::Failed => RunStatus::Failed,
        DinoAiAgentRunStatus::Expired => RunStatus::Expired,
        DinoAiAgentRunStatus::Stopped => RunStatus::Stopped,
        DinoAiAgentRunStatus::Other(word) => RunStatus::Other(word),
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

fn message(message: dinoai_agent_run::Message) -> Message {
    Message {
        ts: message.ts,
        role: message.role,
        content: message.content,
    }
}
