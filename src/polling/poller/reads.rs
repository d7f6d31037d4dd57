//! How a [`Poller`] reads its run: alone, or in one request with the client's other waits.

use std::time::Duration;

use super::{Due, Poller};
use crate::error::Result;
use crate::model::{Run, RunStatus, SessionId};
use crate::operations::Digest;
use crate::operations::scheduler::{BatchFailures, FIRST_POLL, Look, Wanted};
use crate::polling::shared_polls::SharedPolls;
use crate::transport::{CallOptions, until_moved};

impl Poller {
    /// Whether no other wait shares requests with this one at the moment.
    pub(crate) fn is_alone(&self) -> bool {
        self.shared.as_ref().is_none_or(SharedPolls::is_alone)
    }

    /// Sleeps until the next poll is due.
    pub(crate) async fn until_due(&mut self) {
        let due = self.due.map(|due| due.at);
        self.until_allowed(due).await;
    }

    /// Sleeps until then, or longer if the server has asked for a delay, of this wait or of another.
    async fn until_allowed(&mut self, due: Option<Duration>) {
        loop {
            let shared = self.shared.as_ref();
            let held_until = shared.map(|shared| shared.held_until().min(self.deadline));
            let Some(due) = due.max(held_until) else {
                return;
            };
            let pause = due.saturating_sub(self.now());
            if pause.is_zero() {
                return;
            }
            // Then what is left of it: in the runtime in which the wait goes on, if that is another, or
            // since a delay was asked for meanwhile.
            until_moved(self.clock.sleep(pause)).await;
        }
    }

    /// Polls the status when that is due: alone, or in one request with other waits.
    pub(crate) async fn read_status(&mut self) -> Result<RunStatus> {
        self.follow_the_runtime();
        if self.is_alone() {
            self.until_due().await;
            return self.read_status_alone().await;
        }
        let now = self.clock.now();
        let due = self.due.unwrap_or(Due {
            soonest: now,
            at: now
                .saturating_add(self.options.schedule.pause(Duration::ZERO).min(FIRST_POLL))
                .min(self.deadline.max(now)),
        });
        let look = Look {
            due: due.at,
            soonest: due.soonest,
            ..self.look_at(self.session_id.clone(), Wanted::Status)
        };
        let looked = match &mut self.shared {
            Some(shared) => shared.look(look).await,
            None => None,
        };
        let Some((answered_at, status)) = looked else {
            // The wait goes on in another runtime.
            self.share();
            self.until_due().await;
            return self.read_status_alone().await;
        };
        self.polls += 1;
        self.was_shared = true;
        self.note_response(answered_at);
        status.map_err(|error| error.for_run(&self.session_id, self.started))
    }

    /// Joins the waits of the runtime in which this one goes on now.
    fn follow_the_runtime(&mut self) {
        if self.shared.as_ref().is_some_and(SharedPolls::has_moved) {
            self.share();
        }
    }

    /// Polls the status in a request of this wait alone.
    pub(crate) async fn read_status_alone(&mut self) -> Result<RunStatus> {
        self.begin();
        let (call, over_at) = self.own_call();
        let status = self.api.read_status(call).await;
        self.note_response(over_at.min(self.now()));
        status
    }

    /// Reads the digest, in a request of this wait alone.
    pub(crate) async fn read_digest(&mut self) -> Result<Digest> {
        self.begin();
        let (call, over_at) = self.own_call();
        let digest = self.api.read_digest(call).await;
        self.note_response(over_at.min(self.now()));
        digest
    }

    /// The options of a request of this wait alone that begins now, and when it is over at the latest.
    fn own_call(&mut self) -> (CallOptions, Duration) {
        self.was_shared = false;
        let now = self.now();
        let call = self.call_options_at(now);
        let over_at = self.api.over_at(&call, now);
        (call, over_at)
    }

    /// Reads the run whole: among others as one of their requests.
    pub(crate) async fn read_run(&mut self) -> Result<Run> {
        self.follow_the_runtime();
        if let Some(shared) = self.shared.as_ref().filter(|shared| !shared.is_alone()) {
            let call = self.call_options();
            let read = shared.read_run(&self.api, call, self.deadline).await;
            if let Some((answered_at, read)) = read {
                self.note_response(answered_at);
                self.was_shared = true;
                return read;
            }
            // The wait goes on in another runtime.
            self.share();
        }
        self.until_allowed(None).await;
        let (call, over_at) = self.own_call();
        let run = self.api.read_run(call).await;
        self.note_response(over_at.min(self.now()));
        run
    }

    /// A look at this run, or at one of its descendants, that is due now.
    pub(crate) fn look_at(&self, id: SessionId, wanted: Wanted) -> Look {
        let now = self.now();
        Look {
            id,
            wanted,
            due: now,
            soonest: now,
            deadline: self.deadline,
            started: self.started,
            is_proven: self.is_proven,
            batch_failures: BatchFailures::default(),
        }
    }

    /// How long the schedule pauses now.
    pub(crate) fn pause_of_schedule(&self) -> Duration {
        let waited = self.now().saturating_sub(self.start);
        self.options.schedule.pause(waited)
    }
}
