//! All runs of one emulator, and what the operations of the API do to them:
//! [`trigger`](RunStore::trigger), [`read`](RunStore::read), [`send`](RunStore::send),
//! [`stop`](RunStore::stop).
//!
//! Nothing happens by itself: before a run is looked at, it catches up with the time. When
//! something was added, the oldest texts and runs are dropped if all take too much memory.

#[cfg(feature = "program")]
use std::collections::BTreeSet;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::record::Record;
use super::state::RunState;
use super::workspace::{Script, UnknownAgent, Workspace};
use super::{Run, Slack, next_session_id};
use crate::credentials::WORKSPACE_UID;
use crate::scenario::{Child, Status};

/// Children below this generation are not started: a scenario may name itself as its child.
const GENERATIONS: u32 = 8;

/// How many follow-ups a run takes.
pub(super) const MOST_FOLLOW_UPS: usize = 10_000;

/// How much memory all runs take: 384 MiB. A hundred thousand of the demo agents fit in it.
pub(super) const MOST_BYTES: usize = 384 << 20;

static DEMO_WORKSPACE: LazyLock<Arc<str>> = LazyLock::new(|| WORKSPACE_UID.into());

/// What a trigger asks for.
#[derive(Default)]
pub(crate) struct TriggerInput {
    pub(crate) agent: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) slack: Option<Slack>,
    pub(crate) base_branch: Option<String>,
    pub(crate) model_family: Option<String>,
    /// The workspace that it is started in; `None` for the demo workspace, or that of the parent.
    pub(crate) workspace_uid: Option<Arc<str>>,
}

/// What a trigger returns.
pub(crate) struct Accepted {
    pub(crate) session_id: String,
    pub(crate) warning: Option<String>,
}

/// Why a follow-up is not taken.
pub(crate) enum NotSent {
    UnknownSession,
    /// The last message was too long ago.
    Idle,
    /// The run has had so many that no more are kept.
    TooMany(usize),
}

/// All runs of one emulator. Every method takes the time since the emulator's start.
pub(crate) struct RunStore {
    workspace: Workspace,
    pub(super) runs: Vec<Slot>,
    pub(super) places: HashMap<Arc<str>, usize>,
    epoch: Duration,
    /// How many runs there have been.
    pub(super) started: u64,
    /// About how much memory the runs take, and the long texts that they were sent.
    pub(super) bytes: usize,
    pub(super) long_bytes: usize,
    /// How much they take at most; less in some tests alone.
    pub(super) most_bytes: usize,
}

/// A run, and how often its current stage was read. The count stands apart so that a read
/// alone does not clone a run that a response still holds.
pub(super) struct Slot {
    pub(super) state: Arc<RunState>,
    reads: u64,
    /// How often the run was read in this turn while it could lag behind.
    late_reads: u64,
    pub(super) bytes: usize,
    pub(super) long_bytes: usize,
}

/// A run as a read shows it.
pub(crate) struct Snapshot {
    pub(crate) state: Arc<RunState>,
    /// The status shown is that of the stage before.
    pub(crate) lags: bool,
}

impl RunStore {
    /// The agents that may be triggered; `None` if all may.
    #[cfg(feature = "program")]
    pub(crate) fn known_agents(&self) -> Option<&BTreeSet<String>> {
        self.workspace.agents.as_ref()
    }

    pub(crate) fn new(workspace: Workspace) -> Self {
        Self {
            workspace,
            runs: Vec::new(),
            places: HashMap::new(),
            epoch: since_1970(),
            started: 0,
            bytes: 0,
            long_bytes: 0,
            most_bytes: MOST_BYTES,
        }
    }

    /// Forgets every run: the emulator starts now.
    pub(crate) fn reset(&mut self) {
        self.runs = Vec::new();
        self.places = HashMap::new();
        self.epoch = since_1970();
        self.started = 0;
        self.bytes = 0;
        self.long_bytes = 0;
    }

    /// Starts a run. An agent needs no scenario of its own.
    pub(crate) fn trigger(
        &mut self,
        input: TriggerInput,
        now: Duration,
    ) -> Result<Accepted, UnknownAgent> {
        self.workspace.check_agent(input.agent.as_deref())?;
        let warning = input
            .model_family
            .as_deref()
            .filter(|slug| !self.workspace.knows_model_family(slug))
            .map(|slug| {
                format!("Unknown model family '{slug}': the run uses the workspace's default.")
            });
        let scenarios = &self.workspace.scenarios;
        let script = scenarios.of(input.agent.as_deref(), input.message.as_deref());
        let place = self.start(input, script, None, now);
        let session_id = self.runs[place].state.record.session_id.to_string();
        self.free_memory(place);
        Ok(Accepted {
            session_id,
            warning,
        })
    }

    /// Reads a run: its state now, and one read more towards the end of its stage.
    pub(crate) fn read(&mut self, session_id: &str, now: Duration) -> Option<Snapshot> {
        let place = self.place(session_id, now)?;
        let slot = &mut self.runs[place];
        let state = Arc::clone(&slot.state);
        let late = self.workspace.quirks.alternating_status && state.can_lag();
        let lags = late && slot.late_reads % 3 == 1;
        slot.late_reads += u64::from(late);
        slot.reads += 1;
        self.catch_up(place, now);
        Some(Snapshot { state, lags })
    }

    /// Sends a follow-up. A run that has ended takes it, too.
    pub(crate) fn send(
        &mut self,
        session_id: &str,
        message: String,
        now: Duration,
    ) -> Result<(), NotSent> {
        let place = self.place(session_id, now).ok_or(NotSent::UnknownSession)?;
        let idle = now.saturating_sub(self.runs[place].state.last_message);
        if idle >= self.workspace.quirks.session_lifetime {
            return Err(NotSent::Idle);
        }
        if self.runs[place].state.follow_ups() >= MOST_FOLLOW_UPS {
            return Err(NotSent::TooMany(MOST_FOLLOW_UPS));
        }
        let stale_reads = self.workspace.quirks.stale_reads;
        let children = self.change(place).follow_up(message, stale_reads, now);
        self.runs[place].late_reads = 0;
        self.entered(place, children, now);
        self.catch_up(place, now);
        self.free_memory(place);
        Ok(())
    }

    /// Stops a run unless it has ended; its children continue. Returns the status that it has then,
    /// `None` if no run has this id.
    pub(crate) fn stop(&mut self, session_id: &str, now: Duration) -> Option<Status> {
        let place = self.place(session_id, now)?;
        let run = self.change(place);
        run.stop(now);
        let status = run.status.clone();
        self.measure(place);
        Some(status)
    }

    /// Every run started so far, in order, without counting as a read.
    pub(crate) fn reports(&mut self, now: Duration) -> Vec<Run> {
        self.catch_up_all(now);
        self.runs.iter().map(|slot| slot.state.reported()).collect()
    }

    /// Brings every run to what it is now, and returns the number of the last.
    pub(crate) fn catch_up_all(&mut self, now: Duration) -> u64 {
        // Catching up can start children, which are appended, and caught up as they start.
        for place in 0..self.runs.len() {
            self.catch_up(place, now);
        }
        self.started
    }

    /// The first run with this number or a higher one.
    pub(crate) fn first_from(&mut self, number: u64, now: Duration) -> Option<&RunState> {
        let before = |slot: &Slot| slot.state.record.number < number;
        let place = self.runs.partition_point(before);
        if place == self.runs.len() {
            return None;
        }
        self.catch_up(place, now);
        Some(&self.runs[place].state)
    }

    fn place(&mut self, session_id: &str, now: Duration) -> Option<usize> {
        let place = *self.places.get(session_id)?;
        self.catch_up(place, now);
        Some(place)
    }

    fn start(
        &mut self,
        input: TriggerInput,
        script: Script,
        parent: Option<&RunState>,
        now: Duration,
    ) -> usize {
        self.started += 1;
        let workspace_uid = input
            .workspace_uid
            .or_else(|| Some(Arc::clone(&parent?.record.workspace_uid)))
            .unwrap_or_else(|| Arc::clone(&DEMO_WORKSPACE));
        let record = Record {
            number: self.started,
            workspace_uid,
            session_id: next_session_id().into(),
            agent: input.agent.map(Into::into),
            slack: input.slack.map(Box::new),
            checked_out: self.workspace.check_out(input.base_branch.as_deref()),
            base_branch: input.base_branch.map(Into::into),
            model_family: input.model_family.map(Into::into),
            parent: parent.map(|parent| Arc::clone(&parent.record.session_id)),
            stops: Vec::new(),
            texts_dropped: false,
        };
        let generation = parent.map_or(0, |parent| parent.generation + 1);
        let place = self.runs.len();
        self.places.insert(Arc::clone(&record.session_id), place);
        self.runs.push(Slot {
            state: Arc::new(RunState::new(
                record,
                input.message,
                script,
                generation,
                self.epoch,
                self.workspace.quirks.timestamp_resolution,
            )),
            reads: 0,
            late_reads: 0,
            bytes: 0,
            long_bytes: 0,
        });
        let children = self.change(place).begin(now);
        self.entered(place, children, now);
        self.catch_up(place, now);
        place
    }

    /// Moves a run into every stage that is due by now.
    fn catch_up(&mut self, place: usize, now: Duration) {
        self.call_back(place, now);
        while let Some(due) = self.runs[place]
            .state
            .next_stage_due(self.runs[place].reads, now)
        {
            let children = self.change(place).enter_next(due);
            self.entered(place, children, due);
            self.call_back(place, now);
        }
    }

    /// Wakes a run that is idle and waits for a child that has ended.
    fn call_back(&mut self, place: usize, now: Duration) {
        let waiting = self.runs[place].state.idle_for();
        for (number, child) in waiting.iter().enumerate() {
            let Some(child) = self.place(child, now) else {
                continue;
            };
            let child = Arc::clone(&self.runs[child].state);
            if let Some(end) = child.ended_at() {
                self.change(place).wake(number, end, &child);
                return;
            }
        }
    }

    /// A run has entered a stage: its reads are counted anew, its children start.
    fn entered(&mut self, place: usize, children: Vec<Child>, at: Duration) {
        self.runs[place].reads = 0;
        self.measure(place);
        let parent = Arc::clone(&self.runs[place].state);
        if parent.generation >= GENERATIONS {
            return;
        }
        for child in children {
            let (child, callback) = match child {
                Child::CallsBack { child, stages } => (*child, Some(stages)),
                child => (child, None),
            };
            let (agent, script) = self.script_of(child, parent.asked());
            let input = TriggerInput {
                agent,
                ..TriggerInput::default()
            };
            let child = self.start(input, script, Some(&parent), at);
            let id = Arc::clone(&self.runs[child].state.record.session_id);
            self.change(place).adopt(id, callback);
        }
    }

    /// Which agent a child is of, and how it goes if its parent was asked this.
    fn script_of(&self, child: Child, asked: Option<&str>) -> (Option<String>, Script) {
        match child {
            Child::Agent(agent) => {
                let script = self.workspace.scenarios.of(Some(&agent), asked);
                (Some(agent), script)
            }
            Child::Scenario(scenario) => (None, Script::from(Arc::from(scenario))),
            // A child calls back once: what it was wrapped in before is dropped.
            Child::CallsBack { child, .. } => self.script_of(*child, asked),
        }
    }

    pub(super) fn change(&mut self, place: usize) -> &mut RunState {
        Arc::make_mut(&mut self.runs[place].state)
    }
}

fn since_1970() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::Instant;

    use super::*;
    use crate::run::for_tests::{NOW, start, started};

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
}
