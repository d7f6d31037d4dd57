//! The runs that are waited for: which are due, when each comes to its deadline.

use std::cmp::Reverse;
use std::time::Duration;

use super::Scheduler;
use crate::batch::waiting_run::WaitingRun;
use crate::error::{Awaited, Error, WaitTimeout};
use crate::model::RunStatus;
use crate::polling::OnTimeout;

impl<K: Clone + Send + 'static> Scheduler<K> {
    pub(super) fn deadline(&self, run: &WaitingRun<K>) -> Duration {
        run.start.saturating_add(self.options.timeout)
    }

    pub(super) fn wait_on(&mut self, run: WaitingRun<K>) {
        self.note_deadline(self.deadline(&run));
        self.waiting.push(Reverse(run));
    }

    pub(super) fn note_deadline(&mut self, deadline: Duration) {
        let next = self.next_deadline.unwrap_or(Duration::MAX);
        self.next_deadline = Some(next.min(deadline));
    }

    /// Finds the runs whose deadline has come.
    pub(super) fn find_overdue(&mut self) {
        let now = self.clock.now();
        if self.next_deadline.is_none_or(|deadline| deadline > now) {
            return;
        }
        self.next_deadline = None;
        let ended: Vec<_> = self.ended.iter().map(|run| self.deadline(run)).collect();
        for deadline in ended.into_iter().filter(|deadline| *deadline > now) {
            self.note_deadline(deadline);
        }
        for Reverse(run) in std::mem::take(&mut self.waiting) {
            if self.deadline(&run) <= now {
                self.overdue.push(run);
            } else {
                self.wait_on(run);
            }
        }
    }

    /// The runs that are due now, filled up with those that are due soon.
    pub(super) fn due_batch(&mut self, now: Duration) -> Option<Vec<WaitingRun<K>>> {
        let first = &self.waiting.peek().filter(|Reverse(run)| run.due <= now)?.0;
        let interval = self.options.schedule.pause(now.saturating_sub(first.start));
        let soon = now.saturating_add(interval / 2);
        let mut runs = vec![];
        while runs.len() < self.batch
            && self
                .waiting
                .peek()
                .is_some_and(|Reverse(run)| run.due <= soon)
        {
            runs.extend(self.waiting.pop().map(|Reverse(run)| run));
        }
        Some(runs)
    }

    /// Goes on waiting for a run, unless this was its last look.
    pub(super) fn wait_or_time_out(&mut self, run: WaitingRun<K>) {
        let now = self.clock.now();
        let deadline = self.deadline(&run);
        if deadline > now {
            self.wait_on(run);
            return;
        }
        // Nobody has read the stream meanwhile: the response may be from long before.
        if run.asked_at <= self.left_at && self.left_at < deadline {
            self.overdue.push(run);
            return;
        }
        let timeout = WaitTimeout {
            session_id: run.id.clone(),
            last_status: run.status.clone(),
            elapsed: now.saturating_sub(run.start),
            polls: run.polls,
            last_error: run
                .last_error
                .as_ref()
                .map(|error| Box::new(error.for_run(&run.id, run.started))),
            stopped: None,
            awaited: Awaited::Run,
            started: run.started,
        };
        let timeout = Box::new(timeout);
        let has_ended = run.status.as_ref().is_some_and(RunStatus::is_terminal);
        match self.options.on_timeout {
            OnTimeout::Stop if !has_ended => self.to_stop.push_back((run, timeout)),
            OnTimeout::Stop | OnTimeout::Leave => {
                self.finish(run, Err(Error::WaitTimeout(timeout)));
            }
        }
    }

    /// When runs that were just asked for are due again: all at the same time, so that they stay
    /// in one batch.
    pub(super) fn next_due(&self, runs: &[WaitingRun<K>]) -> Duration {
        let now = self.clock.now();
        let start = runs.first().map_or(now, |run| run.start);
        now.saturating_add(self.options.schedule.pause(now.saturating_sub(start)))
    }
}
