//! A checkpoint is stored as version 1 says, and read again after JavaScript's `JSON` has written it.

use dinoai::{Checkpoint, Event, Session, StepOptions};
use serde_json::{Value, json};

use crate::support::fault_server::{FaultServer, Reply, SESSION, Seen};

/// What this version writes. A later version has to read it, so it is never changed: a new form
/// gets a new version, and a file of its own.
const STORED: &str = include_str!("../../checkpoints/version-1.json");

/// The same after `JSON.stringify(JSON.parse(text))`, as Node.js 20 prints it. CI compares it
/// with what Node.js makes of the other file.
const THROUGH_JAVASCRIPT: &str =
    include_str!("../../checkpoints/version-1.through-javascript.json");

/// A run that has everything that a checkpoint can hold; after a follow-up it still reads as
/// before.
fn api(seen: &Seen) -> Reply {
    let message =
        |ts: f64, role: &str, content: &str| json!({ "ts": ts, "role": role, "content": content });
    match seen.operation.as_str() {
        "SendDinoaiAgentMessage" => Reply::Good,
        "DinoaiAgentRunSteps" => Reply::data(&json!({ "dinoaiAgentRun": {
            "ok": true,
            "status": "COMPLETED",
            "steps": [{ "index": 7, "role": "AGENT", "toolName": null, "toolInput": null,
                        "content": "I look.", "truncated": false }],
            "startupSteps": [{ "label": "Clone the repository", "done": true }],
        } })),
        _ => Reply::data(&json!({ "dinoaiAgentRun": {
            "ok": true,
            "agentSessionId": SESSION,
            "status": "COMPLETED",
            "messages": [
                message(1_714_142_436.001_2, "user", "Check stg_orders."),
                message(1_714_142_440.1, "assistant", "one"),
                message(1_714_142_440.1, "assistant", "two"),
                message(9_007_199_254_740_993.0, "agent", "far in the future"),
            ],
            "childSessionIds": ["b2v9q1m4k7c3x8za"],
            "workspaceUid": "w1",
        } })),
    }
}

async fn watched(session: &Session) -> Vec<Event> {
    let mut events = session.watch().steps(StepOptions::default()).events();
    let mut watched = vec![];
    while let Some(event) = events.next().await {
        watched.push(event.unwrap());
    }
    watched
}

#[tokio::test]
async fn a_checkpoint_is_written_as_version_1_says() {
    let server = FaultServer::scripted(api).await;
    let (client, _) = server.client();
    let session = client.session(SESSION).unwrap();
    watched(&session).await;
    assert!(!session.checkpoint().has_open_turn());
    session.send("Now stg_customers.").await.unwrap();
    let checkpoint = session.checkpoint();
    assert!(checkpoint.has_open_turn());
    let stored = serde_json::to_string_pretty(&checkpoint).unwrap();
    assert_eq!(stored.trim(), STORED.trim());
}

#[tokio::test]
async fn a_checkpoint_of_version_1_is_read_also_after_it_went_through_javascript() {
    let server = FaultServer::scripted(api).await;
    let (client, _) = server.client();
    for stored in [STORED, THROUGH_JAVASCRIPT] {
        let checkpoint: Checkpoint = serde_json::from_str(stored).unwrap();
        assert!(checkpoint.has_open_turn());
        assert_eq!(checkpoint.session_id().as_str(), SESSION);
        let again = serde_json::to_string_pretty(&checkpoint).unwrap();
        assert_eq!(again.trim(), STORED.trim());

        // Nothing is new but what comes after the open turn; it has not started yet.
        let session = client.resume(checkpoint);
        let mut events = session.watch().steps(StepOptions::default()).events();
        let first = events.next().await.unwrap().unwrap_err();
        assert!(first.to_string().contains("has not started"), "{first}");
    }
}

#[test]
fn a_checkpoint_of_another_version_is_refused_with_what_to_do() {
    let mut stored: Value = serde_json::from_str(STORED).unwrap();
    for version in [json!(0), json!(2), json!("1"), Value::Null] {
        stored["version"] = version;
        assert!(serde_json::from_value::<Checkpoint>(stored.clone()).is_err());
    }
    stored["version"] = json!(2);
    stored["cursor"] = json!("another form altogether");
    let refused = serde_json::from_value::<Checkpoint>(stored).unwrap_err();
    assert_eq!(
        refused.to_string(),
        format!(
            "this is a checkpoint of version 2, and this release of dinoai reads version 1: use \
             the release that wrote it, or start from the session id {SESSION}"
        )
    );
}
