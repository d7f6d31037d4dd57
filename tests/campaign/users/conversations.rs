//! Watches that come and go, and asks.

use std::sync::Arc;
use std::time::Duration;

use dinoai::{Checkpoint, Error, Event, Session, StepOptions};
use fastrand::Rng;

use super::calls::{start, start_by_watch};
use super::waits::{note_wait, wait_of_new};
use super::{LONG, interval, millis, on_timeout};
use crate::campaign::books::{Answered, Followed, Said, Waited, Way, said};
use crate::campaign::lane::Lane;

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
pub(super) async fn watch(lane: &Lane, rng: &mut Rng) {
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
pub(super) async fn converse(lane: &Arc<Lane>, rng: &mut Rng) {
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
pub(super) async fn ask(lane: &Lane, rng: &mut Rng, session: &Session, may_hang: bool) -> Answered {
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
