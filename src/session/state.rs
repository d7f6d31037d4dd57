//! [`SessionState`]: what a session has emitted of its run, so that nothing is emitted twice, and
//! which turn is open. It is what a [`Checkpoint`](crate::Checkpoint) stores.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::event::Event;
use super::seen_messages::SeenMessages;
use super::turn::TurnProgress;
use crate::model::{RunStatus, SessionId, StartupStep};

/// What a session has emitted of its run, and the turn that is open.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct SessionState {
    /// Whether anything has been noted; until then all of the past is unknown to the caller.
    pub(crate) is_used: bool,
    pub(crate) messages: SeenMessages,
    pub(crate) children: BTreeSet<SessionId>,
    pub(crate) status: Option<RunStatus>,
    /// The index of the last step.
    pub(crate) step: Option<i64>,
    pub(crate) startup: BTreeMap<String, bool>,
    /// The follow-up whose turn has not ended yet.
    pub(crate) turn: Option<TurnProgress>,
}

impl SessionState {
    /// Whether a line of the start-up checklist is new, or has changed.
    pub(crate) fn is_news(&self, step: &StartupStep) -> bool {
        self.startup.get(&step.label) != Some(&step.done)
    }

    /// Notes an event that is emitted, but for a message.
    pub(super) fn note(&mut self, event: &Event) {
        // That nothing was emitted of the run itself yet.
        self.is_used |= !matches!(
            event,
            Event::Started(_) | Event::Attached(_) | Event::Restarted(_) | Event::Sent(_)
        );
        match event {
            Event::Status(status) => self.status = Some(status.clone()),
            Event::Startup(step) => {
                self.startup.insert(step.label.clone(), step.done);
            }
            Event::HistoryChanged(_) => self.messages.note_change(),
            Event::Step(step) => self.step = Some(step.index),
            Event::Child(id) => {
                self.children.insert(id.clone());
            }
            Event::Started(_)
            | Event::Attached(_)
            | Event::Restarted(_)
            | Event::Sent(_)
            | Event::Message(_)
            | Event::StepsMissing(_)
            | Event::Ended(_) => {}
        }
    }
}
