//! [`Restart`]: whether a key whose run has ended is started again; and the [`EarlierRun`] then.

use serde::{Deserialize, Serialize};

use crate::model::{RunStatus, SessionId};

/// Whether a key whose run has ended is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Restart {
    /// Never: the run that has ended is the result, however it ended.
    #[default]
    Never,
    /// If it failed, expired or was stopped. The run before is kept among
    /// [`Entry::other_runs`](super::Entry::other_runs).
    Failed,
}

/// A run that had failed, and in whose place another one was started under the same key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct EarlierRun {
    /// Its session id.
    #[serde(rename = "agentSessionId")]
    pub session_id: SessionId,
    /// How it had ended.
    pub status: RunStatus,
}
