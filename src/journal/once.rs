//! [`Keyed`]: a request with its key, and what is to be known to start it; and [`Once`], what came of it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::restart::{EarlierRun, Restart};
use super::store::Journal;
use crate::error::{JournalError, Result};
use crate::model::{Accepted, Run, SessionId, TriggerRun};
use crate::operations::Api;
use crate::transport::Retry;

/// Called with the id of a run that the journal does not take.
pub(crate) type OnUnrecorded = dyn FnOnce(&SessionId, &JournalError) + Send;

/// A request with its key, and what is to be known to start it.
#[derive(Clone)]
pub(crate) struct Keyed {
    pub(crate) api: Api,
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) key: String,
    pub(crate) request: TriggerRun,
    pub(crate) restart: Restart,
    /// When the call has to be over, if it has to.
    pub(crate) deadline: Option<Duration>,
    pub(crate) retry: Option<Retry>,
    /// Whether HTTP 429 is the caller's to wait out.
    pub(crate) returns_rate_limits: bool,
    /// Once it is cancelled, nothing is claimed any more; what is claimed goes on.
    pub(crate) given_up: CancellationToken,
}

/// What came of it.
#[derive(Debug)]
pub(crate) enum Once {
    /// It has started the run. With the run before, if that had failed.
    Started {
        accepted: Accepted,
        failed: Option<EarlierRun>,
        /// Whose claim it was.
        owner: String,
    },
    /// The run was started before, and has not ended as far as is known.
    Attached(SessionId),
    /// The run was started before, and has ended.
    Ended(Box<Run>),
    /// Nobody knows whether it was started.
    Unknown { since: SystemTime, reason: String },
}

/// Where the caller waits; closed where it has dropped the call.
pub(super) type Reply = oneshot::Sender<Result<Once>>;
