//! [`Poller`]: what every wait shares. It says how the next poll is made, what a poll that failed
//! means, how long to pause, and when the wait has come to its deadline. The loops are with those who
//! wait. Each reads by the methods of `reads.rs`; calls `note_look` and perhaps `note_status` with what it
//! read; then `pause_after`, or `pause_despite` where something optional is missing, or `answered` where the
//! wait ends. An ask that is still queued at its deadline calls `end_at_deadline` itself.
//!
//! At the deadline the run is looked at once more: a poll that is in flight then is that look, unless what
//! it says is old by the time of the pause, else one more is made. Only after it is anything said of the
//! run, or done to it.

mod reads;
mod stalls;

use std::sync::Arc;
use std::time::Duration;

use crate::error::{Awaited, Error, Result, WaitTimeout, excerpt};
use crate::model::{RunStatus, SessionId};
use crate::operations::Api;
use crate::operations::scheduler::{LAST_LOOK, LONGEST_RETRY_AFTER, is_old};
use crate::polling::options::{OnTimeout, PollOptions};
use crate::polling::outage::{FailedPolls, OnOutage};
use crate::polling::shared_polls::SharedPolls;
use crate::polling::stall::Stall;
use crate::polling::tolerance::Tolerance;
use crate::time::Clock;
use crate::transport::CallOptions;

/// The polls of one run.
pub(crate) struct Poller {
    pub(crate) api: Api,
    pub(crate) session_id: SessionId,
    options: PollOptions,
    clock: Arc<dyn Clock>,
    start: Duration,
    deadline: Duration,
    /// Whether the wait has started the run, or the turn, itself.
    started: bool,
    /// Whether the host and the id are known to be right.
    is_proven: bool,
    /// Whether the credentials are known to be right for reads.
    has_read: bool,
    tolerance: Tolerance,
    failed_polls: FailedPolls,
    on_outage: Option<Box<OnOutage>>,
    /// Whether the run still shows activity, if the wait ends once it does not.
    stall: Option<Stall>,
    polls: u32,
    last_status: Option<RunStatus>,
    /// Whether what is waited for had ended, or may have, at the last look.
    may_have_ended: bool,
    last_error: Option<Error>,
    /// When the last response came, at the latest.
    answered_at: Option<Duration>,
    /// Whether it came through the scheduler, which obeys the delay in it.
    was_shared: bool,
    /// Whether the run was looked at once more because the look at the deadline was old.
    was_looked_at_again: bool,
    /// The polls of the client's other waits, with which it shares requests, if it does.
    shared: Option<SharedPolls>,
    /// When the next poll is due, and from when on it may share a request. `None`: at once.
    due: Option<Due>,
}

/// When a poll is due.
#[derive(Debug, Clone, Copy)]
struct Due {
    soonest: Duration,
    at: Duration,
}

impl Poller {
    /// Polls from now on; `start` is when the waiting began, by the client's clock.
    pub(crate) fn since(
        start: Duration,
        api: Api,
        session_id: SessionId,
        options: PollOptions,
    ) -> Self {
        Self {
            failed_polls: FailedPolls::since(api.clock().now()),
            on_outage: None,
            stall: options.stall.map(Stall::new),
            clock: api.clock().clone(),
            api,
            session_id,
            options,
            start,
            deadline: start.saturating_add(options.timeout),
            started: false,
            is_proven: false,
            has_read: false,
            tolerance: Tolerance::default(),
            polls: 0,
            last_status: None,
            may_have_ended: false,
            last_error: None,
            answered_at: None,
            was_shared: false,
            was_looked_at_again: false,
            shared: None,
            due: None,
        }
    }

    /// Shares requests with the client's other waits from now on.
    pub(crate) fn share(&mut self) {
        self.shared = Some(match &self.shared {
            Some(shared) => shared.again(&self.api),
            None => SharedPolls::new(&self.api),
        });
    }

    /// For a run that was started, or written to, in this session: host and id are right.
    pub(crate) fn proven(mut self) -> Self {
        self.is_proven = true;
        self
    }

    /// For a run that was read before, so that the credentials are right for reads.
    pub(crate) fn having_read(mut self) -> Self {
        self.has_read = true;
        self
    }

    /// For a run, or a turn, that this very wait has started.
    pub(crate) fn having_started(mut self) -> Self {
        self.started = true;
        self.proven()
    }

    /// Shows polls that fail while the wait goes on.
    pub(crate) fn with_outages(mut self, on_outage: Option<Box<OnOutage>>) -> Self {
        self.on_outage = on_outage;
        self
    }

    /// Whom to show outages from now on: a wait may go on with another poller.
    pub(crate) fn take_outages(&mut self) -> Option<Box<OnOutage>> {
        self.on_outage.take()
    }

    pub(crate) fn grace_period(&self) -> Duration {
        self.options.grace_period
    }

    /// The options of the next call. It is one attempt, since the loop is the retry, but for the
    /// first one of a run that may not exist.
    pub(crate) fn call_options(&self) -> CallOptions {
        self.call_options_at(self.now())
    }

    /// The same of a call that begins then.
    fn call_options_at(&self, now: Duration) -> CallOptions {
        let (deadline, overrun) = match now < self.deadline {
            // One attempt begins at once: only its end is bounded.
            true if self.is_proven => (self.deadline.saturating_add(LAST_LOOK), Duration::ZERO),
            true => (self.deadline, LAST_LOOK),
            false => (now.saturating_add(LAST_LOOK), Duration::ZERO),
        };
        CallOptions {
            session_id: Some(self.session_id.clone()),
            deadline: Some(deadline),
            overrun,
            once: self.is_proven || now >= self.deadline,
            after_start: self.started,
            ..CallOptions::default()
        }
    }

    /// Counts a poll.
    pub(crate) fn begin(&mut self) {
        self.polls += 1;
    }

    /// Notes what a poll has read, and whether that is, or may be, the end of what is waited
    /// for.
    pub(crate) fn note_look(&mut self, status: &RunStatus, may_have_ended: bool) {
        self.may_have_ended = may_have_ended;
        self.note_status(status);
    }

    /// Notes a status, and that the run was read, without changing whether what is waited for may
    /// have ended: a whole read after a look may lag behind it.
    pub(crate) fn note_status(&mut self, status: &RunStatus) {
        self.is_proven = true;
        self.has_read = true;
        if self.last_status.as_ref() != Some(status) {
            let shown = excerpt(status.as_str());
            tracing::info!(session_id = %self.session_id, status = %shown, "run status");
            self.last_status = Some(status.clone());
        }
    }

    /// Notes when a response that says something of the run came, or failed to, at the latest. That can
    /// be before the deadline although it is noticed after it.
    pub(crate) fn note_response(&mut self, answered_at: Duration) {
        self.answered_at = Some(answered_at);
    }

    /// Notes a poll that was answered.
    pub(crate) fn answered(&mut self) {
        let now = self.now();
        self.failed_polls
            .answered(&self.session_id, now, &mut self.on_outage);
    }

    /// Something else is waited for from now on, which has not ended.
    pub(crate) fn reopen(&mut self) {
        self.may_have_ended = false;
    }

    pub(crate) fn now(&self) -> Duration {
        self.clock.now()
    }

    /// Whether the last look has been made, or is due.
    pub(crate) fn is_at_the_deadline(&self) -> bool {
        self.now() >= self.deadline
    }

    /// Pauses before the next poll, or ends the wait: by the failure of this poll if it is not
    /// tolerated, or by the timeout if this was the last look.
    pub(crate) async fn pause_after(&mut self, poll: Result<()>, awaited: Awaited) -> Result<()> {
        match poll {
            Ok(()) => {
                self.tolerance = Tolerance::default();
                self.answered();
                self.last_error = None;
                self.check_stall(awaited).await?;
                self.pause(None, awaited).await
            }
            // It was not looked at, and smaller batches may be taken.
            Err(error) if self.was_refused() => {
                // At the deadline at once: the last look is still to come.
                self.answered_at = Some(Duration::ZERO);
                self.pause(Some(error), awaited).await
            }
            Err(error) => {
                let now = self.now();
                let (is_proven, has_read) = self.proof(&error);
                if !self.tolerance.tolerates(&error, now, is_proven, has_read) {
                    return Err(error);
                }
                let (id, shown) = (&self.session_id, || error.clone());
                self.failed_polls
                    .failed(id, now, shown, &mut self.on_outage);
                self.pause(Some(error), awaited).await
            }
        }
    }

    fn was_refused(&mut self) -> bool {
        self.shared.as_mut().is_some_and(SharedPolls::take_refusal)
    }

    /// Whether host and id are known to be right, as far as this failure is about them, and the
    /// credentials.
    fn proof(&self, error: &Error) -> (bool, bool) {
        let shared = self.shared.as_ref();
        let (proves_host, proves_reads) = shared.map_or((false, false), SharedPolls::proof);
        let is_proven = self.is_proven || (proves_host && error.is_common());
        (is_proven, self.has_read || proves_reads)
    }

    /// The same after a poll that has read the run, but not all that belongs to it.
    pub(crate) async fn pause_despite(&mut self, failure: Error, awaited: Awaited) -> Result<()> {
        self.tolerance = Tolerance::default();
        self.pause(Some(failure), awaited).await
    }

    async fn pause(&mut self, failure: Option<Error>, awaited: Awaited) -> Result<()> {
        let now = self.now();
        let answered_at = self.answered_at.take().unwrap_or(now);
        if let Some(error) = &failure {
            tracing::debug!(%error, "a poll failed, the wait goes on");
            // The scheduler has done so when the response to a shared request came.
            if let Some(shared) = self.shared.as_ref().filter(|_| !self.was_shared) {
                shared.hold_for(error, answered_at);
            }
        }
        let asked = failure.as_ref().and_then(Error::retry_after);
        self.last_error = failure;
        if now >= self.deadline {
            self.due = Some(Due {
                soonest: now,
                at: now,
            });
            // One that was over before the deadline is not the last look: that is due now. Nor is one
            // that is old, since nobody has gone on with the wait.
            let is_last = answered_at >= self.deadline
                && (!is_old(answered_at, now)
                    || std::mem::replace(&mut self.was_looked_at_again, true));
            return match is_last {
                true => Err(self.end_at_deadline(awaited).await),
                false => Ok(()),
            };
        }
        let pause = self.pause_of_schedule();
        let asked = asked.unwrap_or_default().min(LONGEST_RETRY_AFTER);
        let at = |pause: Duration| now.saturating_add(pause.max(asked)).min(self.deadline);
        self.due = Some(Due {
            soonest: at(pause / 2),
            at: at(pause),
        });
        if self.shared.is_none() {
            self.until_due().await;
        }
        Ok(())
    }

    /// The end of the wait for a turn that has shown no activity.
    pub(crate) fn turn_not_started(&self, waited: Duration, accepted: bool) -> Error {
        Error::TurnNotStarted {
            session_id: self.session_id.clone(),
            waited,
            status: self.last_status.clone(),
            accepted,
            started: self.started,
        }
    }

    /// Ends the wait at its deadline: stops the run if the options say so and it cannot have ended,
    /// and makes the error.
    pub(crate) async fn end_at_deadline(&mut self, awaited: Awaited) -> Error {
        self.end(awaited, None).await
    }

    async fn end(&mut self, awaited: Awaited, stalled: Option<Duration>) -> Error {
        let elapsed = self.now().saturating_sub(self.start);
        let stopped = match self.options.on_timeout {
            OnTimeout::Stop if !self.may_have_ended && awaited != Awaited::Idle => {
                let call = CallOptions {
                    after_start: self.started,
                    ..CallOptions::default()
                };
                let stop = self.api.stop(self.session_id.clone(), call).await;
                Some(stop.map(|accepted| accepted.status).map_err(Box::new))
            }
            OnTimeout::Stop | OnTimeout::Leave => None,
        };
        Error::WaitTimeout(Box::new(WaitTimeout {
            session_id: self.session_id.clone(),
            last_status: self.last_status.clone(),
            elapsed,
            polls: self.polls,
            last_error: self.last_error.take().map(Box::new),
            stopped,
            stalled,
            awaited,
            started: self.started,
        }))
    }
}
