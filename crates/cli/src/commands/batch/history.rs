//! [`Histories::from_records`]: what is known of each item of a batch from the records of earlier
//! ones, an [`ItemHistory`]. [`Histories::learn`] adds what the journal says, which counts.

use std::collections::BTreeMap;
use std::mem;

use dinoai::journal::{RequestDigest, State, Stored};
use dinoai::{Run, RunStatus, SessionId};

use super::items::Item;
use super::keys::ItemKeys;
use super::results::record::{ItemEvent, Record};
use crate::commands::run::trigger_run;
use crate::report::{Failure, hint};

/// What is known of the items, by their numbers.
#[derive(Debug, Default)]
pub(super) struct Histories(pub(super) BTreeMap<usize, ItemHistory>);

impl Histories {
    /// Goes through the records in order. Of the attempts of the first `unjournaled` the journal knows nothing.
    pub(super) fn from_records(records: Vec<Record>, unjournaled: usize) -> Self {
        let mut known: BTreeMap<usize, ItemHistory> = BTreeMap::new();
        let mut records = records.into_iter();
        for record in records.by_ref().take(unjournaled) {
            known.entry(record.item).or_default().apply(record.what);
        }
        known.values_mut().for_each(ItemHistory::end_of_the_old);
        for record in records {
            known.entry(record.item).or_default().apply(record.what);
        }
        Self(known)
    }

    /// The items, each with what was started last, as far as the results say.
    pub(super) fn last_started(&self, items: &[Item]) -> Vec<(usize, Item, Option<Item>)> {
        let items = items.iter().enumerate().map(|(place, item)| {
            let known = self.0.get(&(place + 1));
            let started = known.and_then(|known| known.request.clone());
            (place + 1, item.clone(), started)
        });
        items.collect()
    }

    /// Adds what the journal says, which counts.
    pub(super) fn learn(&mut self, known: &BTreeMap<usize, ItemKeys>, items: &[Item]) {
        for (place, item) in items.iter().enumerate() {
            let number = place + 1;
            let Some(ItemKeys { last, is_newer, .. }) = known.get(&number) else {
                continue;
            };
            let history = self.0.entry(number).or_default();
            if *is_newer {
                history.request = Some(item.clone());
            }
            if let Some(stored) = &last.stored {
                history.learn(stored, *is_newer);
            }
        }
    }

    /// What is to be said of each item that shows more runs than one.
    pub(super) fn several_runs(&self) -> Vec<String> {
        let several = self.0.iter().filter(|(_, known)| !known.others.is_empty());
        let said = several.map(|(number, known)| {
            let others = hint::ids(&known.others);
            let counts = match known.latest() {
                Some(latest) => format!("the latest, {latest}, is the one that counts"),
                None => "it is unknown whether the last attempt started a run".to_owned(),
            };
            format!(
                "item {number} has been started more than once: {counts}; to see the results of the \
                 others: dinoai wait {others}"
            )
        });
        said.collect()
    }
}

/// What is known of an item.
#[derive(Debug, Default)]
pub(super) struct ItemHistory {
    /// What was last started, or was to be.
    pub(super) request: Option<Item>,
    pub(super) state: RecordedState,
    /// What both were before an attempt of which nobody knows yet whether it started something.
    before: Option<(Option<Item>, RecordedState)>,
    /// Its runs beside the latest, but for those that had ended before another was started.
    others: Vec<SessionId>,
    /// Its runs that have ended.
    ended: Vec<SessionId>,
    /// Its runs from before the journal knew the batch.
    old: Vec<SessionId>,
    /// What the journal says of its key.
    pub(super) key: Option<KeyState>,
    /// The request of the key, if the journal says more of it than that it is free.
    digest: Option<RequestDigest>,
}

/// How far a key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyState {
    Run,
    Unknown,
    InFlight,
}

/// What the records say of an item.
#[derive(Debug, Default)]
pub(super) enum RecordedState {
    /// Certainly not started.
    #[default]
    New,
    /// Started, or not.
    Unknown {
        /// Whether a record says so.
        is_reported: bool,
    },
    InProgress(SessionId),
    Ended(Box<Run>),
    /// As the journal says; the results do not have the run.
    EndedAs(SessionId, RunStatus),
}

impl ItemHistory {
    pub(super) fn is_new(&self) -> bool {
        matches!(self.state, RecordedState::New) && self.key.is_none()
    }

    fn apply(&mut self, what: ItemEvent) {
        match what {
            ItemEvent::Starting { request } => {
                if let RecordedState::InProgress(id) = &self.state {
                    self.others.push(id.clone());
                }
                let state = mem::replace(
                    &mut self.state,
                    RecordedState::Unknown { is_reported: false },
                );
                self.before = Some((self.request.replace(request), state));
            }
            ItemEvent::Started { session_id } => self.add_run(session_id),
            ItemEvent::Ended { request, run } => {
                self.add_run(run.session_id.clone());
                self.ended.push(run.session_id.clone());
                if self.latest() == Some(&run.session_id) {
                    self.request = request.or(self.request.take());
                    self.state = RecordedState::Ended(Box::new(run));
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
    pub(super) fn latest(&self) -> Option<&SessionId> {
        match &self.state {
            RecordedState::InProgress(id) => Some(id),
            RecordedState::Ended(run) => Some(&run.session_id),
            RecordedState::EndedAs(id, _) => Some(id),
            RecordedState::New | RecordedState::Unknown { .. } => None,
        }
    }

    /// Adds what the journal says, which counts. `is_newer`: of another attempt than the results.
    fn learn(&mut self, stored: &Stored, is_newer: bool) {
        let entry = &stored.entry;
        self.digest = Some(entry.request.clone());
        let before = self.latest().cloned();
        // The results may have the id all the same, if it is not that of another attempt.
        let is_another = |id: &SessionId| entry.other_runs.contains(id) || self.old.contains(id);
        let is_known = !is_newer && before.as_ref().is_some_and(|id| !is_another(id));
        match &entry.state {
            State::Started { session_id, .. } => {
                self.key = Some(KeyState::Run);
                if self.latest() != Some(session_id) {
                    self.state = RecordedState::InProgress(session_id.clone());
                }
            }
            State::Ended {
                session_id, status, ..
            } => {
                self.key = Some(KeyState::Run);
                let is_there = matches!(&self.state, RecordedState::Ended(run) if run.session_id == *session_id);
                if !is_there {
                    self.state = RecordedState::EndedAs(session_id.clone(), status.clone());
                }
            }
            // Whoever starts it is waited for.
            State::Claimed { .. } if stored.is_in_flight() => {
                self.key = Some(KeyState::InFlight);
                if !is_known && !matches!(self.state, RecordedState::Unknown { .. }) {
                    self.state = RecordedState::New;
                }
            }
            State::Claimed { .. } | State::Unknown { .. } => {
                self.key = Some(KeyState::Unknown);
                let is_reported =
                    matches!(self.state, RecordedState::Unknown { is_reported: true });
                if !is_known {
                    self.state = RecordedState::Unknown { is_reported };
                }
            }
            State::Free { retried: true, .. } if self.latest().is_none() => {
                self.state = RecordedState::New;
            }
            _ => {
                self.digest = None;
                self.mark_not_started();
            }
        }
        self.before = None;
        for other in before.iter().chain(&entry.other_runs) {
            if !self.ended.contains(other) && !self.others.contains(other) {
                self.others.push(other.clone());
            }
        }
        let latest = self.latest().cloned();
        self.others.retain(|other| Some(other) != latest.as_ref());
    }

    /// Whether this is what was started.
    pub(super) fn is_of(&self, item: &Item) -> Result<bool, Failure> {
        Ok(match (&self.request, &self.digest) {
            (Some(request), _) => request == item,
            (None, Some(digest)) => {
                *digest == RequestDigest::of(&trigger_run(item.clone().into())?)
            }
            (None, None) => self.is_new(),
        })
    }

    /// What comes from here on, the journal knows as well.
    fn end_of_the_old(&mut self) {
        self.before = None;
        self.old = self.others.clone();
        self.old.extend(self.ended.iter().cloned());
        self.old.extend(self.latest().cloned());
    }

    fn add_run(&mut self, id: SessionId) {
        let is_unknown = matches!(self.state, RecordedState::Unknown { .. });
        if self.latest() == Some(&id) || (self.others.contains(&id) && !is_unknown) {
            return;
        }
        self.others.retain(|other| *other != id);
        // After an attempt one that had ended was started again on purpose.
        if self.before.take().is_none() {
            self.others.extend(self.latest().cloned());
        }
        self.state = RecordedState::InProgress(id);
    }

    fn mark_unknown(&mut self) {
        self.before = None;
        if matches!(
            self.state,
            RecordedState::New | RecordedState::Unknown { .. }
        ) {
            self.state = RecordedState::Unknown { is_reported: true };
        }
    }

    /// The latest attempt started nothing: what was before it holds.
    fn mark_not_started(&mut self) {
        let Some((request, state)) = self.before.take() else {
            return;
        };
        if let RecordedState::InProgress(id) = &state {
            self.others.retain(|other| other != id);
        }
        (self.request, self.state) = (request, state);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    #[test]
    fn a_run_that_is_said_again_after_another_attempt_is_that_run() {
        let id = "agentSessionId";
        let run = json!({
            id: "a", "status": "COMPLETED", "messages": [], "childSessionIds": [], "workspaceUid": "",
        });
        let records = [
            json!({ "item": 1, "event": "starting", "request": { "message": "one" } }),
            json!({ "item": 1, "event": "started", id: "a" }),
            json!({ "item": 1, "event": "starting", "request": { "message": "one" } }),
            json!({ "item": 1, "event": "started", id: "a" }),
            json!({ "item": 1, "event": "ended", "run": run }),
        ];
        let records = records.map(|record| from_value(record).unwrap());
        let histories = Histories::from_records(records.into(), 0);
        let history = &histories.0[&1];
        assert!(
            matches!(history.state, RecordedState::Ended(_)),
            "{history:?}"
        );
        assert!(history.others.is_empty(), "{history:?}");
    }
}
