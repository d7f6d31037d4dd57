//! How a [`Poller`] reads its run: alone, or in one request with the client's other waits.

use std::time::Duration;

use super::{Due, Poller};
use crate::error::Result;
use crate::model::{Run, RunStatus, SessionId};
use crate::operations::Digest;
use crate::operations::scheduler::{
    BatchFailures, FIRST_POLL, LAST_LOOK, Look, Wanted, is_noticed_late,
};
use crate::polling::shared_polls::SharedPolls;

impl Poller {
    /// Whether no other wait shares requests with this one at the moment.
    pub(crate) fn is_alone(&self) -> bool {
        self.shared.as_ref().is_none_or(SharedPolls::is_alone)
    }

    /// Sleeps until the next poll is due.
    pub(crate) async fn until_due(&mut self) {
        loop {
            let pause = self.due.map(|due| due.at.saturating_sub(self.now()));
            let Some(pause) = pause.filter(|pause| !pause.is_zero()) else {
                return;
            };
            let sleep = self.clock.sleep(pause);
            match &self.shared {
                None => return sleep.await,
                Some(shared) if shared.until_moved(sleep).await.is_some() => return,
                // The rest of it in the runtime in which the wait goes on.
                Some(_) => self.share(),
            }
        }
    }

    /// Polls the status when that is due: alone, or in one request with other waits.
    pub(crate) async fn read_status(&mut self) -> Result<RunStatus> {
        if self.shared.as_ref().is_some_and(SharedPolls::has_moved) {
            self.share();
        }
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
            return self.read_status_alone().await;
        };
        self.polls += 1;
        self.was_shared = true;
        self.note_response(answered_at, is_noticed_late(answered_at, self.now()));
        status.map_err(|error| error.for_run(&self.session_id, self.started))
    }

    /// Polls the status in a request of this wait alone.
    pub(crate) async fn read_status_alone(&mut self) -> Result<RunStatus> {
        let (call, over_at) = (self.begin(), self.over_at());
        let status = self.api.read_status(call).await;
        self.was_noticed_late = is_noticed_late(over_at, self.now());
        status
    }

    /// Reads the digest, in a request of this wait alone.
    pub(crate) async fn read_digest(&mut self) -> Result<Digest> {
        let (call, over_at) = (self.begin(), self.over_at());
        let digest = self.api.read_digest(call).await;
        self.was_noticed_late = is_noticed_late(over_at, self.now());
        digest
    }

    /// When a poll of this wait alone that begins now is over, at the latest.
    pub(crate) fn over_at(&self) -> Duration {
        let now = self.now();
        let last_look = self.deadline.max(now).saturating_add(LAST_LOOK);
        last_look.min(now.saturating_add(self.api.retry().call_timeout()))
    }

    /// Reads the run whole: among others as one of their requests.
    pub(crate) async fn read_run(&mut self) -> Result<Run> {
        let call = self.call_options();
        if let Some(shared) = self.shared.as_ref().filter(|shared| !shared.is_alone()) {
            if let Some(read) = shared.read_run(&self.api, call, self.deadline).await {
                self.was_shared = true;
                return read;
            }
            // The wait goes on in another runtime.
            self.share();
        }
        self.was_shared = false;
        self.api.read_run(self.call_options()).await
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
