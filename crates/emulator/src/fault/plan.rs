//! The plan of faults: which are ahead, in which order, and which of them a request takes
//! ([`FaultPlan::take`]).

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Fault;
use crate::graphql::syntax;

/// How many faults a plan holds.
const MOST_PLANNED: usize = 1_000;

/// How much memory the faults of a plan take: 4 MiB.
const MOST_PLAN_BYTES: usize = 4 << 20;

/// The faults ahead, and those that the emulator was started with.
pub(crate) struct FaultPlan {
    at_start: Vec<Fault>,
    ahead: Mutex<VecDeque<Fault>>,
}

impl FaultPlan {
    /// A plan that begins with these faults.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add).
    pub(crate) fn new(faults: Vec<Fault>) -> Result<Self, String> {
        let mut plan = Self {
            at_start: Vec::new(),
            ahead: Mutex::default(),
        };
        plan.add(faults)?;
        plan.at_start = plan.ahead();
        Ok(plan)
    }

    /// Plans what was planned at the start, and nothing else.
    pub(crate) fn reset(&self) {
        *self.faults() = self.at_start.clone().into();
    }

    /// Adds those of these faults that ever happen: all, or none.
    ///
    /// # Errors
    ///
    /// What is wrong with the first that cannot happen, or that there would be too many.
    pub(crate) fn add(&self, mut added: Vec<Fault>) -> Result<(), String> {
        added.iter().try_for_each(|fault| fault.0.check())?;
        added.retain(|fault| fault.0.happens());
        let mut faults = self.faults();
        let (ahead, more) = (faults.len(), added.len());
        if ahead + more > MOST_PLANNED {
            return Err(format!(
                "{more} faults more than the {ahead} that are ahead: a plan holds at most \
                 {MOST_PLANNED}; `times` repeats one"
            ));
        }
        let bytes: usize = faults
            .iter()
            .chain(&added)
            .map(|fault| fault.0.memory())
            .sum();
        if bytes > MOST_PLAN_BYTES && more > 0 {
            return Err(format!(
                "{more} faults more than the {ahead} that are ahead would take {bytes} bytes with \
                 them: a plan takes at most {MOST_PLAN_BYTES}"
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
        // A document is long, and a plan too.
        let is_looked_into = faults.iter().any(|fault| fault.0.on.is_some());
        let names = if is_looked_into {
            syntax::names(document)
        } else {
            HashSet::new()
        };
        let place = faults.iter().position(|fault| fault.0.matches(&names))?;
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
