//! What the operations of the API do: the fields of the query's and the mutation's root.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use apollo_compiler::resolvers::{FieldError, ObjectValue, ResolveInfo, ResolvedValue};
use apollo_compiler::response::{JsonMap, JsonValue};
use apollo_compiler::{Name, Schema};

use super::run_fields::RunObject;
use super::workspace_fields::WorkspacesObject;
use crate::credentials::{Access, Workspaces};
use crate::graphql::introspection;
use crate::graphql::object_fields::{error, object, type_of, without_value};
use crate::quirks::Quirks;
use crate::run::{NotSent, RunStore, Slack, TriggerInput, UnknownAgent};

/// How many characters of a name a run keeps.
const LONGEST_NAME: usize = 255;

/// What resolving has done so far.
#[derive(Default)]
pub(crate) struct Trace {
    pub(crate) executed: bool,
    pub(crate) started: Vec<String>,
}

/// The root of a query or a mutation.
pub(crate) struct Root<'a> {
    pub(crate) type_name: Name,
    /// What introspection shows.
    pub(crate) declared: &'a Schema,
    pub(crate) runs: &'a Mutex<RunStore>,
    pub(crate) quirks: &'a Quirks,
    pub(crate) workspaces: &'a Workspaces,
    pub(crate) access: &'a Access,
    pub(crate) now: Duration,
    pub(crate) trace: &'a RefCell<Trace>,
}

impl ObjectValue for Root<'_> {
    fn type_name(&self) -> &str {
        &self.type_name
    }

    fn resolve_field<'a>(
        &'a self,
        info: &'a ResolveInfo<'a>,
    ) -> Result<ResolvedValue<'a>, FieldError> {
        if let Some(resolved) = introspection::root(self.declared, info) {
            return Ok(resolved);
        }
        if !info.field_name().starts_with("__") {
            self.trace.borrow_mut().executed = true;
        }
        let arguments = info.arguments();
        match info.field_name() {
            "dinoaiAgentRun" => self.run(info, arguments),
            "triggerDinoaiAgentRun" => self.trigger(info, arguments),
            "sendDinoaiAgentMessage" => self.send(info, arguments),
            "stopDinoaiAgentRun" => self.stop(info, arguments),
            "listWorkspaces" => Ok(ResolvedValue::object(WorkspacesObject {
                type_name: type_of(info),
                workspaces: self.workspaces,
            })),
            _ => without_value(info),
        }
    }
}

impl Root<'_> {
    fn run<'a>(
        &'a self,
        info: &ResolveInfo<'_>,
        arguments: &JsonMap,
    ) -> Result<ResolvedValue<'a>, FieldError> {
        let session_id = required(arguments, "agentSessionId")?;
        let seen = self
            .runs()
            .read(session_id, self.now)
            .ok_or_else(|| unknown_session(session_id))?;
        Ok(ResolvedValue::object(RunObject {
            type_name: type_of(info),
            state: seen.state,
            lags: seen.lags,
            quirks: self.quirks,
        }))
    }

    fn trigger<'a>(
        &self,
        info: &ResolveInfo<'_>,
        arguments: &JsonMap,
    ) -> Result<ResolvedValue<'a>, FieldError> {
        let input = TriggerInput {
            agent: text(arguments, "agent"),
            message: text(arguments, "message"),
            slack: slack(arguments),
            base_branch: text(arguments, "baseBranch"),
            model_family: text(arguments, "modelFamily"),
            workspace_uid: match self.access {
                Access::Workspace(uid) => Some(Arc::clone(uid)),
                Access::List => None,
            },
        };
        if input.agent.is_none() && input.message.is_none() {
            return Err(error(
                "At least one of 'agent' or 'message' must be provided.",
            ));
        }
        check_names(&input)?;
        let agent = input.agent.clone().unwrap_or_default();
        let accepted = self
            .runs()
            .trigger(input, self.now)
            .map_err(|UnknownAgent(known)| unknown_agent(&agent, &known))?;
        self.trace
            .borrow_mut()
            .started
            .push(accepted.session_id.clone());
        Ok(object(
            info,
            vec![
                ("ok", true.into()),
                ("agentSessionId", accepted.session_id.into()),
                ("status", "queued".into()),
                ("warning", accepted.warning.into()),
            ],
        ))
    }

    fn send<'a>(
        &self,
        info: &ResolveInfo<'_>,
        arguments: &JsonMap,
    ) -> Result<ResolvedValue<'a>, FieldError> {
        let session_id = required(arguments, "agentSessionId")?;
        let message = required(arguments, "message")?.to_owned();
        self.runs()
            .send(session_id, message, self.now)
            .map_err(|refused| match refused {
                NotSent::UnknownSession => unknown_session(session_id),
                NotSent::Idle => error(format!(
                    "The DinoAI agent session '{session_id}' is no longer active."
                )),
                NotSent::TooMany(most) => error(format!(
                    "The emulator keeps at most {most} follow-ups of the session '{session_id}'."
                )),
            })?;
        Ok(object(
            info,
            vec![
                ("ok", true.into()),
                ("agentSessionId", session_id.into()),
                ("status", "queued".into()),
            ],
        ))
    }

    fn stop<'a>(
        &self,
        info: &ResolveInfo<'_>,
        arguments: &JsonMap,
    ) -> Result<ResolvedValue<'a>, FieldError> {
        let session_id = required(arguments, "agentSessionId")?;
        let status = self
            .runs()
            .stop(session_id, self.now)
            .ok_or_else(|| unknown_session(session_id))?;
        let status = status.as_str().to_lowercase();
        Ok(object(
            info,
            vec![("ok", true.into()), ("status", status.into())],
        ))
    }

    fn runs(&self) -> MutexGuard<'_, RunStore> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A text argument; one that is empty counts as absent, as it does for the vendor's clients.
fn text(arguments: &JsonMap, name: &str) -> Option<String> {
    let text = arguments.get(name)?.as_str()?;
    (!text.is_empty()).then(|| text.to_owned())
}

fn required<'a>(arguments: &'a JsonMap, name: &str) -> Result<&'a str, FieldError> {
    arguments
        .get(name)
        .and_then(JsonValue::as_str)
        .ok_or_else(|| error(format!("The argument '{name}' must be a text.")))
}

fn slack(arguments: &JsonMap) -> Option<Slack> {
    let slack = arguments.get("slack")?.as_object()?;
    Some(Slack {
        channel: slack.get("channel")?.as_str()?.to_owned(),
        thread_ts: slack.get("threadTs")?.as_str()?.to_owned(),
    })
}

/// Refuses names that are longer than any is. Unlike long messages they are kept as long as the run.
fn check_names(input: &TriggerInput) -> Result<(), FieldError> {
    let slack = input.slack.as_ref();
    let names = [
        ("agent", input.agent.as_deref()),
        ("baseBranch", input.base_branch.as_deref()),
        ("modelFamily", input.model_family.as_deref()),
        ("slack.channel", slack.map(|it| it.channel.as_str())),
        ("slack.threadTs", slack.map(|it| it.thread_ts.as_str())),
    ];
    for (argument, name) in names {
        let length = name.map_or(0, |name| name.chars().count());
        if length > LONGEST_NAME {
            return Err(error(format!(
                "The argument '{argument}' is {length} characters long: the emulator takes at most \
                 {LONGEST_NAME}. No run was started."
            )));
        }
    }
    Ok(())
}

fn unknown_agent(agent: &str, known: &[String]) -> FieldError {
    let known = match known {
        [] => "There are none.".to_owned(),
        known => format!("Known agents: {}.", known.join(", ")),
    };
    error(format!("No DinoAI agent '{agent}' was found. {known}"))
}

fn unknown_session(session_id: &str) -> FieldError {
    error(format!("No DinoAI agent session '{session_id}' was found."))
}
