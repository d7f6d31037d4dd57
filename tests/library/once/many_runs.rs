//! `run_all` with keys starts each run once, and goes on where an earlier call stood.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use dinoai::journal::{Journal, Restart, State};
use dinoai::{Error, RunStatus};
use serde_json::{Value, json};

use super::triggers;
use crate::support::fault_server::{FaultServer, Reply, Seen};
use crate::support::memory_journal::{MemoryJournal, Store};
use crate::support::samples::messages;

const KEYS: [&str; 3] = ["2026/a", "2026/b", "2026/c"];

/// A server that starts a run for each message, all of which have this status.
async fn starts_runs(status: &'static str) -> FaultServer {
    FaultServer::scripted(move |seen| answer(seen, status)).await
}

fn answer(seen: &Seen, status: &str) -> Reply {
    if let Some(message) = seen.variables["message"].as_str() {
        let id = message.replace("message", "run");
        let accepted = json!({ "ok": true, "agentSessionId": id, "status": "queued" });
        return Reply::data(&json!({ "triggerDinoaiAgentRun": accepted }));
    }
    let run = |id: &Value| {
        json!({
            "ok": true, "agentSessionId": id, "messages": [], "childSessionIds": [],
            "status": status, "workspaceUid": "w",
        })
    };
    let runs = seen.variables.as_object().unwrap().iter();
    let runs = runs.map(|(name, id)| match name.strip_prefix("id") {
        Some("") => ("dinoaiAgentRun".to_owned(), run(id)),
        place => (format!("run{}", place.unwrap()), run(id)),
    });
    Reply::data(&Value::Object(runs.collect()))
}

type Found = BTreeMap<usize, Result<RunStatus, Error>>;

async fn all(runs: dinoai::RunAll) -> Found {
    let mut results = runs.results();
    let mut found = Found::new();
    while let Some((place, result)) = results.next().await {
        found.insert(place, result.map(|run| run.status));
    }
    found
}

#[tokio::test]
async fn each_run_is_started_once_and_the_same_call_finds_them_again() {
    let server = starts_runs("COMPLETED").await;
    let (client, _) = server.client();
    let journal = MemoryJournal::default();
    for _ in 0..3 {
        let started = Arc::new(Mutex::new(BTreeMap::new()));
        let note = started.clone();
        let runs = client.run_all(messages(3), 2).once(&journal, KEYS);
        let runs = runs.on_started(move |place, id| {
            note.lock().unwrap().insert(place, id.to_string());
        });
        let found = all(runs).await;
        let is_completed = |found: &Result<RunStatus, Error>| {
            found
                .as_ref()
                .is_ok_and(|status| *status == RunStatus::Completed)
        };
        assert!(
            found.len() == 3 && found.values().all(is_completed),
            "{found:?}"
        );
        let expected: BTreeMap<_, _> = (0..3).map(|n| (n, format!("run-{n}"))).collect();
        assert_eq!(*started.lock().unwrap(), expected);
    }
    assert_eq!(triggers(&server), 3);
    for (_, stored) in journal.list().await.unwrap() {
        assert!(
            matches!(stored.entry.state, State::Ended { .. }),
            "{stored:?}"
        );
    }
}

#[tokio::test]
async fn failed_runs_are_started_again_if_that_is_asked_for() {
    let server = starts_runs("FAILED").await;
    let (client, _) = server.client();
    let journal = MemoryJournal::default();
    for (restart, expected) in [
        (Restart::Never, 3),
        (Restart::Never, 3),
        (Restart::Failed, 6),
    ] {
        let runs = client.run_all(messages(3), 2).once(&journal, KEYS);
        let found = all(runs.restart(restart)).await;
        let has_failed =
            |found: &Result<RunStatus, Error>| matches!(found, Err(Error::RunFailed { .. }));
        assert!(found.values().all(has_failed), "{found:?}");
        assert_eq!(triggers(&server), expected);
    }
}

#[tokio::test]
async fn a_key_of_which_nobody_knows_holds_up_no_other() {
    let server = starts_runs("COMPLETED").await;
    let (client, _) = server.client();
    let journal = MemoryJournal::default();
    server.answer_next([Reply::ResetAfter]);
    let first = messages(3).remove(1);
    client
        .start_once(KEYS[1], first, &journal)
        .await
        .unwrap_err();
    let found = all(client.run_all(messages(3), 2).once(&journal, KEYS)).await;
    assert!(found[&0].is_ok() && found[&2].is_ok(), "{found:?}");
    let is_unknown = matches!(&found[&1], Err(Error::KeyUnknown { key, .. }) if key == KEYS[1]);
    assert!(is_unknown, "{found:?}");
    assert_eq!(triggers(&server), 3);
}

#[tokio::test]
async fn a_journal_that_cannot_be_used_starts_nothing_more() {
    let server = starts_runs("COMPLETED").await;
    let (client, _) = server.client();
    let journal = MemoryJournal::default();
    journal.plan([Store::Unusable]);
    let found = all(client.run_all(messages(3), 2).once(&journal, KEYS)).await;
    assert!(matches!(found[&0], Err(Error::Journal { .. })), "{found:?}");
    for place in [1, 2] {
        assert!(
            matches!(found[&place], Err(Error::NotStarted { .. })),
            "{found:?}"
        );
    }
    assert_eq!(server.arrived(), 0);
}

#[tokio::test]
async fn as_many_keys_as_requests_are_needed() {
    let server = starts_runs("COMPLETED").await;
    let (client, _) = server.client();
    let journal = MemoryJournal::default();
    for keys in [&KEYS[..2], &["a", "b", "c", "d"][..]] {
        let found = all(client.run_all(messages(3), 2).once(&journal, keys.to_vec())).await;
        assert_eq!(found.len(), 3);
        for result in found.values() {
            let is_refused = matches!(result, Err(Error::InvalidRequest { field: "keys", .. }));
            assert!(is_refused, "{result:?}");
        }
    }
    assert_eq!((server.arrived(), journal.asked()), (0, (0, 0)));
}

#[tokio::test]
async fn one_request_too_many_frees_its_key_and_is_made_again() {
    let server = starts_runs("COMPLETED").await;
    let (client, clock) = server.client();
    server.answer_next([Reply::too_many_requests("7")]);
    let journal = MemoryJournal::default();
    let found = all(client.run_all(messages(3), 2).once(&journal, KEYS)).await;
    assert!(found.values().all(Result::is_ok), "{found:?}");
    assert_eq!(triggers(&server), 4);
    assert!(
        clock.sleeps().iter().any(|slept| slept.as_secs() >= 6),
        "one pause for all"
    );
}

#[tokio::test]
async fn an_id_that_the_journal_does_not_take_is_said() {
    let server = starts_runs("COMPLETED").await;
    let (client, _) = server.client();
    let journal = MemoryJournal::default();
    journal.plan([Store::Well, Store::Fails]);
    let unrecorded = Arc::new(Mutex::new(vec![]));
    let note = unrecorded.clone();
    let runs = client.run_all(messages(3), 2).once(&journal, KEYS);
    let runs = runs.on_unrecorded(move |place, id, _| {
        note.lock().unwrap().push((place, id.to_string()));
    });
    let found = all(runs).await;
    assert!(found.values().all(Result::is_ok), "{found:?}");
    assert_eq!(*unrecorded.lock().unwrap(), [(0, "run-0".to_owned())]);
    for key in KEYS {
        journal
            .until(key, |state| matches!(state, State::Ended { .. }))
            .await;
    }
}

#[tokio::test]
async fn a_stream_that_is_dropped_while_it_waits_for_a_claim_starts_nothing_later() {
    let server = starts_runs("COMPLETED").await;
    let client = dinoai::Client::builder()
        .endpoint(server.endpoint())
        .credentials(dinoai::Credentials::key_and_secret("key", "secret"))
        .build()
        .unwrap();
    let journal = MemoryJournal::default();
    let answers = Arc::new(tokio::sync::Notify::new());
    journal.plan([Store::MadeAndAnswersAfter(answers.clone())]);
    let first = client.child();
    let request = messages(1).remove(0);
    let claimed = tokio::spawn(first.start_once(KEYS[0], request, &journal).into_future());
    journal
        .until(KEYS[0], |state| matches!(state, State::Claimed { .. }))
        .await;
    let mut stream = client
        .run_all(messages(1), 1)
        .once(&journal, [KEYS[0]])
        .results();
    crate::support::poll_once::poll_once(&mut Box::pin(stream.next())).await;
    while journal.asked().0 == 0 {
        tokio::task::yield_now().await;
    }
    drop(stream);
    // The other claim ends with proof.
    first.close();
    answers.notify_one();
    claimed.await.unwrap().unwrap_err();
    journal
        .until(KEYS[0], |state| matches!(state, State::Free { .. }))
        .await;
    let start = std::time::Instant::now();
    while start.elapsed().as_millis() < 300 {
        tokio::task::yield_now().await;
    }
    assert_eq!(triggers(&server), 0);
}
