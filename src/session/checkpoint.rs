//! [`Checkpoint`]: where a session stands, as a value to store.

use serde::{Deserialize, Serialize};

use super::state::SessionState;
use crate::model::SessionId;

/// The state of a [`Session`](crate::Session), to store.
///
/// Made by [`Session::checkpoint`](crate::Session::checkpoint), used by
/// [`Client::resume`](crate::Client::resume), in this process or another. It holds no text of the
/// conversation, only hashes.
///
/// # Size
///
/// As JSON it has at most 80 KB, however long the conversation is, and about 50 KB where no two
/// messages have one timestamp and author. It knows the newest 1,000 messages one by one, up to 2,000 if
/// several have one timestamp and author, and of older ones their number and sums of their hashes, which
/// suffice to find late ones, up to 63 at once. A message that is later than that is emitted as any other, unless the API
/// does not list all of the older ones any more: see
/// [`Event::HistoryChanged`](crate::Event::HistoryChanged). Beside that it has the label of each
/// line of the start-up checklist and the id of each child, some 20 bytes each, of which a run has
/// few: of the 10,000 runs that a [tree](crate::Session::tree) reads at most they take 200 KB.
///
/// # Versions
///
/// It serialises as JSON of a version of its own, 2, which survives a reader that takes all numbers
/// for doubles, as JavaScript and `jq` do. Store it whole. Version 1 is read as well.
/// Deserialising refuses a version that this release does not know.
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

/// The version of a checkpoint's JSON that is written.
const VERSION: u32 = 2;
/// The first version: it has all messages where version 2 has a tail and sums.
const FIRST_VERSION: u32 = 1;

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

    fn try_from(mut stored: StoredCheckpoint) -> Result<Self, String> {
        match stored.version {
            VERSION => {}
            FIRST_VERSION => {
                if let Some(messages) = stored.cursor.get_mut("messages") {
                    *messages = serde_json::json!({ "tail": messages.take() });
                }
            }
            other => {
                return Err(format!(
                    "this is a checkpoint of version {other}, and this release of dinoai reads \
                     versions {FIRST_VERSION} and {VERSION}: use the release that wrote it, or \
                     start from the session id {}",
                    stored.session_id
                ));
            }
        }
        let mut state: SessionState = serde_json::from_value(stored.cursor)
            .map_err(|error| format!("this is no checkpoint: {error}"))?;
        state.messages.forget();
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
