//! [`RunDocument`]: a run as one JSON document.

use dinoai::{Message, RunStatus, SessionId, StartupStep, Step};
use serde::Serialize;

/// A run, or a turn, as one document: what the lines of JSON say one after the other.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RunDocument<'a, R> {
    /// A run that was read whole, or [`UnfinishedRun`].
    #[serde(flatten)]
    pub(crate) run: &'a R,
    /// Where they were asked for, as are the next two.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) steps: Option<&'a [Step]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) startup_steps: Option<&'a [StartupStep]>,
    /// Why there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) steps_missing: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) warning: Option<&'a str>,
}

/// What was seen of a run that was not seen to end.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UnfinishedRun<'a> {
    #[serde(rename = "agentSessionId")]
    pub(crate) session_id: &'a SessionId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<&'a RunStatus>,
    pub(crate) messages: &'a [Message],
    pub(crate) child_session_ids: &'a [SessionId],
}
