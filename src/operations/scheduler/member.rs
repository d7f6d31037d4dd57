//! [`Scheduler`]: one a client; and [`Member`]: a wait that takes part in it.

use std::future::poll_fn;
use std::panic::resume_unwind;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::Poll;
use std::time::Duration;

use tokio::runtime;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;
use tokio::task::JoinError;
use tokio_util::task::AbortOnDropHandle;
use tracing::instrument::WithSubscriber;

use super::driver::{Driving, drive};
use super::look::{Look, Looked, Reply, SlotLooked, SlotReply};
use super::queue::Key;
use super::shared::{Request, Shared};
use crate::error::{Error, Result};
use crate::model::Run;
use crate::operations::documents::{DinoaiAgentRun, dinoai_agent_run};
use crate::transport::{CallOptions, Executor, Operation, OperationInfo, current_runtime};

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
        let Some(runtime) = current_runtime() else {
            return Member {
                shared: None,
                runtime: None,
            };
        };
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        queues.retain(|(_, queue)| queue.strong_count() > 0);
        let known = queues.iter().find(|(id, _)| *id == runtime);
        let shared = known.and_then(|(_, queue)| queue.upgrade());
        let shared = shared.unwrap_or_else(|| {
            let shared = Arc::new(Shared::new(executor.clone()));
            queues.push((runtime, Arc::downgrade(&shared)));
            shared
        });
        shared.members.fetch_add(1, Ordering::Relaxed);
        Member {
            shared: Some(shared),
            runtime: Some(runtime),
        }
    }
}

/// A wait that takes part; dropped, it has left.
pub(crate) struct Member {
    /// `None` outside a runtime of tokio, where nothing can be shared.
    shared: Option<Arc<Shared>>,
    runtime: Option<runtime::Id>,
}

impl Member {
    /// Whether no other wait goes on, so that there is nothing to share.
    pub(crate) fn is_alone(&self) -> bool {
        let shared = self.shared.as_ref();
        shared.is_none_or(|shared| shared.members.load(Ordering::Relaxed) == 1)
    }

    /// Whether there is no runtime of tokio that could send anything.
    pub(crate) fn is_outside(&self) -> bool {
        self.shared.is_none()
    }

    /// Whether the wait goes on in another runtime than it began in. That one may not be driven any
    /// more: it has to join anew.
    pub(crate) fn has_moved(&self) -> bool {
        current_runtime() != self.runtime
    }

    /// Looks at a run when that is due, or sooner with others. `None` if the wait has moved to
    /// another runtime, or the runtime is gone that was to send it.
    ///
    /// May be dropped at any time.
    pub(crate) async fn look(&self, look: Look) -> Option<Looked> {
        let shared = self.shared.as_ref().filter(|_| !self.has_moved())?;
        let (reply, looked) = oneshot::channel();
        let queued = insert(shared, std::iter::once((look, Reply::One(reply))));
        let _queued = Queued {
            shared,
            key: queued?,
        };
        let mut looked = pin!(looked);
        poll_fn(|context| match looked.as_mut().poll(context) {
            Poll::Ready(looked) => Poll::Ready(looked.ok()),
            Poll::Pending if self.has_moved() => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        })
        .await
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
            Some(shared) if !self.has_moved() => drop(insert(shared, looks)),
            _ => looks.for_each(drop),
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
    /// than [`REQUESTS`](super::REQUESTS) are in flight.
    pub(crate) fn request(&self) -> Request {
        Request::of(self.shared.clone())
    }

    /// Reads a run whole, on a task of its own, as one of the requests of which so many may be in
    /// flight: however slowly the caller goes on, it holds up nobody else's. What hangs does not hold it
    /// up beyond `deadline`. A delay that the server asks for then holds for all waits.
    ///
    /// Also returns when it was answered. Dropped, it is given up.
    pub(crate) fn read_run(
        &self,
        executor: &Arc<Executor>,
        call: CallOptions,
        deadline: Duration,
    ) -> impl Future<Output = (Duration, Result<Run>)> + Send + use<> {
        let request = Request::of(self.shared.clone());
        let executor = executor.clone();
        let clock = executor.clock().clone();
        let overdue = clock.alarm(deadline);
        let reads = async move {
            let _place = request.place_before(overdue, deadline).await;
            let variables = dinoai_agent_run::Variables { id: call.id() };
            let over_at = executor.over_at(&call, executor.clock().now());
            let read = executor.call::<DinoaiAgentRun>(variables, call).await;
            let answered_at = executor.clock().now().min(over_at);
            request.note(&read, answered_at);
            (answered_at, read)
        };
        let task = on_task(DinoaiAgentRun::INFO, reads);
        async move {
            match task.await {
                Ok(answered) => answered,
                Err(error) => (clock.now(), Err(error)),
            }
        }
    }

    /// Notes a trigger that was answered: the server is there.
    pub(crate) fn note_answered(&self) {
        if let Some(shared) = &self.shared {
            shared.queue().note_answered();
        }
    }

    /// Obeys a delay that the server has asked for by this failure then, for all waits.
    pub(crate) fn hold_for(&self, error: &Error, asked_at: Duration) {
        if let Some(shared) = &self.shared {
            shared.queue().hold_for(error, asked_at);
        }
    }

    /// Obeys a delay that holds until then.
    pub(crate) fn hold_until(&self, time: Duration) {
        if let Some(shared) = &self.shared {
            shared.queue().hold_until(time);
        }
    }

    /// Until when the server has asked not to be asked.
    pub(crate) fn held_until(&self) -> Duration {
        let shared = self.shared.as_ref();
        shared.map_or(Duration::ZERO, |shared| shared.queue().held_until())
    }
}

/// Does this on a task of its own, however slowly the caller goes on; dropped, it is given up. An error if
/// there is no runtime of tokio, or it is gone.
pub(crate) fn on_task<T: Send + 'static>(
    operation: OperationInfo,
    work: impl Future<Output = T> + Send + 'static,
) -> impl Future<Output = Result<T>> + Send {
    let runtime = runtime::Handle::try_current().ok();
    let work = work.with_current_subscriber();
    let task = runtime.map(|runtime| AbortOnDropHandle::new(runtime.spawn(work)));
    async move {
        let Some(task) = task else {
            return Err(Error::outside_of_tokio(operation.call()));
        };
        task.await.or_else(|error| match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            // With its runtime.
            Err(error) => Err(Error::Transport {
                call: Box::new(operation.call()),
                source: Arc::new(error),
            }),
        })
    }
}

/// Whether a request was given up since its runtime is gone, so that nothing was answered.
pub(crate) fn is_lost(error: &Error) -> bool {
    matches!(error, Error::Transport { source, .. } if source.is::<JoinError>())
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

/// Puts looks in the queue, and sees that somebody sends them.
fn insert(shared: &Arc<Shared>, looks: impl Iterator<Item = (Look, Reply)>) -> Option<Key> {
    let mut queue = shared.queue();
    let (mut last, mut is_late) = (None, false);
    for (look, reply) in looks {
        is_late |= queue.is_driven_too_late(&look);
        last = Some(queue.insert(look, reply));
    }
    let is_driven = std::mem::replace(&mut queue.is_driven, true);
    drop(queue);
    if !is_driven {
        let driving = Driving {
            shared: shared.clone(),
            is_over: false,
        };
        tokio::spawn(drive(driving).with_current_subscriber());
    } else if is_late {
        shared.changed.notify_one();
    }
    last
}
