//! [`ItemHistory`]: what is known of one item from the records of earlier batches.

use std::mem;

use dinoai::{Run, SessionId};

use super::super::items::Item;
use super::super::results::record::ItemEvent;

/// What is known of an item.
#[derive(Debug, Default)]
pub(crate) struct ItemHistory {
    /// What was last started, or was to be.
    pub(crate) request: Option<Item>,
    pub(crate) state: ItemState,
    /// What both were before an attempt of which nobody knows yet whether it started something.
    before: Option<(Option<Item>, ItemState)>,
    /// Its runs beside the latest, but for those that had ended before another was started.
    pub(crate) others: Vec<SessionId>,
}

/// Where an item stands.
#[derive(Debug, Default)]
pub(crate) enum ItemState {
    /// Certainly not started.
    #[default]
    New,
    /// Started, or not.
    Unknown {
        /// Whether a record says so.
        is_reported: bool,
    },
    Going(SessionId),
    Ended(Box<Run>),
}

impl ItemHistory {
    pub(crate) fn is_new(&self) -> bool {
        matches!(self.state, ItemState::New)
    }

    pub(crate) fn apply(&mut self, what: ItemEvent) {
        match what {
            ItemEvent::Starting { request } => {
                if let ItemState::Going(id) = &self.state {
                    self.others.push(id.clone());
                }
                let state =
                    mem::replace(&mut self.state, ItemState::Unknown { is_reported: false });
                self.before = Some((self.request.replace(request), state));
            }
            ItemEvent::Started { session_id } => self.add_run(session_id),
            ItemEvent::Ended { request, run } => {
                self.add_run(run.session_id.clone());
                if self.latest() == Some(&run.session_id) {
                    self.request = request.or(self.request.take());
                    self.state = ItemState::Ended(Box::new(run));
                }
            }
            ItemEvent::Unknown { .. } => self.mark_unknown(),
            ItemEvent::Failed {
                error,
                may_have_started,
            } => match (error.session_id, may_have_started) {
                (Some(id), _) => self.add_run(id),
                (None, true) => self.mark_unknown(),
                (None, false) => self.mark_not_started(),
            },
        }
    }

    /// The run that counts.
    pub(crate) fn latest(&self) -> Option<&SessionId> {
        match &self.state {
            ItemState::Going(id) => Some(id),
            ItemState::Ended(run) => Some(&run.session_id),
            ItemState::New | ItemState::Unknown { .. } => None,
        }
    }

    fn add_run(&mut self, id: SessionId) {
        if self.latest() == Some(&id) || self.others.contains(&id) {
            return;
        }
        // After an attempt one that had ended was started again on purpose.
        if self.before.take().is_none() {
            self.others.extend(self.latest().cloned());
        }
        self.state = ItemState::Going(id);
    }

    fn mark_unknown(&mut self) {
        self.before = None;
        if matches!(self.state, ItemState::New | ItemState::Unknown { .. }) {
            self.state = ItemState::Unknown { is_reported: true };
        }
    }

    /// The latest attempt started nothing: what was before it holds.
    fn mark_not_started(&mut self) {
        let Some((request, state)) = self.before.take() else {
            return;
        };
        if let ItemState::Going(id) = &state {
            self.others.retain(|other| other != id);
        }
        (self.request, self.state) = (request, state);
    }
}
