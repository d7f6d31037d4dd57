//! A wait continues through minutes of transient failures.

use dinoai::time::Clock;
use serde_json::json;

use crate::support::fault_server::{Reply, SESSION};
use crate::support::operations::{STATUS, sent};
use crate::support::samples::{errors_with_code, request, seconds, try_again};
use crate::waiting::polled::polled;

#[tokio::test]
async fn a_wait_goes_on_through_a_minute_of_503_written_in_graphql() {
    for retry_after in [Some("5"), None] {
        let outage = move |now| {
            if now >= seconds(60) {
                return Reply::Status("COMPLETED");
            }
            let reply = Reply::errors(503, &try_again());
            match retry_after {
                Some(delay) => reply.with_header("Retry-After", delay),
                None => reply,
            }
        };
        let (server, client, clock) = polled(outage).await;
        client.trigger_run_and_wait(request()).await.unwrap();
        assert!(clock.now() >= seconds(60) && clock.now() < seconds(75));
        if retry_after.is_some() {
            assert!((10..=13).contains(&sent(&server, STATUS)));
        }
    }
}

#[tokio::test]
async fn a_wait_for_a_run_that_was_read_once_goes_on_as_well() {
    let (_server, client, _) = polled(|now| match now.as_secs() {
        0 => Reply::Status("RUNNING"),
        1..60 => Reply::errors(503, &try_again()).with_header("Retry-After", "5"),
        _ => Reply::Status("COMPLETED"),
    })
    .await;
    client.session(SESSION).unwrap().wait().await.unwrap();
}

/// Codes that say that a server, or one behind it, is not well.
const TRANSIENT_CODES: [&str; 5] = [
    "SERVICE_UNAVAILABLE",
    "GATEWAY_TIMEOUT",
    "REQUEST_TIMEOUT",
    "SUBREQUEST_HTTP_ERROR",
    "INTERNAL_SERVER_ERROR",
];

#[tokio::test]
async fn a_wait_goes_on_through_minutes_of_a_code_that_says_the_server_is_not_well() {
    for code in TRANSIENT_CODES {
        for body in [
            json!({ "data": null, "errors": errors_with_code(code) }),
            json!({ "errors": errors_with_code(code) }),
        ] {
            let (_server, client, clock) = polled(move |now| match now.as_secs() {
                0..200 => Reply::json(200, &body),
                _ => Reply::Status("COMPLETED"),
            })
            .await;
            let run = client.trigger_run_and_wait(request()).await;
            assert!(run.is_ok(), "{code}, {:?}: {run:?}", clock.now());
        }
    }
}

#[tokio::test]
async fn a_wait_goes_on_through_minutes_of_each_transient_status() {
    for status in [408, 425, 500, 502, 503, 504, 520, 599] {
        for reply in [
            Reply::html(status),
            Reply::errors(status, &try_again()),
            Reply::json(status, &json!({ "data": null, "errors": try_again() })),
        ] {
            let failure = reply.clone();
            let (_server, client, clock) = polled(move |now| match now.as_secs() {
                0..200 => failure.clone(),
                _ => Reply::Status("COMPLETED"),
            })
            .await;
            let run = client.trigger_run_and_wait(request()).await;
            assert!(run.is_ok(), "{reply:?}, {:?}: {run:?}", clock.now());
        }
    }
}
