//! The API's operations, one struct for each document in `graphql/`, with the types that
//! `graphql_client` derives from it and the schema; and what the rest of the crate needs to know
//! of each: may it be sent twice, and what does its answer become.

use crate::error::Error;
use crate::model::{
    Accepted, Message, MessageKey, Run, RunStatus, RunSteps, SessionId, Slack, StartupStep, Step,
    StepOptions, TriggerRun,
};
use std::collections::BTreeMap;

use graphql_client::GraphQLQuery;
use serde::{Deserializer, Serialize};

pub(crate) use dinoai_agent_run_status::DinoAiAgentRunStatus;

/// One operation of the API's.
pub(crate) trait Operation: GraphQLQuery {
    /// What may happen to a request whose answer was lost.
    const REPEAT: Repeat;
    /// The root field.
    const ROOT: &'static str;
    /// The fields of the root that may be null beside an error while the rest still counts.
    const MAY_MISS: &'static [&'static str] = &[];
    /// The answer, for the rest of the crate.
    type Answer;

    /// The answer, or why there is none.
    fn answer(data: Self::ResponseData) -> Result<Self::Answer, Refusal>;

    /// The name of the agent that is asked for.
    fn agent(_: &Self::Variables) -> Option<&str> {
        None
    }

    /// The run that the answer says it is about, if it has to be the one that was asked for.
    fn session_id(_: &Self::Answer) -> Option<&SessionId> {
        None
    }
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
operation!(
    DinoaiAgentRunDigest,
    "graphql/dinoai_agent_run_digest.graphql",
    extern_enums("DinoAiAgentRunStatus")
);
operation!(
    DinoaiAgentRunSteps,
    "graphql/dinoai_agent_run_steps.graphql",
    extern_enums("DinoAiAgentRunStatus")
);
operation!(StopDinoaiAgentRun, "graphql/stop_dinoai_agent_run.graphql");

impl Operation for TriggerDinoaiAgentRun {
    const REPEAT: Repeat = Repeat::Never;
    const ROOT: &'static str = "triggerDinoaiAgentRun";
    type Answer = Accepted;

    fn answer(data: Self::ResponseData) -> Result<Accepted, Refusal> {
        let run = data.trigger_dinoai_agent_run.ok_or(Refusal::Nothing)?;
        let path = "triggerDinoaiAgentRun.agentSessionId";
        accepted(run.ok, path, run.agent_session_id, run.status, None)
    }

    fn agent(variables: &Self::Variables) -> Option<&str> {
        variables.agent.as_deref()
    }
}

impl Operation for TriggerDinoaiAgentRunWithOptions {
    const REPEAT: Repeat = Repeat::Never;
    const ROOT: &'static str = "triggerDinoaiAgentRun";
    const MAY_MISS: &'static [&'static str] = &["warning"];
    type Answer = Accepted;

    fn answer(data: Self::ResponseData) -> Result<Accepted, Refusal> {
        let run = data.trigger_dinoai_agent_run.ok_or(Refusal::Nothing)?;
        let path = "triggerDinoaiAgentRun.agentSessionId";
        accepted(run.ok, path, run.agent_session_id, run.status, run.warning)
    }

    fn agent(variables: &Self::Variables) -> Option<&str> {
        variables.agent.as_deref()
    }
}

impl Operation for SendDinoaiAgentMessage {
    const REPEAT: Repeat = Repeat::Never;
    const ROOT: &'static str = "sendDinoaiAgentMessage";
    type Answer = Accepted;

    fn answer(data: Self::ResponseData) -> Result<Accepted, Refusal> {
        let sent = data.send_dinoai_agent_message.ok_or(Refusal::Nothing)?;
        let path = "sendDinoaiAgentMessage.agentSessionId";
        accepted(sent.ok, path, sent.agent_session_id, sent.status, None)
    }

    fn session_id(accepted: &Accepted) -> Option<&SessionId> {
        Some(&accepted.session_id)
    }
}

impl Operation for DinoaiAgentRun {
    const REPEAT: Repeat = Repeat::Read;
    const ROOT: &'static str = "dinoaiAgentRun";
    type Answer = Run;

    fn answer(data: Self::ResponseData) -> Result<Run, Refusal> {
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
    const REPEAT: Repeat = Repeat::Read;
    const ROOT: &'static str = "dinoaiAgentRun";
    type Answer = RunStatus;

    fn answer(data: Self::ResponseData) -> Result<RunStatus, Refusal> {
        let run = data.dinoai_agent_run.ok_or(Refusal::Nothing)?;
        run_status(run.ok, run.status)
    }
}

/// What tells that there is something new in a run, without its texts.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Digest {
    pub(crate) status: RunStatus,
    pub(crate) messages: Vec<MessageKey>,
    pub(crate) child_session_ids: Vec<SessionId>,
}

impl Operation for DinoaiAgentRunDigest {
    const REPEAT: Repeat = Repeat::Read;
    const ROOT: &'static str = "dinoaiAgentRun";
    type Answer = Digest;

    fn answer(data: Self::ResponseData) -> Result<Digest, Refusal> {
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
    const REPEAT: Repeat = Repeat::Read;
    const ROOT: &'static str = "dinoaiAgentRun";
    const MAY_MISS: &'static [&'static str] = &["steps", "startupSteps"];
    type Answer = RunSteps;

    fn answer(data: Self::ResponseData) -> Result<RunSteps, Refusal> {
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
    const REPEAT: Repeat = Repeat::Idempotent;
    const ROOT: &'static str = "stopDinoaiAgentRun";
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

/// Refuses blank texts by name.
pub(crate) fn check_request(request: &TriggerRun) -> Result<(), Error> {
    let slack = request.slack.as_ref();
    let texts = [
        ("agent", request.agent.as_deref()),
        ("message", request.message.as_deref()),
        ("Slack channel", slack.map(|slack| slack.channel.as_str())),
        ("Slack thread", slack.map(|slack| slack.thread_ts.as_str())),
        ("base branch", request.base_branch.as_deref()),
        ("model family", request.model_family.as_deref()),
    ];
    for (field, text) in texts {
        if text.is_some_and(|text| text.trim().is_empty()) {
            return Err(Error::blank(field));
        }
    }
    Ok(())
}

/// Refuses numbers that GraphQL's `Int`, which has 32 bits, cannot hold.
pub(crate) fn check_step_options(options: &StepOptions) -> Result<(), Error> {
    let is_int = |number: i64| i32::try_from(number).is_ok();
    for (field, number) in [
        ("after", options.after),
        ("max chars", options.max_chars.map(i64::from)),
    ] {
        if number.is_some_and(|number| !is_int(number)) {
            return Err(Error::InvalidRequest {
                field,
                problem: format!("is larger than {} or smaller than {}", i32::MAX, i32::MIN),
            });
        }
    }
    Ok(())
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

/// The one document that is made at run time: the statuses of many runs, one alias each, over
/// the fragment of the document for one.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StatusBatch<'a> {
    query: String,
    operation_name: &'static str,
    variables: BTreeMap<String, &'a SessionId>,
}

impl<'a> StatusBatch<'a> {
    pub(crate) const OPERATION: &'static str = "DinoaiAgentRunStatuses";

    pub(crate) fn new(ids: &'a [SessionId]) -> Self {
        let (_, fragment) = dinoai_agent_run_status::QUERY
            .split_once("\nfragment ")
            .unwrap_or_default();
        let variable = |place| format!("id{place}");
        let declarations: Vec<_> = (0..ids.len())
            .map(|place| format!("${}: String!", variable(place)))
            .collect();
        let selections: Vec<_> = (0..ids.len())
            .map(|place| {
                let (alias, variable) = (batch_alias(place), variable(place));
                format!("  {alias}: dinoaiAgentRun(agentSessionId: ${variable}) {{ ...RunStatus }}")
            })
            .collect();
        Self {
            query: format!(
                "query {}({}) {{\n{}\n}}\n\nfragment {fragment}",
                Self::OPERATION,
                declarations.join(", "),
                selections.join("\n"),
            ),
            operation_name: Self::OPERATION,
            variables: (0..ids.len()).map(variable).zip(ids).collect(),
        }
    }
}

/// The alias of the run at a place of a batch.
pub(crate) fn batch_alias(place: usize) -> String {
    format!("run{place}")
}

/// What stands at an alias of a batch: the status, or with `ok: false` the status beside it.
pub(crate) fn batch_status<'de, D: Deserializer<'de>>(
    value: D,
) -> Result<Result<RunStatus, String>, serde_path_to_error::Error<D::Error>> {
    let run: dinoai_agent_run_status::RunStatus = serde_path_to_error::deserialize(value)?;
    Ok(match run_status(run.ok, run.status) {
        Ok(status) => Ok(status),
        Err(Refusal::NotAccepted(status)) => Err(status),
        Err(Refusal::Nothing | Refusal::Invalid { .. }) => Err(String::new()),
    })
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
