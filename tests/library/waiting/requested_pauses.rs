//! A pause that the server asks for is honoured, beside any body and in any form.

use std::time::{Duration, SystemTime};

use dinoai::time::Clock;
use dinoai::{Error, Retry};
use serde_json::json;

use crate::support::fault_server::{FaultServer, Reply, SESSION, client};
use crate::support::operations::{READ, STATUS, TRIGGER, sent};
use crate::support::samples::{errors_with_code, request, seconds, try_again};
use crate::waiting::polled::{assert_paused, polled};

/// Responses that ask to be left alone for a while.
fn asking_for_a_pause(retry_after: &str) -> Vec<Reply> {
    [
        Reply::Http(429, vec![], String::new()),
        Reply::errors(429, &errors_with_code("RATE_LIMITED")),
        Reply::errors(200, &errors_with_code("RATE_LIMITED")),
        Reply::errors(200, &errors_with_code("THROTTLED")),
        Reply::errors(400, &errors_with_code("RATE_LIMITED")),
        Reply::html(503),
        Reply::errors(503, &try_again()),
        Reply::json(
            200,
            &json!({ "data": null, "errors": errors_with_code("SERVICE_UNAVAILABLE") }),
        ),
    ]
    .into_iter()
    .map(|reply| reply.with_header("Retry-After", retry_after))
    .collect()
}

#[tokio::test]
async fn a_rate_limit_code_is_one_pause_of_a_wait() {
    for code in ["RATE_LIMITED", "THROTTLED"] {
        let (server, client, clock) = polled(move |now| match now.as_secs() {
            0..30 => Reply::errors(200, &errors_with_code(code)).with_header("Retry-After", "30"),
            _ => Reply::Status("COMPLETED"),
        })
        .await;
        client.trigger_run_and_wait(request()).await.unwrap();
        assert_paused(&clock, seconds(30), code);
        assert_eq!(
            server.operations(),
            [TRIGGER, STATUS, STATUS, READ],
            "{code}"
        );
    }
}

#[tokio::test]
async fn a_rate_limit_code_without_a_delay_is_tolerated_until_the_timeout() {
    for code in ["RATE_LIMITED", "THROTTLED"] {
        let (_server, client, clock) = polled(move |now| match now.as_secs() {
            0..200 => Reply::errors(200, &errors_with_code(code)),
            _ => Reply::Status("COMPLETED"),
        })
        .await;
        let run = client.trigger_run_and_wait(request()).await;
        assert!(run.is_ok(), "{code}, {:?}: {run:?}", clock.now());
    }
}

#[tokio::test]
async fn a_delay_counts_beside_any_body() {
    for reply in asking_for_a_pause("7") {
        let (server, client, clock) = {
            let mut first = Some(reply.clone());
            polled(move |_| first.take().unwrap_or(Reply::Status("COMPLETED"))).await
        };
        client.trigger_run_and_wait(request()).await.unwrap();
        assert_paused(&clock, seconds(7), format_args!("{reply:?}"));
        assert_eq!(sent(&server, STATUS), 2, "{reply:?}");
    }
}

#[tokio::test]
async fn a_delay_beside_any_body_is_part_of_the_error() {
    for reply in asking_for_a_pause("90") {
        let server = FaultServer::start([reply.clone()]).await;
        let (client, _) = client(&server.endpoint(), |builder| builder.retry(Retry::none()));
        let error = client.get_run(SESSION).await.unwrap_err();
        assert_eq!(
            error.retry_after(),
            Some(seconds(90)),
            "{reply:?}: {error:?}"
        );
        assert!(error.is_retryable(), "{reply:?}: {error:?}");
    }
}

#[tokio::test]
async fn a_rate_limit_code_is_a_rate_limit_for_a_read() {
    for code in ["RATE_LIMITED", "THROTTLED"] {
        for status in [200, 400, 503] {
            let limited =
                Reply::errors(status, &errors_with_code(code)).with_header("Retry-After", "7");
            let server = FaultServer::start(vec![limited.clone(); 2]).await;
            let (patient, clock) = server.client();
            patient.get_run(SESSION).await.unwrap();
            assert_eq!(server.arrived(), 3);
            assert!(clock.now() >= seconds(14), "{:?}", clock.now());

            let server = FaultServer::start([limited]).await;
            let (client, _) = client(&server.endpoint(), |builder| builder.retry(Retry::none()));
            let error = client.get_run(SESSION).await.unwrap_err();
            assert!(matches!(error, Error::RateLimited { .. }), "{error:?}");
        }
    }
}

#[tokio::test]
async fn a_delay_of_a_day_holds_a_wait_back_for_a_minute() {
    for reply in asking_for_a_pause("86400") {
        let (server, client, clock) = {
            let mut first = Some(reply.clone());
            polled(move |_| first.take().unwrap_or(Reply::Status("COMPLETED"))).await
        };
        let run = client.trigger_run_and_wait(request()).await;
        assert!(run.is_ok(), "{reply:?}: {run:?}");
        assert_paused(&clock, seconds(60), format_args!("{reply:?}"));
        assert_eq!(sent(&server, STATUS), 2, "{reply:?}");
    }
}

/// A response with this time in its `Date`, which asks for another attempt this much later.
fn dated(status: u16, date: SystemTime, delay: Duration) -> Reply {
    Reply::Http(status, vec![], String::new())
        .with_header("Date", httpdate::fmt_http_date(date))
        .with_header("Retry-After", httpdate::fmt_http_date(date + delay))
}

#[tokio::test]
async fn a_delay_that_is_a_date_is_measured_by_the_servers_own_clock() {
    let hour = seconds(3600);
    let now = SystemTime::now();
    for (date, delay) in [
        (now + hour, seconds(2)),
        (now - hour, seconds(10)),
        (now, seconds(20)),
    ] {
        for status in [429, 503] {
            let reply = dated(status, date, delay);
            let server = FaultServer::start([reply.clone()]).await;
            let (client, clock) = server.client();
            let run = client.get_run(SESSION).await;
            assert!(run.is_ok(), "{reply:?}: {run:?}");
            assert_paused(&clock, delay, format_args!("{reply:?}"));

            let mut first = Some(reply.clone());
            let (_server, client, clock) =
                polled(move |_| first.take().unwrap_or(Reply::Status("COMPLETED"))).await;
            client.trigger_run_and_wait(request()).await.unwrap();
            assert_paused(&clock, delay, format_args!("{reply:?}"));
        }
    }
}

#[tokio::test]
async fn a_date_that_has_passed_asks_for_no_delay() {
    let date = SystemTime::now() + seconds(3600);
    let reply = Reply::Http(429, vec![], String::new())
        .with_header("Date", httpdate::fmt_http_date(date))
        .with_header("Retry-After", httpdate::fmt_http_date(date - seconds(5)));
    let server = FaultServer::start([reply]).await;
    let (client, clock) = server.client();
    client.get_run(SESSION).await.unwrap();
    assert!(clock.now() <= seconds(1), "{:?}", clock.now());
}
