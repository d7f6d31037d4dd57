//! A transcript that is larger than the limit is downloaded once.

use std::time::Duration;

use dinoai::Error;

use crate::many_runs::alike::{Many, wait_for_all};
use crate::support::fault_server::{FastClock, FaultServer, Reply, SESSION, client};
use crate::support::operations::{READ, STATUS, TRIGGER, sent};
use crate::support::samples::request;

#[tokio::test]
async fn a_transcript_larger_than_the_limit_is_downloaded_once() {
    let server = FaultServer::scripted(|seen| match seen.operation.as_str() {
        READ => Reply::text(200, "application/json", " ".repeat(10_000)),
        _ => Reply::Good,
    })
    .await;
    let (client, _) = client(&server.endpoint(), |builder| builder.response_limit(4096));
    let error = client.trigger_run_and_wait(request()).await.unwrap_err();
    assert!(matches!(error, Error::ResponseTooLarge { .. }), "{error:?}");
    assert!(error.may_have_started() && !error.is_retryable());
    assert_eq!(error.session_id().unwrap().as_str(), SESSION);
    assert_eq!(server.operations(), [TRIGGER, STATUS, READ]);
}

#[tokio::test]
async fn a_transcript_larger_than_the_limit_is_downloaded_once_among_many() {
    let mut many = Many::default();
    let server = FaultServer::scripted(move |seen| {
        if seen.operation == READ && seen.variables["id"] == "run-1" {
            return Reply::text(200, "application/json", " ".repeat(10_000));
        }
        many.answer(seen, "COMPLETED")
    })
    .await;
    let (client, _) = client(&server.endpoint(), |builder| {
        builder
            .response_limit(4096)
            .clock(FastClock::with_second(Duration::from_millis(5)))
    });
    let results = wait_for_all(&client, 3).await;
    let error = results["run-1"].as_ref().unwrap_err();
    assert!(matches!(error, Error::ResponseTooLarge { .. }), "{error:?}");
    assert!(results["run-0"].is_ok() && results["run-2"].is_ok());
    assert_eq!(sent(&server, READ), 3);
}
