//! [`Checkpoint`]: where a session stands, as a value to store.

use serde::{Deserialize, Serialize};

use super::state::SessionState;
use crate::model::SessionId;

/// The state of a [`Session`](crate::Session), to store.
///
/// Made by [`Session::checkpoint`](crate::Session::checkpoint), used by
/// [`Client::resume`](crate::Client::resume), in this process or another. It is small (the
/// session id, and some 40 bytes for each message and child seen) and holds no text of the
/// conversation, only a hash of each.
///
/// It serialises as JSON of a version of its own, which survives a reader that takes all numbers
/// for doubles, as JavaScript and `jq` do. Store it whole. Deserialising refuses a version that
/// this release does not know.
///
/// ```
/// # fn example(session: &dinoai::Session) -> serde_json::Result<()> {
/// let stored = serde_json::to_string(&session.checkpoint())?;
/// let checkpoint: dinoai::Checkpoint = serde_json::from_str(&stored)?;
/// assert_eq!(checkpoint.session_id(), session.id());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "StoredCheckpoint", into = "StoredCheckpoint")]
pub struct Checkpoint {
    pub(crate) session_id: SessionId,
    pub(crate) state: SessionState,
}

impl Checkpoint {
    /// A checkpoint at which nothing has been emitted.
    pub(crate) fn fresh(session_id: SessionId) -> Self {
        Self {
            session_id,
            state: SessionState::default(),
        }
    }

    /// The run that it is about.
    ///
    /// ```
    /// # fn example(checkpoint: &dinoai::Checkpoint) {
    /// println!("run {}", checkpoint.session_id());
    /// # }
    /// ```
    #[must_use]
    pub fn session_id(&self) -> &SessionId {
        &self.session_id
    }

    /// Whether a follow-up was sent whose turn has not ended yet, as far as the session knows.
    ///
    /// [`Session::wait`](crate::Session::wait) on the resumed session waits for it.
    ///
    /// ```
    /// # fn example(checkpoint: &dinoai::Checkpoint) {
    /// if checkpoint.has_open_turn() {
    ///     println!("run {} still owes an answer", checkpoint.session_id());
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn has_open_turn(&self) -> bool {
        self.state.turn.is_some()
    }
}

/// The version of a checkpoint's JSON.
const VERSION: u32 = 1;

/// A checkpoint as it is stored.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct StoredCheckpoint {
    version: u32,
    #[serde(rename = "agentSessionId")]
    session_id: SessionId,
    cursor: serde_json::Value,
}

impl TryFrom<StoredCheckpoint> for Checkpoint {
    type Error = String;

    fn try_from(stored: StoredCheckpoint) -> Result<Self, String> {
        if stored.version != VERSION {
            return Err(format!(
                "this is a checkpoint of version {}, and this release of dinoai reads version \
                 {VERSION}: use the release that wrote it, or start from the session id {}",
                stored.version, stored.session_id
            ));
        }
        let state = serde_json::from_value(stored.cursor)
            .map_err(|error| format!("this is no checkpoint: {error}"))?;
        Ok(Self {
            session_id: stored.session_id,
            state,
        })
    }
}

impl From<Checkpoint> for StoredCheckpoint {
    fn from(checkpoint: Checkpoint) -> Self {
        Self {
            version: VERSION,
            session_id: checkpoint.session_id,
            // The state is a map with texts for keys, so this cannot fail.
            cursor: serde_json::to_value(checkpoint.state).unwrap_or_default(),
        }
    }
}
