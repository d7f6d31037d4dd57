//! Waits for one run and for a tree.

use std::sync::PoisonError;
use std::time::Duration;

use dinoai::{Error, Result, Run, Session, SessionId};
use dinoai_emulator::Fault;
use fastrand::Rng;

use super::calls::{note_dropped, start};
use super::{LATE, LONG, ONE_POLL, agent, interval, millis, on_timeout, request};
use crate::campaign::Shared;
use crate::campaign::books::{FLAKY_TREE, Known, Waited, Way};
use crate::campaign::lane::{Conditions, Lane};

pub(super) async fn run_and_wait(lane: &Lane, rng: &mut Rng) {
    let agent = if rng.u8(0..5) == 0 {
        "endless"
    } else {
        agent(rng)
    };
    let is_tight = agent == "endless" || rng.u8(0..4) == 0;
    let timeout = if is_tight { millis(rng, 1, 400) } else { LONG };
    let stops = rng.bool();
    let (marker, began) = (lane.marker(), lane.now());
    let known: Shared<Option<SessionId>> = Shared::default();
    lane.begin("trigger and wait");
    let wait = lane
        .client
        .trigger_run_and_wait(request(agent, &marker))
        .timeout(timeout)
        .poll_interval(interval(rng))
        .on_timeout(on_timeout(stops))
        .on_started({
            let known = known.clone();
            move |id| *known.lock().unwrap_or_else(PoisonError::into_inner) = Some(id.clone())
        });
    let wait = wait.into_future();
    let result = if rng.u8(0..6) == 0 {
        match tokio::time::timeout(millis(rng, 0, 700), wait).await {
            Ok(result) => result,
            Err(_) => {
                let id = known.lock().unwrap_or_else(PoisonError::into_inner).take();
                let known = Known::Maybe(id.map(|id| id.to_string()));
                return note_dropped(lane, marker, began, known, Way::DroppedWait);
            }
        }
    } else {
        wait.await
    };
    let waited = Waited {
        timeout,
        stops,
        ..wait_of_new("trigger and wait", began)
    };
    note_wait_of_new(lane, &marker, is_tight, waited, result);
}

/// A wait that starts its run, before anything is known of it.
pub(super) fn wait_of_new(name: &'static str, began: Duration) -> Waited {
    Waited {
        name,
        id: None,
        timeout: LONG,
        began,
        ended: began,
        absent: Duration::ZERO,
        starts: true,
        stops: false,
        is_proven: true,
        may_hang: false,
        result: Ok(vec![]),
        is_final: true,
    }
}

pub(super) fn note_wait_of_new(
    lane: &Lane,
    marker: &str,
    is_tight: bool,
    waited: Waited,
    result: Result<Run>,
) {
    let id = match &result {
        Ok(run) => Some(run.session_id.clone()),
        Err(error) => error.session_id().cloned(),
    };
    let reported = match (&result, &id) {
        (Ok(run), _) => Ok(&run.session_id),
        // The run exists.
        (Err(Error::RunFailed { .. } | Error::WaitTimeout(_)), Some(id)) => Ok(id),
        (Err(error), _) => Err(error),
    };
    let way = if is_tight { Way::Hasty } else { Way::InAWait };
    lane.note(marker, waited.began, way, reported);
    let waited = Waited {
        id: id.map(|id| id.to_string()),
        ended: lane.now(),
        result: result.map(|run| vec![run]),
        ..waited
    };
    lane.ledger().waits.push(waited);
}

/// Looks at the deadline alone at a run that has ended by then.
pub(super) async fn look_late(lane: &Lane, rng: &mut Rng) {
    let timeout = LATE + millis(rng, 400, 700);
    let stops = rng.bool();
    let are_reads_spoiled = rng.bool() && lane.conditions == Conditions::ApiFails;
    let planted = lane.faults_are_planted.lock().await;
    if are_reads_spoiled {
        // The whole read, but not the status.
        lane.emulator.clear_faults();
        let fault = Fault::unavailable().on("DinoaiAgentRun");
        lane.plan(fault.times(3));
    }
    let planted = Some(planted).filter(|_| are_reads_spoiled);
    let (marker, began) = (lane.marker(), lane.now());
    lane.begin("trigger and wait, one poll");
    let result = lane
        .client
        .trigger_run_and_wait(request("late", &marker))
        .timeout(timeout)
        .poll_interval(ONE_POLL)
        .on_timeout(on_timeout(stops))
        .await;
    drop(planted);
    let waited = Waited {
        timeout,
        stops,
        ..wait_of_new("late look", began)
    };
    note_wait_of_new(lane, &marker, false, waited, result);
}

pub(super) fn note_wait(lane: &Lane, session: &Session, result: Result<Vec<Run>>, waited: Waited) {
    let waited = Waited {
        id: Some(session.id().to_string()),
        ended: lane.now(),
        starts: waited.name == "ask",
        result,
        ..waited
    };
    lane.ledger().waits.push(waited);
}

pub(super) async fn tree(lane: &Lane, rng: &mut Rng) {
    let Some(session) = start(lane, "parent").await else {
        return;
    };
    let are_reads_spoiled = rng.bool() && lane.conditions == Conditions::ApiFails;
    let planted = lane.faults_are_planted.lock().await;
    if are_reads_spoiled {
        // Every other read fails, for as long as this takes.
        lane.emulator.clear_faults();
        for _ in 0..400 {
            lane.plan(Fault::unavailable().on("dinoaiAgentRun"));
            lane.plan(Fault::pass().on("dinoaiAgentRun"));
        }
    }
    let planted = Some(planted).filter(|_| are_reads_spoiled);
    let (began, timeout) = (lane.now(), Duration::from_secs(4));
    lane.begin("tree");
    let tree = session.tree().until_ended().timeout(timeout);
    let tree = tree.poll_interval(interval(rng));
    let result = tree.quiet_period(Duration::from_millis(200)).await;
    if planted.is_some() {
        lane.emulator.clear_faults();
    }
    let has_failures = result
        .as_ref()
        .is_ok_and(|tree| tree.failures().next().is_some());
    let name = match has_failures {
        true => "tree with failures",
        false if are_reads_spoiled => FLAKY_TREE,
        false => "tree",
    };
    let result = result.map(|tree| tree.runs().cloned().collect());
    note_wait(
        lane,
        &session,
        result,
        Waited {
            timeout,
            ..wait_of_new(name, began)
        },
    );
}
