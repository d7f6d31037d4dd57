//! Attempts, pauses and the retry budget of a call.

use std::time::{Duration, SystemTime};

use dinoai::time::Clock;
use dinoai::{Error, Retry, TriggerRun};

use crate::starting::lost_responses::{CHANGES, change};
use crate::support::fault_server::{FaultServer, Reply, SESSION, client};

#[tokio::test]
async fn too_many_requests_is_waited_out_for_every_call() {
    for which in CHANGES {
        let server = FaultServer::start([Reply::too_many_requests("7")]).await;
        let (client, clock) = server.client();
        change(&client, which).await.unwrap();
        assert_eq!(server.arrived(), 2);
        assert!(clock.now() >= Duration::from_secs(7), "{:?}", clock.now());
    }
    let server = FaultServer::start([Reply::too_many_requests("7")]).await;
    let (client, clock) = server.client();
    client.get_run(SESSION).await.unwrap();
    assert!(clock.now() >= Duration::from_secs(7), "{:?}", clock.now());
}

#[tokio::test]
async fn a_delay_can_be_a_date_and_one_longer_than_a_minute_is_returned() {
    let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(40));
    let server = FaultServer::start([Reply::too_many_requests(&date)]).await;
    let (client, clock) = server.client();
    client.get_run(SESSION).await.unwrap();
    assert!(clock.now() >= Duration::from_secs(30), "{:?}", clock.now());

    for seconds in ["61", "18446744073709551615"] {
        let server = FaultServer::start([Reply::too_many_requests(seconds)]).await;
        let (client, clock) = server.client();
        let error = client
            .trigger_run(TriggerRun::agent("a"))
            .await
            .unwrap_err();
        let delay = Duration::from_secs(seconds.parse().unwrap());
        assert!(matches!(error, Error::RateLimited { .. }), "{error:?}");
        assert_eq!(error.retry_after(), Some(delay));
        assert!(error.is_retryable() && !error.may_have_started());
        assert!(clock.sleeps().is_empty());
    }
}

#[tokio::test]
async fn a_call_ends_within_its_two_minutes() {
    let server = FaultServer::start(vec![Reply::unavailable("59"); 10]).await;
    let (client, clock) = client(&server.endpoint(), |builder| {
        builder.retry(Retry::default().with_attempts(10))
    });
    let error = client.get_run(SESSION).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(59)));
    assert_eq!(server.arrived(), 3);
    assert!(clock.now() < Duration::from_secs(120));
}

#[tokio::test]
async fn pauses_are_random_and_double_up_to_eight_seconds() {
    let server = FaultServer::start(vec![Reply::html(503); 7]).await;
    let (client, clock) = client(&server.endpoint(), |builder| {
        builder.retry(Retry::default().with_attempts(8))
    });
    client.get_run(SESSION).await.unwrap();
    let pauses: Vec<f64> = clock.sleeps().iter().map(Duration::as_secs_f64).collect();
    let longest = [0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0];
    assert_eq!(pauses.len(), longest.len());
    let parts: Vec<f64> = pauses
        .iter()
        .zip(longest)
        .map(|(pause, longest)| pause / longest)
        .collect();
    assert!(
        parts.iter().all(|part| (0.0..1.0).contains(part)),
        "{pauses:?}"
    );
    let differ = parts
        .windows(2)
        .any(|pair| (pair[0] - pair[1]).abs() > 1e-6);
    assert!(differ, "{pauses:?}");
}

#[tokio::test]
async fn a_dead_server_is_not_hammered_and_successes_earn_further_attempts() {
    let plan = [
        vec![Reply::html(503); 200],
        vec![Reply::Good; 5],
        vec![Reply::html(503); 10],
    ];
    let server = FaultServer::start(plan.concat()).await;
    let (client, _) = server.client();
    for _ in 0..100 {
        // Clones share the budget.
        client.clone().get_run(SESSION).await.unwrap_err();
    }
    // 500 tokens are 100 further attempts; without tokens each call is tried once.
    assert_eq!(server.arrived(), 200);

    for _ in 0..5 {
        client.get_run(SESSION).await.unwrap();
    }
    client.get_run(SESSION).await.unwrap_err();
    assert_eq!(server.arrived(), 200 + 5 + 2);
    client.get_run(SESSION).await.unwrap_err();
    assert_eq!(server.arrived(), 200 + 5 + 2 + 1);
}
