//! [`SharedPolls`]: what one wait knows of the polls that it shares with the client's other waits.

use std::time::Duration;

use crate::error::{Error, Result};
use crate::model::{Run, RunStatus};
use crate::operations::Api;
use crate::operations::scheduler::{BatchFailures, Found, Look, Member};
use crate::transport::{CallOptions, until_moved};

/// What one wait knows of the polls that it shares with the client's other waits.
pub(super) struct SharedPolls {
    member: Member,
    batch_failures: BatchFailures,
    /// Whether any of them has found that the host is right, and the credentials for reads.
    is_proven: bool,
    has_read: bool,
    /// Whether the last poll was refused as one of too many in a request.
    was_refused: bool,
}

impl SharedPolls {
    pub(super) fn new(api: &Api) -> Self {
        Self::of(api.join())
    }

    /// The same in the runtime in which the wait goes on now.
    pub(super) fn again(&self, api: &Api) -> Self {
        Self::of(api.join_again(&self.member))
    }

    fn of(member: Member) -> Self {
        Self {
            member,
            batch_failures: BatchFailures::default(),
            is_proven: false,
            has_read: false,
            was_refused: false,
        }
    }

    /// Whether no other wait goes on at the moment.
    pub(super) fn is_alone(&self) -> bool {
        self.member.is_alone()
    }

    /// Whether the wait goes on in another runtime than the others.
    pub(super) fn has_moved(&self) -> bool {
        self.member.has_moved()
    }

    /// Reads the status in one request with other waits; also says when it was answered. `None` if
    /// that is not possible any more, as for [`Member::look`].
    pub(super) async fn look(&mut self, look: Look) -> Option<(Duration, Result<RunStatus>)> {
        let look = Look {
            batch_failures: self.batch_failures,
            ..look
        };
        let looked = self.member.look(look).await?;
        self.batch_failures = looked.batch_failures;
        self.is_proven = looked.is_proven;
        self.has_read = looked.has_read;
        self.was_refused = matches!(looked.found, Found::TooMany(_));
        let status = match looked.found {
            Found::Run(reading) => reading.map(|reading| reading.status),
            Found::Failed(error) | Found::TooMany(error) => Err((*error).clone()),
        };
        Some((looked.answered_at, status))
    }

    /// Reads a run whole, as one of the requests of all waits; also says when it was answered. `None` as
    /// soon as the wait goes on in another runtime.
    pub(super) async fn read_run(
        &self,
        api: &Api,
        call: CallOptions,
        deadline: Duration,
    ) -> Option<(Duration, Result<Run>)> {
        let read = api.read_run_among(&self.member, call, deadline);
        until_moved(read).await
    }

    /// Obeys a delay that the server has asked for then, for all waits.
    pub(super) fn hold_for(&self, error: &Error, asked_at: Duration) {
        self.member.hold_for(error, asked_at);
    }

    /// Until when the server has asked not to be asked.
    pub(super) fn held_until(&self) -> Duration {
        self.member.held_until()
    }

    /// Whether the last poll was refused as one of too many, so that nothing was looked at. Says so
    /// once.
    pub(super) fn take_refusal(&mut self) -> bool {
        std::mem::take(&mut self.was_refused)
    }

    /// Whether the host is known to be right, and the credentials for reads. Any run that was read
    /// proves them for all.
    pub(super) fn proof(&self) -> (bool, bool) {
        (self.is_proven, self.has_read)
    }
}
