//! [`Shared`]: what the waits on one runtime share.

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use super::queue::Queue;
use super::{READS, REQUESTS};
use crate::error::Result;
use crate::transport::Executor;

/// What the waits on one runtime share.
pub(super) struct Shared {
    pub(super) executor: Arc<Executor>,
    pub(super) members: AtomicUsize,
    queue: Mutex<Queue>,
    /// That the queue holds something that the driver does not know of.
    pub(super) changed: Notify,
    /// One for each poll and each read.
    pub(super) permits: Arc<Semaphore>,
    /// One more for each read.
    reads: Arc<Semaphore>,
    /// How many requests of waits for many runs are in flight.
    pub(super) others: AtomicUsize,
}

impl Shared {
    pub(super) fn new(executor: Arc<Executor>) -> Self {
        Self {
            executor,
            members: AtomicUsize::new(0),
            queue: Mutex::default(),
            changed: Notify::new(),
            permits: Arc::new(Semaphore::new(REQUESTS)),
            reads: Arc::new(Semaphore::new(READS)),
            others: AtomicUsize::new(0),
        }
    }

    pub(super) fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request of a wait that is in flight, or about to be; dropped, it has ended. It belongs on a task
/// of its own, since it may hold up others.
///
/// Until then a clock that jumps from one poll to the next stands still.
pub(crate) struct Request {
    shared: Option<Arc<Shared>>,
}

impl Request {
    pub(super) fn of(shared: Option<Arc<Shared>>) -> Self {
        if let Some(shared) = &shared {
            shared.others.fetch_add(1, Ordering::Relaxed);
        }
        Self { shared }
    }

    /// Notes what came of it: that the server is there, or when it asks to be asked again.
    pub(super) fn note<T>(&self, outcome: &Result<T>, now: Duration) {
        let Some(shared) = &self.shared else {
            return;
        };
        match outcome {
            Ok(_) => shared.queue().note_answered(),
            Err(error) => shared.queue().hold_for(error, now),
        }
    }

    /// Waits until it may be sent beside the polls, or is `overdue`: then it takes the place of none.
    pub(super) async fn place_before(
        &self,
        overdue: impl Future<Output = ()> + Unpin,
        deadline: Duration,
    ) -> Option<Place> {
        // Dropped with this function, and with it the place among those who wait.
        let place = pin!(self.place(deadline));
        match select(overdue, place).await {
            Either::Left(_) => None,
            Either::Right((place, _)) => place,
        }
    }

    /// Waits until there is room, and no delay that the server has asked for holds, unless that goes on beyond
    /// `deadline`.
    async fn place(&self, deadline: Duration) -> Option<Place> {
        let shared = self.shared.as_ref()?;
        loop {
            let read = shared.reads.clone().acquire_owned().await.ok()?;
            let request = shared.permits.clone().acquire_owned().await.ok()?;
            let clock = shared.executor.clock();
            let held_until = shared.queue().held_until().min(deadline);
            let pause = held_until.saturating_sub(clock.now());
            if pause.is_zero() {
                return Some(Place {
                    _request: request,
                    _read: read,
                });
            }
            drop((request, read));
            clock.sleep(pause).await;
        }
    }
}

/// The place of a read among the requests; dropped, it is free.
pub(super) struct Place {
    _request: OwnedSemaphorePermit,
    _read: OwnedSemaphorePermit,
}

impl Drop for Request {
    fn drop(&mut self) {
        if let Some(shared) = &self.shared {
            shared.others.fetch_sub(1, Ordering::Relaxed);
            shared.changed.notify_one();
        }
    }
}
