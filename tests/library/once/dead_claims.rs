//! A claim whose owner is gone makes its key unknown: nobody knows whether a run was started, so none is.

use std::sync::Arc;

use dinoai::journal::{Entry, FileJournal, Journal, RequestDigest, Restart, State};
use dinoai::{Client, Error, StartedOnce};
use serde_json::{Value, json};

use super::{KEY, triggers};
use crate::support::fault_server::{FaultServer, Reply, SESSION};
use crate::support::memory_journal::MemoryJournal;
use crate::support::samples::{request, seconds};

/// A claim as another process has stored it, of the account that this journal has an entry of.
async fn claimed(journal: &impl Journal, account: &str, lease: u64) -> Entry {
    let claim = json!({
        "state": "claimed", "owner": "another", "leaseSeconds": lease,
        "account": account, "request": RequestDigest::of(&request()),
    });
    let claim: Entry = serde_json::from_value(claim).unwrap();
    journal.store(KEY, &claim, None).await.unwrap();
    claim
}

/// The account of a client, as journals have it.
async fn account_of(client: &Client) -> String {
    let journal = MemoryJournal::default();
    client
        .start_once("other", request(), &journal)
        .await
        .unwrap();
    journal.entry("other").unwrap().account
}

/// And where that comes to nothing for certain, it is unknown as before.
#[tokio::test]
async fn an_unknown_key_is_started_again_only_if_that_is_asked_for() {
    let refused = || Reply::html(401);
    let server = FaultServer::start([Reply::ResetAfter, refused(), refused(), Reply::Good]).await;
    let (client, _) = server.client();
    let journal = MemoryJournal::default();
    let lost = client.start_once(KEY, request(), &journal).await;
    assert!(lost.unwrap_err().may_have_started());
    let unknown = journal.state(KEY);
    assert!(
        matches!(unknown, Some(State::Unknown { .. })),
        "{unknown:?}"
    );
    for restart in [Restart::Never, Restart::Failed] {
        let found = client.start_once(KEY, request(), &journal).restart(restart);
        let found = found.await.unwrap();
        assert!(matches!(found, StartedOnce::Unknown { .. }), "{found:?}");
    }
    let again = || {
        client
            .start_once(KEY, request(), &journal)
            .restart(Restart::Unknown)
    };
    for _ in 0..2 {
        let error = again().await.unwrap_err();
        assert!(matches!(error, Error::Unauthorized { .. }), "{error}");
        assert_eq!(journal.state(KEY), unknown);
    }
    let started = again().await.unwrap();
    assert!(matches!(started, StartedOnce::Started(_)), "{started:?}");
    assert_eq!(triggers(&server), 4);
}

/// Whoever asks twice at once wants one more run.
#[tokio::test]
async fn an_unknown_key_that_another_is_starting_again_is_waited_for() {
    for is_lost in [false, true] {
        let released = Arc::new(tokio::sync::Notify::new());
        let reply = if is_lost {
            Reply::ResetAfter
        } else {
            Reply::Good
        };
        let held = Reply::When(released.clone(), Box::new(reply));
        let server = FaultServer::start([Reply::ResetAfter, held]).await;
        let (client, _) = server.client();
        let journal = MemoryJournal::default();
        let lost = client.start_once(KEY, request(), &journal).await;
        assert!(lost.unwrap_err().may_have_started());
        let again = || {
            client
                .start_once(KEY, request(), &journal)
                .restart(Restart::Unknown)
        };
        let first = tokio::spawn(again().into_future());
        while triggers(&server) < 2 {
            tokio::task::yield_now().await;
        }
        let second = tokio::spawn(again().into_future());
        let asked = journal.asked();
        while journal.asked() == asked {
            tokio::task::yield_now().await;
        }
        released.notify_waiters();
        assert_eq!(first.await.unwrap().is_err(), is_lost);
        let found = second.await.unwrap().unwrap();
        match is_lost {
            true => assert!(matches!(found, StartedOnce::Unknown { .. }), "{found:?}"),
            false => assert!(found.session_id().is_some(), "{found:?}"),
        }
        assert_eq!(triggers(&server), 2);
    }
}

#[tokio::test]
async fn a_claim_that_has_lapsed_makes_its_key_unknown_for_good() {
    let server = FaultServer::start([]).await;
    let (client, _) = server.client();
    let account = account_of(&client).await;
    let journal = MemoryJournal::default();
    claimed(&journal, &account, 150).await;
    journal.advance(seconds(150));
    for _ in 0..2 {
        let found = client.start_once(KEY, request(), &journal).await.unwrap();
        let StartedOnce::Unknown { reason, .. } = found else {
            panic!("{found:?}");
        };
        assert!(reason.contains("ended before it knew"), "{reason}");
        let state = journal.state(KEY);
        let is_its =
            |state: &State| matches!(state, State::Unknown { owner, .. } if owner == "another");
        assert!(state.as_ref().is_some_and(is_its), "{state:?}");
    }
    // However long ago that is.
    journal.advance(seconds(1000 * 24 * 3600));
    let found = client.start_once(KEY, request(), &journal).await.unwrap();
    assert!(matches!(found, StartedOnce::Unknown { .. }), "{found:?}");
    let error = client.run_once(KEY, request(), &journal).await.unwrap_err();
    assert!(matches!(error, Error::KeyUnknown { .. }), "{error}");
    assert!(!error.may_have_started() && !error.is_retryable());
    assert_eq!(triggers(&server), 1, "that of `account_of`");
}

#[tokio::test]
async fn a_claim_that_holds_is_waited_for_and_not_touched() {
    let server = FaultServer::start([]).await;
    let (client, clock) = server.client();
    let account = account_of(&client).await;
    let journal = MemoryJournal::default();
    let claim = claimed(&journal, &account, 150).await;
    journal.advance(seconds(149));
    let call = client
        .start_once(KEY, request(), &journal)
        .timeout(seconds(60));
    let found = call.await.unwrap();
    assert!(matches!(found, StartedOnce::Unknown { .. }), "{found:?}");
    let slept: std::time::Duration = clock.sleeps().iter().sum();
    assert!((seconds(60)..seconds(61)).contains(&slept), "{slept:?}");
    assert_eq!(journal.entry(KEY), Some(claim));
    assert_eq!(triggers(&server), 1);
}

#[tokio::test]
async fn in_a_file_a_claim_without_its_lock_is_dead_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let journal = FileJournal::open(folder.path().join("runs.jsonl")).unwrap();
    let server = FaultServer::start([]).await;
    let (client, _) = server.client();
    let account = account_of(&client).await;
    // Its lock is dropped with what the store returns.
    claimed(&journal, &account, 150).await;
    let found = client.start_once(KEY, request(), &journal).await.unwrap();
    assert!(matches!(found, StartedOnce::Unknown { .. }), "{found:?}");
    assert_eq!(triggers(&server), 1);
}

/// A key that is unknown.
async fn unknown(client: &Client) -> MemoryJournal {
    let account = account_of(client).await;
    let journal = MemoryJournal::default();
    claimed(&journal, &account, 150).await;
    journal.advance(seconds(150));
    let found = client.start_once(KEY, request(), &journal).await.unwrap();
    assert!(matches!(found, StartedOnce::Unknown { .. }), "{found:?}");
    journal
}

#[tokio::test]
async fn a_key_that_is_resolved_stands_for_that_run() {
    let server = FaultServer::start([]).await;
    let (client, _) = server.client();
    let journal = unknown(&client).await;
    for _ in 0..2 {
        let run = client.resolve_key(KEY, SESSION, &journal).await.unwrap();
        assert_eq!(run.session_id.as_str(), SESSION);
    }
    let found = client.start_once(KEY, request(), &journal).await.unwrap();
    assert!(matches!(found, StartedOnce::Ended(_)), "{found:?}");
    let other = client
        .resolve_key(KEY, "another", &journal)
        .await
        .unwrap_err();
    assert!(other.to_string().contains(SESSION), "{other}");
    assert_eq!(triggers(&server), 1);
}

#[tokio::test]
async fn a_key_is_not_resolved_with_a_run_that_cannot_be_read() {
    let server = FaultServer::start([]).await;
    let (client, _) = server.client();
    let journal = unknown(&client).await;
    // The server has that one run.
    client
        .resolve_key(KEY, "misspelt", &journal)
        .await
        .unwrap_err();
    client.resolve_key(KEY, " ", &journal).await.unwrap_err();
    let before = server.arrived();
    let error = client
        .resolve_key("no-key", SESSION, &journal)
        .await
        .unwrap_err();
    assert!(
        matches!(error, Error::InvalidRequest { field: "key", .. }),
        "{error}"
    );
    assert_eq!(server.arrived(), before);
    let state = journal.state(KEY);
    assert!(matches!(state, Some(State::Unknown { .. })), "{state:?}");
}

#[tokio::test]
async fn a_key_that_is_retried_is_started_again() {
    let server = FaultServer::start([]).await;
    let (client, _) = server.client();
    let journal = unknown(&client).await;
    let before = server.arrived();
    client.retry_key(KEY, &journal).await.unwrap();
    client.retry_key(KEY, &journal).await.unwrap();
    assert_eq!(server.arrived(), before);
    // It still belongs to its request: that may have started a run.
    let other = dinoai::TriggerRun::agent("other");
    client.start_once(KEY, other, &journal).await.unwrap_err();
    let found = client.start_once(KEY, request(), &journal).await.unwrap();
    assert!(matches!(found, StartedOnce::Started(_)), "{found:?}");
    let refused = client.retry_key(KEY, &journal).await.unwrap_err();
    assert!(refused.to_string().contains(SESSION), "{refused}");
    assert_eq!(triggers(&server), 2);
}

#[tokio::test]
async fn a_key_in_flight_is_neither_resolved_nor_retried() {
    let server = FaultServer::start([]).await;
    let (client, _) = server.client();
    let account = account_of(&client).await;
    let journal = MemoryJournal::default();
    let claim = claimed(&journal, &account, 150).await;
    for refused in [
        client.retry_key(KEY, &journal).await.unwrap_err(),
        client
            .resolve_key(KEY, SESSION, &journal)
            .await
            .unwrap_err(),
    ] {
        assert!(refused.to_string().contains("right now"), "{refused}");
    }
    assert_eq!(journal.entry(KEY), Some(claim));
}

#[tokio::test]
async fn a_key_of_another_account_is_neither_resolved_nor_retried() {
    let server = FaultServer::start([]).await;
    let (client, _) = server.client();
    let journal = MemoryJournal::default();
    claimed(&journal, "another-account", 150).await;
    journal.advance(seconds(150));
    for refused in [
        client.retry_key(KEY, &journal).await.unwrap_err(),
        client
            .resolve_key(KEY, SESSION, &journal)
            .await
            .unwrap_err(),
    ] {
        assert!(refused.to_string().contains("another account"), "{refused}");
    }
}

#[test]
fn an_entry_is_read_as_it_was_written() {
    let golden = r#"{"state":"started","agentSessionId":"abc","otherRuns":["before"],"account":"0123456789abcdef","request":{"agent":"data-quality-checker","baseBranch":"main","modelFamily":"fast","slack":["C1","1.2"],"messageBytes":2,"messageSha256":"9e1f7"}}"#;
    let entry: Entry = serde_json::from_str(golden).unwrap();
    assert_eq!(serde_json::to_string(&entry).unwrap(), golden);
    for state in [
        json!({ "state": "claimed", "owner": "1-a", "leaseSeconds": 150 }),
        json!({ "state": "ended", "agentSessionId": "abc", "status": "COMPLETED" }),
        json!({ "state": "free", "reason": "refused" }),
        json!({ "state": "free", "reason": "refused", "retried": true }),
        json!({ "state": "unknown", "owner": "1-a", "since": "2026-11-25T02:00:00.001Z", "reason": "killed" }),
    ] {
        let Value::Object(mut fields) = state else {
            unreachable!()
        };
        fields.insert("account".to_owned(), json!("0123456789abcdef"));
        fields.insert("request".to_owned(), json!({ "agent": "checker" }));
        let written = Value::Object(fields);
        let entry: Entry = serde_json::from_value(written.clone()).unwrap();
        assert_eq!(serde_json::to_value(&entry).unwrap(), written);
    }
}
