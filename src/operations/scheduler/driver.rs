//! The task that sends the looks of all waits on a runtime, and gives each wait its own.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::{Either, pending, select};
use futures_util::stream::FuturesUnordered;

use tokio::sync::OwnedSemaphorePermit;

use super::look::{BatchFailures, Found, Looked};
use super::queue::{Entry, Queue};
use super::shared::Shared;
use super::{LAST_LOOK, LAST_LOOKS, REQUESTS};
use crate::error::{Error, Result, RetryClass};
use crate::operations::documents::{
    DinoaiAgentRunDigest, DinoaiAgentRunStatus, dinoai_agent_run_digest, dinoai_agent_run_status,
};
use crate::operations::status_batch::{Reading, Wanted, read_many};
use crate::transport::{CallOptions, Executor};

type InFlight = Pin<Box<dyn Future<Output = Answered> + Send>>;

/// A request that was answered, or has failed.
struct Answered {
    entries: Vec<Entry>,
    asked_at: Duration,
    /// When it was over, at the latest.
    over_at: Duration,
    /// Whether the deadline of its waits had come, so that it was bounded by the time of a last look.
    is_last_look: bool,
    /// The first deadline of the waits that share it, if the request was bounded by that.
    deadline: Option<Duration>,
    readings: Result<Vec<Result<Reading>>>,
}

/// Sends what is due until nothing is left.
pub(super) async fn drive(mut driving: Driving) {
    let shared = driving.shared.clone();
    let clock = shared.executor.clock();
    let mut in_flight = FuturesUnordered::new();
    // How many of these are no last looks.
    let mut polls = 0;
    // The place among those who wait for a permit, and the permit. Both are kept until they are used.
    let mut waiting = None;
    let mut permit = None;
    // Waits that begin together are in one request.
    tokio::task::yield_now().await;
    loop {
        let now = clock.now();
        let next = {
            let mut queue = shared.queue();
            let needs_permit = send_what_is_due(
                &shared,
                &mut queue,
                &mut in_flight,
                &mut polls,
                &mut permit,
                now,
            );
            if in_flight.is_empty() && queue.is_empty() {
                queue.is_driven = false;
                driving.is_over = true;
                return;
            }
            match needs_permit {
                true => drop(
                    waiting.get_or_insert_with(|| Box::pin(shared.permits.clone().acquire_owned())),
                ),
                false => waiting = None,
            }
            queue.drive_at(now)
        };
        let is_busy = !in_flight.is_empty() || shared.others.load(Ordering::Relaxed) > 0;
        let pause = match next {
            Some(next) if !is_busy => clock.sleep(next.saturating_sub(now)),
            Some(next) => clock.alarm(next),
            // What is left waits for what is in flight.
            None => Box::pin(pending()),
        };
        let answered = pin!(async {
            match in_flight.next().await {
                Some(answered) => answered,
                None => pending().await,
            }
        });
        let granted = pin!(async {
            match &mut waiting {
                Some(waiting) => waiting.await.ok(),
                None => pending().await,
            }
        });
        let changed = pin!(shared.changed.notified());
        let woken = select(granted, select(changed, pause));
        match select(answered, woken).await {
            Either::Left((answered, _)) => {
                polls -= usize::from(!answered.is_last_look);
                note(&shared, answered);
                // The connection is idle before the next request asks for one, which would open another.
                tokio::task::yield_now().await;
            }
            Either::Right((Either::Left((granted, _)), _)) => {
                waiting = None;
                permit = granted;
            }
            Either::Right(_) => {}
        }
    }
}

/// That somebody drives. Dropped without being over, as with its runtime, it gives up what is in the
/// queue: those who wait go on by themselves.
pub(super) struct Driving {
    pub(super) shared: Arc<Shared>,
    pub(super) is_over: bool,
}

impl Drop for Driving {
    fn drop(&mut self) {
        if !self.is_over {
            let mut queue = self.shared.queue();
            let held_until = queue.held_until();
            let left = std::mem::take(&mut *queue);
            // Whoever goes on elsewhere obeys it there.
            queue.hold_until(held_until);
            drop(queue);
            // Outside the lock, since each wait is answered.
            drop(left);
        }
    }
}

/// Sends what is due. True if more is due and too many requests are in flight.
fn send_what_is_due(
    shared: &Shared,
    queue: &mut Queue,
    in_flight: &mut FuturesUnordered<InFlight>,
    polls: &mut usize,
    permit: &mut Option<OwnedSemaphorePermit>,
    now: Duration,
) -> bool {
    // Last looks do not wait for what hangs.
    while in_flight.len() < REQUESTS + LAST_LOOKS {
        let batch = queue.take_overdue(now);
        if batch.is_empty() {
            break;
        }
        in_flight.push(request(shared, batch, None, queue.is_proven, now));
    }
    // One request finds out whether the host and the credentials are right.
    while queue.is_due(now) && (queue.is_proven || *polls == 0) {
        let next = || shared.permits.clone().try_acquire_owned().ok();
        let Some(permit) = permit.take().or_else(next) else {
            return true;
        };
        let probe = queue.take_probe(now);
        let batch = probe.unwrap_or_else(|| queue.take_due(now));
        *polls += 1;
        in_flight.push(request(shared, batch, Some(permit), queue.is_proven, now));
    }
    // Nothing needs it now.
    *permit = None;
    false
}

/// Looks at runs in one request.
fn request(
    shared: &Shared,
    entries: Vec<Entry>,
    permit: Option<OwnedSemaphorePermit>,
    is_proven: bool,
    now: Duration,
) -> InFlight {
    let executor = shared.executor.clone();
    let is_last_look = permit.is_none();
    let deadline = first_deadline(&entries, now);
    let call = call_options(&entries, deadline, is_proven, now);
    let over_at = executor.over_at(&call, now);
    let wanted = wanted(&entries);
    Box::pin(async move {
        let _permit = permit;
        let ids: Vec<_> = entries.iter().map(|entry| entry.look.id.clone()).collect();
        let readings = match &ids[..] {
            [id] => match read_one(&executor, wanted, call.for_run(id.clone())).await {
                Ok(reading) => Ok(vec![Ok(reading)]),
                // What has nothing to do with the run.
                Err(error) if error.is_common() => Err(error),
                Err(error) => Ok(vec![Err(error)]),
            },
            _ => read_many(&executor, &ids, wanted, call).await,
        };
        Answered {
            entries,
            asked_at: now,
            over_at,
            is_last_look,
            deadline,
            readings,
        }
    })
}

async fn read_one(executor: &Executor, wanted: Wanted, call: CallOptions) -> Result<Reading> {
    match wanted {
        Wanted::Status => {
            let variables = dinoai_agent_run_status::Variables { id: call.id() };
            let status = executor
                .call::<DinoaiAgentRunStatus>(variables, call)
                .await?;
            Ok(Reading {
                status,
                children: vec![],
            })
        }
        Wanted::StatusAndChildren => {
            let variables = dinoai_agent_run_digest::Variables { id: call.id() };
            let digest = executor
                .call::<DinoaiAgentRunDigest>(variables, call)
                .await?;
            Ok(Reading {
                status: digest.status,
                children: digest.child_session_ids,
            })
        }
    }
}

/// What these looks read, all the same.
fn wanted(entries: &[Entry]) -> Wanted {
    let first = entries.first();
    first.map_or(Wanted::Status, |entry| entry.look.wanted)
}

/// The first deadline of these looks that is still to come.
fn first_deadline(entries: &[Entry], now: Duration) -> Option<Duration> {
    let deadline = entries.iter().map(|entry| entry.look.deadline).min();
    deadline.filter(|deadline| *deadline > now)
}

/// The options of a request. One that is in flight at the first deadline is the last look.
fn call_options(
    entries: &[Entry],
    deadline: Option<Duration>,
    is_proven: bool,
    now: Duration,
) -> CallOptions {
    let (deadline, overrun) = match deadline {
        // One attempt begins at once: only its end is bounded.
        Some(deadline) if is_proven => (deadline.saturating_add(LAST_LOOK), Duration::ZERO),
        Some(deadline) => (deadline, LAST_LOOK),
        None => (now.saturating_add(LAST_LOOK), Duration::ZERO),
    };
    CallOptions {
        deadline: Some(deadline),
        overrun,
        once: is_proven || overrun.is_zero(),
        after_start: entries.iter().all(|entry| entry.look.started),
        ..CallOptions::default()
    }
}

/// Notes what came of a request, and gives each wait its own.
fn note(shared: &Shared, answered: Answered) {
    let Answered {
        mut entries,
        asked_at,
        over_at,
        is_last_look,
        deadline,
        readings,
    } = answered;
    // The thread may have been busy since.
    let answered_at = shared.executor.clock().now().min(over_at);
    let wanted = wanted(&entries);
    let mut smaller = None;
    let mut queue = shared.queue();
    queue.note_end_of_probe(&entries);
    let found: Vec<Found> = match readings {
        Ok(readings) => {
            if readings.iter().any(Result::is_ok) {
                queue.note_read(wanted);
            }
            for error in readings.iter().filter_map(|reading| reading.as_ref().err()) {
                queue.hold_for(error, answered_at);
            }
            for entry in &mut entries {
                entry.look.batch_failures = BatchFailures::default();
            }
            readings.into_iter().map(Found::Run).collect()
        }
        Err(error) if is_about_the_batch(&error) => {
            queue.hold_for(&error, answered_at);
            smaller = Some(queue.use_smaller_batches(wanted, entries.len()));
            let error = Arc::new(error);
            let refused = || Found::TooMany(error.clone());
            entries.iter().map(|_| refused()).collect()
        }
        Err(error) => {
            queue.hold_for(&error, answered_at);
            let is_transient = RetryClass::of(&error) == RetryClass::Transient;
            let retry = shared.executor.retry();
            let whole = asked_at.saturating_add(retry.call_timeout());
            let attempts = error.call().map_or(0, |call| call.attempts);
            let is_short = |deadline: &Duration| {
                let was_cut = attempts < retry.attempts() || answered_at >= *deadline;
                *deadline < whole && was_cut
            };
            match deadline.filter(is_short) {
                _ if queue.is_proven => {
                    if is_transient {
                        smaller = queue.note_failed_batch(&mut entries);
                    }
                }
                // It had no more time than the wait that ends first: the others try on.
                Some(deadline) if is_transient => entries = queue.take_back(entries, deadline),
                // Nor had it more time than a last look: what waits for the first poll still does.
                _ if is_last_look && is_transient => {}
                // It has found out for those that had to wait for it, too.
                _ => entries.extend(queue.take_unproven(asked_at)),
            }
            let error = Arc::new(error);
            let failed = || Found::Failed(error.clone());
            entries.iter().map(|_| failed()).collect()
        }
    };
    let (is_proven, has_read) = (queue.is_proven, queue.has_read);
    // Whoever subscribes to events may drop waits.
    drop(queue);
    if let Some(batch) = smaller {
        tracing::debug!(batch, "a batch was refused, using smaller ones");
    }
    for (entry, found) in entries.into_iter().zip(found) {
        entry.reply.send(Looked {
            found,
            asked_at,
            answered_at,
            batch_failures: entry.look.batch_failures,
            is_proven,
            has_read,
        });
    }
}

/// Whether the server refuses a batch that it might take if it were smaller.
fn is_about_the_batch(error: &Error) -> bool {
    match error {
        Error::Unsupported { .. } | Error::ResponseTooLarge { .. } => true,
        Error::GraphQl { .. } => RetryClass::of(error) != RetryClass::Transient,
        Error::Http { status, .. } => matches!(status, 400 | 413 | 414 | 422 | 431),
        _ => false,
    }
}
