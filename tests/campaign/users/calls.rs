//! Single calls: triggers, reads, stops, under every kind of pressure.

use std::sync::Arc;
use std::time::Duration;

use dinoai::{Error, Event, Result, Run, Session};
use fastrand::Rng;

use super::documents::stop_by_own_document;
use super::waits::{note_wait, wait_of_new};
use super::{LONG, agent, interval, millis, request};
use crate::campaign::books::{Followed, Known, Start, Waited, Way, said};
use crate::campaign::lane::{Conditions, Lane, Quirk};

/// Triggers a run, and reads it now and then.
pub(super) async fn trigger(lane: &Lane, rng: &mut Rng) {
    let (marker, began) = (lane.marker(), lane.now());
    lane.begin("trigger");
    let accepted = lane.client.trigger_run(request(agent(rng), &marker)).await;
    let reported = accepted.as_ref().map(|accepted| &accepted.session_id);
    lane.note(&marker, began, Way::Call, reported);
    let Ok(accepted) = accepted else { return };
    for _ in 0..rng.u8(0..3) {
        lane.begin("read");
        read(lane, lane.client.get_run(&accepted.session_id).await);
    }
}

pub(super) fn read(lane: &Lane, read: Result<Run>) {
    let run = match read {
        Ok(run) => run,
        Err(error) if lane.conditions == Conditions::Calm => {
            let text = format!("nothing had failed, but a read: {error}");
            return lane.ledger().contradictions.push(text);
        }
        Err(_) => return,
    };
    // Read whole a run is what the API lists, twice or newest first if need be.
    if !matches!(
        lane.quirk,
        Quirk::RepeatedMessages | Quirk::ReorderedMessages
    ) {
        let emitted = run.messages.iter().map(said).collect();
        let id = run.session_id.to_string();
        lane.ledger().followed.push(Followed {
            id,
            emitted,
            is_complete: false,
        });
    }
}

/// Starts a run, and notes what came of it.
pub(super) async fn start(lane: &Lane, agent: &str) -> Option<Session> {
    let (marker, began) = (lane.marker(), lane.now());
    lane.begin("start");
    let session = lane.client.start(request(agent, &marker)).await;
    lane.note(&marker, began, Way::Call, session.as_ref().map(Session::id));
    session.ok()
}

/// The same by a watch, of which the first event alone is read.
pub(super) async fn start_by_watch(lane: &Lane, agent: &str) -> Option<Session> {
    let (marker, began) = (lane.marker(), lane.now());
    lane.begin("start by a watch");
    let mut watch = lane
        .client
        .trigger_run_and_watch(request(agent, &marker))
        .events();
    let first = watch.next().await;
    let session = watch.session();
    let reported = match (&first, &session) {
        (Some(Ok(Event::Started(_))), Some(session)) => Ok(session.id()),
        (Some(Err(error)), None) => Err(error),
        (first, _) => {
            let text = format!("a watch that starts its run began with {first:?}");
            lane.ledger().contradictions.push(text);
            return None;
        }
    };
    lane.note(&marker, began, Way::Call, reported);
    session
}

/// Triggers, and follow-ups, with timeouts around the moment at which a body leaves.
pub(super) async fn hurry(lane: &Arc<Lane>, rng: &mut Rng) {
    let session = match rng.u8(0..3) {
        0 => start(lane, "timed").await,
        _ => None,
    };
    let session = session.map(|session| session.id().clone());
    let mut under_way = tokio::task::JoinSet::new();
    for _ in 0..16 {
        if under_way.len() >= 4 {
            under_way.join_next().await;
        }
        let (lane, session, number) = (lane.clone(), session.clone(), rng.usize(..));
        let by_deadline = rng.u8(0..4) == 0;
        let timeout = Duration::from_micros(rng.u64(100..4_000));
        under_way.spawn(async move {
            let (marker, began) = (lane.marker(), lane.now());
            let client = &lane.hasty[number % lane.hasty.len()];
            if let Some(session) = session {
                lane.begin("send, hasty");
                let result = client.send_message(session, &*marker).await;
                let reported = result.as_ref().map(|accepted| &accepted.session_id);
                lane.note(&marker, began, Way::Hasty, reported);
            } else if by_deadline {
                lane.begin("trigger and wait, hasty");
                let wait = lane.client.trigger_run_and_wait(request("quick", &marker));
                let result = wait.timeout(timeout).await;
                let reported = match &result {
                    Ok(run) => Ok(&run.session_id),
                    // The run exists.
                    Err(error @ (Error::WaitTimeout(_) | Error::RunFailed { .. })) => {
                        error.session_id().ok_or(error)
                    }
                    Err(error) => Err(error),
                };
                lane.note(&marker, began, Way::Hasty, reported);
            } else {
                lane.begin("trigger, hasty");
                let result = client.trigger_run(request("quick", &marker)).await;
                let reported = result.as_ref().map(|accepted| &accepted.session_id);
                lane.note(&marker, began, Way::Hasty, reported);
            }
        });
    }
    while under_way.join_next().await.is_some() {}
}

pub(super) fn note_dropped(lane: &Lane, marker: String, began: Duration, known: Known, way: Way) {
    lane.ledger().starts.push(Start {
        marker,
        began,
        ended: lane.now(),
        known,
        error: None,
        way,
    });
}

/// Stops a run on purpose, by hand, by a document of the user's own, or by dropping its guard, and waits
/// for its end.
pub(super) async fn stop(lane: &Lane, rng: &mut Rng) {
    let Some(session) = start(lane, "endless").await else {
        return;
    };
    let is_accepted = match rng.u8(0..3) {
        0 => {
            lane.begin("stop");
            session.stop().await.is_ok()
        }
        1 => {
            lane.begin("stop, own document");
            stop_by_own_document(lane, session.id()).await
        }
        _ => {
            lane.begin("stop, guard");
            drop(session.stop_on_drop());
            // It is sent in the background, and tried again as any call.
            lane.conditions == Conditions::Calm
        }
    };
    let id = session.id().to_string();
    lane.ledger().stopped.push((id, is_accepted));
    if !is_accepted && lane.conditions == Conditions::Calm {
        let text = "nothing had failed, but a stop".to_owned();
        lane.ledger().contradictions.push(text);
    }
    let (began, timeout) = (lane.now(), Duration::from_secs(2));
    lane.begin("wait");
    let wait = session.wait().timeout(timeout).poll_interval(interval(rng));
    let result = wait.await.map(|run| vec![run]);
    // A stop whose answer was lost may still be on its way.
    let is_final = is_accepted;
    note_wait(
        lane,
        &session,
        result,
        Waited {
            timeout,
            is_final,
            ..wait_of_new("wait", began)
        },
    );
}

/// Loses interest in a trigger while it is on its way.
pub(super) async fn drop_a_trigger(lane: &Lane, rng: &mut Rng) {
    for _ in 0..4 {
        let (marker, began) = (lane.marker(), lane.now());
        lane.begin("trigger, dropped");
        let trigger = lane.client.trigger_run(request("quick", &marker));
        let patience = Duration::from_micros(rng.u64(1..4_000));
        match tokio::time::timeout(patience, trigger).await {
            Ok(result) => {
                let reported = result.as_ref().map(|accepted| &accepted.session_id);
                lane.note(&marker, began, Way::Call, reported);
            }
            Err(_) => note_dropped(lane, marker, began, Known::Maybe(None), Way::Dropped),
        }
    }
}

/// Reads on another runtime, which then stands still, and goes on here.
pub(super) async fn two_runtimes(lane: &Lane, rng: &mut Rng) {
    let Some(session) = start(lane, "timed").await else {
        return;
    };
    let (client, id) = (lane.client.clone(), session.id().clone());
    lane.begin("read, on another runtime");
    let other = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let runtime = runtime.expect("a runtime starts");
        let result = runtime.block_on(client.get_run(id).into_future());
        // It holds its connections, and does not drive them.
        (result, runtime)
    });
    let runtime = other.await.ok().map(|(result, runtime)| {
        read(lane, result);
        runtime
    });
    lane.begin("wait");
    let began = lane.now();
    let wait = session.wait().timeout(LONG).poll_interval(interval(rng));
    let result = wait.await.map(|run| vec![run]);
    note_wait(lane, &session, result, wait_of_new("wait", began));
    if let Some(runtime) = runtime {
        runtime.shutdown_background();
    }
}

/// Triggers on a runtime of one thread that something else blocks, sometimes for longer than an
/// attempt may take.
pub(super) async fn blocked_executor(lane: &Lane, rng: &mut Rng) {
    let (marker, began) = (lane.marker(), lane.now());
    lane.begin("trigger, blocked executor");
    let (client, request) = (lane.client.clone(), request("quick", &marker));
    let (first, then) = (millis(rng, 0, 30), millis(rng, 300, 1_300));
    let result = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.expect("a runtime starts").block_on(async {
            let trigger = tokio::spawn(client.trigger_run(request).into_future());
            tokio::time::sleep(first).await;
            std::thread::sleep(then);
            trigger.await
        })
    });
    if let Ok(Ok(result)) = result.await {
        let reported = result.as_ref().map(|accepted| &accepted.session_id);
        lane.note(&marker, began, Way::Call, reported);
    }
}

/// Takes short responses alone.
pub(super) async fn narrow(lane: &Lane, rng: &mut Rng) {
    let (marker, began, timeout) = (lane.marker(), lane.now(), Duration::from_secs(2));
    lane.begin("trigger and wait, short responses");
    let wait = lane
        .narrow
        .trigger_run_and_wait(request(agent(rng), &marker));
    let result = wait.timeout(timeout).poll_interval(interval(rng)).await;
    let reported = match &result {
        Ok(run) => Ok(&run.session_id),
        // The run exists, whatever was too long.
        Err(
            error @ (Error::ResponseTooLarge { .. }
            | Error::RunFailed { .. }
            | Error::WaitTimeout(_)),
        ) => error.session_id().ok_or(error),
        Err(error) => Err(error),
    };
    lane.note(&marker, began, Way::InAWait, reported);
}

/// Triggers where nobody listens.
pub(super) async fn nowhere(lane: &Lane) {
    let (marker, began) = (lane.marker(), lane.now());
    lane.begin("trigger, nobody listens");
    let result = lane.nowhere.trigger_run(request("quick", &marker)).await;
    let reported = result.as_ref().map(|accepted| &accepted.session_id);
    lane.note(&marker, began, Way::Nowhere, reported);
}
