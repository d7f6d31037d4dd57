//! A hundred emulators in one process, each with a thousand sessions, stay apart.

use std::collections::HashSet;
use std::fmt::Write;

use dinoai_emulator::{Emulator, Fault, Scenario, Stage};
use serde_json::{Value, json};

use crate::caller::{RUN, call, response_to};

const EMULATORS: usize = 100;
const SESSIONS: usize = 1_000;
const TRIGGERED: usize = 10;

/// A run that starts so many children that the triggered ones and they make up all sessions:
/// parsing a thousand triggers would take most of the test's time.
fn with_children() -> Scenario {
    let children = SESSIONS / TRIGGERED - 1;
    (0..children).fold(
        Scenario::new().stage(Stage::new("RUNNING")),
        |scenario, _| scenario.child(Scenario::completed()),
    )
}

/// One document that starts the triggered sessions of an emulator.
fn triggers(emulator: usize) -> String {
    let mut query = String::from("mutation {");
    for session in 0..TRIGGERED {
        write!(
            query,
            "s{session}: triggerDinoaiAgentRun(message: \"{emulator}/{session}\") {{ ok }}"
        )
        .unwrap();
    }
    query + "}"
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_emulators_with_a_thousand_sessions_each_stay_apart() {
    let mut emulators = Vec::new();
    for _ in 0..EMULATORS {
        let builder = Emulator::builder().default_scenario(with_children());
        emulators.push(builder.start().await.unwrap());
    }
    let client = crate::caller::client();
    let mut started = tokio::task::JoinSet::new();
    for (number, emulator) in emulators.iter().enumerate() {
        let request = client
            .post(emulator.endpoint())
            .header("X-API-KEY", emulator.key())
            .header("X-API-SECRET", emulator.secret())
            .json(&json!({ "query": triggers(number) }));
        started.spawn(response_to(request));
    }
    while let Some(response) = started.join_next().await {
        assert_eq!(response.unwrap().body["data"]["s9"], json!({ "ok": true }));
    }

    let mut ids = HashSet::new();
    let mut first = Vec::new();
    for (number, emulator) in emulators.iter().enumerate() {
        let runs = emulator.runs();
        assert_eq!(runs.len(), SESSIONS);
        ids.extend(runs.iter().map(|run| run.session_id.clone()));
        let requests = emulator.requests();
        assert_eq!(requests.len(), 1);
        let triggered: Vec<_> = runs.iter().filter(|run| run.parent.is_none()).collect();
        assert_eq!(triggered.len(), TRIGGERED);
        for (session, run) in triggered.iter().enumerate() {
            assert_eq!(run.message, Some(format!("{number}/{session}")));
            assert_eq!(run.session_id, requests[0].started[session]);
        }
        first.push(runs[0].session_id.clone());
    }
    assert_eq!(ids.len(), EMULATORS * SESSIONS);

    // Nor does one know what another one has, or feel what happens to it.
    for (number, emulator) in emulators.iter().enumerate() {
        let other = &first[(number + 1) % EMULATORS];
        if number % 2 == 0 {
            emulator.add_fault(Fault::unavailable()).unwrap();
        }
        let response = call(emulator, RUN, json!({ "id": other })).await;
        if number % 2 == 0 {
            assert_eq!(response.status, 503);
        } else {
            assert_eq!(response.root(), &Value::Null);
        }
    }
}
