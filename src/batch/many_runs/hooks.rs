//! [`StartHooks`]: what the caller wants to be called with when runs are started.

use crate::error::JournalError;
use crate::model::{Accepted, SessionId};

/// What the caller wants to be called with when a run is started.
pub(crate) struct StartHooks<K> {
    pub(crate) on_started: Option<Box<OnEachStarted<K>>>,
    pub(crate) on_accepted: Option<Box<OnEachAccepted<K>>>,
    pub(crate) on_unrecorded: Option<Box<OnEachUnrecorded<K>>>,
}

pub(crate) type OnEachStarted<K> = dyn FnMut(K, &SessionId) + Send;
pub(crate) type OnEachAccepted<K> = dyn FnMut(K, &Accepted) + Send;
pub(crate) type OnEachUnrecorded<K> = dyn FnMut(K, &SessionId, &JournalError) + Send;

impl<K> Default for StartHooks<K> {
    fn default() -> Self {
        Self {
            on_started: None,
            on_accepted: None,
            on_unrecorded: None,
        }
    }
}
