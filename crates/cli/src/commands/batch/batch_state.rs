//! [`SharedBatchState`]: which items are being started, which runs are in progress, what is not written
//! yet, and why nothing more is started.
//!
//! An item that is started passes through
//! [`note_intent`](SharedBatchState::note_intent),
//! [`note_sent`](SharedBatchState::note_sent), [`note_started`](SharedBatchState::note_started),
//! [`note_outcome`](SharedBatchState::note_outcome) and [`note_written`](SharedBatchState::note_written), in
//! this order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use dinoai::SessionId;
use tokio::sync::Notify;

use super::outcome::ItemOutcome;
use crate::interrupt::StartedRuns;
use crate::progress::waiting_for::MOST_NAMED;
use crate::report::ExitStatus;

/// Which items are being started, and which runs are in progress. Shared with what the library calls when
/// a run has started.
#[derive(Debug)]
pub(crate) struct SharedBatchState {
    state: Mutex<BatchState>,
    changed: Notify,
    /// The runs that are named if a second signal ends the process.
    runs: StartedRuns,
}

#[derive(Debug, Default)]
struct BatchState {
    /// The items that are about to start, and whose outcome is not known.
    intended: BTreeSet<usize>,
    /// Those among them whose trigger may have left.
    sent: BTreeSet<usize>,
    in_progress: BTreeMap<usize, SessionId>,
    /// Since when this batch is busy with the items that are intended or in progress.
    since: BTreeMap<usize, Instant>,
    /// What came of the items of which it is queued to be kept.
    unwritten: BTreeMap<usize, (ItemOutcome, Option<String>)>,
    /// What is known of each item that has started, or may have.
    known: BTreeMap<usize, String>,
    unknown_in_a_row: u32,
    /// The items for which the credentials were refused, each with what the API said.
    refused: BTreeMap<usize, String>,
    /// Why nothing more is started.
    stopped: Option<(ExitStatus, String)>,
}

impl SharedBatchState {
    pub(crate) fn new(runs: StartedRuns) -> Self {
        Self {
            state: Mutex::default(),
            changed: Notify::new(),
            runs,
        }
    }

    pub(crate) fn note_end(&self, id: &SessionId) {
        self.runs.note_end(id);
    }

    /// An item is about to be started.
    pub(crate) fn note_intent(&self, number: usize) {
        let mut state = self.state();
        state.intended.insert(number);
        state.since.insert(number, Instant::now());
    }

    /// Its trigger is about to be sent.
    pub(crate) fn note_sent(&self, number: usize) {
        self.state().sent.insert(number);
    }

    /// An item's run has started, and its id is queued to be kept.
    pub(crate) fn note_started(&self, number: usize, id: &SessionId) {
        self.runs.note(id);
        let mut state = self.state();
        state.intended.remove(&number);
        state.sent.remove(&number);
        state.in_progress.insert(number, id.clone());
        state.since.entry(number).or_insert_with(Instant::now);
        state.known.insert(number, left_in_progress(number, id));
        state.unknown_in_a_row = 0;
        self.changed.notify_one();
    }

    /// What came of an item is queued to be kept: how it stands, and what is said of it if it is
    /// not kept.
    pub(crate) fn note_outcome(&self, number: usize, outcome: ItemOutcome, known: Option<String>) {
        let mut state = self.state();
        state.intended.remove(&number);
        state.sent.remove(&number);
        state.since.remove(&number);
        if outcome != ItemOutcome::InProgress {
            state.in_progress.remove(&number);
        }
        if let Some(known) = &known {
            state.known.insert(number, known.clone());
        }
        state.unwritten.insert(number, (outcome, known));
        self.changed.notify_one();
    }

    /// What is known of an item from earlier batches.
    pub(crate) fn note_known(&self, number: usize, known: String) {
        self.state().known.insert(number, known);
    }

    /// What is known of each item that has started, or may have.
    pub(crate) fn known_items(&self) -> Vec<String> {
        self.state().known.values().cloned().collect()
    }

    /// What came of an item is kept, or cannot be.
    pub(crate) fn note_written(&self, number: usize) {
        self.state().unwritten.remove(&number);
    }

    /// What came of the items of which it is queued to be kept.
    pub(crate) fn unwritten(&self) -> Vec<(usize, ItemOutcome, Option<String>)> {
        let state = self.state();
        let items = state.unwritten.iter();
        items
            .map(|(number, (outcome, known))| (*number, *outcome, known.clone()))
            .collect()
    }

    /// Counts an outcome of a trigger, and says how many in a row have been unknown.
    pub(crate) fn unknown_in_a_row(&self, is_unknown: bool) -> u32 {
        let mut state = self.state();
        state.unknown_in_a_row = match is_unknown {
            true => state.unknown_in_a_row + 1,
            false => 0,
        };
        state.unknown_in_a_row
    }

    /// The credentials were refused for an item.
    pub(crate) fn note_refused(&self, number: usize, message: &str) {
        self.state().refused.insert(number, message.to_owned());
    }

    /// For which items the credentials were refused, and why, if that has not been said.
    pub(crate) fn refused_items(&self) -> Option<(Vec<usize>, Option<String>)> {
        let state = self.state();
        let first = state.refused.values().next()?;
        let said = state.stopped.as_ref().map(|(_, reason)| reason.as_str());
        let is_said = |message: &String| said.is_some_and(|said| said.contains(message.as_str()));
        let why = (!state.refused.values().any(is_said)).then(|| first.clone());
        Some((state.refused.keys().copied().collect(), why))
    }

    /// Notes why nothing more is started. True the first time.
    pub(crate) fn stop(&self, exit: ExitStatus, reason: &str) -> bool {
        let mut state = self.state();
        let is_first = state.stopped.is_none();
        if is_first {
            state.stopped = Some((exit, reason.to_owned()));
        }
        is_first
    }

    /// Why nothing more is started, and the exit status of what was not.
    pub(crate) fn stopped(&self) -> Option<(ExitStatus, String)> {
        self.state().stopped.clone()
    }

    pub(crate) fn id(&self, number: usize) -> Option<SessionId> {
        self.state().in_progress.get(&number).cloned()
    }

    pub(crate) fn is_starting(&self) -> bool {
        !self.state().intended.is_empty()
    }

    /// The items whose triggers have not been answered.
    pub(crate) fn unanswered(&self) -> Vec<usize> {
        self.state().sent.iter().copied().collect()
    }

    pub(crate) fn in_progress(&self) -> BTreeMap<usize, SessionId> {
        self.state().in_progress.clone()
    }

    /// The items that this batch has been busy with longest, by name, and since when.
    pub(crate) fn longest(&self) -> Vec<(String, Instant)> {
        let state = self.state();
        let mut items: Vec<_> = state.since.iter().collect();
        items.sort_by_key(|(_, since)| **since);
        let longest = items.into_iter().take(MOST_NAMED);
        longest
            .map(|(number, since)| (format!("item {number}"), *since))
            .collect()
    }

    /// Waits until an item has started or come to its end.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    fn state(&self) -> MutexGuard<'_, BatchState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is said of an item whose run is in progress.
pub(crate) fn left_in_progress(number: usize, id: &SessionId) -> String {
    format!("item {number}: session {id}, in progress")
}
