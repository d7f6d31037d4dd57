//! [`Restart`]: whether a key is started again; and the [`EarlierRun`] then, or what else a claim has [replaced](Before).

use serde::{Deserialize, Serialize};

use super::entry::State;
use crate::model::{RunStatus, SessionId};

/// Whether a key that has been started is started again.
///
/// An attempt that has certainly started nothing leaves the key as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Restart {
    /// Never: the run that has ended is the result, however it ended.
    #[default]
    Never,
    /// If it failed, expired or was stopped. The run before is kept among
    /// [`Entry::other_runs`](super::Entry::other_runs).
    Failed,
    /// If nobody knows whether it has started a run, after somebody has looked: there may be two runs then. Not where
    /// another process has tried it meanwhile.
    ///
    /// [`Client::retry_key`](crate::Client::retry_key) does the same for the next call.
    Unknown,
}

/// What a key was before it was claimed to be started again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Before {
    Failed(EarlierRun),
    /// [`State::Unknown`], or [`State::Free`] where somebody has decided to start it again.
    Was(State),
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
