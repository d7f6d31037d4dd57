//! What all requests to one emulator share: its runs, its request log, its clock, its faults.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use tokio::sync::Notify;

use super::guard::Guard;
use super::in_flight::InFlight;
use super::request_log::RequestLog;
use crate::backend::Schemas;
use crate::clock::Clock;
use crate::fault::FaultPlan;
use crate::quirks::Quirks;
use crate::run::{Run, RunStore};

/// What the requests of one emulator share.
pub(crate) struct Shared {
    pub(crate) path: String,
    pub(crate) guard: Guard,
    pub(crate) schemas: Schemas,
    pub(crate) runs: Mutex<RunStore>,
    pub(crate) request_log: RequestLog,
    pub(crate) clock: Clock,
    pub(crate) quirks: Arc<Quirks>,
    pub(crate) plan: FaultPlan,
    pub(crate) in_flight: InFlight,
    /// How many resets there have been. Read while a request is executed, so that a reset comes
    /// before or after all of that.
    pub(crate) resets: RwLock<u64>,
    /// Notified after each reset.
    pub(crate) was_reset: Arc<Notify>,
}

impl Shared {
    /// Brings back the state at the start: no run, no request, the faults and the clock of then.
    pub(crate) fn reset(&self) {
        let mut resets = self.resets.write().unwrap_or_else(PoisonError::into_inner);
        *resets += 1;
        self.clock.reset();
        self.plan.reset();
        self.request_log.clear();
        self.run_store().reset();
        self.was_reset.notify_one();
    }

    pub(crate) fn now(&self) -> Duration {
        self.clock.now()
    }

    pub(crate) fn reported_runs(&self) -> Vec<Run> {
        let _not_resetting = self.not_resetting();
        let now = self.now();
        self.run_store().reports(now)
    }

    /// While this is held nothing is reset: the time that was read is that of the runs.
    pub(crate) fn not_resetting(&self) -> RwLockReadGuard<'_, u64> {
        self.resets.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn run_store(&self) -> MutexGuard<'_, RunStore> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
