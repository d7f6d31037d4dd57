//! What is dropped when runs take too much memory: long texts that they were sent, then whole runs.
//!
//! After a trigger or a follow-up the oldest texts of one run are dropped if they take too much
//! ([`RunState::limit_texts`]), then the oldest texts of all runs if these do, and the oldest runs
//! if all of them do ([`RunStore::free_memory`]). Long texts have a limit of their own, far below
//! that of the runs: what many runs are needed for is their ids, and how they went.

use std::mem;
use std::sync::Arc;

use super::size::SHORT;
use super::state::RunState;
use super::store::RunStore;
use crate::json;

/// How much the texts of one run take that it was sent: 8 MiB. So one run can be read at once.
const MOST_SENT: usize = 8 << 20;

/// How much the long texts take that all of them were sent: 64 MiB.
const MOST_LONG: usize = 64 << 20;

/// What is left when something was dropped, so that not every trigger drops.
const fn enough(most: usize) -> usize {
    most / 8 * 7
}

/// Ended runs come before those in progress.
const IN_ORDER: [fn(&RunState) -> bool; 2] = [|run| run.ended_at().is_some(), |_| true];

impl RunState {
    /// Drops long texts that the run was sent, if there are too many of them for one run.
    pub(crate) fn limit_texts(&mut self) {
        self.drop_texts(self.sent_bytes.saturating_sub(MOST_SENT));
    }

    /// Drops long texts that the run was sent, the oldest first, until at least so many bytes are
    /// free. A sentence that says so stands in the place of each.
    pub(crate) fn drop_texts(&mut self, wanted: usize) {
        let mut messages = self.messages.iter_mut();
        let mut freed = 0;
        for text in self.message.iter_mut().chain(&mut self.follow_ups) {
            if freed >= wanted {
                break;
            }
            if text.len() < SHORT {
                continue;
            }
            let length = text.len();
            let stand_in: Arc<str> =
                format!("[dropped by the emulator: a text of {length} bytes]").into();
            let bytes = json::length(text);
            self.long_bytes -= bytes;
            freed += bytes.saturating_sub(stand_in.len());
            let whole = mem::replace(text, Arc::clone(&stand_in));
            // The transcript has them in the same order.
            if let Some(message) = messages.find(|it| Arc::ptr_eq(&it.content, &whole)) {
                message.content = stand_in;
            }
            self.record.texts_dropped = true;
        }
        self.sent_bytes -= freed;
    }
}

impl RunStore {
    /// How many runs have been dropped.
    pub(crate) fn dropped(&self) -> u64 {
        self.started - self.runs.len() as u64
    }

    /// Drops what is oldest: long texts if these or the runs take too much, then whole runs if they
    /// still do. The run at this place stays. Places change.
    pub(super) fn free_memory(&mut self, kept: usize) {
        if self.long_bytes > MOST_LONG || self.bytes > self.most_bytes {
            self.free_texts(kept);
        }
        if self.bytes > self.most_bytes {
            self.free_runs(kept);
        }
    }

    fn free_texts(&mut self, kept: usize) {
        let too_many = match self.bytes > self.most_bytes {
            true => self.bytes - enough(self.most_bytes),
            false => 0,
        };
        let too_long = self.long_bytes.saturating_sub(enough(MOST_LONG));
        let least = self.bytes - too_many.max(too_long).min(self.bytes);
        for goes in IN_ORDER {
            for place in 0..self.runs.len() {
                if place != kept && goes(&self.runs[place].state) {
                    self.drop_texts(place, least);
                }
            }
        }
        self.drop_texts(kept, least);
    }

    fn free_runs(&mut self, kept: usize) {
        let mut kept = kept;
        for goes in IN_ORDER {
            kept = self.drop_runs(kept, goes);
        }
        let runs = self.runs.iter().enumerate();
        self.places = runs
            .map(|(place, slot)| (Arc::clone(&slot.state.record.session_id), place))
            .collect();
    }

    /// Drops long texts of a run until all runs take so little, or it has no more.
    fn drop_texts(&mut self, place: usize, least: usize) {
        let wanted = self.bytes.saturating_sub(least);
        if wanted > 0 && self.runs[place].long_bytes > 0 {
            self.change(place).drop_texts(wanted);
            self.measure(place);
        }
    }

    /// Drops such runs until the others take little enough, and returns the new place of the one
    /// that is kept.
    fn drop_runs(&mut self, kept: usize, goes: fn(&RunState) -> bool) -> usize {
        let wanted = self.bytes.saturating_sub(enough(self.most_bytes));
        let (mut place, mut freed, mut long_freed, mut before) = (0, 0, 0, 0);
        self.runs.retain(|slot| {
            let is_dropped = freed < wanted && place != kept && goes(&slot.state);
            if is_dropped {
                freed += slot.bytes;
                long_freed += slot.long_bytes;
                before += usize::from(place < kept);
            }
            place += 1;
            !is_dropped
        });
        self.bytes -= freed;
        self.long_bytes -= long_freed;
        kept - before
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::Duration;

    use super::*;
    use crate::run::Run;
    use crate::run::for_tests::{NOW, counted, end, start, started};
    use crate::run::store::{MOST_BYTES, TriggerInput};
    use crate::run::workspace::Workspace;

    /// Long texts within their limit, and not much beside them.
    fn assert_limited(store: &RunStore) {
        let long: usize = store.runs.iter().map(|slot| slot.state.long_bytes).sum();
        assert_eq!(store.long_bytes, long);
        assert!(long <= MOST_LONG, "{long}");
        let most = MOST_LONG + store.runs.len() * 2_000;
        assert!(store.bytes <= most, "{}", store.bytes);
    }

    #[test]
    fn a_hundred_thousand_runs_are_kept_and_the_first_can_be_read() {
        let mut store = RunStore::new(Workspace::default());
        let first = start(&mut store, "Check stg_orders_0");
        for number in 1..100_000 {
            start(&mut store, &format!("Check stg_orders_{number}"));
        }
        assert_eq!((store.runs.len(), store.dropped()), (100_000, 0));
        assert!(store.read(&first, NOW).is_some());
    }

    #[test]
    fn texts_of_ended_runs_go_before_those_of_runs_in_progress() {
        let mut store = RunStore::new(Workspace::default());
        let message = "m".repeat(900_000);
        start(&mut store, &message);
        start(&mut store, &message);
        for _ in 0..90 {
            let id = start(&mut store, &message);
            end(&mut store, &id);
            assert_limited(&store);
        }
        assert_eq!(store.bytes, counted(&store));
        let runs = store.reports(NOW);
        assert_eq!((runs.len(), store.dropped()), (92, 0));
        let dropped: Vec<_> = runs.iter().map(|run| run.texts_dropped).collect();
        assert_eq!(dropped[..3], [false, false, true]);
        assert_eq!(dropped.iter().filter(|it| **it).count(), {
            dropped[2..].iter().take_while(|it| **it).count()
        });
        assert!(!dropped[91]);
        // If all are in progress, the oldest go.
        for _ in 0..90 {
            start(&mut store, &message);
        }
        let runs = store.reports(NOW);
        assert!(runs[0].texts_dropped && !runs[181].texts_dropped);
        assert_limited(&store);
        assert_eq!(store.bytes, counted(&store));
    }

    #[test]
    fn one_run_with_many_long_follow_ups_keeps_the_latest() {
        let mut store = RunStore::new(Workspace::default());
        let id = start(&mut store, "Check it.");
        for _ in 0..90 {
            let sent = store.send(&id, "m".repeat(900_000), NOW);
            assert!(sent.is_ok());
            assert_limited(&store);
        }
        let run = store.reports(NOW).remove(0);
        assert_eq!(run.message.as_deref(), Some("Check it."), "it is short");
        assert_eq!(run.follow_ups.len(), 90);
        let kept = run.follow_ups.iter().filter(|it| it.len() == 900_000);
        assert_eq!(kept.count(), (8 << 20) / 900_000, "one run has 8 MiB");
        assert!(run.follow_ups[0].contains("a text of 900000 bytes"));
        assert_eq!(run.follow_ups[89].len(), 900_000);
        let sent = run.messages.iter().filter(|it| it.role == "user").skip(1);
        assert!(sent.map(|it| &it.content).eq(&run.follow_ups));
    }

    #[test]
    fn of_very_many_runs_the_oldest_are_dropped_and_their_ids_are_unknown() {
        let mut store = RunStore::new(Workspace::default());
        assert_eq!(store.most_bytes, MOST_BYTES);
        store.most_bytes = 20 << 20;
        let open = start(&mut store, "This one is in progress.");
        let ended = start(&mut store, "This one ends.");
        end(&mut store, &ended);
        let mut ids = Vec::new();
        while store.dropped() == 0 {
            assert!(ids.len() < 30_000);
            ids.push(start(&mut store, "m"));
            assert!(store.bytes <= store.most_bytes);
        }
        assert!(ids.len() > 15_000, "{}", ids.len());
        assert_eq!(store.bytes, counted(&store));
        assert!(store.read(&ended, NOW).is_none(), "it had ended");
        assert!(store.read(&open, NOW).is_none(), "it was the oldest");
        let latest = ids.last().unwrap();
        assert!(store.read(latest, NOW).is_some());
        let number = store.runs.len() as u64 + store.dropped();
        let runs = store.reports(NOW);
        let last = runs.last().unwrap();
        assert_eq!((last.number, &last.session_id), (number, latest));
        store.reset();
        assert_eq!(
            (store.reports(NOW).len(), store.dropped(), store.bytes),
            (0, 0, 0)
        );
    }

    /// What the run says last, long after it was asked.
    fn said(store: &mut RunStore, id: &str, now: &mut Duration) -> String {
        *now += Duration::from_secs(60);
        let mut runs = store.reports(*now).into_iter();
        let mut run = runs.find(|run| run.session_id == id).unwrap();
        run.messages.pop().unwrap().content
    }

    /// Starts runs with long messages until the first run has lost its own.
    fn drop_texts(store: &mut RunStore, now: Duration) {
        while !store.runs[0].state.record.texts_dropped {
            let input = TriggerInput {
                message: Some("m".repeat(900_000)),
                ..TriggerInput::default()
            };
            assert!(store.trigger(input, now).is_ok());
        }
    }

    #[test]
    fn children_of_a_demo_agent_are_asked_what_it_was_asked_when_that_is_dropped() {
        let message = format!("Review fct_orders. {}", "Thanks! ".repeat(1_000));
        let (mut store, id) = started("pull-request-reviewer", &message);
        drop_texts(&mut store, NOW);
        let runs = store.reports(Duration::from_secs(60));
        let mut children = runs.iter().filter(|run| run.parent.as_ref() == Some(&id));
        let said = |run: &Run| run.messages[0].content.contains("fct_orders");
        assert_eq!(children.clone().count(), 2);
        assert!(children.all(said));
    }

    #[test]
    fn a_demo_agent_remembers_what_it_did_when_long_texts_are_dropped() {
        let (mut store, id) = started("data-quality-checker", "Check stg_orders");
        let mut now = Duration::from_secs(60);
        let long = format!("Fix the first one. {}", "Thanks! ".repeat(1_000));
        assert!(store.send(&id, long, now).is_ok());
        assert!(said(&mut store, &id, &mut now).contains("Finding 1 is fixed"));
        drop_texts(&mut store, now);
        assert!(store.send(&id, "Which are open?".to_owned(), now).is_ok());
        let said = said(&mut store, &id, &mut now);
        assert!(said.contains("finding 1 is fixed"), "{said}");
        assert_eq!(store.bytes, counted(&store));
    }
}
