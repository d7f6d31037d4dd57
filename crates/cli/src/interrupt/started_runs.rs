//! [`StartedRuns`]: the runs that are named where a second signal ends the process.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dinoai::SessionId;

/// The runs that this process has started, and that have not ended as far as it knows. Clones
/// share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct StartedRuns(Arc<Mutex<BTreeSet<SessionId>>>);

impl StartedRuns {
    pub(crate) fn note(&self, id: &SessionId) {
        self.ids().insert(id.clone());
    }

    pub(crate) fn note_end(&self, id: &SessionId) {
        self.ids().remove(id);
    }

    pub(crate) fn all(&self) -> Vec<SessionId> {
        self.ids().iter().cloned().collect()
    }

    fn ids(&self) -> MutexGuard<'_, BTreeSet<SessionId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
