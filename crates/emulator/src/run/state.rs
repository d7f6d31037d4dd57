//! The state of one run: the stages that it still has before it, and what has appeared so far.
//!
//! A run [begins](RunState::begin); whenever somebody looks, it [enters](RunState::enter_next) each
//! stage that [is due](RunState::next_stage_due). A [follow-up](RunState::follow_up), the end of a
//! child ([`wake`](RunState::wake)) and a [stop](RunState::stop) change what lies ahead.
//!
//! Time comes in as an argument, counted from the emulator's start, so that nothing here waits
//! and every moment can be chosen.

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use super::record::{Record, Returned, TranscriptMessage, USER};
use super::workspace::Script;
use crate::demo::{Memory, Verdict};
use crate::scenario::{Child, Effect, Effects, Scenario, Stage, StageLength, Status, Step};

/// The smallest distance between two messages of a run, in microseconds, if timestamps have no
/// resolution.
const MESSAGE_GAP: u64 = 1_000;

/// The state of one run. There can be a hundred thousand of them. Cloned only when it changes while a response still reads it.
#[derive(Clone)]
pub(crate) struct RunState {
    pub(crate) record: Record,
    /// The trigger's message. Its text, and those of the follow-ups, are the transcript's own.
    pub(super) message: Option<Arc<str>>,
    pub(super) follow_ups: Vec<Arc<str>>,
    /// How long these texts are, in bytes of JSON: what they take in responses, at least what they
    /// take here.
    pub(super) sent_bytes: usize,
    /// The same of those among them that are long enough to be dropped.
    pub(super) long_bytes: usize,
    /// How much has appeared in the stages, about.
    pub(super) revealed_bytes: usize,
    /// Of one of a demo agent there is none once it has begun: nothing is read of it after that.
    pub(crate) scenario: Option<Arc<Scenario>>,
    /// Of a run of a demo agent. It answers the follow-ups, one after the other.
    pub(super) memory: Option<Box<Memory>>,
    pub(crate) messages: Vec<TranscriptMessage>,
    pub(crate) steps: Vec<Arc<Step>>,
    pub(crate) startup_steps: Vec<(Arc<str>, bool)>,
    pub(crate) children: Vec<Arc<str>>,
    pub(crate) status: Status,
    /// 0 for a run that was triggered, 1 for its children, and so on.
    pub(crate) generation: u32,
    /// Counted across all clones.
    pub(crate) returned: Arc<Returned>,
    /// When the last message appeared.
    pub(crate) last_message: Duration,
    stage_length: StageLength,
    entered: Duration,
    /// When this turn came to the status that it has.
    pub(super) status_since: Duration,
    pub(super) ahead: VecDeque<Arc<Stage>>,
    /// The children that this run waits for, and what it goes through when each has ended.
    waiting: Vec<(Arc<str>, Vec<Stage>)>,
    /// When the child that woke the run last had ended: the run continued no earlier.
    woken: Duration,
    /// The status of the last stage of this turn that was left and could be seen.
    status_before: Option<Status>,
    /// The current stage is not of this turn.
    is_before_turn: bool,
    /// When the emulator started, since the Unix epoch.
    epoch: Duration,
    timestamp_resolution: Option<Duration>,
}

impl RunState {
    /// A run that is about to begin: [`begin`](Self::begin) makes its first stage appear.
    pub(crate) fn new(
        record: Record,
        message: Option<String>,
        Script { scenario, memory }: Script,
        generation: u32,
        epoch: Duration,
        timestamp_resolution: Option<Duration>,
    ) -> Self {
        let mut state = Self {
            sent_bytes: 0,
            long_bytes: 0,
            message: message.map(Arc::from),
            follow_ups: Vec::new(),
            revealed_bytes: 0,
            record,
            messages: Vec::new(),
            steps: Vec::new(),
            startup_steps: Vec::new(),
            children: Vec::new(),
            status: Status::Queued,
            generation,
            returned: Arc::default(),
            last_message: Duration::ZERO,
            stage_length: StageLength::Reads(0),
            entered: Duration::ZERO,
            status_since: Duration::ZERO,
            ahead: scenario.stages.iter().cloned().collect(),
            waiting: Vec::new(),
            woken: Duration::ZERO,
            scenario: Some(scenario),
            memory,
            status_before: None,
            is_before_turn: true,
            epoch,
            timestamp_resolution,
        };
        if let Some(message) = state.message.clone() {
            state.count_sent(&message);
        }
        state
    }

    /// Begins the run, and returns the children to start.
    pub(crate) fn begin(&mut self, now: Duration) -> Vec<Child> {
        self.last_message = now;
        if let Some(message) = self.message.clone() {
            self.say(Arc::clone(&USER), message, now);
        }
        let scenario = self.scenario.clone();
        let mut children = scenario.map_or_else(Vec::new, |it| self.reveal(&it.opening, now));
        if self.memory.is_some() {
            self.scenario = None;
        }
        children.extend(self.enter_next(now));
        children
    }

    /// The status that a replica shows which lags a stage behind, but not a turn.
    pub(crate) fn lagging_status(&self) -> &Status {
        self.status_before.as_ref().unwrap_or(&self.status)
    }

    /// Whether there is a stage to lag behind.
    pub(crate) fn can_lag(&self) -> bool {
        self.status_before.is_some()
    }

    /// What the run was asked at first: what a demo agent has read of it, else the trigger's
    /// message as long as it is kept.
    pub(crate) fn asked(&self) -> Option<&str> {
        let read = self.memory.as_ref().map(|memory| memory.asked());
        read.or(self.message.as_deref())
    }

    /// How many follow-ups the run has received.
    pub(crate) fn follow_ups(&self) -> usize {
        self.follow_ups.len()
    }

    /// When the next stage begins: `None` if there is none, or if it has not come to that yet.
    pub(crate) fn next_stage_due(&self, reads: u64, now: Duration) -> Option<Duration> {
        if self.ahead.is_empty() {
            return None;
        }
        match self.stage_length {
            StageLength::Reads(enough) => (reads >= enough).then_some(now),
            StageLength::Lasts(time) => {
                let end = self.entered.saturating_add(time).max(self.woken);
                (now >= end).then_some(end)
            }
        }
    }

    /// Enters the next stage, if there is one, and returns the children to start.
    pub(crate) fn enter_next(&mut self, at: Duration) -> Vec<Child> {
        let Some(stage) = self.ahead.pop_front() else {
            return Vec::new();
        };
        let (mut status, mut length) = (stage.status.clone(), stage.length);
        if let Some(memory) = &mut self.memory {
            if status.is_terminal() {
                self.ahead = all_ahead(memory.answered());
                if !self.ahead.is_empty() {
                    // The run continues with a follow-up: it does not seem to have ended in between.
                    status = self.status.clone();
                    length = StageLength::Lasts(Duration::ZERO);
                }
            } else if self.ahead.is_empty() && self.waiting.is_empty() {
                // Its children were of too late a generation.
                self.ahead = all_ahead(memory.alone());
            }
        }
        let left = mem::replace(&mut self.status, status);
        if self.is_before_turn || left != self.status {
            self.status_since = at;
        }
        if !self.is_before_turn && !matches!(self.stage_length, StageLength::Reads(0)) {
            self.status_before = Some(left);
        }
        self.is_before_turn = false;
        self.stage_length = length;
        self.entered = at;
        let children = self.reveal(&stage.effects, at);
        if self.ended_at().is_some() && self.follow_ups.is_empty() {
            self.shrink();
        }
        children
    }

    /// Takes a follow-up: the current stages end, those of its answer lie ahead; a demo agent
    /// answers it when it has ended them. A turn that had ended by then is shown for as many reads
    /// more as are stale. Returns the children that the ended stages still had to start.
    pub(crate) fn follow_up(
        &mut self,
        message: String,
        stale_reads: u64,
        now: Duration,
    ) -> Vec<Child> {
        let stale = stale_reads > 0 && self.ahead.is_empty() && self.status.is_terminal();
        let since = self.status_since;
        let mut children = Vec::new();
        while self.memory.is_none() && !self.ahead.is_empty() {
            children.extend(self.enter_next(now));
        }
        let message: Arc<str> = message.into();
        self.say(Arc::clone(&USER), Arc::clone(&message), now);
        self.count_sent(&message);
        self.follow_ups.push(Arc::clone(&message));
        self.limit_texts();
        let has_ended = self.ended_at().is_some();
        self.ahead = match &mut self.memory {
            Some(memory) if has_ended => all_ahead(memory.answer(&message)),
            Some(memory) => {
                memory.queue(&message);
                return children;
            }
            None => {
                let number = self.follow_ups.len();
                let scenario = self.scenario.as_ref();
                scenario.map_or_else(VecDeque::new, |it| it.answer(number).into())
            }
        };
        if stale {
            let shown = Stage::new(self.status.clone()).reads(stale_reads);
            self.ahead.push_front(Arc::new(shown));
        }
        self.is_before_turn = true;
        children.extend(self.enter_next(now));
        self.status_before = None;
        if stale {
            self.is_before_turn = true;
            self.status_since = since;
        }
        children
    }

    /// Takes a child, and what the run goes through when that has ended.
    pub(crate) fn adopt(&mut self, child: Arc<str>, callback: Option<Vec<Stage>>) {
        if let Some(stages) = callback {
            self.waiting.push((child.clone(), stages));
        }
        self.children.push(child);
    }

    /// The children that the run does nothing but wait for.
    pub(crate) fn idle_for(&self) -> Vec<Arc<str>> {
        if !self.ahead.is_empty() {
            return Vec::new();
        }
        self.waiting
            .iter()
            .map(|(child, _)| child.clone())
            .collect()
    }

    /// When the run ended, if it has and waits for nothing.
    pub(crate) fn ended_at(&self) -> Option<Duration> {
        let has_ended =
            self.ahead.is_empty() && self.waiting.is_empty() && self.status.is_terminal();
        has_ended.then_some(self.entered)
    }

    /// Wakes the run: the child with this number among those it waits for ended at this time.
    /// The current stage is shown until its own end first, so that the run is seen idle.
    pub(crate) fn wake(&mut self, number: usize, at: Duration, child: &Self) {
        let (_, stages) = self.waiting.remove(number);
        self.woken = at;
        let stages = match &mut self.memory {
            Some(memory) => memory.child_ended(child.verdict(), !self.waiting.is_empty()),
            None if stages.is_empty() => Scenario::called_back(),
            None => stages,
        };
        self.ahead = all_ahead(stages);
    }

    /// What came of the run, for the demo agent that has started it.
    fn verdict(&self) -> Verdict {
        let agent = self.record.agent.as_deref().unwrap_or_default();
        let said = self.messages.last().map_or("", |said| &*said.content);
        Verdict::new(agent, self.status.clone(), said)
    }

    /// Stops the run where it stands: what lay ahead never appears. One that has ended stays as it
    /// ended: the API's STOPPED means stopped before it finished.
    pub(crate) fn stop(&mut self, now: Duration) {
        self.record.stops.push(now);
        if self.ended_at().is_some() {
            return;
        }
        self.entered = now;
        if !self.status.is_terminal() {
            self.status_since = now;
        }
        self.ahead = VecDeque::new();
        self.waiting = Vec::new();
        if let Some(memory) = &mut self.memory {
            memory.stopped();
        }
        self.status_before = None;
        self.status = Status::Stopped;
    }

    fn reveal(&mut self, effects: &Effects, at: Duration) -> Vec<Child> {
        self.revealed_bytes += effects.bytes();
        let mut children = Vec::new();
        for piece in &effects.0 {
            match piece {
                Effect::Message { role, content } => {
                    self.say(Arc::clone(role), Arc::clone(content), at);
                }
                Effect::Step(step) => self.steps.push(Arc::clone(step)),
                Effect::StartupStep { label, done } => {
                    let mut lines = self.startup_steps.iter_mut();
                    match lines.find(|(known, _)| known == label) {
                        Some(line) => line.1 = *done,
                        None => self.startup_steps.push((Arc::clone(label), *done)),
                    }
                }
                Effect::Child(child) => children.push(Child::clone(child)),
            }
        }
        children
    }

    /// Gives back the room for more that its lists have: most runs have one turn.
    fn shrink(&mut self) {
        self.ahead = VecDeque::new();
        self.messages.shrink_to_fit();
        self.steps.shrink_to_fit();
        self.startup_steps.shrink_to_fit();
        self.children.shrink_to_fit();
    }

    /// Adds a message with a timestamp greater than every other of the run, or, if they have a
    /// resolution, with one that is not less.
    fn say(&mut self, role: Arc<str>, content: Arc<str>, at: Duration) {
        self.last_message = self.last_message.max(at);
        let moment = self.epoch.saturating_add(at).as_micros();
        let (moment, gap) = match self.timestamp_resolution {
            None => (moment, MESSAGE_GAP),
            Some(resolution) => (moment - moment % resolution.as_micros().max(1), 0),
        };
        let earliest = self
            .messages
            .last()
            .map_or(0, |message| message.micros.saturating_add(gap));
        self.messages.push(TranscriptMessage {
            micros: u64::try_from(moment).unwrap_or(u64::MAX).max(earliest),
            role,
            content,
        });
    }
}

fn all_ahead(stages: Vec<Stage>) -> VecDeque<Arc<Stage>> {
    stages.into_iter().map(Stage::into_kept).collect()
}
