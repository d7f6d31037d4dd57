//! Which failed polls end a wait before and after the run is known to exist.

use std::time::Duration;

use dinoai::Error;
use dinoai::time::Clock;
use serde_json::json;

use crate::support::fault_server::{FaultServer, Reply, SESSION, client};
use crate::support::samples::{no_such_run, request};
use crate::waiting::requests_of_a_wait::after_trigger;

/// One of each kind of temporary failure.
fn ten_temporary_failures() -> Vec<Reply> {
    vec![
        Reply::ResetBefore,
        Reply::ResetAfter,
        Reply::CutBody,
        Reply::Hang,
        Reply::too_many_requests("3"),
        Reply::html(500),
        Reply::html(502),
        Reply::unavailable("2"),
        Reply::html(504),
        Reply::html(200),
    ]
}

#[tokio::test]
async fn after_a_trigger_ten_failed_polls_of_every_temporary_kind_do_not_end_a_wait() {
    let server = FaultServer::start(after_trigger(ten_temporary_failures())).await;
    let (client, _) = server.client();
    client.trigger_run_and_wait(request()).await.unwrap();
    // Each failed poll was tried once: the loop is the retry.
    assert_eq!(server.arrived(), 1 + 10 + 2);
}

#[tokio::test]
async fn a_poll_that_has_succeeded_once_proves_host_and_id_as_a_trigger_does() {
    let plan = [vec![Reply::Status("RUNNING")], ten_temporary_failures()].concat();
    let server = FaultServer::start(plan).await;
    let (client, _) = server.client();
    client.session(SESSION).unwrap().wait().await.unwrap();
    assert_eq!(server.arrived(), 1 + 10 + 2);
}

#[tokio::test]
async fn a_session_that_was_started_here_is_waited_for_as_after_a_trigger() {
    let server = FaultServer::start(after_trigger(ten_temporary_failures())).await;
    let (client, _) = server.client();
    let session = client.start(request()).await.unwrap();
    session.wait().await.unwrap();
    assert_eq!(server.arrived(), 1 + 10 + 2);

    let server = FaultServer::start(after_trigger([Reply::Http(401, vec![], String::new())])).await;
    let (client, _) = server.client();
    let session = client.start(request()).await.unwrap();
    let error = session.wait().await.unwrap_err();
    // The wait has started nothing; that the run exists is what the id says.
    assert!(!error.may_have_started(), "{error:?}");
    assert_eq!(error.session_id().unwrap().as_str(), SESSION);
}

#[tokio::test]
async fn a_temporary_failure_of_the_first_poll_is_tried_four_times_and_then_reported() {
    let server = FaultServer::start(vec![Reply::html(503); 10]).await;
    let (client, _) = server.client();
    let error = client.session(SESSION).unwrap().wait().await.unwrap_err();
    assert!(
        matches!(error, Error::Http { status: 503, .. }),
        "{error:?}"
    );
    assert_eq!(server.arrived(), 4);
}

fn null_run() -> Reply {
    Reply::json(200, &json!({ "data": { "dinoaiAgentRun": null } }))
}

fn not_ok() -> Reply {
    Reply::json(
        200,
        &json!({ "data": { "dinoaiAgentRun": { "ok": false, "status": "QUEUED" } } }),
    )
}

#[tokio::test]
async fn a_wrong_session_id_is_reported_at_the_first_poll() {
    for reply in [no_such_run(), null_run(), not_ok(), Reply::html(404)] {
        let server = FaultServer::start([reply]).await;
        let (client, clock) = server.client();
        let error = client.session("wrong").unwrap().wait().await.unwrap_err();
        assert_eq!(error.session_id().unwrap().as_str(), "wrong");
        assert_eq!(server.arrived(), 1);
        assert!(clock.sleeps().is_empty() && !error.may_have_started());
    }
}

#[tokio::test]
async fn a_wrong_host_is_reported_at_the_first_poll() {
    let address = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let (client, clock) = client(&format!("http://{address}/graphql"), |builder| builder);
    let error = client.session(SESSION).unwrap().wait().await.unwrap_err();
    assert!(matches!(error, Error::NotSent { .. }), "{error:?}");
    assert_eq!(clock.sleeps().len(), 3);
}

#[tokio::test]
async fn errors_of_the_api_are_tolerated_for_two_minutes_and_a_success_starts_anew() {
    let half_a_minute = Duration::from_secs(30);
    for reply in [no_such_run(), null_run(), not_ok(), Reply::html(404)] {
        let four = vec![reply.clone(); 4];
        let plan = [four.clone(), vec![Reply::Status("RUNNING")], four].concat();
        let server = FaultServer::start(after_trigger(plan)).await;
        let (client, _) = server.client();
        let wait = client.trigger_run_and_wait(request());
        wait.poll_interval(half_a_minute).await.unwrap();
        assert_eq!(server.arrived(), 1 + 4 + 1 + 4 + 2);

        let server = FaultServer::start(after_trigger(vec![reply; 20])).await;
        let (client, clock) = server.client();
        let wait = client.trigger_run_and_wait(request());
        let error = wait.poll_interval(half_a_minute).await.unwrap_err();
        assert_eq!(server.arrived(), 1 + 5, "{error:?}");
        assert_eq!(clock.now(), Duration::from_secs(120));
        assert!(error.may_have_started() && !error.is_retryable());
        assert_eq!(error.session_id().unwrap().as_str(), SESSION);
    }
}

#[tokio::test]
async fn an_invalid_document_ends_a_wait_at_once() {
    let validation =
        json!([{ "message": "bad", "extensions": { "code": "GRAPHQL_VALIDATION_FAILED" } }]);
    let unknown = json!([{ "message": "Cannot query field \"ok\" on type \"DinoAiAgentRun\"." }]);
    for reply in [
        Reply::json(200, &json!({ "errors": validation })),
        Reply::json(400, &json!({ "errors": unknown })),
    ] {
        let server = FaultServer::start(after_trigger([Reply::Status("RUNNING"), reply])).await;
        let (client, _) = server.client();
        let error = client.trigger_run_and_wait(request()).await.unwrap_err();
        assert_eq!(server.arrived(), 3, "{error:?}");
        assert!(error.may_have_started() && !error.is_retryable());
        assert_eq!(error.session_id().unwrap().as_str(), SESSION);
    }
}

#[tokio::test]
async fn refused_credentials_end_a_wait_at_once_unless_a_read_has_succeeded_before() {
    for status in [401, 403] {
        let refused = Reply::Http(status, vec![], String::new());
        let server = FaultServer::start(after_trigger([refused.clone()])).await;
        let (client, _) = server.client();
        let error = client.trigger_run_and_wait(request()).await.unwrap_err();
        assert!(matches!(error, Error::Unauthorized { .. }), "{error:?}");
        assert_eq!(server.arrived(), 2);
        assert!(error.may_have_started() && !error.is_retryable());
        assert_eq!(error.session_id().unwrap().as_str(), SESSION);

        let plan = after_trigger([Reply::Status("RUNNING"), refused.clone(), refused]);
        let server = FaultServer::start(plan).await;
        let (client, _) = server.client();
        client.trigger_run_and_wait(request()).await.unwrap();
        assert_eq!(server.arrived(), 1 + 3 + 2);
    }
}
