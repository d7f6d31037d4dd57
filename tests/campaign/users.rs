//! What the users of a lane do with the public API.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dinoai::{
    Checkpoint, Error, Event, OnTimeout, Result, Run, Session, SessionId, StepOptions, TriggerRun,
};
use dinoai_emulator::Fault;
use fastrand::Rng;

use super::books::{Abandoned, Answered, Followed, Known, Start, Waited, Way};
use super::lane::{Edge, Lane, Weather};

/// How long the agent `late` works.
pub(crate) const LATE: Duration = Duration::from_millis(150);
/// Long enough for everything that ends.
const LONG: Duration = Duration::from_secs(8);

/// Does one thing.
pub(crate) async fn act(lane: &Arc<Lane>, rng: &mut Rng) {
    lane.stir(rng);
    match rng.u8(0..28) {
        0..2 => trigger(lane, rng).await,
        2..6 => hurry(lane, rng).await,
        6..10 => run_and_wait(lane, rng).await,
        10..12 => look_late(lane, rng).await,
        12..15 => watch(lane, rng).await,
        15..18 => converse(lane, rng).await,
        18..20 => run_many(lane, rng).await,
        20 => wait_for_many(lane, rng).await,
        21 => tree(lane, rng).await,
        22 => stop(lane, rng).await,
        23 => drop_a_trigger(lane, rng).await,
        24 => two_runtimes(lane, rng).await,
        25 => blocked_executor(lane, rng).await,
        26 => narrow(lane, rng).await,
        _ => nowhere(lane).await,
    }
}

fn millis(rng: &mut Rng, from: u64, to: u64) -> Duration {
    Duration::from_millis(rng.u64(from..to))
}

fn interval(rng: &mut Rng) -> Duration {
    millis(rng, 5, 60)
}

fn on_timeout(stops: bool) -> OnTimeout {
    if stops {
        OnTimeout::Stop
    } else {
        OnTimeout::Leave
    }
}

fn agent(rng: &mut Rng) -> &'static str {
    [
        "quick", "quick", "timed", "talker", "fails", "expires", "stopped",
    ][rng.usize(0..7)]
}

fn request(agent: &str, marker: &str) -> TriggerRun {
    TriggerRun::agent(agent).with_message(marker)
}

/// Triggers a run, and reads it now and then.
async fn trigger(lane: &Lane, rng: &mut Rng) {
    let (marker, began) = (lane.marker(), lane.now());
    lane.begin("trigger");
    let accepted = lane.client.trigger_run(request(agent(rng), &marker)).await;
    lane.note(
        &marker,
        began,
        Way::Trigger,
        accepted.as_ref().map(|accepted| &accepted.session_id),
    );
    let Ok(accepted) = accepted else { return };
    for _ in 0..rng.u8(0..3) {
        lane.begin("read");
        let read = lane.client.get_run(&accepted.session_id).await;
        let id = accepted.session_id.to_string();
        if let Ok(run) = read
            && lane.edge != Edge::RepeatedMessages
        {
            let emitted = run
                .messages
                .into_iter()
                .map(|message| message.content)
                .collect();
            lane.ledger().followed.push(Followed {
                id,
                emitted,
                is_complete: false,
            });
        }
    }
}

/// Starts a run, and notes what came of it.
async fn start(lane: &Lane, agent: &str) -> Option<Session> {
    let (marker, began) = (lane.marker(), lane.now());
    lane.begin("start");
    let session = lane.client.start(request(agent, &marker)).await;
    lane.note(
        &marker,
        began,
        Way::Trigger,
        session.as_ref().map(Session::id),
    );
    session.ok()
}

/// Triggers with timeouts around the moment at which a body leaves.
async fn hurry(lane: &Arc<Lane>, rng: &mut Rng) {
    let mut under_way = tokio::task::JoinSet::new();
    for _ in 0..16 {
        if under_way.len() >= 4 {
            under_way.join_next().await;
        }
        let (lane, number) = (lane.clone(), rng.usize(..));
        let by_deadline = rng.u8(0..4) == 0;
        let timeout = Duration::from_micros(rng.u64(100..4_000));
        under_way.spawn(async move {
            let (marker, began) = (lane.marker(), lane.now());
            if by_deadline {
                lane.begin("trigger and wait, hasty");
                let wait = lane.client.trigger_run_and_wait(request("quick", &marker));
                let result = wait.timeout(timeout).await;
                let told = result.as_ref().map(|run| &run.session_id);
                lane.note(&marker, began, Way::Hasty, told);
            } else {
                lane.begin("trigger, hasty");
                let client = &lane.hasty[number % lane.hasty.len()];
                let result = client.trigger_run(request("quick", &marker)).await;
                let told = result.as_ref().map(|accepted| &accepted.session_id);
                lane.note(&marker, began, Way::Hasty, told);
            }
        });
    }
    while under_way.join_next().await.is_some() {}
}

async fn run_and_wait(lane: &Arc<Lane>, rng: &mut Rng) {
    let agent = if rng.u8(0..5) == 0 {
        "endless"
    } else {
        agent(rng)
    };
    let is_tight = agent == "endless" || rng.u8(0..4) == 0;
    let timeout = if is_tight { millis(rng, 1, 400) } else { LONG };
    let stops = rng.bool();
    let (marker, began) = (lane.marker(), lane.now());
    let id: Arc<Mutex<Option<SessionId>>> = Arc::default();
    let known = id.clone();
    let known = move || known.lock().unwrap_or_else(PoisonError::into_inner).clone();
    lane.begin("trigger and wait");
    let wait = lane
        .client
        .trigger_run_and_wait(request(agent, &marker))
        .timeout(timeout)
        .poll_interval(interval(rng))
        .on_timeout(on_timeout(stops))
        .on_started(move |started| {
            *id.lock().unwrap_or_else(PoisonError::into_inner) = Some(started.clone());
        });
    let wait = wait.into_future();
    let result = if rng.u8(0..6) == 0 {
        let Ok(result) = tokio::time::timeout(millis(rng, 0, 100), wait).await else {
            // Dropped: it may have started, and nobody is told.
            let mut ledger = lane.ledger();
            ledger.starts.push(Start {
                marker,
                began,
                ended: lane.now(),
                known: Known::Maybe(known().map(|id| id.to_string())),
                error: None,
                way: Way::Dropped,
            });
            return;
        };
        result
    } else {
        wait.await
    };
    note_wait_of_new(
        lane,
        "trigger and wait",
        &marker,
        began,
        timeout,
        stops,
        result,
        is_tight,
    );
}

#[expect(clippy::too_many_arguments, reason = "what a wait is made of")]
fn note_wait_of_new(
    lane: &Lane,
    name: &'static str,
    marker: &str,
    began: Duration,
    timeout: Duration,
    stops: bool,
    result: Result<Run>,
    is_tight: bool,
) {
    let id = match &result {
        Ok(run) => Some(run.session_id.clone()),
        Err(error) => error.session_id().cloned(),
    };
    let told = match (&result, &id) {
        (Ok(run), _) => Ok(&run.session_id),
        // The run exists.
        (Err(Error::RunFailed { .. } | Error::WaitTimeout(_)), Some(id)) => Ok(id),
        (Err(error), _) => Err(error),
    };
    let way = if is_tight { Way::Hasty } else { Way::Trigger };
    lane.note(marker, began, way, told);
    let waited = Waited {
        name,
        id: id.map(|id| id.to_string()),
        timeout,
        began,
        ended: lane.now(),
        absent: Duration::ZERO,
        starts: true,
        stops,
        result: result.map(|run| vec![run]),
        is_final: true,
    };
    lane.ledger().waits.push(waited);
}

/// Looks at the deadline alone at a run that has ended by then.
async fn look_late(lane: &Lane, rng: &mut Rng) {
    let timeout = LATE + millis(rng, 400, 700);
    let stops = rng.bool();
    if lane.weather == Weather::Flaky && rng.bool() {
        // The whole read, but not the status.
        lane.emulator
            .add_fault(Fault::unavailable().on("DinoaiAgentRun").times(3));
    }
    let (marker, began) = (lane.marker(), lane.now());
    lane.begin("trigger and wait, one poll");
    let result = lane
        .client
        .trigger_run_and_wait(request("late", &marker))
        .timeout(timeout)
        .poll_interval(LONG)
        .on_timeout(on_timeout(stops))
        .await;
    note_wait_of_new(
        lane,
        "late look",
        &marker,
        began,
        timeout,
        stops,
        result,
        false,
    );
}

/// Follows a run with watches that come and go, then once more after a follow-up.
async fn watch(lane: &Lane, rng: &mut Rng) {
    let Some(mut session) = start(lane, "talker").await else {
        return;
    };
    let id = session.id().to_string();
    let mut emitted = vec![];
    let mut is_complete = follow(lane, rng, &mut session, &mut emitted).await;
    for _ in 0..rng.u8(0..3) {
        if !is_complete {
            break;
        }
        let (marker, began) = (lane.marker(), lane.now());
        lane.begin("send");
        let sent = session.send(&*marker).await;
        let told = sent.as_ref().map(|accepted| &accepted.session_id);
        lane.note(&marker, began, Way::FollowUp, told);
        is_complete = sent.is_ok() && follow(lane, rng, &mut session, &mut emitted).await;
    }
    lane.ledger().followed.push(Followed {
        id,
        emitted,
        is_complete,
    });
}

/// Reads watches of a session until one emits the end: whether it has.
async fn follow(
    lane: &Lane,
    rng: &mut Rng,
    session: &mut Session,
    emitted: &mut Vec<String>,
) -> bool {
    for _ in 0..12 {
        let timeout = if rng.u8(0..3) == 0 {
            millis(rng, 1, 200)
        } else {
            LONG
        };
        let most_events = if rng.u8(0..3) == 0 {
            rng.usize(0..6)
        } else {
            usize::MAX
        };
        let is_slow = rng.u8(0..3) == 0;
        let began = lane.now();
        lane.begin("watch");
        let mut watch = session
            .watch()
            .timeout(timeout)
            .poll_interval(interval(rng));
        if rng.bool() {
            watch = watch.with_steps(StepOptions::default().with_tool_io());
        }
        let mut absent = Duration::ZERO;
        let mut result = None;
        for _ in 0..most_events {
            match watch.next().await {
                Some(Ok(Event::Message(message))) => emitted.push(message.content),
                Some(Ok(Event::Ended(run))) => result = Some(Ok(vec![run])),
                Some(Ok(_)) => {}
                Some(Err(error)) => result = Some(Err(error)),
                None => break,
            }
            if is_slow && result.is_none() {
                let pause = millis(rng, 0, 80);
                absent += pause;
                tokio::time::sleep(pause).await;
            }
        }
        drop(watch);
        let has_ended = matches!(result, Some(Ok(_)));
        let is_over =
            matches!(&result, Some(Err(error)) if !matches!(error, Error::WaitTimeout(_)));
        if let Some(result) = result {
            lane.ledger().waits.push(Waited {
                name: "watch",
                id: Some(session.id().to_string()),
                timeout,
                began,
                ended: lane.now(),
                absent,
                starts: false,
                stops: false,
                result,
                is_final: false,
            });
        }
        if has_ended || is_over {
            return has_ended;
        }
        if rng.bool() {
            // As if in another process.
            let stored =
                serde_json::to_string(&session.checkpoint()).expect("a checkpoint is JSON");
            let checkpoint: Checkpoint = serde_json::from_str(&stored).expect("and is read again");
            *session = lane.client.resume(checkpoint);
        }
    }
    false
}

/// Asks one thing after the other, and sometimes two at a time.
async fn converse(lane: &Arc<Lane>, rng: &mut Rng) {
    let Some(session) = start(lane, "talker").await else {
        return;
    };
    let session = Arc::new(session);
    let mut conversation = vec![];
    if rng.bool() {
        lane.begin("wait");
        let began = lane.now();
        let result = session
            .wait()
            .timeout(LONG)
            .poll_interval(interval(rng))
            .await;
        note_wait(
            lane,
            "wait",
            &session,
            LONG,
            began,
            false,
            result.map(|run| vec![run]),
        );
    }
    let mut may_go_on = true;
    for _ in 0..rng.u8(1..4) {
        if !may_go_on {
            break;
        }
        if rng.u8(0..4) == 0 {
            let other = tokio::spawn({
                let (lane, session, mut rng) = (lane.clone(), session.clone(), rng.fork());
                async move { ask(&lane, &mut rng, &session).await }
            });
            let one = ask(lane, rng, &session).await;
            let mut both = vec![one];
            both.extend(other.await.ok());
            may_go_on = both.iter().all(|answered| answered.messages.is_some());
            // Which of the two came first is not known: each stands for itself.
            if may_go_on {
                conversation.extend(both);
            }
        } else {
            let answered = ask(lane, rng, &session).await;
            may_go_on = answered.messages.is_some();
            conversation.push(answered);
        }
    }
    lane.ledger().conversations.push(conversation);
}

async fn ask(lane: &Lane, rng: &mut Rng, session: &Session) -> Answered {
    let (marker, began) = (lane.marker(), lane.now());
    let is_tight = rng.u8(0..6) == 0;
    let timeout = if is_tight { millis(rng, 1, 150) } else { LONG };
    let stops = rng.u8(0..3) == 0;
    lane.begin("ask");
    let asked = session
        .ask(&*marker)
        .timeout(timeout)
        .poll_interval(interval(rng))
        .on_timeout(on_timeout(stops));
    let result = asked.await;
    let told = result.as_ref().map(|turn| &turn.session_id);
    let way = if is_tight { Way::Hasty } else { Way::FollowUp };
    match &result {
        // The turn goes on.
        Err(error @ Error::WaitTimeout(_)) if error.may_have_started() => {
            lane.note(&marker, began, way, Ok(session.id()));
        }
        _ => lane.note(&marker, began, way, told),
    }
    let messages = result.as_ref().ok().map(|turn| {
        let messages = turn.messages.iter();
        messages.map(|message| message.content.clone()).collect()
    });
    let has_ended = result.as_ref().is_ok_and(|turn| turn.status.is_terminal());
    let result = match result {
        Ok(_) if has_ended => Ok(vec![]),
        Ok(turn) => {
            lane.ledger()
                .oddities
                .push(format!("a turn ended {} in {turn:?}", turn.status));
            Ok(vec![])
        }
        Err(error) => Err(error),
    };
    note_wait(lane, "ask", session, timeout, began, stops, result);
    Answered {
        id: session.id().to_string(),
        marker,
        messages,
    }
}

fn note_wait(
    lane: &Lane,
    name: &'static str,
    session: &Session,
    timeout: Duration,
    began: Duration,
    stops: bool,
    result: Result<Vec<Run>>,
) {
    lane.ledger().waits.push(Waited {
        name,
        id: Some(session.id().to_string()),
        timeout,
        began,
        ended: lane.now(),
        absent: Duration::ZERO,
        starts: name == "ask",
        stops,
        result,
        is_final: false,
    });
}

/// Runs many, reads them slowly, and sometimes loses interest.
async fn run_many(lane: &Lane, rng: &mut Rng) {
    let markers: Vec<_> = (0..rng.u8(2..7)).map(|_| lane.marker()).collect();
    let agent = ["quick", "timed", "timed", "endless"][rng.usize(0..4)];
    let timeout = if agent == "endless" {
        millis(rng, 100, 400)
    } else {
        LONG
    };
    let began = lane.now();
    let started: Arc<Mutex<Vec<(usize, SessionId)>>> = Arc::default();
    let mut results = lane
        .client
        .run_all(
            markers.iter().map(|marker| request(agent, marker)),
            rng.usize(1..4),
        )
        .timeout(timeout)
        .poll_interval(interval(rng))
        .on_started({
            let started = started.clone();
            move |place, id| {
                let mut started = started.lock().unwrap_or_else(PoisonError::into_inner);
                started.push((place, id.clone()));
            }
        });
    for _ in &markers {
        lane.begin("one of run_all");
    }
    let is_slow = rng.bool();
    let most = if rng.u8(0..3) == 0 {
        rng.usize(0..markers.len())
    } else {
        usize::MAX
    };
    let mut told: Vec<Option<Result<Run>>> = markers.iter().map(|_| None).collect();
    if most == 0 {
        // Some are on their way when the stream is dropped.
        let _ = tokio::time::timeout(millis(rng, 0, 8), results.next()).await;
    }
    for _ in 0..most {
        if is_slow {
            tokio::time::sleep(millis(rng, 0, 150)).await;
        }
        let Some((place, result)) = results.next().await else {
            break;
        };
        told[place] = Some(result);
    }
    drop(results);
    for (place, (marker, told)) in markers.into_iter().zip(told).enumerate() {
        match told {
            Some(result) => {
                let (name, timeout) = ("one of run_all", LONG * 8);
                note_wait_of_new(lane, name, &marker, began, timeout, false, result, false);
            }
            // A trigger on its way is seen to its end, and passes its id on.
            None => lane.ledger().abandoned.push(Abandoned {
                marker,
                place,
                started: started.clone(),
            }),
        }
    }
}

/// Starts a few, and waits for them together.
async fn wait_for_many(lane: &Lane, rng: &mut Rng) {
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
    let mut results = lane
        .client
        .wait_all(ids)
        .timeout(LONG)
        .poll_interval(interval(rng));
    while let Some((id, result)) = results.next().await {
        lane.ledger().waits.push(Waited {
            name: "one of wait_all",
            id: Some(id.to_string()),
            timeout: LONG,
            began,
            ended: lane.now(),
            absent: Duration::ZERO,
            starts: false,
            stops: false,
            result: result.map(|run| vec![run]),
            is_final: true,
        });
    }
}

async fn tree(lane: &Lane, rng: &mut Rng) {
    let Some(session) = start(lane, "parent").await else {
        return;
    };
    if lane.weather == Weather::Flaky && rng.bool() {
        // Every other read fails, for as long as this takes.
        for _ in 0..200 {
            lane.emulator
                .add_fault(Fault::unavailable().on("dinoaiAgentRun"));
            lane.emulator.add_fault(Fault::pass().on("dinoaiAgentRun"));
        }
    }
    let (began, timeout) = (lane.now(), LONG / 2);
    lane.begin("tree");
    let result = session
        .tree()
        .until_ended()
        .timeout(timeout)
        .poll_interval(interval(rng))
        .settle_time(Duration::from_millis(50))
        .await;
    let is_whole = result
        .as_ref()
        .is_ok_and(|tree| tree.failures().next().is_none());
    let name = if is_whole || result.is_err() {
        "tree"
    } else {
        "tree with failures"
    };
    let result = result.map(|tree| tree.runs().cloned().collect());
    note_wait(lane, name, &session, timeout, began, false, result);
    if lane.weather == Weather::Flaky {
        lane.emulator.clear_faults();
    }
}

/// Stops a run on purpose, by hand or by dropping its guard, and waits for its end.
async fn stop(lane: &Lane, rng: &mut Rng) {
    let Some(session) = start(lane, "endless").await else {
        return;
    };
    lane.ledger().stopped.push(session.id().to_string());
    lane.begin("stop");
    if rng.bool() {
        if session.stop().await.is_err() {
            return;
        }
    } else {
        drop(session.stop_on_drop());
    }
    let (began, timeout) = (lane.now(), Duration::from_secs(2));
    lane.begin("wait");
    let result = session
        .wait()
        .timeout(timeout)
        .poll_interval(interval(rng))
        .await;
    note_wait(
        lane,
        "wait",
        &session,
        timeout,
        began,
        false,
        result.map(|run| vec![run]),
    );
}

/// Loses interest in a trigger while it is on its way.
async fn drop_a_trigger(lane: &Lane, rng: &mut Rng) {
    for _ in 0..4 {
        let (marker, began) = (lane.marker(), lane.now());
        lane.begin("trigger, dropped");
        let trigger = lane.client.trigger_run(request("quick", &marker));
        let patience = Duration::from_micros(rng.u64(1..4_000));
        match tokio::time::timeout(patience, trigger).await {
            Ok(told) => {
                let told = told.as_ref().map(|accepted| &accepted.session_id);
                lane.note(&marker, began, Way::Trigger, told);
            }
            Err(_) => lane.ledger().starts.push(Start {
                marker,
                began,
                ended: lane.now(),
                known: Known::Maybe(None),
                error: None,
                way: Way::Dropped,
            }),
        }
    }
}

/// Reads on another runtime, which then stands still, and goes on here.
async fn two_runtimes(lane: &Arc<Lane>, rng: &mut Rng) {
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
        let read = runtime.block_on(client.get_run(id));
        // It holds its connections, and does not drive them.
        (read.is_ok(), runtime)
    });
    let other = other.await;
    lane.begin("wait");
    let (began, timeout) = (lane.now(), LONG);
    let result = session
        .wait()
        .timeout(timeout)
        .poll_interval(interval(rng))
        .await;
    note_wait(
        lane,
        "wait",
        &session,
        timeout,
        began,
        false,
        result.map(|run| vec![run]),
    );
    if let Ok((_, runtime)) = other {
        runtime.shutdown_background();
    }
}

/// Triggers on a runtime of one thread that something else blocks, longer than any timeout.
async fn blocked_executor(lane: &Arc<Lane>, rng: &mut Rng) {
    let (marker, began) = (lane.marker(), lane.now());
    lane.begin("trigger, blocked executor");
    let (client, request) = (lane.client.clone(), request("quick", &marker));
    let (first, then) = (millis(rng, 0, 30), millis(rng, 300, 1_300));
    let told = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.expect("a runtime starts").block_on(async {
            let trigger = tokio::spawn(client.trigger_run(request));
            tokio::time::sleep(first).await;
            std::thread::sleep(then);
            trigger.await
        })
    });
    if let Ok(Ok(told)) = told.await {
        let told = told.as_ref().map(|accepted| &accepted.session_id);
        lane.note(&marker, began, Way::Trigger, told);
    }
}

/// Takes short responses alone.
async fn narrow(lane: &Lane, rng: &mut Rng) {
    let (marker, began, timeout) = (lane.marker(), lane.now(), Duration::from_secs(2));
    lane.begin("trigger and wait, short responses");
    let result = lane
        .narrow
        .trigger_run_and_wait(request(agent(rng), &marker))
        .timeout(timeout)
        .poll_interval(interval(rng))
        .await;
    let error = match &result {
        Ok(run) => return lane.note(&marker, began, Way::Trigger, Ok(&run.session_id)),
        Err(error) => error,
    };
    // The run exists, whatever was too long.
    let told = match error {
        Error::ResponseTooLarge { .. } | Error::RunFailed { .. } | Error::WaitTimeout(_) => {
            error.session_id().ok_or(error)
        }
        error => Err(error),
    };
    lane.note(&marker, began, Way::Trigger, told);
}

/// Triggers where nobody listens.
async fn nowhere(lane: &Lane) {
    let (marker, began) = (lane.marker(), lane.now());
    lane.begin("trigger, nobody listens");
    let told = lane.nowhere.trigger_run(request("quick", &marker)).await;
    let told = told.as_ref().map(|accepted| &accepted.session_id);
    lane.note(&marker, began, Way::Nowhere, told);
}
