//! The runs that are waited for: when each is looked at, what a look leads to, and what happens at
//! its deadline.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use tokio::sync::mpsc::unbounded_channel;

use super::outcomes::{At, Stop};
use super::{ManyRuns, ToStop};
use crate::batch::waiting_run::WaitingRun;
use crate::error::{Awaited, Error, RetryClass, WaitTimeout};
use crate::model::{RunStatus, SessionId};
use crate::operations::documents::DinoaiAgentRunStatus;
use crate::operations::scheduler::{
    BATCH, FIRST_POLL, Found, Look, Looked, Wanted, is_lost, is_old,
};
use crate::polling::{OnOutage, OnTimeout, Tolerance};
use crate::transport::Operation;

/// How many looks in a row may be lost with the task that sends them.
const LOST_IN_A_ROW: u32 = 2;

impl ManyRuns<SessionId> {
    /// Waits for runs, a batch of them at once and the next batches spread over a second.
    pub(crate) fn wait_for(&mut self, ids: Vec<SessionId>, on_outage: Option<Box<OnOutage>>) {
        self.on_outage = on_outage;
        if let Err(error) = self.options.check() {
            let refused = |id: SessionId| (id, Err(error.clone()));
            self.results = ids.into_iter().map(refused).collect();
            return;
        }
        let now = self.clock.now();
        let interval = self.options.schedule.pause(Duration::ZERO).min(FIRST_POLL);
        let batches = ids.len().div_ceil(BATCH).max(1);
        self.waiting.reserve_exact(ids.len());
        let mut ids = ids.into_iter();
        for place in 0..batches {
            let due = now.saturating_add(interval.mul_f64(place as f64 / batches as f64));
            let looks: Vec<_> = ids
                .by_ref()
                .take(BATCH)
                .map(|id| self.asked(Box::new(WaitingRun::new(id.clone(), id, now)), now, due))
                .collect();
            self.member.look_at(looks, &self.looks.0);
        }
    }
}

impl<K: Clone + Send + 'static> ManyRuns<K> {
    pub(super) fn deadline(&self, run: &WaitingRun<K>) -> Duration {
        run.start.saturating_add(self.options.timeout)
    }

    /// Whether the last response was the last look at a run, which comes at the deadline.
    fn was_last_look(&self, run: &mut WaitingRun<K>, at: At) -> bool {
        let deadline = self.deadline(run);
        // Nobody has read the stream at the deadline: the response may be from before.
        let was_left = self.left_at < deadline && deadline <= self.resumed_at;
        if at.answered < deadline || (was_left && at.asked < self.resumed_at) {
            return false;
        }
        // Nor has anybody since, for so long that it is old.
        !is_old(at.answered, self.clock.now())
            || std::mem::replace(&mut run.was_looked_at_again, true)
    }

    /// Asks for a look at a run, due then, or from `soonest` on together with others.
    pub(super) fn ask(&mut self, run: Box<WaitingRun<K>>, soonest: Duration, due: Duration) {
        let look = self.asked(run, soonest, due);
        self.member.look_at([look], &self.looks.0);
    }

    /// Asks for a look at a run that was asked for before, in vain.
    fn ask_as_before(&mut self, run: Box<WaitingRun<K>>) {
        let due = run.due;
        self.ask(run, due, due);
    }

    /// Keeps a run, and makes the look that is to be asked for, with its slot.
    fn asked(
        &mut self,
        mut run: Box<WaitingRun<K>>,
        soonest: Duration,
        due: Duration,
    ) -> (usize, Look) {
        let deadline = self.deadline(&run);
        run.due = due;
        let look = Look {
            id: run.id.clone(),
            wanted: Wanted::Status,
            due: due.min(deadline),
            soonest,
            deadline,
            started: run.started,
            is_proven: run.is_proven || self.is_proven,
            batch_failures: run.batch_failures,
        };
        let slot = *run.slot.get_or_insert_with(|| {
            self.waiting.push(None);
            self.waiting.len() - 1
        });
        self.waiting[slot] = Some(run);
        self.looks_asked_for += 1;
        (slot, look)
    }

    /// Asks for the next look at a run, as the schedule says.
    fn ask_again(&mut self, run: Box<WaitingRun<K>>) {
        let now = self.clock.now();
        let pause = self.options.schedule.pause(now.saturating_sub(run.start));
        let soonest = now.saturating_add(pause / 2);
        self.ask(run, soonest, now.saturating_add(pause));
    }

    /// Joins anew if the stream goes on in another runtime, and asks for everything there: the old
    /// one may not be driven any more.
    pub(super) fn follow_the_runtime(&mut self) {
        if !self.member.has_moved() {
            return;
        }
        self.looks = unbounded_channel();
        self.member.forget_closed();
        self.member = self.api.join_again(&self.member);
        self.looks_asked_for = 0;
        let waiting: Vec<_> = self.waiting.iter_mut().filter_map(Option::take).collect();
        for run in waiting {
            self.ask_as_before(run);
        }
        // What was answered before.
        while let Some(Some(read)) = self.reads.next().now_or_never() {
            if !read.read.as_ref().is_err_and(is_lost) {
                self.read(read);
            }
        }
        while let Some(Some(stopped)) = self.stops.next().now_or_never() {
            if !matches!(&stopped.1, Stop::Made(Err(error)) if is_lost(error)) {
                self.stopped(stopped);
            }
        }
        self.reads = FuturesUnordered::new();
        for (number, run) in std::mem::take(&mut self.reading) {
            self.ended.insert((self.deadline(&run), number), run);
        }
        self.stops = FuturesUnordered::new();
        for to_stop in std::mem::take(&mut self.stopping).into_values() {
            self.to_stop.push_back(ToStop {
                may_be_sent: true,
                ..to_stop
            });
        }
    }

    /// Notes what came of a look. `None`: the runtime is gone that was to send it.
    pub(super) fn looked(&mut self, slot: usize, looked: Option<Looked>) {
        let Some(mut run) = self.waiting.get_mut(slot).and_then(Option::take) else {
            return;
        };
        self.looks_asked_for -= 1;
        let Some(looked) = looked else {
            self.member = self.api.join_again(&self.member);
            run.looks_lost += 1;
            let call = || DinoaiAgentRunStatus::INFO.call();
            let error = match self.member.is_outside() {
                true => Error::outside_of_tokio(call()),
                false if run.looks_lost > LOST_IN_A_ROW => Error::unusable_runtime(call()),
                false => return self.ask_as_before(run),
            };
            let error = error.for_run(&run.id, run.started);
            return self.finish(*run, Err(error));
        };
        run.polls += 1;
        run.looks_lost = 0;
        let at = At {
            asked: looked.asked_at,
            answered: looked.answered_at,
        };
        run.batch_failures = looked.batch_failures;
        match looked.found {
            Found::Run(Ok(reading)) => self.has_status(run, reading.status, at),
            Found::Run(Err(error)) => self.fail(run, &Arc::new(error), at),
            // Smaller batches may be taken.
            Found::TooMany(error) => {
                run.last_error = Some(error);
                self.ask_again(run);
            }
            Found::Failed(error) => {
                self.is_proven |= looked.is_proven;
                self.has_read |= looked.has_read;
                let is_tolerated = match RetryClass::of(&error) {
                    RetryClass::Refused => self.has_read,
                    RetryClass::Transient | RetryClass::MaybePermanent | RetryClass::Final => {
                        self.is_proven
                    }
                };
                if is_tolerated {
                    return self.fail(run, &error, at);
                }
                // The host or the credentials are wrong, for the others as well, and nothing that
                // is started could be read.
                let refused = error.for_run(&run.id, run.started);
                self.finish(*run, Err(refused));
                self.refuse_runs(&error);
                self.start_no_more(&error);
            }
        }
    }

    /// Ends all runs that are waited for with the same error.
    fn refuse_runs(&mut self, error: &Error) {
        self.looks = unbounded_channel();
        self.member.forget_closed();
        self.looks_asked_for = 0;
        let waiting: Vec<_> = self.waiting.iter_mut().filter_map(Option::take).collect();
        let ended = std::mem::take(&mut self.ended).into_values();
        for run in waiting.into_iter().chain(ended) {
            let error = error.for_run(&run.id, run.started);
            self.finish(*run, Err(error));
        }
    }

    pub(super) fn has_status(&mut self, mut run: Box<WaitingRun<K>>, status: RunStatus, at: At) {
        self.is_proven = true;
        self.has_read = true;
        run.is_proven = true;
        let is_terminal = status.is_terminal();
        run.status = Some(status);
        if is_terminal {
            // Failures to read it count on, or it would be read for ever.
            self.numbers += 1;
            let place = (self.deadline(&run), self.numbers);
            self.ended.insert(place, run);
        } else {
            run.tolerance = Tolerance::default();
            let now = self.clock.now();
            run.failed_polls.answered(&run.id, now, &mut self.on_outage);
            run.last_error = None;
            self.wait_or_time_out(run, at);
        }
    }

    /// Tolerates a failure of one run, or makes it the run's result.
    pub(super) fn fail(&mut self, mut run: Box<WaitingRun<K>>, error: &Arc<Error>, at: At) {
        let now = self.clock.now();
        // Any run that was read proves the host, for all of them.
        let is_proven = run.is_proven || (self.is_proven && error.is_common());
        if !run
            .tolerance
            .tolerates(error, now, is_proven, self.has_read)
        {
            let error = error.for_run(&run.id, run.started);
            return self.finish(*run, Err(error));
        }
        tracing::debug!(session_id = %run.id, %error, "a poll failed, the wait goes on");
        let shown = || error.for_run(&run.id, run.started);
        run.failed_polls
            .failed(&run.id, now, shown, &mut self.on_outage);
        run.last_error = Some(error.clone());
        self.wait_or_time_out(run, at);
    }

    /// Goes on waiting for a run, unless this was its last look.
    fn wait_or_time_out(&mut self, mut run: Box<WaitingRun<K>>, at: At) {
        if !self.was_last_look(&mut run, at) {
            return self.ask_again(run);
        }
        let now = self.clock.now();
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
            stalled: None,
            awaited: Awaited::Run,
            started: run.started,
        };
        let timeout = Box::new(timeout);
        let has_ended = run.status.as_ref().is_some_and(RunStatus::is_terminal);
        match self.options.on_timeout {
            OnTimeout::Stop if !has_ended => self.to_stop.push_back(ToStop {
                run,
                timeout,
                since: now,
                may_be_sent: false,
            }),
            OnTimeout::Stop | OnTimeout::Leave => {
                self.finish(*run, Err(Error::WaitTimeout(timeout)));
            }
        }
    }
}
