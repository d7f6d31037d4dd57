//! What the fields of a run return.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use apollo_compiler::Name;
use apollo_compiler::resolvers::{FieldError, ObjectValue, ResolveInfo, ResolvedValue};
use apollo_compiler::response::JsonValue;

use crate::graphql::object_fields::{error, object, without_value};
use crate::quirks::Quirks;
use crate::run::{RunState, TranscriptMessage};
use crate::scenario::{Status, Step, StepAccess, StepRole};

/// Where the emulator cuts the texts of steps when `maxChars` does not say.
const MAX_CHARS: usize = 4_000;

/// A run as it stood when it was read.
pub(crate) struct RunObject<'a> {
    pub(crate) type_name: Name,
    pub(crate) state: Arc<RunState>,
    /// The status shown is that of the stage before.
    pub(crate) lags: bool,
    pub(crate) quirks: &'a Quirks,
}

impl ObjectValue for RunObject<'_> {
    fn type_name(&self) -> &str {
        &self.type_name
    }

    fn resolve_field<'a>(
        &'a self,
        info: &'a ResolveInfo<'a>,
    ) -> Result<ResolvedValue<'a>, FieldError> {
        let run = &*self.state;
        Ok(match info.field_name() {
            "ok" => ResolvedValue::leaf(true),
            "agentSessionId" => ResolvedValue::leaf(&*run.record.session_id),
            "status" => ResolvedValue::leaf(self.status()),
            "messages" => ResolvedValue::list(self.messages().into_iter().map(|message| {
                object(
                    info,
                    vec![
                        ("ts", message.ts().into()),
                        ("role", (&*message.role).into()),
                        ("content", (&*message.content).into()),
                    ],
                )
            })),
            "childSessionIds" => {
                ResolvedValue::list(run.children.iter().map(|id| ResolvedValue::leaf(&**id)))
            }
            "workspaceUid" => ResolvedValue::leaf(&*run.record.workspace_uid),
            "steps" => return self.steps(info),
            "startupSteps" => ResolvedValue::list(run.startup_steps.iter().map(|(label, done)| {
                object(
                    info,
                    vec![("label", (&**label).into()), ("done", (*done).into())],
                )
            })),
            _ => return without_value(info),
        })
    }
}

impl RunObject<'_> {
    fn status(&self) -> &str {
        let status = if self.lags {
            self.state.lagging_status()
        } else {
            &self.state.status
        };
        match &self.quirks.undeclared_status {
            Some(text) if *status == Status::Running => text,
            _ => status.as_str(),
        }
    }

    /// The messages of this response: old ones may be missing, and every other response may be out of
    /// order.
    fn messages(&self) -> Vec<&TranscriptMessage> {
        let all = &self.state.messages;
        let listed = self
            .state
            .returned
            .messages
            .fetch_max(all.len(), Ordering::Relaxed);
        let gone = self
            .quirks
            .compacted_transcript
            .map_or(0, |latest| all.len().saturating_sub(latest).min(listed));
        let mut messages: Vec<_> = all.iter().skip(gone).collect();
        let responses = self
            .state
            .returned
            .transcripts
            .fetch_add(1, Ordering::Relaxed);
        if responses % 2 == 1 {
            if self.quirks.repeated_messages {
                messages.extend_from_within(..);
            }
            if self.quirks.reordered_messages {
                messages.reverse();
            }
        }
        messages
    }

    fn steps<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Result<ResolvedValue<'a>, FieldError> {
        let scenario = self.state.scenario.as_ref();
        let is_unreadable = scenario.is_some_and(|it| it.steps == StepAccess::Unreadable);
        if self.quirks.unreadable_steps || is_unreadable {
            return Err(error("The steps of this run could not be read."));
        }
        let arguments = info.arguments();
        let after = arguments.get("after").and_then(JsonValue::as_i64);
        let tool_io = arguments
            .get("includeToolIo")
            .and_then(JsonValue::as_bool)
            .unwrap_or(false);
        // A negative limit cuts everything.
        let limit = arguments
            .get("maxChars")
            .and_then(JsonValue::as_i64)
            .map_or(MAX_CHARS, |chars| usize::try_from(chars).unwrap_or(0));
        let steps = (0_i64..).zip(&self.state.steps);
        Ok(ResolvedValue::list(
            steps
                .filter(move |(index, _)| after.is_none_or(|after| *index > after))
                .map(move |(index, step)| step_record(info, index, step, tool_io, limit)),
        ))
    }
}

fn step_record<'a>(
    info: &ResolveInfo<'_>,
    index: i64,
    step: &'a Step,
    tool_io: bool,
    limit: usize,
) -> ResolvedValue<'a> {
    let shown = |text: &'a Option<Box<str>>, hidden: bool| {
        let text = text.as_deref().filter(|_| !hidden)?;
        Some(first_characters(text, limit))
    };
    let input = shown(&step.input, !tool_io);
    let content = shown(&step.content, !tool_io && step.role == StepRole::Tool);
    let truncated = [&input, &content]
        .into_iter()
        .flatten()
        .any(|(_, truncated)| *truncated);
    object(
        info,
        vec![
            ("index", index.into()),
            ("role", step.role.as_str().into()),
            ("toolName", step.tool_name.as_deref().into()),
            ("toolInput", input.map(|(text, _)| text).into()),
            ("content", content.map(|(text, _)| text).into()),
            ("truncated", truncated.into()),
        ],
    )
}

/// The first `limit` characters of a text, and whether there were more.
fn first_characters(text: &str, limit: usize) -> (&str, bool) {
    match text.char_indices().nth(limit) {
        Some((end, _)) => (&text[..end], true),
        None => (text, false),
    }
}
