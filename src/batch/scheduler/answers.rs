//! What becomes of a request that was answered, or failed.

use std::sync::Arc;
use std::time::Duration;

use super::{
    BATCH, BATCHES_BEFORE_LARGER_ONES, FAILURES_BEFORE_SMALLER_ONES, FIRST_POLL, Scheduler,
    ToStart, UNKNOWN_IN_A_ROW, is_common,
};
use crate::batch::waiting_run::WaitingRun;
use crate::error::{Error, Result, RetryClass};
use crate::model::{Accepted, Run, RunStatus};
use crate::polling::{LONGEST_RETRY_AFTER, Tolerance, completed};

impl<K: Clone + Send + 'static> Scheduler<K> {
    pub(super) fn started(
        &mut self,
        mut item: ToStart<K>,
        start: Duration,
        accepted: Result<Accepted>,
    ) {
        let error = match accepted {
            Ok(accepted) => {
                self.is_proven = true;
                self.successes += 1;
                self.unknown_in_a_row = 0;
                let mut run = WaitingRun::new(item.key, accepted.session_id, start);
                let first_poll = self.options.schedule.pause(Duration::ZERO).min(FIRST_POLL);
                run.due = self.clock.now().saturating_add(first_poll);
                run.started = true;
                run.is_proven = true;
                self.wait_on(run);
                return;
            }
            Err(error) => error,
        };
        self.in_progress -= 1;
        if let Error::RateLimited { .. } = error {
            let retry = self.api.retry();
            let asked = error.retry_after().unwrap_or_default();
            let delay = retry.delays().nth(item.turned_away);
            let is_tried_again = delay.is_some() && asked <= retry.longest_retry_after();
            let asked = match is_tried_again {
                true => asked,
                false => asked.min(LONGEST_RETRY_AFTER),
            };
            let pause = delay.unwrap_or_default().max(asked);
            let not_before = self.clock.now().saturating_add(pause);
            self.triggers_not_before = self.triggers_not_before.max(not_before);
            if let Some(cause) = self.refused_by.clone() {
                return self.not_started(item, &cause);
            }
            if is_tried_again {
                tracing::debug!(%error, ?pause, "starting no run for a while");
                item.turned_away += 1;
                self.to_start.push_front(item);
                return;
            }
        }
        let is_unknown = error.may_have_started() && error.session_id().is_none();
        self.unknown_in_a_row = match is_unknown {
            true => self.unknown_in_a_row + 1,
            false => 0,
        };
        let is_hopeless = matches!(error, Error::Unauthorized { .. });
        if is_hopeless || self.unknown_in_a_row >= UNKNOWN_IN_A_ROW {
            self.start_no_more(&error);
        }
        self.results.push_back((item.key, Err(error)));
    }

    pub(super) fn polled(
        &mut self,
        mut runs: Vec<WaitingRun<K>>,
        statuses: Result<Vec<Result<RunStatus>>>,
    ) {
        let due = self.next_due(&runs);
        for run in &mut runs {
            run.polls += 1;
            run.due = due;
        }
        let error = match statuses {
            Ok(statuses) => {
                if statuses.iter().any(Result::is_ok) {
                    self.successes += 1;
                    self.use_larger_batches();
                }
                for (run, status) in runs.into_iter().zip(statuses) {
                    match status {
                        Ok(status) => self.has_status(run, status),
                        Err(error) => self.fail(run, &Arc::new(error)),
                    }
                }
                return;
            }
            Err(error) => Arc::new(error),
        };
        let is_tolerated = match RetryClass::of(&error) {
            // Smaller ones may be taken.
            _ if is_about_the_batch(&error) => {
                self.use_smaller_batches(runs.len());
                let now = self.clock.now();
                for mut run in runs {
                    run.last_error = Some(error.clone());
                    // None of them has been looked at.
                    match self.deadline(&run) > now {
                        true => self.wait_on(run),
                        false => self.overdue.push(run),
                    }
                }
                return;
            }
            RetryClass::Refused => self.has_read,
            RetryClass::Transient | RetryClass::MaybePermanent | RetryClass::Final => {
                self.is_proven
            }
        };
        if !is_tolerated {
            // The host or the credentials are wrong, for the others as well, and nothing that is
            // started could be read.
            for run in runs {
                self.wait_on(run);
            }
            self.refuse_runs(&error);
            self.start_no_more(&error);
            return;
        }
        if runs.len() > 1
            && RetryClass::of(&error) == RetryClass::Transient
            && self.has_failed_too_often(&mut runs)
        {
            self.use_smaller_batches(runs.len());
        }
        for run in runs {
            self.fail(run, &error);
        }
    }

    /// Counts a batch that failed transiently. True if it did so three times in a row while
    /// other requests were answered: it may be too large for the server.
    fn has_failed_too_often(&self, runs: &mut [WaitingRun<K>]) -> bool {
        let Some(first) = runs.first() else {
            return false;
        };
        let (failures, successes) = match first.batch_failures {
            (0, _) => (1, self.successes),
            (failures, successes) => (failures + 1, successes),
        };
        let is_too_often = failures >= FAILURES_BEFORE_SMALLER_ONES && self.successes > successes;
        for run in runs {
            run.batch_failures = match is_too_often {
                true => (0, 0),
                false => (failures, successes),
            };
        }
        is_too_often
    }

    fn use_smaller_batches(&mut self, refused: usize) {
        self.batch = self.batch.min(refused / 2).max(1);
        self.answered = 0;
        tracing::debug!(
            batch = self.batch,
            "a batch was refused, using smaller ones"
        );
    }

    /// The server may have refused a batch for a reason that has passed: now and then a larger
    /// one is tried again.
    fn use_larger_batches(&mut self) {
        self.answered += 1;
        if self.answered >= BATCHES_BEFORE_LARGER_ONES {
            self.answered = 0;
            self.batch = (self.batch * 2).min(BATCH);
        }
    }

    pub(super) fn read(&mut self, mut run: WaitingRun<K>, read: Result<Run>) {
        run.due = self.next_due(std::slice::from_ref(&run));
        match read {
            Ok(read) if read.status.is_terminal() => {
                self.successes += 1;
                let now = self.clock.now();
                run.failed_polls.answered(&run.id, now, &mut self.on_outage);
                let started = run.started;
                self.finish(run, completed(read, started));
            }
            // A follow-up has woken it in between.
            Ok(read) => self.has_status(run, read.status),
            Err(error) => self.fail(run, &Arc::new(error)),
        }
    }

    fn has_status(&mut self, mut run: WaitingRun<K>, status: RunStatus) {
        self.is_proven = true;
        self.has_read = true;
        run.is_proven = true;
        run.batch_failures = (0, 0);
        let is_terminal = status.is_terminal();
        run.status = Some(status);
        if is_terminal {
            // Failures to read it count on, or it would be read for ever.
            self.note_deadline(self.deadline(&run));
            self.ended.push_back(run);
        } else {
            run.tolerance = Tolerance::default();
            let now = self.clock.now();
            run.failed_polls.answered(&run.id, now, &mut self.on_outage);
            run.last_error = None;
            self.wait_or_time_out(run);
        }
    }

    /// Tolerates a failure of one run, or makes it the run's result.
    fn fail(&mut self, mut run: WaitingRun<K>, error: &Arc<Error>) {
        let now = self.clock.now();
        if let Some(asked) = error.retry_after() {
            // It holds for all.
            let not_before = now.saturating_add(asked.min(LONGEST_RETRY_AFTER));
            self.polls_not_before = self.polls_not_before.max(not_before);
        }
        // Any run that was read proves the host, for all of them.
        let is_proven = run.is_proven || (self.is_proven && is_common(error));
        if !run
            .tolerance
            .tolerates(error, now, is_proven, self.has_read)
        {
            let error = error.for_run(&run.id, run.started);
            return self.finish(run, Err(error));
        }
        tracing::debug!(session_id = %run.id, %error, "a poll failed, the wait goes on");
        let shown = || error.for_run(&run.id, run.started);
        run.failed_polls
            .failed(&run.id, now, shown, &mut self.on_outage);
        run.last_error = Some(error.clone());
        self.wait_or_time_out(run);
    }
}

/// Whether the server refuses a batch that it might take if it were smaller.
fn is_about_the_batch(error: &Error) -> bool {
    match error {
        Error::Unsupported { .. } | Error::ResponseTooLarge { .. } => true,
        Error::GraphQl { .. } => RetryClass::of(error) != RetryClass::Transient,
        Error::Http { status, .. } => matches!(status, 400 | 413 | 414 | 422 | 431),
        _ => false,
    }
}
