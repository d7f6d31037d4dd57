//! What an emulator tells about the runs that it started.

use serde::Serialize;

/// A run that the emulator started, as a test sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Run {
    /// The session id that the trigger answered.
    pub session_id: String,
    /// The agent that was asked for.
    pub agent: Option<String>,
    /// The message that the run was triggered with.
    pub message: Option<String>,
    /// The Slack routing that was asked for.
    pub slack: Option<Slack>,
    /// The base branch that was asked for.
    pub base_branch: Option<String>,
    /// The branch, tag or commit that the agent works on: the base branch where there is one and
    /// the emulator knows it, else `main`. See [`Builder::branch`](crate::Builder::branch).
    pub checked_out: String,
    /// The model family that was asked for, known or not.
    pub model_family: Option<String>,
    /// The follow-up messages that the run received, in order.
    pub follow_ups: Vec<String>,
    /// The session id of the run that started this one; none for a run that was triggered.
    pub parent: Option<String>,
    /// Where the run stands now, as a word of the API's. Asking does not count as a read.
    pub status: String,
}

/// Where in Slack a run posts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Slack {
    /// The channel's id.
    pub channel: String,
    /// The timestamp of the thread.
    pub thread_ts: String,
}
