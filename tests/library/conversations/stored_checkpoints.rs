//! A checkpoint is stored as version 2 says, and read again after JavaScript's `JSON` has written it;
//! one of version 1 is read, too.

use std::sync::atomic::{AtomicBool, Ordering};

use dinoai::{Checkpoint, Event, Session, StepOptions};
use serde_json::{Value, json};

use crate::support::fault_server::{FaultServer, Reply, SESSION, Seen};

/// What this version writes. A later version has to read it, so it is never changed: a new form
/// gets a new version, and a file of its own.
const STORED: &str = include_str!("../../checkpoints/version-2.json");

/// The same after `JSON.stringify(JSON.parse(text))`, as Node.js 20 prints it. CI compares it
/// with what Node.js makes of the other file.
const THROUGH_JAVASCRIPT: &str =
    include_str!("../../checkpoints/version-2.through-javascript.json");

/// What was written before, of the same run without what is forgotten of it.
const VERSION_1: &str = include_str!("../../checkpoints/version-1.json");

const VERSION_1_THROUGH_JAVASCRIPT: &str =
    include_str!("../../checkpoints/version-1.through-javascript.json");

/// A run that has everything that a checkpoint can hold; after a follow-up it still reads as
/// before.
fn api(seen: &Seen) -> Reply {
    with(seen, vec![])
}

/// The same run with more messages.
fn with(seen: &Seen, more: Vec<Value>) -> Reply {
    let message =
        |ts: f64, role: &str, content: &str| json!({ "ts": ts, "role": role, "content": content });
    let messages = [
        vec![
            message(1_714_142_436.001_2, "user", "Check stg_orders."),
            message(1_714_142_440.1, "assistant", "one"),
            message(1_714_142_440.1, "assistant", "two"),
            message(9_007_199_254_740_993.0, "agent", "far in the future"),
        ],
        more,
    ]
    .concat();
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
            "messages": messages,
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

/// The run with so many messages at one moment that they are forgotten; and others later,
/// once some of them are gone.
fn long(seen: &Seen, is_compacted: bool) -> Reply {
    let at = |ts: f64| {
        let numbers = 0..2_001;
        numbers
            .map(move |number| json!({ "ts": ts, "role": "agent", "content": number.to_string() }))
    };
    let mut more: Vec<_> = at(1_714_142_430.0).collect();
    if is_compacted {
        more.remove(0);
        more.extend(at(1_714_142_431.0));
    }
    with(seen, more)
}

#[tokio::test]
async fn a_checkpoint_is_written_as_version_2_says() {
    let is_compacted = std::sync::Arc::new(AtomicBool::new(false));
    let script = is_compacted.clone();
    let server =
        FaultServer::scripted(move |seen| long(seen, script.load(Ordering::Relaxed))).await;
    let (client, _) = server.client();
    let session = client.session(SESSION).unwrap();
    watched(&session).await;
    is_compacted.store(true, Ordering::Relaxed);
    let events = watched(&session).await;
    assert!(
        matches!(events[0], Event::HistoryChanged(_)),
        "{:?}",
        events[0]
    );
    assert!(!session.checkpoint().has_open_turn());
    session.send("Now stg_customers.").await.unwrap();
    let checkpoint = session.checkpoint();
    assert!(checkpoint.has_open_turn());
    let stored = serde_json::to_string_pretty(&checkpoint).unwrap();
    assert_eq!(stored.trim(), STORED.trim());
}

/// Goes on from a checkpoint: nothing is new but what comes after the open turn, which has not
/// started yet.
async fn has_nothing_new(stored: &str, script: fn(&Seen) -> Reply) -> Checkpoint {
    let server = FaultServer::scripted(script).await;
    let (client, _) = server.client();
    let checkpoint: Checkpoint = serde_json::from_str(stored).unwrap();
    assert!(checkpoint.has_open_turn());
    assert_eq!(checkpoint.session_id().as_str(), SESSION);
    let session = client.resume(checkpoint.clone());
    let mut events = session.watch().steps(StepOptions::default()).events();
    let first = events.next().await.unwrap().unwrap_err();
    assert!(first.to_string().contains("has not started"), "{first}");
    checkpoint
}

#[tokio::test]
async fn a_checkpoint_of_version_2_is_read_also_after_it_went_through_javascript() {
    for stored in [STORED, THROUGH_JAVASCRIPT] {
        let checkpoint = has_nothing_new(stored, |seen| long(seen, true)).await;
        let again = serde_json::to_string_pretty(&checkpoint).unwrap();
        assert_eq!(again.trim(), STORED.trim());
    }
}

#[tokio::test]
async fn a_checkpoint_of_version_1_is_read_also_after_it_went_through_javascript() {
    for stored in [VERSION_1, VERSION_1_THROUGH_JAVASCRIPT] {
        let checkpoint = has_nothing_new(stored, api).await;
        // Written as version 2, it says the same.
        let mut expected: Value = serde_json::from_str(VERSION_1).unwrap();
        expected["version"] = json!(2);
        let messages = expected["cursor"]["messages"].take();
        expected["cursor"]["messages"] = json!({ "tail": messages });
        assert_eq!(serde_json::to_value(&checkpoint).unwrap(), expected);
    }
}

/// However many messages it knows, it is written as small as any.
#[test]
fn a_long_checkpoint_of_version_1_is_written_as_a_short_one() {
    let mut stored: Value = serde_json::from_str(VERSION_1).unwrap();
    // As large as a key can become, and with as many texts as the newest have.
    for number in 0..5_000 {
        let key = format!("{}.0123456 agent", 1_714_140_000 - number);
        stored["cursor"]["messages"][key] = json!(["5714d319447c9709", "1a08aa1921ca5caf"]);
    }
    let checkpoint: Checkpoint = serde_json::from_value(stored).unwrap();
    let written = serde_json::to_string(&checkpoint).unwrap();
    println!("the largest checkpoint has {} bytes", written.len());
    assert!(written.len() < 80_000, "{}", written.len());
    let again: Checkpoint = serde_json::from_str(&written).unwrap();
    assert_eq!(again, checkpoint);
}

#[test]
fn a_checkpoint_of_another_version_is_refused_with_what_to_do() {
    let mut stored: Value = serde_json::from_str(STORED).unwrap();
    for version in [json!(0), json!(3), json!("2"), Value::Null] {
        stored["version"] = version;
        assert!(serde_json::from_value::<Checkpoint>(stored.clone()).is_err());
    }
    stored["version"] = json!(3);
    stored["cursor"] = json!("another form altogether");
    let refused = serde_json::from_value::<Checkpoint>(stored).unwrap_err();
    assert_eq!(
        refused.to_string(),
        format!(
            "this is a checkpoint of version 3, and this release of dinoai reads versions 1 and 2: \
             use the release that wrote it, or start from the session id {SESSION}"
        )
    );
}
