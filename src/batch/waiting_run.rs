//! [`WaitingRun`]: a run that is waited for.

use std::sync::Arc;
use std::time::Duration;

use crate::error::Error;
use crate::model::{RunStatus, SessionId};
use crate::operations::scheduler::BatchFailures;
use crate::polling::{FailedPolls, Tolerance};

/// A run that is waited for.
pub(super) struct WaitingRun<K> {
    pub(super) key: K,
    /// The key under which it was started once, if it was.
    pub(super) once: Option<Arc<str>>,
    /// Its place among the runs that are to be looked at, once it has one.
    pub(super) slot: Option<usize>,
    pub(super) id: SessionId,
    pub(super) start: Duration,
    /// Whether it was started here.
    pub(super) started: bool,
    /// Whether the id is known to be right.
    pub(super) is_proven: bool,
    pub(super) tolerance: Tolerance,
    pub(super) failed_polls: FailedPolls,
    pub(super) batch_failures: BatchFailures,
    pub(super) polls: u32,
    /// How many looks in a row were lost with the task that was to send them.
    pub(super) looks_lost: u32,
    /// When its next look is due.
    pub(super) due: Duration,
    /// Whether it was looked at once more because the look at its deadline was old.
    pub(super) was_looked_at_again: bool,
    pub(super) status: Option<RunStatus>,
    /// Shared by the runs of a batch.
    pub(super) last_error: Option<Arc<Error>>,
}

impl<K> WaitingRun<K> {
    pub(super) fn new(key: K, id: SessionId, start: Duration) -> Self {
        Self {
            key,
            once: None,
            slot: None,
            id,
            start,
            started: false,
            is_proven: false,
            tolerance: Tolerance::default(),
            failed_polls: FailedPolls::since(start),
            batch_failures: BatchFailures::default(),
            polls: 0,
            looks_lost: 0,
            due: start,
            was_looked_at_again: false,
            status: None,
            last_error: None,
        }
    }
}
