//! How much memory runs take, each and all of them, and what is dropped when that is too much: long
//! texts that they were sent, then whole runs.
//!
//! A run is measured when it has changed ([`RunStore::measure`]). After a trigger or a follow-up
//! the oldest texts of one run are dropped if they take too much ([`RunState::limit_texts`]), then
//! the oldest texts of all runs if these do, and the oldest runs if all of them do
//! ([`RunStore::free_memory`]). Long texts have a limit of their own, far below that of the runs: what
//! many runs are needed for is their ids, and how they went.

use std::mem::{self, size_of};
use std::sync::Arc;

use super::record::{Record, TranscriptMessage};
use super::state::RunState;
use super::store::RunStore;
use crate::json;
use crate::scenario::Stage;

/// What a run takes beside what is counted, about: its id, its place, and what the allocator adds.
const OVERHEAD: usize = 460;

/// The same of a message, a stage ahead or a child.
const PIECE_OVERHEAD: usize = 48;

/// What a run takes in a report beside that, about: the names of its fields.
const REPORT_OVERHEAD: usize = 512;

/// How much the texts of one run take that it was sent: 8 MiB. So one run can be read at once.
const MOST_SENT: usize = 8 << 20;

/// Texts that are shorter are not dropped: little would be gained.
const SHORT: usize = 1 << 10;

impl RunState {
    /// About how much memory the run takes. What it has from its scenario is counted only if that
    /// was made for this run alone.
    pub(crate) fn bytes(&self) -> usize {
        let Record {
            agent,
            slack,
            base_branch,
            checked_out,
            model_family,
            stops,
            ..
        } = &self.record;
        let slack = slack
            .as_ref()
            .map(|it| it.channel.len() + it.thread_ts.len());
        let asked: usize = [agent, base_branch, model_family]
            .into_iter()
            .flatten()
            .map(|text| text.len())
            .sum();
        let messages = self.messages.len() * (size_of::<TranscriptMessage>() + PIECE_OVERHEAD);
        let ahead = self.ahead.iter().map(own_stage_bytes).sum::<usize>();
        let small = size_of_val(stops.as_slice())
            + size_of_val(self.steps.as_slice())
            + self.children.len() * PIECE_OVERHEAD;
        size_of::<Self>()
            + OVERHEAD
            + asked
            + checked_out.len()
            + slack.unwrap_or_default()
            + self.sent_bytes
            + messages
            + ahead
            + small
            + self.own_bytes()
    }

    /// About how much a demo agent takes for this run alone, and what has been said and done by it.
    fn own_bytes(&self) -> usize {
        match &self.memory {
            Some(memory) => memory.bytes() + self.revealed_bytes,
            None => 0,
        }
    }

    /// About how much memory the [reported](Self::reported) run takes as JSON, in which what it was
    /// sent stands twice; at least that.
    pub(crate) fn reported_bytes(&self) -> usize {
        let messages = self.messages.iter();
        let messages = messages.map(|it| json::length(&it.role) + json::length(&it.content));
        REPORT_OVERHEAD + self.bytes() + messages.sum::<usize>()
    }

    /// About how much a read of the run shows.
    pub(crate) fn shown_bytes(&self) -> usize {
        let messages = self.messages.iter().map(|it| it.content.len());
        let steps = self.steps.iter().map(|step| step.bytes());
        let pieces = messages.chain(steps);
        pieces.map(|bytes| PIECE_OVERHEAD + bytes).sum()
    }

    /// Counts a text that the run is sent.
    pub(super) fn count_sent(&mut self, text: &str) {
        let bytes = json::length(text);
        self.sent_bytes += bytes;
        if text.len() >= SHORT {
            self.long_bytes += bytes;
        }
    }

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

/// About how much memory a stage ahead takes; one that others have, too, takes its place alone.
fn own_stage_bytes(stage: &Arc<Stage>) -> usize {
    let own = match Arc::strong_count(stage) {
        1 => stage.bytes() + PIECE_OVERHEAD,
        _ => 0,
    };
    size_of::<Arc<Stage>>() + own
}

/// How much the long texts take that all of them were sent: 64 MiB.
const MOST_LONG: usize = 64 << 20;

/// What is left when something was dropped, so that not every trigger drops.
const fn enough(most: usize) -> usize {
    most / 8 * 7
}

/// Ended runs come before those in progress.
const IN_ORDER: [fn(&RunState) -> bool; 2] = [|run| run.ended_at().is_some(), |_| true];

impl RunStore {
    /// How many runs have been dropped.
    pub(crate) fn dropped(&self) -> u64 {
        self.started - self.runs.len() as u64
    }

    /// Whether one of these texts has the session id of a run that shows more than so many bytes.
    pub(crate) fn names_long(&self, texts: &[&str], bytes: usize) -> bool {
        self.runs.iter().any(|slot| {
            let id = &slot.state.record.session_id;
            slot.state.shown_bytes() > bytes && texts.iter().any(|text| text.contains(&**id))
        })
    }

    /// Counts what a run takes now.
    pub(super) fn measure(&mut self, place: usize) {
        let slot = &mut self.runs[place];
        let (bytes, long_bytes) = (slot.state.bytes(), slot.state.long_bytes);
        self.bytes = self.bytes - slot.bytes + bytes;
        self.long_bytes = self.long_bytes - slot.long_bytes + long_bytes;
        slot.bytes = bytes;
        slot.long_bytes = long_bytes;
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

    use std::time::{Duration, Instant};

    use super::*;
    use crate::run::Run;
    use crate::run::store::{MOST_BYTES, MOST_FOLLOW_UPS, NotSent, TriggerInput};
    use crate::run::workspace::{Scenarios, Workspace};
    use crate::scenario::{Scenario, Step};

    const NOW: Duration = Duration::ZERO;
    const HOUR: Duration = Duration::from_secs(3_600);

    fn start(store: &mut RunStore, message: &str) -> String {
        let input = TriggerInput {
            message: Some(message.to_owned()),
            ..TriggerInput::default()
        };
        let accepted = store.trigger(input, NOW);
        accepted.map_err(|_| "no agent").unwrap().session_id
    }

    /// Reads a run until it has ended.
    fn end(store: &mut RunStore, id: &str) {
        for _ in 0..3 {
            store.read(id, NOW).unwrap();
        }
    }

    /// Long texts within their limit, and not much beside them.
    fn assert_limited(store: &RunStore) {
        let long: usize = store.runs.iter().map(|slot| slot.state.long_bytes).sum();
        assert_eq!(store.long_bytes, long);
        assert!(long <= MOST_LONG, "{long}");
        let most = MOST_LONG + store.runs.len() * 2_000;
        assert!(store.bytes <= most, "{}", store.bytes);
    }

    fn counted(store: &RunStore) -> usize {
        store.runs.iter().map(|slot| slot.state.bytes()).sum()
    }

    #[test]
    fn a_run_of_a_demo_agent_counts_what_was_made_for_it() {
        let bytes = |has_demo_agents, message: &str| {
            let mut store = RunStore::new(Workspace {
                scenarios: Scenarios {
                    has_demo_agents,
                    ..Scenarios::default()
                },
                ..Workspace::default()
            });
            let id = start(&mut store, message);
            end(&mut store, &id);
            assert_eq!(store.bytes, counted(&store));
            store.bytes
        };
        let (plain, demo) = (bytes(false, "m"), bytes(true, "m"));
        assert!(demo > plain + 1_000, "{plain} {demo}");
        // A long message is kept once.
        let long = "m".repeat(900_000);
        assert!(bytes(true, &long) < demo + 1_000_000);
    }

    /// The heap that a run takes with this agent, when it has started and when it has ended; and
    /// what is counted for it, at both times. All of a hundred.
    fn heap_and_counted(has_demo_agents: bool, agent: Option<&str>) -> [(usize, usize); 2] {
        const RUNS: usize = 100;
        let mut store = RunStore::new(Workspace {
            scenarios: Scenarios {
                has_demo_agents,
                ..Scenarios::default()
            },
            ..Workspace::default()
        });
        let mut ids = Vec::with_capacity(RUNS);
        let mut heap = 0;
        // Which takes what all runs share.
        let warm_up = store.trigger(TriggerInput::default(), NOW);
        let id = warm_up.map_err(|_| "no agent").unwrap().session_id;
        store.read(&id, HOUR).unwrap();
        let before = store.bytes;
        let mut measured = |store: &mut RunStore, change: &mut dyn FnMut(&mut RunStore)| {
            let heap_now = allocation_counter::measure(|| change(store));
            // With what the allocator adds to each block.
            heap += heap_now.bytes_current + 16 * heap_now.count_current;
            let heap = usize::try_from(heap).unwrap();
            (heap / RUNS, (store.bytes - before) / RUNS)
        };
        let started = measured(&mut store, &mut |store| {
            for number in 0..RUNS {
                let input = TriggerInput {
                    agent: agent.map(str::to_owned),
                    message: Some(format!("Check stg_orders_{number}")),
                    ..TriggerInput::default()
                };
                let accepted = store.trigger(input, NOW);
                ids.push(accepted.map_err(|_| "no agent").unwrap().session_id);
            }
        });
        let ended = measured(&mut store, &mut |store| {
            for id in &ids {
                for _ in 0..3 {
                    store.read(id, HOUR).unwrap();
                }
            }
        });
        [started, ended]
    }

    #[test]
    fn a_run_takes_little_and_about_as_much_as_is_counted_for_it() {
        for (has_demo_agents, agent, most) in [
            // Of these two a hundred thousand are kept.
            (false, None, [1_200, 1_100]),
            (true, None, [4_000, 2_900]),
            (true, Some("data-quality-checker"), [6_400, 4_900]),
            (true, Some("docs-writer"), [7_700, 5_200]),
            // It starts two others.
            (true, Some("pull-request-reviewer"), [4_200, 11_800]),
        ] {
            let figures = heap_and_counted(has_demo_agents, agent);
            for ((heap, counted), most) in figures.into_iter().zip(most) {
                assert!(heap <= most, "{agent:?}: {heap} bytes");
                assert!(agent.is_some() || counted * 100_000 < MOST_BYTES);
                let near = heap / 20 * 19..=heap / 10 * 14;
                assert!(near.contains(&counted), "{agent:?}: {counted} for {heap}");
            }
        }
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
    fn a_run_is_reported_in_no_more_bytes_than_are_counted_for_it() {
        let long = |letter: &str| letter.repeat(100_000);
        for letter in ["m", "\"", "\u{1}", "ä"] {
            let mut scenario = Scenario::new();
            for _ in 0..100 {
                scenario = scenario.message(letter, "m");
                scenario = scenario.message("assistant", "");
            }
            scenario = scenario.message("assistant", long(letter));
            scenario = scenario.step(Step::agent(long(letter)));
            let mut scenarios = Scenarios::default();
            scenarios.add(None, scenario);
            let mut store = RunStore::new(Workspace {
                scenarios,
                ..Workspace::default()
            });
            let id = start(&mut store, &long(letter));
            for _ in 0..100 {
                assert!(store.send(&id, letter.to_owned(), NOW).is_ok());
            }
            let run = store.first_from(1, NOW).unwrap();
            let json = serde_json::to_vec(&run.reported()).unwrap().len();
            let counted = run.reported_bytes();
            assert!((json..json / 2 * 3).contains(&counted), "{json} {counted}");
        }
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
    fn a_text_counts_as_long_as_it_is_in_a_response() {
        let mut store = RunStore::new(Workspace::default());
        let id = start(&mut store, "m");
        for _ in 0..8 {
            assert!(store.send(&id, "\u{1}".repeat(900_000), NOW).is_ok());
        }
        assert_eq!(store.bytes, counted(&store));
        let run = store.reports(NOW).remove(0);
        let kept = run.follow_ups.iter().filter(|it| it.len() == 900_000);
        assert_eq!(kept.count(), 1, "each is 5.4 MB of JSON");
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

    fn started(agent: &str, message: &str) -> (RunStore, String) {
        let mut store = RunStore::new(Workspace {
            scenarios: Scenarios {
                has_demo_agents: true,
                ..Scenarios::default()
            },
            ..Workspace::default()
        });
        let input = TriggerInput {
            agent: Some(agent.to_owned()),
            message: Some(message.to_owned()),
            ..TriggerInput::default()
        };
        let id = store.trigger(input, NOW).map_err(|_| "no agent").unwrap();
        (store, id.session_id)
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

    #[test]
    #[ignore = "compares times: .ci/long emulator"]
    fn a_follow_up_to_a_demo_agent_takes_no_longer_after_many() {
        let (mut store, id) = started("data-quality-checker", "Check stg_orders");
        let mut now = Duration::from_secs(60);
        let long = "Why is that? ".repeat(1_000);
        let mut took = || {
            let start = Instant::now();
            assert!(store.send(&id, long.clone(), now).is_ok());
            now += Duration::from_secs(60);
            store.catch_up_all(now);
            start.elapsed()
        };
        let took: Vec<_> = (0..200).map(|_| took()).collect();
        // The fastest of some, since others use this machine, too.
        let (first, last) = (took[..20].iter().min(), took[180..].iter().min());
        assert!(
            last.unwrap() < &(*first.unwrap() * 4),
            "{first:?}, {last:?}"
        );
    }

    #[test]
    fn follow_ups_that_wait_for_a_demo_agent_are_counted_and_all_answered() {
        const SENT: usize = 2_000;
        let (mut store, id) = started("data-quality-checker", "Check stg_orders");
        for number in 0..SENT {
            let follow_up = format!("{number} {}", "ä".repeat(10_000 * usize::from(number < 99)));
            assert!(store.send(&id, follow_up, NOW).is_ok());
        }
        assert_eq!(store.bytes, counted(&store));
        assert!(store.bytes <= 64 << 20, "{}", store.bytes);
        let run = store.reports(Duration::from_secs(100_000)).remove(0);
        assert_eq!(run.messages.len(), 2 * (1 + SENT));
        let last = run.messages.last().unwrap();
        assert!(last.content.contains("“1999”"), "{}", last.content);
        assert_eq!(store.bytes, counted(&store));
    }

    #[test]
    fn a_run_takes_ten_thousand_follow_ups() {
        let mut store = RunStore::new(Workspace::default());
        let id = start(&mut store, "m");
        for _ in 0..MOST_FOLLOW_UPS {
            assert!(store.send(&id, "m".to_owned(), NOW).is_ok());
        }
        let refused = store.send(&id, "m".to_owned(), NOW);
        assert!(matches!(refused, Err(NotSent::TooMany(10_000))));
    }
}
