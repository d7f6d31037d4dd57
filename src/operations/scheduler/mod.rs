//! [`Scheduler`]: the status polls of all waits of a client. Waits that go on at the same time share
//! requests: one reads up to 50 runs.
//!
//! A wait joins ([`Member`]) and leaves when it is dropped. While it is the only one it polls by
//! itself. Otherwise it puts each look at a run in a [`queue`], and a task of its own ([`driver`])
//! sends what is due, filled up with what is due soon: so no wait holds up another, however slowly
//! its caller goes on. Each wait decides by itself what it makes of a look, and when the next is due.

mod driver;
mod queue;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::runtime;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot};

use crate::error::{Error, Result};
use crate::model::{RunStatus, SessionId};
use crate::transport::Executor;
use queue::{Key, Queue};

/// How many runs one request reads at most.
pub(crate) const BATCH: usize = 50;
/// How many requests of the waits of a client are in flight at a time.
pub(crate) const REQUESTS: usize = 8;
/// How many more there may be for runs whose deadline has come.
pub(crate) const LAST_LOOKS: usize = 32;
/// How long the last look may take, which comes at the deadline.
pub(crate) const LAST_LOOK: Duration = Duration::from_secs(5);
/// How long a delay that the server asks for is obeyed at the longest.
pub(crate) const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(60);
/// How long after its beginning a wait among others looks first at the latest, so that it can share
/// a request.
pub(crate) const FIRST_POLL: Duration = Duration::from_secs(1);

/// The status polls of all waits of a client.
///
/// A connection belongs to the runtime that has opened it, so each runtime has a queue of its own.
#[derive(Default)]
pub(crate) struct Scheduler {
    queues: Mutex<Vec<(runtime::Id, Weak<Shared>)>>,
}

impl Scheduler {
    /// Takes part from now on.
    pub(crate) fn join(&self, executor: &Arc<Executor>) -> Member {
        let Ok(runtime) = runtime::Handle::try_current() else {
            return Member { shared: None };
        };
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        queues.retain(|(_, queue)| queue.strong_count() > 0);
        let known = queues.iter().find(|(id, _)| *id == runtime.id());
        let shared = known.and_then(|(_, queue)| queue.upgrade());
        let shared = shared.unwrap_or_else(|| {
            let shared = Arc::new(Shared::new(executor.clone()));
            queues.push((runtime.id(), Arc::downgrade(&shared)));
            shared
        });
        shared.members.fetch_add(1, Ordering::Relaxed);
        Member {
            shared: Some(shared),
        }
    }
}

/// What the waits on one runtime share.
struct Shared {
    executor: Arc<Executor>,
    members: AtomicUsize,
    queue: Mutex<Queue>,
    /// That the queue holds something that the driver does not know of.
    changed: Notify,
    /// One for each poll and each read.
    permits: Arc<Semaphore>,
    /// How many requests of waits for many runs are in flight.
    others: AtomicUsize,
}

impl Shared {
    fn new(executor: Arc<Executor>) -> Self {
        Self {
            executor,
            members: AtomicUsize::new(0),
            queue: Mutex::default(),
            changed: Notify::new(),
            permits: Arc::new(Semaphore::new(REQUESTS)),
            others: AtomicUsize::new(0),
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts looks in the queue, and sees that somebody sends them.
    fn insert(self: &Arc<Self>, looks: impl Iterator<Item = (Look, Reply)>) -> Option<Key> {
        let mut queue = self.queue();
        let mut last = None;
        for (look, reply) in looks {
            last = Some(queue.insert(look, reply));
        }
        let is_driven = std::mem::replace(&mut queue.is_driven, true);
        let is_late = queue.is_driven_too_late();
        drop(queue);
        match is_driven {
            false => drop(tokio::spawn(driver::drive(self.clone()))),
            true if is_late => self.changed.notify_one(),
            true => {}
        }
        last
    }
}

/// A look at a run that a wait asks for.
#[derive(Debug, Clone)]
pub(crate) struct Look {
    pub(crate) id: SessionId,
    pub(crate) wanted: Wanted,
    /// When it is due, and from when on it may be taken along with others.
    pub(crate) due: Duration,
    pub(crate) soonest: Duration,
    /// When the wait ends: the run is looked at once more then.
    pub(crate) deadline: Duration,
    /// Whether the wait has started the run itself, and whether host and id are known to be right.
    pub(crate) started: bool,
    pub(crate) is_proven: bool,
    pub(crate) batch_failures: BatchFailures,
}

/// What a look reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    Status,
}

/// How often in a row a batch has failed transiently, and how many requests had been answered at the
/// first time. A look gives it back, for the next look at the same run.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct BatchFailures {
    failures: u32,
    answered: u64,
}

/// What came of a look.
#[derive(Debug)]
pub(crate) struct Looked {
    pub(crate) found: Found,
    /// When the request was sent, and when its response came. One from before the deadline was not
    /// the last look.
    pub(crate) asked_at: Duration,
    pub(crate) answered_at: Duration,
    pub(crate) batch_failures: BatchFailures,
    /// Whether another wait has found that the host is right, and the credentials for reads.
    pub(crate) is_proven: bool,
    pub(crate) has_read: bool,
}

#[derive(Debug)]
pub(crate) enum Found {
    /// What the API says of this run.
    Run(Result<RunStatus>),
    /// The request has failed, for all runs that it was about.
    Failed(Arc<Error>),
    /// The server refuses so many runs at a time: none was looked at.
    TooMany(Arc<Error>),
}

/// Who asked for a look.
enum Reply {
    One(oneshot::Sender<Looked>),
    Slot(SlotReply),
}

impl Reply {
    fn is_closed(&self) -> bool {
        match self {
            Self::One(reply) => reply.is_closed(),
            Self::Slot(reply) => reply.all.as_ref().is_none_or(UnboundedSender::is_closed),
        }
    }

    /// Whoever has left needs no answer.
    fn send(self, looked: Looked) {
        match self {
            Self::One(reply) => drop(reply.send(looked)),
            Self::Slot(mut reply) => reply.answer(Some(looked)),
        }
    }
}

/// What comes of a look for one of many runs: `None` if the runtime is gone that was to send it.
pub(crate) type SlotLooked = (usize, Option<Looked>);

/// The wait for many runs, and the run's slot in it. It learns what came of the look in any case.
struct SlotReply {
    slot: usize,
    all: Option<UnboundedSender<SlotLooked>>,
}

impl SlotReply {
    fn answer(&mut self, looked: Option<Looked>) {
        if let Some(all) = self.all.take() {
            drop(all.send((self.slot, looked)));
        }
    }
}

impl Drop for SlotReply {
    fn drop(&mut self) {
        self.answer(None);
    }
}

/// A wait that takes part; dropped, it has left.
pub(crate) struct Member {
    /// `None` outside a runtime of tokio, where nothing can be shared.
    shared: Option<Arc<Shared>>,
}

impl Member {
    /// Whether no other wait goes on, so that there is nothing to share.
    pub(crate) fn is_alone(&self) -> bool {
        let shared = self.shared.as_ref();
        shared.is_none_or(|shared| shared.members.load(Ordering::Relaxed) == 1)
    }

    /// Looks at a run when that is due, or sooner with others. `None` if the runtime is gone that
    /// was to send it.
    ///
    /// May be dropped at any time.
    pub(crate) async fn look(&self, look: Look) -> Option<Looked> {
        let shared = self.shared.as_ref()?;
        let (reply, looked) = oneshot::channel();
        let queued = shared.insert(std::iter::once((look, Reply::One(reply))));
        let _queued = Queued {
            shared,
            key: queued?,
        };
        looked.await.ok()
    }

    /// Looks at many runs, each as [`look`](Self::look), and reports each to `all` with its slot.
    pub(crate) fn look_at(
        &self,
        looks: impl IntoIterator<Item = (usize, Look)>,
        all: &UnboundedSender<SlotLooked>,
    ) {
        let with_reply = |(slot, look)| {
            let all = Some(all.clone());
            (look, Reply::Slot(SlotReply { slot, all }))
        };
        let looks = looks.into_iter().map(with_reply);
        match &self.shared {
            Some(shared) => drop(shared.insert(looks)),
            None => looks.for_each(drop),
        }
    }

    /// Forgets the looks whose askers have gone.
    pub(crate) fn forget_closed(&self) {
        if let Some(shared) = &self.shared {
            shared.queue().forget_closed();
            shared.changed.notify_one();
        }
    }

    /// A request that is about to be made beside the polls, which may have to wait until no more
    /// than [`REQUESTS`] are in flight.
    pub(crate) fn request(&self) -> Request {
        if let Some(shared) = &self.shared {
            shared.others.fetch_add(1, Ordering::Relaxed);
        }
        Request {
            shared: self.shared.clone(),
        }
    }

    /// Obeys a delay that the server has asked for, for all waits.
    pub(crate) fn hold(&self, until: Duration) {
        if let Some(shared) = &self.shared {
            shared.queue().hold(until);
        }
    }

    /// Until when the server has asked not to be asked.
    pub(crate) fn held_until(&self) -> Duration {
        let shared = self.shared.as_ref();
        shared.map_or(Duration::ZERO, |shared| shared.queue().held_until())
    }
}

/// A request of a wait that is in flight, or about to be; dropped, it has ended.
///
/// Until then a clock that jumps from one poll to the next stands still.
pub(crate) struct Request {
    shared: Option<Arc<Shared>>,
}

impl Request {
    /// Waits until it may be sent beside the polls.
    pub(crate) async fn permit(&self) -> Option<OwnedSemaphorePermit> {
        let shared = self.shared.as_ref()?;
        shared.permits.clone().acquire_owned().await.ok()
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        if let Some(shared) = &self.shared {
            shared.others.fetch_sub(1, Ordering::Relaxed);
            shared.changed.notify_one();
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        if let Some(shared) = &self.shared {
            shared.members.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// A look that is waited for: dropped, it is taken out of the queue.
struct Queued<'a> {
    shared: &'a Shared,
    key: Key,
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        if self.shared.queue().remove(self.key) {
            // Nothing may be left to do.
            self.shared.changed.notify_one();
        }
    }
}
