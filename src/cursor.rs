//! What a [`Session`](crate::Session) has handed out of its run, so that nothing is handed out
//! twice; and its [`Checkpoint`], to go on in another process.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::run::{Message, RunStatus, SessionId, is_user};
use crate::steps::StartupStep;
use crate::turn::Progress;

/// Where a [`Session`](crate::Session) stands in its run: a value to store.
///
/// Made by [`Session::checkpoint`](crate::Session::checkpoint), used by
/// [`Client::resume`](crate::Client::resume), in this process or another. It is small (the
/// session id, and a few bytes for each message and child seen) and holds no text of the
/// conversation. Its serialised form is this crate's own: store it whole, and do not look inside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Checkpoint {
    #[serde(rename = "agentSessionId")]
    pub(crate) session_id: SessionId,
    pub(crate) cursor: Cursor,
}

impl Checkpoint {
    /// A checkpoint at which nothing has been handed out.
    pub(crate) fn fresh(session_id: SessionId) -> Self {
        Self {
            session_id,
            cursor: Cursor::default(),
        }
    }

    /// The run that it is about.
    #[must_use]
    pub fn session_id(&self) -> &SessionId {
        &self.session_id
    }
}

/// What has been handed out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Cursor {
    /// Whether anything has been noted; until then all of the past is unknown to the caller.
    pub(crate) is_used: bool,
    pub(crate) messages: BTreeSet<MessageKey>,
    pub(crate) children: BTreeSet<SessionId>,
    pub(crate) status: Option<RunStatus>,
    /// The index of the last step.
    pub(crate) step: Option<i64>,
    pub(crate) startup: BTreeMap<String, bool>,
    /// The follow-up whose turn has not ended yet.
    pub(crate) turn: Option<Progress>,
}

impl Cursor {
    /// Whether a line of the start-up checklist is new, or has changed.
    pub(crate) fn is_news(&self, step: &StartupStep) -> bool {
        self.startup.get(&step.label) != Some(&step.done)
    }
}

/// What identifies a message within its run: its timestamp, bit by bit, and whether the caller
/// wrote it. The role itself does not: the agent's has been seen as `agent` and as `assistant`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "(u64, bool)", into = "(u64, bool)")]
pub(crate) struct MessageKey {
    /// The bits, since a number can change a little on its way through JSON.
    ts: u64,
    pub(crate) is_from_user: bool,
}

impl MessageKey {
    pub(crate) fn new(ts: f64, role: &str) -> Self {
        Self {
            ts: ts.to_bits(),
            is_from_user: is_user(role),
        }
    }

    pub(crate) fn of(message: &Message) -> Self {
        Self::new(message.ts, &message.role)
    }

    pub(crate) fn ts(self) -> f64 {
        f64::from_bits(self.ts)
    }
}

impl From<(u64, bool)> for MessageKey {
    fn from((ts, is_from_user): (u64, bool)) -> Self {
        Self { ts, is_from_user }
    }
}

impl From<MessageKey> for (u64, bool) {
    fn from(key: MessageKey) -> Self {
        (key.ts, key.is_from_user)
    }
}
