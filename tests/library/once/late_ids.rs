//! A session id is never dropped, however late it comes; and a claimant that is too late sends nothing.

use std::sync::Arc;
use std::time::Duration;

use dinoai::journal::{Journal, State};
use dinoai::{Client, Credentials, Error, Obstacle, StartedOnce};
use serde_json::json;
use tokio::sync::Notify;

use super::{KEY, triggers};
use crate::support::fault_server::{FaultServer, Reply};
use crate::support::memory_journal::{MemoryJournal, Store};
use crate::support::samples::{request, seconds};

/// A good answer to a trigger, which names this run.
fn run(id: &str) -> Reply {
    let accepted = json!({ "ok": true, "agentSessionId": id, "status": "queued" });
    Reply::data(&json!({ "triggerDinoaiAgentRun": accepted }))
}

/// A client that waits for answers that are held back, by the clock of the machine.
fn patient(server: &FaultServer) -> Client {
    Client::builder()
        .endpoint(server.endpoint())
        .credentials(Credentials::key_and_secret("key", "secret"))
        .build()
        .unwrap()
}

async fn until_arrived(server: &FaultServer, count: usize) {
    while server.arrived() < count {
        tokio::task::yield_now().await;
    }
}

/// A key whose claim has lapsed while its request was in flight, and that another call has made unknown.
async fn lapsed() -> (
    FaultServer,
    Client,
    MemoryJournal,
    Arc<Notify>,
    tokio::task::JoinHandle<dinoai::Result<StartedOnce>>,
) {
    let released = Arc::new(Notify::new());
    let late = Reply::When(released.clone(), Box::new(run("late")));
    let server = FaultServer::start([late, run("second")]).await;
    let client = patient(&server);
    let journal = MemoryJournal::default();
    let slow = tokio::spawn(client.start_once(KEY, request(), &journal).into_future());
    until_arrived(&server, 1).await;
    journal.advance(seconds(200));
    let found = client.start_once(KEY, request(), &journal).await.unwrap();
    assert!(matches!(found, StartedOnce::Unknown { .. }), "{found:?}");
    (server, client, journal, released, slow)
}

#[tokio::test]
async fn the_late_id_of_a_lapsed_claim_leads_out_of_unknown() {
    let (server, client, journal, released, slow) = lapsed().await;
    released.notify_one();
    let started = slow.await.unwrap().unwrap();
    assert!(matches!(started, StartedOnce::Started(_)), "{started:?}");
    let entry = journal.entry(KEY).unwrap();
    assert_eq!(entry.session_id().map(|id| id.as_str()), Some("late"));
    assert!(entry.other_runs.is_empty());
    let found = client.start_once(KEY, request(), &journal).await.unwrap();
    assert_eq!(found.session_id().unwrap().as_str(), "late");
    assert_eq!(triggers(&server), 1);
}

#[tokio::test]
async fn a_late_id_after_a_retry_is_kept_as_a_second_run() {
    let (server, client, journal, released, slow) = lapsed().await;
    client.retry_key(KEY, &journal).await.unwrap();
    let second = client.start_once(KEY, request(), &journal).await.unwrap();
    assert_eq!(second.session_id().unwrap().as_str(), "second");
    released.notify_one();
    let started = slow.await.unwrap().unwrap();
    assert_eq!(started.session_id().unwrap().as_str(), "late");
    let entry = journal.entry(KEY).unwrap();
    let others: Vec<_> = entry.other_runs.iter().map(|id| id.as_str()).collect();
    let id = entry.session_id().unwrap().as_str();
    assert_eq!((id, &others[..]), ("second", &["late"][..]));
    assert_eq!(triggers(&server), 2);
}

#[tokio::test]
async fn a_late_id_after_a_retry_that_nobody_has_used_is_the_run_of_the_key() {
    let (server, client, journal, released, slow) = lapsed().await;
    client.retry_key(KEY, &journal).await.unwrap();
    released.notify_one();
    slow.await.unwrap().unwrap();
    let found = client.start_once(KEY, request(), &journal).await.unwrap();
    assert_eq!(found.session_id().unwrap().as_str(), "late");
    assert_eq!(triggers(&server), 1);
}

#[tokio::test]
async fn a_late_proof_of_the_owner_frees_the_key() {
    let released = Arc::new(Notify::new());
    let late = Reply::When(released.clone(), Box::new(Reply::html(404)));
    let server = FaultServer::start([late, run("second")]).await;
    let client = patient(&server);
    let journal = MemoryJournal::default();
    let slow = tokio::spawn(client.start_once(KEY, request(), &journal).into_future());
    until_arrived(&server, 1).await;
    journal.advance(seconds(200));
    client.start_once(KEY, request(), &journal).await.unwrap();
    released.notify_one();
    slow.await.unwrap().unwrap_err();
    let found = client.start_once(KEY, request(), &journal).await.unwrap();
    assert!(matches!(found, StartedOnce::Started(_)), "{found:?}");
}

#[tokio::test]
async fn a_claimant_that_was_held_up_past_its_time_sends_nothing() {
    let server = FaultServer::start([]).await;
    // Its own clock stands still, as one does while the machine is suspended.
    let (client, _) = server.client();
    let journal = MemoryJournal::default();
    let answers = Arc::new(Notify::new());
    journal.plan([Store::MadeAndAnswersAfter(answers.clone())]);
    let limit = Duration::from_millis(30);
    let call = client.start_once(KEY, request(), &journal).timeout(limit);
    let call = tokio::spawn(call.into_future());
    journal
        .until(KEY, |state| matches!(state, State::Claimed { .. }))
        .await;
    let start = std::time::Instant::now();
    while start.elapsed() <= limit {
        tokio::task::yield_now().await;
    }
    answers.notify_one();
    let error = call.await.unwrap().unwrap_err();
    let is_late = matches!(
        error,
        Error::NotSent {
            obstacle: Obstacle::Time,
            ..
        }
    );
    assert!(is_late && !error.may_have_started(), "{error}");
    assert_eq!(server.arrived(), 0);
    let state = journal.state(KEY);
    assert!(matches!(state, Some(State::Free { .. })), "{state:?}");
}

#[tokio::test]
async fn a_claim_outlasts_the_time_in_which_its_request_may_leave() {
    for (timeout, lease) in [(None, 150), (Some(10), 40), (Some(3600), 150)] {
        let server = FaultServer::start([]).await;
        let (client, _) = server.client();
        let journal = MemoryJournal::default();
        journal.plan([Store::Well, Store::Fails]);
        let call = client.start_once(KEY, request(), &journal);
        let call = match timeout {
            Some(timeout) => call.timeout(seconds(timeout)),
            None => call,
        };
        let leases = Arc::new(std::sync::Mutex::new(vec![]));
        let (seen, of) = (leases.clone(), journal.clone());
        let call = call.on_unrecorded(move |_, _| {
            if let Some(State::Claimed { lease, .. }) = of.state(KEY) {
                seen.lock().unwrap().push(lease.as_secs());
            }
        });
        call.await.unwrap();
        assert_eq!(*leases.lock().unwrap(), [lease]);
    }
}

#[tokio::test]
async fn the_list_shows_every_key() {
    let server = FaultServer::start([run("a"), Reply::ResetAfter]).await;
    let (client, _) = server.client();
    let journal = MemoryJournal::default();
    client.start_once("a", request(), &journal).await.unwrap();
    client
        .start_once("b", request(), &journal)
        .await
        .unwrap_err();
    let listed = journal.list().await.unwrap();
    let states: Vec<_> = listed
        .iter()
        .map(|(key, it)| (&**key, &it.entry.state))
        .collect();
    let is_right = matches!(
        states[..],
        [("a", State::Started { .. }), ("b", State::Unknown { .. })]
    );
    assert!(is_right, "{states:?}");
}
