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
use super::{LAST_LOOK, LAST_LOOKS, LONGEST_RETRY_AFTER, REQUESTS};
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
    readings: Result<Vec<Result<Reading>>>,
}

/// Sends what is due until nothing is left.
pub(super) async fn drive(shared: Arc<Shared>) {
    let _driving = Driving(&shared);
    let mut in_flight = FuturesUnordered::new();
    // Waits that begin together are in one request.
    tokio::task::yield_now().await;
    loop {
        let clock = shared.executor.clock();
        let now = clock.now();
        // Nobody else may begin while one request finds out whether the host is right.
        let waits_for_permit = send_what_is_due(&shared, &mut in_flight, now);
        let next = {
            let mut queue = shared.queue();
            if in_flight.is_empty() && queue.is_empty() {
                queue.is_driven = false;
                return;
            }
            queue.drive_at()
        };
        let is_busy = !in_flight.is_empty() || shared.others.load(Ordering::Relaxed) > 0;
        let pause = match next {
            Some(next) if next > now && !is_busy => clock.sleep(next - now),
            Some(next) if next > now => clock.alarm(next),
            // What is due waits for what is in flight.
            _ => Box::pin(pending()),
        };
        let answered = pin!(async {
            match in_flight.next().await {
                Some(answered) => answered,
                None => pending().await,
            }
        });
        let permit = pin!(async {
            match waits_for_permit {
                true => drop(shared.permits.acquire().await),
                false => pending().await,
            }
        });
        let changed = pin!(shared.changed.notified());
        let woken = select(changed, permit);
        let event = select(answered, select(woken, pause)).await;
        if let Either::Left((answered, _)) = event {
            note(&shared, answered);
        }
    }
}

/// Says that nobody drives any more, also if the runtime ends.
struct Driving<'a>(&'a Shared);

impl Drop for Driving<'_> {
    fn drop(&mut self) {
        // Those who wait elsewhere go on by themselves.
        let mut queue = self.0.queue();
        if queue.is_driven {
            let left = std::mem::take(&mut *queue);
            drop(queue);
            drop(left);
        }
    }
}

/// Sends what is due. True if more is due and too many requests are in flight.
fn send_what_is_due(
    shared: &Shared,
    in_flight: &mut FuturesUnordered<InFlight>,
    now: Duration,
) -> bool {
    let mut queue = shared.queue();
    // Last looks do not wait for what hangs.
    while in_flight.len() < REQUESTS + LAST_LOOKS {
        let batch = queue.take_overdue(now);
        if batch.is_empty() {
            break;
        }
        in_flight.push(request(shared, batch, None, queue.is_proven, now));
    }
    // One request finds out whether the host and the credentials are right.
    while queue.is_due(now) && (queue.is_proven || in_flight.is_empty()) {
        let Some(permit) = shared.permits.clone().try_acquire_owned().ok() else {
            return true;
        };
        let batch = queue.take_due(now);
        in_flight.push(request(shared, batch, Some(permit), queue.is_proven, now));
    }
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
    let call = call_options(&entries, is_proven, now);
    // They all read the same.
    let wanted = entries
        .first()
        .map_or(Wanted::Status, |entry| entry.look.wanted);
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

/// The options of a request. One that is in flight at the first deadline is the last look.
fn call_options(entries: &[Entry], is_proven: bool, now: Duration) -> CallOptions {
    let deadline = entries.iter().map(|entry| entry.look.deadline).min();
    let deadline = deadline.filter(|deadline| *deadline > now);
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
        readings,
    } = answered;
    let answered_at = shared.executor.clock().now();
    let mut queue = shared.queue();
    let hold = |queue: &mut Queue, error: &Error| {
        if let Some(asked) = error.retry_after() {
            // It holds for all.
            queue.hold(answered_at.saturating_add(asked.min(LONGEST_RETRY_AFTER)));
        }
    };
    let found: Vec<Found> = match readings {
        Ok(readings) => {
            if readings.iter().any(Result::is_ok) {
                queue.note_read();
            }
            for error in readings.iter().filter_map(|reading| reading.as_ref().err()) {
                hold(&mut queue, error);
            }
            for entry in &mut entries {
                entry.look.batch_failures = BatchFailures::default();
            }
            readings.into_iter().map(Found::Run).collect()
        }
        Err(error) if is_about_the_batch(&error) => {
            queue.use_smaller_batches(entries.len());
            let error = Arc::new(error);
            let refused = || Found::TooMany(error.clone());
            entries.iter().map(|_| refused()).collect()
        }
        Err(error) => {
            hold(&mut queue, &error);
            if queue.is_proven && RetryClass::of(&error) == RetryClass::Transient {
                queue.note_failed_batch(&mut entries);
            }
            let error = Arc::new(error);
            let failed = || Found::Failed(error.clone());
            entries.iter().map(|_| failed()).collect()
        }
    };
    let (is_proven, has_read) = (queue.is_proven, queue.has_read);
    drop(queue);
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
