//! [`Known`]: what is known of one item from the records of earlier batches.

use std::mem;

use dinoai::{Run, SessionId};

use super::item::Item;
use super::record::What;

/// What is known of an item.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// What was last started, or was to be.
    pub(super) request: Option<Item>,
    pub(super) state: State,
    /// What both were before an attempt of which nobody knows yet whether it started something.
    before: Option<(Option<Item>, State)>,
    /// Its runs beside the latest, but for those that had ended before another was started.
    pub(super) others: Vec<SessionId>,
}

/// Where an item stands.
#[derive(Debug, Default)]
pub(super) enum State {
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

impl Known {
    pub(super) fn is_new(&self) -> bool {
        matches!(self.state, State::New)
    }

    pub(super) fn go_on(&mut self, what: What) {
        match what {
            What::Starting { request } => {
                if let State::Going(id) = &self.state {
                    self.others.push(id.clone());
                }
                let state = mem::replace(&mut self.state, State::Unknown { is_reported: false });
                self.before = Some((self.request.replace(request), state));
            }
            What::Started { session_id } => self.has_run(session_id),
            What::Ended { request, run } => {
                self.has_run(run.session_id.clone());
                if self.latest() == Some(&run.session_id) {
                    self.request = request.or(self.request.take());
                    self.state = State::Ended(Box::new(run));
                }
            }
            What::Unknown { .. } => self.is_unknown(),
            What::Failed {
                error,
                may_have_started,
            } => match (error.session_id, may_have_started) {
                (Some(id), _) => self.has_run(id),
                (None, true) => self.is_unknown(),
                (None, false) => self.has_not_started(),
            },
        }
    }

    /// The run that counts.
    pub(super) fn latest(&self) -> Option<&SessionId> {
        match &self.state {
            State::Going(id) => Some(id),
            State::Ended(run) => Some(&run.session_id),
            State::New | State::Unknown { .. } => None,
        }
    }

    fn has_run(&mut self, id: SessionId) {
        if self.latest() == Some(&id) || self.others.contains(&id) {
            return;
        }
        // After an attempt one that had ended was started again on purpose.
        if self.before.take().is_none() {
            self.others.extend(self.latest().cloned());
        }
        self.state = State::Going(id);
    }

    fn is_unknown(&mut self) {
        self.before = None;
        if matches!(self.state, State::New | State::Unknown { .. }) {
            self.state = State::Unknown { is_reported: true };
        }
    }

    /// The latest attempt started nothing: what was before it holds.
    fn has_not_started(&mut self) {
        let Some((request, state)) = self.before.take() else {
            return;
        };
        if let State::Going(id) = &state {
            self.others.retain(|other| other != id);
        }
        (self.request, self.state) = (request, state);
    }
}
