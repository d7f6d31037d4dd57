//! The plan: which faults are ahead, in which order.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Fault;

/// How many faults a plan takes from its builder and over the control path. Who holds an
/// [`Emulator`](crate::Emulator) adds to it without limit: the memory is its own.
pub(crate) const MOST_PLANNED: usize = 1_000;

/// The faults ahead, and those that the emulator was started with.
pub(crate) struct Plan {
    at_start: Vec<Fault>,
    ahead: Mutex<VecDeque<Fault>>,
}

impl Plan {
    pub(crate) fn new(faults: Vec<Fault>) -> Self {
        Self {
            ahead: Mutex::new(faults.clone().into()),
            at_start: faults,
        }
    }

    /// Plans what was planned at the start, and nothing else.
    pub(crate) fn reset(&self) {
        *self.faults() = self.at_start.clone().into();
    }

    pub(crate) fn add(&self, faults: impl IntoIterator<Item = Fault>) {
        self.faults().extend(faults);
    }

    /// Adds faults, unless there would be too many with them.
    pub(crate) fn add_within_limit(&self, added: Vec<Fault>) -> Result<(), String> {
        let mut faults = self.faults();
        let (ahead, more) = (faults.len(), added.len());
        if ahead + more > MOST_PLANNED {
            return Err(format!(
                "{more} faults more than the {ahead} that are ahead: a plan holds at most \
                 {MOST_PLANNED}; `times` repeats one"
            ));
        }
        faults.extend(added);
        Ok(())
    }

    pub(crate) fn clear(&self) {
        self.faults().clear();
    }

    pub(crate) fn ahead(&self) -> Vec<Fault> {
        self.faults().iter().cloned().collect()
    }

    /// Takes what happens to a request with this document.
    pub(crate) fn take(&self, document: &str) -> Option<Fault> {
        let mut faults = self.faults();
        faults.retain(|fault| fault.0.times > 0);
        let place = faults.iter().position(|fault| fault.matches(document))?;
        let fault = faults.get_mut(place)?;
        let taken = fault.clone();
        fault.0.times -= 1;
        if fault.0.times == 0 {
            faults.remove(place);
        }
        Some(taken)
    }

    fn faults(&self) -> MutexGuard<'_, VecDeque<Fault>> {
        self.ahead.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
