//! Many runs at once, read slowly or abandoned.

use std::sync::PoisonError;
use std::time::Duration;

use dinoai::{Result, Run, SessionId};
use fastrand::Rng;

use super::calls::start;
use super::waits::{note_wait_of_new, wait_of_new};
use super::{LATE, LONG, ONE_POLL, agent, interval, millis, request};
use crate::campaign::Shared;
use crate::campaign::books::{Abandoned, Waited};
use crate::campaign::lane::Lane;

/// Runs many, reads them slowly, and sometimes loses interest.
pub(super) async fn run_many(lane: &Lane, rng: &mut Rng) {
    let markers: Vec<_> = (0..rng.u8(2..7)).map(|_| lane.marker()).collect();
    let agent = ["quick", "timed", "late", "endless"][rng.usize(0..4)];
    let is_tight = agent == "endless";
    let (timeout, interval) = match agent {
        "endless" => (millis(rng, 100, 400), interval(rng)),
        // Looked at when they start, and at their deadline.
        "late" => (LATE + millis(rng, 500, 800), ONE_POLL),
        _ => (LONG, interval(rng)),
    };
    let started: Shared<Vec<(usize, SessionId)>> = Shared::default();
    let times: Shared<Vec<(usize, Duration)>> = Shared::default();
    let begun = std::time::Instant::now();
    let first = lane.now();
    let requests = markers.iter().map(|marker| request(agent, marker));
    let mut results = lane
        .client
        .run_all(requests, rng.usize(1..4))
        .timeout(timeout)
        .poll_interval(interval)
        .on_started({
            let (started, times) = (started.clone(), times.clone());
            move |place, id| {
                let mut started = started.lock().unwrap_or_else(PoisonError::into_inner);
                started.push((place, id.clone()));
                let mut times = times.lock().unwrap_or_else(PoisonError::into_inner);
                times.push((place, first + begun.elapsed()));
            }
        })
        .results();
    for _ in &markers {
        lane.begin("one of run_all");
    }
    // A consumer that is slow finds runs that have been late for as long as it was away.
    let is_slow = rng.bool() && agent != "late";
    let most = match rng.u8(0..3) {
        0 => rng.usize(0..markers.len()),
        _ => usize::MAX,
    };
    if most == 0 {
        // Some are on their way when the stream is dropped.
        let _ = tokio::time::timeout(millis(rng, 0, 8), results.next()).await;
    }
    let mut absent = Duration::ZERO;
    let mut results_by_place: Vec<Option<_>> = markers.iter().map(|_| None).collect();
    for _ in 0..most {
        if is_slow {
            let pause = millis(rng, 0, 150);
            absent += pause;
            tokio::time::sleep(pause).await;
        }
        let Some((place, result)) = results.next().await else {
            break;
        };
        results_by_place[place] = Some((result, lane.now(), absent));
    }
    drop(results);
    for (place, (marker, result)) in markers.into_iter().zip(results_by_place).enumerate() {
        let Some((result, ended, absent)) = result else {
            // A trigger in flight is followed to its end, and passes its id on.
            let started = started.clone();
            lane.ledger().abandoned.push(Abandoned {
                marker,
                place,
                started,
            });
            continue;
        };
        let times = times.lock().unwrap_or_else(PoisonError::into_inner);
        let began = times.iter().find(|(of, _)| *of == place).map(|(_, at)| *at);
        drop(times);
        // Of one that has not started its place in the queue says nothing of when it was due.
        let (began, timeout) = match began {
            // Its time counts from its trigger, which came earlier.
            Some(began) => (began, timeout),
            None => (first, LONG * 8),
        };
        let waited = Waited {
            timeout,
            absent,
            ..wait_of_new("one of run_all", began)
        };
        note_one_of_many(lane, &marker, is_tight, ended, waited, result);
    }
}

fn note_one_of_many(
    lane: &Lane,
    marker: &str,
    is_tight: bool,
    ended: Duration,
    waited: Waited,
    result: Result<Run>,
) {
    note_wait_of_new(lane, marker, is_tight, waited, result);
    if let Some(waited) = lane.ledger().waits.last_mut() {
        waited.ended = ended;
    }
}

/// Starts a few, and waits for them together.
pub(super) async fn wait_for_many(lane: &Lane, rng: &mut Rng) {
    let mut ids = vec![];
    for _ in 0..rng.u8(2..5) {
        if let Some(session) = start(lane, agent(rng)).await {
            ids.push(session.id().clone());
        }
    }
    if ids.is_empty() {
        return;
    }
    let began = lane.now();
    lane.begin("wait_all");
    let wait = lane
        .client
        .wait_all(ids)
        .expect("no id is blank")
        .timeout(LONG);
    let mut results = wait.poll_interval(interval(rng)).results();
    while let Some((id, result)) = results.next().await {
        lane.ledger().waits.push(Waited {
            id: Some(id.to_string()),
            ended: lane.now(),
            starts: false,
            is_proven: false,
            result: result.map(|run| vec![run]),
            ..wait_of_new("one of wait_all", began)
        });
    }
}
