//! [`WaitingRun`]: a run that is waited for, ordered by when it is due.

use std::sync::Arc;
use std::time::Duration;

use crate::error::Error;
use crate::model::{RunStatus, SessionId};
use crate::polling::{FailedPolls, Tolerance};

/// A run that is waited for.
pub(super) struct WaitingRun<K> {
    pub(super) due: Duration,
    pub(super) key: K,
    pub(super) id: SessionId,
    pub(super) start: Duration,
    /// Whether it was started here.
    pub(super) started: bool,
    /// Whether the id is known to be right.
    pub(super) is_proven: bool,
    pub(super) tolerance: Tolerance,
    pub(super) failed_polls: FailedPolls,
    /// How often in a row its batch has failed transiently, and how many requests had been
    /// answered at the first time.
    pub(super) batch_failures: (u32, u64),
    pub(super) polls: u32,
    /// When the last request for it was sent.
    pub(super) asked_at: Duration,
    pub(super) status: Option<RunStatus>,
    /// Shared by the runs of a batch.
    pub(super) last_error: Option<Arc<Error>>,
}

impl<K> WaitingRun<K> {
    pub(super) fn new(key: K, id: SessionId, start: Duration) -> Self {
        Self {
            due: start,
            key,
            id,
            start,
            started: false,
            is_proven: false,
            tolerance: Tolerance::default(),
            failed_polls: FailedPolls::since(start),
            batch_failures: (0, 0),
            polls: 0,
            asked_at: Duration::ZERO,
            status: None,
            last_error: None,
        }
    }
}

impl<K> PartialEq for WaitingRun<K> {
    fn eq(&self, other: &Self) -> bool {
        self.due == other.due
    }
}

impl<K> Eq for WaitingRun<K> {}

impl<K> PartialOrd for WaitingRun<K> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<K> Ord for WaitingRun<K> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.due.cmp(&other.due)
    }
}
