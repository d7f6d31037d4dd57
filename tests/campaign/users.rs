//! What the users of a lane do with the public API.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use dinoai::{
    Checkpoint, Error, Event, OnTimeout, Result, Run, Session, SessionId, StepOptions, TriggerRun,
};
use dinoai_emulator::Fault;
use fastrand::Rng;

use super::Shared;
use super::books::{
    Abandoned, Answered, FLAKY_TREE, Followed, Known, Said, Start, Waited, Way, said,
};
use super::lane::{Conditions, Edge, Lane};

/// How long the agent `late` works.
pub(crate) const LATE: Duration = Duration::from_millis(150);
/// Long enough for everything that ends.
const LONG: Duration = Duration::from_secs(5);
/// Shorter than the pause before any second poll at this interval.
const ONE_POLL: Duration = LONG;

/// Does one thing.
pub(crate) async fn act(lane: &Arc<Lane>, rng: &mut Rng) {
    lane.add_faults(rng);
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
    let reported = accepted.as_ref().map(|accepted| &accepted.session_id);
    lane.note(&marker, began, Way::Call, reported);
    let Ok(accepted) = accepted else { return };
    for _ in 0..rng.u8(0..3) {
        lane.begin("read");
        read(lane, lane.client.get_run(&accepted.session_id).await);
    }
}

fn read(lane: &Lane, read: Result<Run>) {
    let run = match read {
        Ok(run) => run,
        Err(error) if lane.conditions == Conditions::Calm => {
            let text = format!("nothing had failed, but a read: {error}");
            return lane.ledger().contradictions.push(text);
        }
        Err(_) => return,
    };
    // Read whole a run is what the API lists, twice or newest first if need be.
    if !matches!(lane.edge, Edge::RepeatedMessages | Edge::ReorderedMessages) {
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
async fn start(lane: &Lane, agent: &str) -> Option<Session> {
    let (marker, began) = (lane.marker(), lane.now());
    lane.begin("start");
    let session = lane.client.start(request(agent, &marker)).await;
    lane.note(&marker, began, Way::Call, session.as_ref().map(Session::id));
    session.ok()
}

/// The same by a watch, of which the first event alone is read.
async fn start_by_watch(lane: &Lane, agent: &str) -> Option<Session> {
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
async fn hurry(lane: &Arc<Lane>, rng: &mut Rng) {
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

async fn run_and_wait(lane: &Lane, rng: &mut Rng) {
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

fn note_dropped(lane: &Lane, marker: String, began: Duration, known: Known, way: Way) {
    lane.ledger().starts.push(Start {
        marker,
        began,
        ended: lane.now(),
        known,
        error: None,
        way,
    });
}

/// A wait that starts its run, before anything is known of it.
fn wait_of_new(name: &'static str, began: Duration) -> Waited {
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

fn note_wait_of_new(
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
async fn look_late(lane: &Lane, rng: &mut Rng) {
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

/// A session that is followed, and what is known of it.
struct Following {
    session: Session,
    emitted: Vec<Said>,
    /// Whether it was made by its client, and not from a checkpoint.
    is_proven: bool,
    /// Whether a follow-up of unknown outcome is open.
    may_hang: bool,
    waits: Vec<Waited>,
}

/// Follows a run with watches that come and go, then once more after a follow-up.
async fn watch(lane: &Lane, rng: &mut Rng) {
    // Without a look at the dice, so that a seed does what it did before.
    let is_even = lane.is_even();
    let session = match is_even {
        true => start(lane, "talker").await,
        false => start_by_watch(lane, "talker").await,
    };
    let Some(session) = session else {
        return;
    };
    let mut following = Following {
        session,
        emitted: vec![],
        is_proven: true,
        may_hang: false,
        waits: vec![],
    };
    let mut is_complete = follow(lane, rng, &mut following).await;
    let mut is_all_emitted = true;
    for _ in 0..rng.u8(0..3) {
        // A session that has emitted nothing takes the conversation so far for known.
        is_all_emitted &= !following.emitted.is_empty();
        let (marker, began) = (lane.marker(), lane.now());
        lane.begin("send");
        let sent = match is_even {
            true => following.session.send(&*marker).await,
            false => match following
                .session
                .send_and_watch(&*marker)
                .events()
                .next()
                .await
            {
                Some(Ok(Event::Sent(accepted))) => Ok(accepted),
                Some(Err(error)) => Err(error),
                first => {
                    let text = format!("a watch that sends began with {first:?}");
                    return lane.ledger().contradictions.push(text);
                }
            },
        };
        let reported = sent.as_ref().map(|accepted| &accepted.session_id);
        lane.note(&marker, began, Way::Call, reported);
        following.may_hang |= matches!(&sent, Err(error) if error.may_have_started());
        // Nothing was emitted of what followed.
        for wait in &mut following.waits {
            wait.is_final = false;
        }
        is_complete =
            follow(lane, rng, &mut following).await && is_all_emitted && !following.may_hang;
    }
    let id = following.session.id().to_string();
    let mut ledger = lane.ledger();
    ledger.waits.extend(following.waits);
    let emitted = following.emitted;
    ledger.followed.push(Followed {
        id,
        emitted,
        is_complete,
    });
}

/// Reads watches of a session until one emits the end: whether it has.
async fn follow(lane: &Lane, rng: &mut Rng, following: &mut Following) -> bool {
    let most = if following.may_hang { 3 } else { 12 };
    for _ in 0..most {
        let timeout = match rng.u8(0..3) == 0 || following.may_hang {
            true => millis(rng, 1, 200),
            false => LONG,
        };
        let most_events = if rng.u8(0..3) == 0 {
            rng.usize(0..6)
        } else {
            usize::MAX
        };
        let is_slow = rng.u8(0..3) == 0;
        let began = lane.now();
        lane.begin("watch");
        let watch = following.session.watch().timeout(timeout);
        let mut watch = watch.poll_interval(interval(rng));
        if rng.bool() {
            watch = watch.steps(StepOptions::default().with_tool_io());
        }
        let mut watch = watch.events();
        let mut absent = Duration::ZERO;
        let mut result = None;
        for _ in 0..most_events {
            match watch.next().await {
                Some(Ok(Event::Message(message))) => following.emitted.push(said(&message)),
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
        let has_failed =
            matches!(&result, Some(Err(error)) if !matches!(error, Error::WaitTimeout(_)));
        if let Some(result) = result {
            following.waits.push(Waited {
                id: Some(following.session.id().to_string()),
                timeout,
                ended: lane.now(),
                absent,
                starts: false,
                is_proven: following.is_proven,
                may_hang: following.may_hang,
                result,
                ..wait_of_new("watch", began)
            });
        }
        if has_ended || has_failed {
            return has_ended;
        }
        if rng.bool() {
            // As if in another process.
            let checkpoint = following.session.checkpoint();
            let stored = serde_json::to_string(&checkpoint).expect("a checkpoint is JSON");
            let checkpoint: Checkpoint = serde_json::from_str(&stored).expect("and is read again");
            following.session = lane.client.resume(checkpoint);
            following.is_proven = false;
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
        let wait = session.wait().timeout(LONG).poll_interval(interval(rng));
        let result = wait.await.map(|run| vec![run]);
        note_wait(
            lane,
            &session,
            result,
            Waited {
                is_final: false,
                ..wait_of_new("wait", began)
            },
        );
    }
    let mut has_failed = false;
    for _ in 0..rng.u8(1..4) {
        if rng.u8(0..4) == 0 && !has_failed {
            let other = tokio::spawn({
                let (lane, session, mut rng) = (lane.clone(), session.clone(), rng.fork());
                async move { ask(&lane, &mut rng, &session, false).await }
            });
            let one = ask(lane, rng, &session, false).await;
            let both = other.await.ok().map(|other| [one, other]);
            let Some(mut both) = both else { break };
            // In the order in which they came in.
            let came_in = |answered: &Answered| {
                let runs = lane.emulator.runs();
                let run = runs.iter().find(|run| run.session_id == answered.id);
                run.and_then(|run| run.follow_ups.iter().position(|it| *it == answered.marker))
            };
            both.sort_by_key(came_in);
            has_failed |= both.iter().any(|answered| answered.turn.is_none());
            conversation.extend(both);
        } else {
            let answered = ask(lane, rng, &session, has_failed).await;
            has_failed |= answered.turn.is_none();
            conversation.push(answered);
        }
    }
    lane.ledger().conversations.push(conversation);
}

/// Asks. `may_hang`: a turn before may be open whose message has never arrived.
async fn ask(lane: &Lane, rng: &mut Rng, session: &Session, may_hang: bool) -> Answered {
    let (marker, began) = (lane.marker(), lane.now());
    let is_tight = rng.u8(0..6) == 0;
    let timeout = match (is_tight, may_hang) {
        (true, _) => millis(rng, 1, 150),
        (false, true) => Duration::from_secs(1),
        (false, false) => LONG,
    };
    let stops = rng.u8(0..3) == 0;
    lane.begin("ask");
    let asked = session.ask(&*marker).timeout(timeout);
    let asked = asked
        .poll_interval(interval(rng))
        .on_timeout(on_timeout(stops));
    let result = asked.await;
    let reported = match &result {
        Ok(turn) => Ok(&turn.session_id),
        // The turn goes on.
        Err(error @ Error::WaitTimeout(_)) if error.may_have_started() => Ok(session.id()),
        Err(error) => Err(error),
    };
    // Nothing is sent if the run does not come to rest.
    let is_at_rest =
        !matches!(&result, Err(error @ Error::WaitTimeout(_)) if !error.may_have_started());
    let is_at_leisure = !is_tight && !may_hang && is_at_rest;
    let way = if is_at_leisure {
        Way::InAWait
    } else {
        Way::Hasty
    };
    lane.note(&marker, began, way, reported);
    let turn = result.as_ref().ok().map(|turn| {
        let messages = turn.messages.iter().map(said).collect();
        (turn.status.to_string(), messages)
    });
    if let Ok(turn) = &result
        && !turn.status.is_terminal()
    {
        let text = format!("a turn of {} ended {}", turn.session_id, turn.status);
        lane.ledger().contradictions.push(text);
    }
    let result = result.map(|_| vec![]);
    let waited = Waited {
        timeout,
        stops,
        may_hang,
        is_final: false,
        ..wait_of_new("ask", began)
    };
    // What comes before the message is sent is not this turn.
    let is_proven = result.as_ref().err().is_some_and(Error::may_have_started);
    note_wait(
        lane,
        session,
        result,
        Waited {
            is_proven,
            ..waited
        },
    );
    Answered {
        id: session.id().to_string(),
        marker,
        turn,
    }
}

fn note_wait(lane: &Lane, session: &Session, result: Result<Vec<Run>>, waited: Waited) {
    let waited = Waited {
        id: Some(session.id().to_string()),
        ended: lane.now(),
        starts: waited.name == "ask",
        result,
        ..waited
    };
    lane.ledger().waits.push(waited);
}

/// Runs many, reads them slowly, and sometimes loses interest.
async fn run_many(lane: &Lane, rng: &mut Rng) {
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
            // A trigger on its way is seen to its end, and passes its id on.
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

async fn tree(lane: &Lane, rng: &mut Rng) {
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
    let result = tree.settle_time(Duration::from_millis(200)).await;
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

/// Stops a run on purpose, by hand or by dropping its guard, and waits for its end.
async fn stop(lane: &Lane, rng: &mut Rng) {
    let Some(session) = start(lane, "endless").await else {
        return;
    };
    lane.begin("stop");
    let is_by_hand = rng.bool();
    let is_accepted = if is_by_hand {
        session.stop().await.is_ok()
    } else {
        drop(session.stop_on_drop());
        // It is sent in the background, and tried again as any call.
        lane.conditions == Conditions::Calm
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
async fn drop_a_trigger(lane: &Lane, rng: &mut Rng) {
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
async fn two_runtimes(lane: &Lane, rng: &mut Rng) {
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
async fn blocked_executor(lane: &Lane, rng: &mut Rng) {
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
async fn narrow(lane: &Lane, rng: &mut Rng) {
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
async fn nowhere(lane: &Lane) {
    let (marker, began) = (lane.marker(), lane.now());
    lane.begin("trigger, nobody listens");
    let result = lane.nowhere.trigger_run(request("quick", &marker)).await;
    let reported = result.as_ref().map(|accepted| &accepted.session_id);
    lane.note(&marker, began, Way::Nowhere, reported);
}
