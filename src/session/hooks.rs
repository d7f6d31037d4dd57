//! What callers want to be called with.

use crate::model::{Accepted, SessionId};

/// Called as soon as a run is accepted.
pub(super) type OnStarted = dyn FnOnce(&SessionId) + Send;
/// Called as soon as a follow-up is accepted.
pub(super) type OnAccepted = dyn FnOnce(&Accepted) + Send;
