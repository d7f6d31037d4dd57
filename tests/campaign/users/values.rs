//! Answers that are asked for as values.

use std::sync::PoisonError;

use dinoai::{JsonAnswer, SessionId};
use fastrand::Rng;

use super::calls::start;
use super::{LONG, interval, millis, request};
use crate::campaign::Shared;
use crate::campaign::books::{Known, Valued, Way};
use crate::campaign::lane::{Conditions, Lane};

/// The agents that answer with a value or with prose: in their first turn, and to two follow-ups.
pub(crate) const VALUE_AGENTS: [(&str, [bool; 3]); 4] = [
    ("terse", [true, true, true]),
    ("wordy", [false, true, true]),
    ("moody", [true, false, true]),
    ("vague", [false, false, false]),
];

/// Asks for a value: of a new run, or by a follow-up.
pub(super) async fn ask_for_value(lane: &Lane, rng: &mut Rng) {
    let (agent, answers) = VALUE_AGENTS[rng.usize(0..4)];
    let is_tight = rng.u8(0..5) == 0;
    let timeout = match is_tight {
        true => millis(rng, 1, 300),
        false => LONG,
    };
    let session = match rng.bool() {
        true => match start(lane, agent).await {
            Some(session) => Some(session),
            None => return,
        },
        false => None,
    };
    let (marker, began) = (lane.marker(), lane.now());
    let started: Shared<Option<SessionId>> = Shared::default();
    lane.begin("ask for a value");
    let answer: JsonAnswer<Vec<u64>> = match &session {
        Some(session) => session.ask_json(&*marker),
        None => lane.client.run_json(request(agent, &marker)),
    };
    let answer = answer.timeout(timeout).poll_interval(interval(rng));
    let answer = answer.on_started({
        let started = started.clone();
        move |id| *started.lock().unwrap_or_else(PoisonError::into_inner) = Some(id.clone())
    });
    let result = answer.await;
    let started = started
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    let known = match (&started, &result) {
        (Some(id), _) => Known::Started(id.to_string()),
        (None, Err(error)) if error.may_have_started() => {
            Known::Maybe(error.session_id().map(ToString::to_string))
        }
        (None, Err(_)) => Known::Not,
        (None, Ok(_)) => Known::Maybe(None),
    };
    let way = match is_tight || matches!(known, Known::Not) && session.is_some() {
        true => Way::Hasty,
        false => Way::InAWait,
    };
    lane.note_as(known, &marker, began, way, result.as_ref().err());
    let first = usize::from(session.is_some());
    lane.ledger().values.push(Valued {
        marker,
        answers: [answers[first], answers[first + 1]],
        is_certain: lane.conditions == Conditions::Calm && !is_tight,
        result: result.map(drop),
    });
}
