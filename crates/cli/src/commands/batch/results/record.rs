//! [`Record`]: one line of the results of a batch.

use dinoai::{Run, RunStatus, SessionId};
use serde::{Deserialize, Serialize};

use super::super::items::Item;

/// One line of a batch's results: what has happened to an item.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Record {
    /// The item's place in the file, from 1.
    pub(crate) item: usize,
    #[serde(flatten)]
    pub(crate) what: ItemEvent,
}

impl Record {
    /// Whether it names this run.
    pub(crate) fn says(&self, id: &SessionId) -> bool {
        let named = match &self.what {
            ItemEvent::Started { session_id } => Some(session_id),
            ItemEvent::Ended { run, .. } => Some(&run.session_id),
            ItemEvent::Failed { error, .. } | ItemEvent::Unknown { error } => {
                error.session_id.as_ref()
            }
            ItemEvent::Starting { .. } => None,
        };
        named == Some(id)
    }

    /// The same for people, in the words of the last line of a batch. Why an item failed is said
    /// on standard error.
    pub(crate) fn in_words(&self) -> Option<String> {
        let (what, id) = match &self.what {
            ItemEvent::Starting { .. } => return None,
            ItemEvent::Started { session_id } => ("started", Some(session_id)),
            ItemEvent::Ended { run, .. } => (run.status.as_str(), Some(&run.session_id)),
            ItemEvent::Failed {
                error,
                may_have_started,
            } => match (&error.session_id, may_have_started) {
                (Some(id), _) => ("in progress", Some(id)),
                (None, true) => ("unknown", None),
                (None, false) => ("not started", None),
            },
            ItemEvent::Unknown { .. } => ("unknown", None),
        };
        let item = format!("item {} {what}", self.item);
        Some(match id {
            Some(id) => format!("{item} {id}"),
            None => item,
        })
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(
    tag = "event",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub(crate) enum ItemEvent {
    /// The trigger is about to be sent.
    Starting { request: Item },
    /// The run has started.
    Started {
        #[serde(rename = "agentSessionId")]
        session_id: SessionId,
    },
    /// The run has ended, well or not. With its request, so that such records stand for
    /// themselves.
    Ended {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        request: Option<Item>,
        run: Run,
    },
    /// The run could not be started, or not be waited for.
    Failed {
        error: FailureRecord,
        may_have_started: bool,
    },
    /// An earlier batch ended before it knew whether the run had started.
    Unknown { error: FailureRecord },
}

/// The first line of a results file: under which key its batch is in which journal.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "camelCase")]
pub(crate) enum ResultsHead {
    /// Each item has a key of its own, which begins with it.
    Batch { key: String, journal: String },
}

/// A failure as it is written down.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FailureRecord {
    pub(crate) kind: String,
    pub(crate) message: String,
    #[serde(rename = "agentSessionId")]
    pub(crate) session_id: Option<SessionId>,
}

/// What is reported of an item that may have been started, or not.
pub(crate) fn unknown() -> ItemEvent {
    ItemEvent::Unknown {
        error: FailureRecord {
            kind: "outcome_unknown".to_owned(),
            message: "an earlier batch ended before it knew whether this run had started; check \
                      the workspace, and restart it with --retry-unknown"
                .to_owned(),
            session_id: None,
        },
    }
}

/// What is reported of an item that was not tried, since the batch stopped before.
pub(crate) fn not_started(reason: &str) -> ItemEvent {
    ItemEvent::Failed {
        error: FailureRecord {
            kind: "not_started".to_owned(),
            message: format!("not started: {reason}"),
            session_id: None,
        },
        may_have_started: false,
    }
}

/// What is reported of an item whose run has ended, and was not read.
pub(crate) fn ended_as(id: &SessionId, status: &RunStatus) -> ItemEvent {
    ItemEvent::Failed {
        error: FailureRecord {
            kind: "run_failed".to_owned(),
            message: format!("the run {id} ended {status}"),
            session_id: Some(id.clone()),
        },
        may_have_started: true,
    }
}
