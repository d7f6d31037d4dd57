//! A client that is closed starts nothing more, and awaits what has left.

use std::sync::Arc;
use std::time::Duration;

use dinoai::time::SystemClock;
use dinoai::{Client, Error, Obstacle, Result, TriggerRun};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::support::fault_server::{FaultServer, Reply, SESSION};
use crate::support::operations::TRIGGER;
use crate::support::shown_run::client_by;

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(60);

fn is_closed<T>(result: &Result<T>) -> bool {
    let error = result.as_ref().err();
    error.is_some_and(|error| {
        matches!(
            error,
            Error::NotSent {
                obstacle: Obstacle::Closed,
                ..
            }
        ) && !error.may_have_started()
            && !error.is_retryable()
    })
}

/// A client on real time, which gives up on nothing soon.
fn client(server: &FaultServer) -> Client {
    client_by(server, &SystemClock::new())
}

/// Ends once so many requests have arrived.
async fn until_seen(server: &FaultServer, count: usize) {
    while server.seen().len() < count {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(LONG, future).await.unwrap()
}

#[tokio::test]
async fn a_client_that_is_closed_starts_nothing_and_reads_and_stops_on() {
    let server = FaultServer::start([]).await;
    let client = client(&server);
    let session = client.session(SESSION).unwrap();
    client.clone().close();
    client.close();
    let request = || TriggerRun::agent("a");
    assert!(is_closed(&client.trigger_run(request()).await));
    assert!(is_closed(&client.start(request()).await));
    assert!(is_closed(&client.trigger_run_and_wait(request()).await));
    assert!(is_closed(&client.send_message(SESSION, "m").await));
    assert!(is_closed(&session.send("m").await));
    assert!(is_closed(&session.ask("m").await));
    client.get_run(SESSION).await.unwrap();
    client.stop_run(SESSION).await.unwrap();
    // The turns were not opened: this waits for the run alone.
    session.wait().await.unwrap();
    let changes: Vec<_> = server
        .seen()
        .into_iter()
        .map(|seen| seen.operation)
        .filter(|operation| operation == TRIGGER || operation.starts_with("Send"))
        .collect();
    assert_eq!(changes, Vec::<String>::new());
}

#[tokio::test]
async fn a_trigger_that_has_left_is_awaited_although_its_client_is_closed() {
    let release = Arc::new(Notify::new());
    let server = FaultServer::start([Reply::When(release.clone(), Box::new(Reply::Good))]).await;
    let client = client(&server);
    let call = tokio::spawn(client.trigger_run(TriggerRun::agent("a")).into_future());
    within(until_seen(&server, 1)).await;
    client.close();
    // It has looked at its client by then.
    client.get_run(SESSION).await.unwrap();
    assert!(!call.is_finished());
    release.notify_one();
    let accepted = within(call).await.unwrap().unwrap();
    assert_eq!(accepted.session_id.as_str(), SESSION);
}

#[tokio::test]
async fn a_trigger_that_cannot_connect_is_given_up_at_once_and_never_leaves() {
    // Connections are made by the system, and nobody answers the hello of TLS.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("https://{}/graphql", listener.local_addr().unwrap());
    let credentials = dinoai::Credentials::key_and_secret("key", "secret");
    let client = Client::builder()
        .endpoint(endpoint)
        .credentials(credentials)
        .connect_timeout(LONG * 2)
        .request_timeout(LONG * 2)
        .build()
        .unwrap();
    let call = tokio::spawn(client.trigger_run(TriggerRun::agent("a")).into_future());
    let (_connection, _) = within(listener.accept()).await.unwrap();
    client.close();
    assert!(is_closed(&within(call).await.unwrap()));
}

#[tokio::test]
async fn a_pause_before_another_attempt_ends_at_once() {
    let server = FaultServer::start([Reply::too_many_requests("50")]).await;
    let client = client(&server);
    let call = tokio::spawn(client.trigger_run(TriggerRun::agent("a")).into_future());
    within(until_seen(&server, 1)).await;
    client.close();
    let error = within(call).await.unwrap().unwrap_err();
    assert!(
        matches!(error, Error::RateLimited { .. }) || is_closed::<()>(&Err(error.clone())),
        "{error}"
    );
    assert!(!error.may_have_started());
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn of_many_runs_no_further_one_is_started_and_those_that_are_going_are_waited_for() {
    for first in [Reply::Good, Reply::too_many_requests("50")] {
        let is_turned_away = !matches!(first, Reply::Good);
        let plan = [first, Reply::Status("RUNNING"), Reply::Status("RUNNING")];
        let server = FaultServer::start(plan).await;
        let client = client(&server);
        let requests = ["a", "b", "c"].map(TriggerRun::agent);
        let mut results = client.run_all(requests, 1).results();
        let results = tokio::spawn(async move {
            let mut all = vec![];
            while let Some((index, result)) = results.next().await {
                all.push((index, result));
            }
            all
        });
        within(until_seen(&server, 1)).await;
        client.close();
        let results = within(results).await.unwrap();
        assert_eq!(results.len(), 3);
        for (index, result) in results {
            let is_refused = match &result {
                Err(Error::NotStarted { cause, .. }) => is_closed::<()>(&Err((**cause).clone())),
                result => is_closed(result),
            };
            assert_eq!(
                is_refused,
                index > 0 || is_turned_away,
                "{index} {result:?}"
            );
        }
        let triggers = server.seen().into_iter();
        let triggers = triggers.filter(|seen| seen.operation == TRIGGER);
        assert_eq!(triggers.count(), 1);
    }
}

#[tokio::test]
async fn a_follow_up_whose_reads_are_still_under_way_ends_at_once() {
    let never = Arc::new(Notify::new());
    for way in 0..3 {
        let held = Reply::When(never.clone(), Box::new(Reply::Good));
        let server = FaultServer::start([held]).await;
        let closing = client(&server);
        let session = closing.session(SESSION).unwrap();
        let sent = tokio::spawn(async move {
            match way {
                0 => session.send("m").await.map(drop),
                1 => session.ask("m").await.map(drop),
                _ => session
                    .send_and_watch("m")
                    .events()
                    .next()
                    .await
                    .unwrap()
                    .map(drop),
            }
        });
        within(until_seen(&server, 1)).await;
        closing.close();
        let result = within(sent).await.unwrap();
        assert!(is_closed(&result), "{result:?}");
        let error = result.unwrap_err();
        assert_eq!(error.session_id().unwrap().as_str(), SESSION);
        assert_eq!(server.operations(), ["DinoaiAgentRunDigest"]);
    }
}

#[tokio::test]
async fn an_ask_that_waits_for_a_run_in_progress_ends_at_once_and_sends_nothing() {
    let server = FaultServer::scripted(|_| Reply::Status("RUNNING")).await;
    let client = client(&server);
    let session = client.session(SESSION).unwrap();
    let asked = tokio::spawn(async move { session.ask("m").await });
    within(until_seen(&server, 1)).await;
    client.close();
    assert!(is_closed(&within(asked).await.unwrap()));
    let operations = server.operations();
    assert!(operations.iter().all(|name| name == "DinoaiAgentRunDigest"));
}

#[tokio::test]
async fn a_child_is_closed_alone_and_with_its_parent() {
    let server = FaultServer::start([]).await;
    let client = client(&server);
    let request = || TriggerRun::agent("a");
    let (child, other) = (client.child(), client.child());
    child.close();
    assert!(is_closed(&child.clone().trigger_run(request()).await));
    client.trigger_run(request()).await.unwrap();
    other.trigger_run(request()).await.unwrap();

    // A session goes on by another one.
    let session = child.session(SESSION).unwrap();
    assert!(is_closed(&session.send("m").await));
    let session = other.resume(session.checkpoint());
    session.send("m").await.unwrap();

    let pause = Reply::too_many_requests("50");
    server.answer_next([pause]);
    let seen = server.seen().len();
    let paused = tokio::spawn(other.trigger_run(request()).into_future());
    within(until_seen(&server, seen + 1)).await;
    client.close();
    assert!(within(paused).await.unwrap().is_err());
    assert!(is_closed(&other.trigger_run(request()).await));
    assert_eq!(server.seen().len(), seen + 1);
}
