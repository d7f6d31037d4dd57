//! How much memory a run takes, and how much of that a response shows.
//!
//! A run is measured when it has changed ([`RunStore::measure`]). What is dropped when all of them
//! take too much is said by [`dropping`](super::dropping).

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

/// Texts that are shorter are not dropped: little would be gained.
pub(super) const SHORT: usize = 1 << 10;

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
}

/// About how much memory a stage ahead takes; one that others have, too, takes its place alone.
fn own_stage_bytes(stage: &Arc<Stage>) -> usize {
    let own = match Arc::strong_count(stage) {
        1 => stage.bytes() + PIECE_OVERHEAD,
        _ => 0,
    };
    size_of::<Arc<Stage>>() + own
}

impl RunStore {
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
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::Duration;

    use super::*;
    use crate::run::for_tests::{NOW, counted, end, start, started};
    use crate::run::store::{MOST_BYTES, TriggerInput};
    use crate::run::workspace::{Scenarios, Workspace};
    use crate::scenario::{Scenario, Step};

    const HOUR: Duration = Duration::from_secs(3_600);

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
}
