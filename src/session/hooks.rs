//! [`OnStarted`] and [`OnAccepted`]: functions of the caller that are called once a run, or a follow-up, is
//! accepted.

use crate::model::{Accepted, SessionId};

/// Called as soon as a run is accepted.
pub(super) type OnStarted = dyn FnOnce(&SessionId) + Send;
/// Called as soon as a follow-up is accepted.
pub(super) type OnAccepted = dyn FnOnce(&Accepted) + Send;
