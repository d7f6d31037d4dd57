//! What is set for one call holds for it, and for it alone.

use std::time::Duration;

use dinoai::time::Clock;
use dinoai::{Error, Retry, TriggerRun};

use crate::support::fault_server::{FaultServer, Reply, SESSION};

fn down() -> Vec<Reply> {
    (0..12).map(|_| Reply::html(503)).collect()
}

#[tokio::test]
async fn a_retry_of_one_call_takes_the_place_of_the_clients() {
    let server = FaultServer::start(down()).await;
    let (client, _) = server.client();
    let session = client.session(SESSION).unwrap();

    client
        .get_run(SESSION)
        .retry(Retry::none())
        .await
        .unwrap_err();
    assert_eq!(server.seen().len(), 1);
    session
        .send("Go on.")
        .retry(Retry::none())
        .await
        .unwrap_err();
    assert_eq!(server.seen().len(), 2);
    let twice = Retry::default().with_attempts(2);
    session.status().retry(twice).await.unwrap_err();
    assert_eq!(server.seen().len(), 4);

    client.get_run(SESSION).await.unwrap_err();
    assert_eq!(server.seen().len(), 8);
}

#[tokio::test]
async fn a_timeout_of_one_call_ends_it_sooner_or_later_than_the_clients() {
    let replies = (0..40).map(|_| Reply::unavailable("20"));
    let server = FaultServer::start(replies).await;
    let (client, clock) = server.client();

    let start = clock.now();
    let soon = Duration::from_secs(30);
    client.get_run(SESSION).timeout(soon).await.unwrap_err();
    assert_eq!(
        server.seen().len(),
        2,
        "a second pause of 20 s is one too many"
    );
    assert!(clock.now() - start <= soon);

    // The client's own call timeout is 2 minutes.
    let start = clock.now();
    let patient = Retry::default().with_attempts(20);
    let late = Duration::from_secs(600);
    client
        .get_run(SESSION)
        .retry(patient)
        .timeout(late)
        .await
        .unwrap_err();
    assert_eq!(server.seen().len(), 2 + 20);
    assert!(clock.now() - start >= Duration::from_secs(19 * 20));
}

#[tokio::test]
async fn a_timeout_of_zero_is_refused_by_name_before_any_request() {
    let server = FaultServer::start([]).await;
    let (client, _) = server.client();
    let session = client.session(SESSION).unwrap();
    let zero = Duration::ZERO;
    let request = TriggerRun::agent("a");
    for refused in [
        client
            .trigger_run(request.clone())
            .timeout(zero)
            .await
            .map(drop),
        client.start(request).timeout(zero).await.map(drop),
        client.stop_run(SESSION).timeout(zero).await.map(drop),
        session.run().timeout(zero).await.map(drop),
        session.send("Go on.").timeout(zero).await.map(drop),
    ] {
        let error = refused.unwrap_err();
        assert!(
            matches!(
                error,
                Error::InvalidRequest {
                    field: "timeout",
                    ..
                }
            ),
            "{error:?}"
        );
    }
    assert!(server.seen().is_empty());
}
