//! A call that is dropped has started nothing, then or later, or what it has started is recorded.

use std::sync::Arc;

use dinoai::journal::State;
use dinoai::{Obstacle, StartedOnce};
use tokio::sync::Notify;

use super::{KEY, triggers};
use crate::support::fault_server::{FaultServer, Reply, SESSION};
use crate::support::memory_journal::{MemoryJournal, Store};
use crate::support::poll_once::poll_once;
use crate::support::samples::request;

#[tokio::test]
async fn dropped_before_it_was_awaited_nothing_happens() {
    let server = FaultServer::start([]).await;
    let (client, _) = server.client();
    let journal = MemoryJournal::default();
    drop(client.start_once(KEY, request(), &journal));
    drop(client.start_once(KEY, request(), &journal).into_future());
    assert_eq!((journal.asked(), server.arrived()), ((0, 0), 0));
}

#[tokio::test]
async fn dropped_while_it_claims_nothing_is_sent_and_the_key_is_free_again() {
    let server = FaultServer::start([]).await;
    let (client, _) = server.client();
    let journal = MemoryJournal::default();
    let answers = Arc::new(Notify::new());
    journal.plan([Store::MadeAndAnswersAfter(answers.clone())]);
    let mut call = client.start_once(KEY, request(), &journal).into_future();
    poll_once(&mut call).await;
    journal
        .until(KEY, |state| matches!(state, State::Claimed { .. }))
        .await;
    drop(call);
    answers.notify_one();
    journal
        .until(KEY, |state| matches!(state, State::Free { .. }))
        .await;
    assert_eq!(server.arrived(), 0);
    let started = client.start_once(KEY, request(), &journal).await.unwrap();
    assert!(matches!(started, StartedOnce::Started(_)), "{started:?}");
}

#[tokio::test]
async fn dropped_once_it_was_sent_its_id_is_recorded() {
    let released = Arc::new(Notify::new());
    let server = FaultServer::start([Reply::When(released.clone(), Box::new(Reply::Good))]).await;
    let client = dinoai::Client::builder()
        .endpoint(server.endpoint())
        .credentials(dinoai::Credentials::key_and_secret("key", "secret"))
        .build()
        .unwrap();
    let journal = MemoryJournal::default();
    let mut call = client.start_once(KEY, request(), &journal).into_future();
    poll_once(&mut call).await;
    while server.arrived() == 0 {
        tokio::task::yield_now().await;
    }
    drop(call);
    released.notify_one();
    let is_its = |state: &State| matches!(state, State::Started { session_id, .. } if session_id.as_str() == SESSION);
    journal.until(KEY, is_its).await;
    assert_eq!(triggers(&server), 1);
}

#[tokio::test]
async fn a_closed_client_claims_nothing_and_waits_for_nobody() {
    let server = FaultServer::start([]).await;
    let (client, _) = server.client();
    let journal = MemoryJournal::default();
    let closed = client.child();
    closed.close();
    let error = closed
        .start_once(KEY, request(), &journal)
        .await
        .unwrap_err();
    let is_closed = matches!(
        error,
        dinoai::Error::NotSent {
            obstacle: Obstacle::Closed,
            ..
        }
    );
    assert!(is_closed, "{error}");
    assert_eq!((journal.state(KEY), server.arrived()), (None, 0));

    // Also one that waits for what comes of another's claim.
    let client = dinoai::Client::builder()
        .endpoint(server.endpoint())
        .credentials(dinoai::Credentials::key_and_secret("key", "secret"))
        .build()
        .unwrap();
    let answers = Arc::new(Notify::new());
    journal.plan([Store::MadeAndAnswersAfter(answers.clone())]);
    let first = tokio::spawn(client.start_once(KEY, request(), &journal).into_future());
    journal
        .until(KEY, |state| matches!(state, State::Claimed { .. }))
        .await;
    let waiting = client.child();
    let second = tokio::spawn(waiting.start_once(KEY, request(), &journal).into_future());
    while journal.asked().0 == 0 {
        tokio::task::yield_now().await;
    }
    waiting.close();
    let error = second.await.unwrap().unwrap_err();
    assert!(!error.may_have_started(), "{error}");
    answers.notify_one();
    first.await.unwrap().unwrap();
    assert_eq!(triggers(&server), 1);
}

#[test]
fn a_runtime_that_ends_leaves_a_dead_claim_and_no_second_run() {
    let folder = tempfile::tempdir().unwrap();
    let journal = dinoai::journal::FileJournal::open(folder.path().join("runs.jsonl")).unwrap();
    let first = tokio::runtime::Runtime::new().unwrap();
    let released = Arc::new(Notify::new());
    let second = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let server = second.block_on(FaultServer::start([Reply::When(
        released,
        Box::new(Reply::Good),
    )]));
    let client = dinoai::Client::builder()
        .endpoint(server.endpoint())
        .credentials(dinoai::Credentials::key_and_secret("key", "secret"))
        .build()
        .unwrap();
    let call = first.spawn(client.start_once(KEY, request(), &journal).into_future());
    second.block_on(async {
        while server.arrived() == 0 {
            tokio::task::yield_now().await;
        }
    });
    drop(first);
    drop(call);
    let found = second.block_on(client.start_once(KEY, request(), &journal).into_future());
    let found = found.unwrap();
    assert!(matches!(found, StartedOnce::Unknown { .. }), "{found:?}");
    assert_eq!(server.arrived(), 1);
}
