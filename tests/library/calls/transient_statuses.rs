//! Reads and stops are sent again after a transient status, whatever its body.

use serde_json::json;

use crate::support::fault_server::{FaultServer, Reply, SESSION};
use crate::support::samples::{errors_with_code, try_again};

#[tokio::test]
async fn a_read_and_a_stop_are_sent_again_after_a_transient_status_whatever_its_body() {
    for status in [408, 425, 500, 502, 503, 504, 520, 599] {
        for reply in [
            Reply::Http(status, vec![], String::new()),
            Reply::html(status),
            Reply::json(status, &json!({ "detail": "no" })),
            Reply::errors(status, &try_again()),
            Reply::json(status, &json!({ "data": null, "errors": try_again() })),
        ] {
            let server = FaultServer::start(vec![reply.clone(); 3]).await;
            let (client, _) = server.client();
            let run = client.get_run(SESSION).await;
            assert!(run.is_ok(), "{reply:?}: {run:?}");
            assert_eq!(server.arrived(), 4, "{reply:?}");

            let server = FaultServer::start([reply.clone()]).await;
            let (client, _) = server.client();
            let stopped = client.stop_run(SESSION).await;
            assert!(stopped.is_ok(), "{reply:?}: {stopped:?}");
            assert_eq!(server.arrived(), 2, "{reply:?}");
        }
    }
}

#[tokio::test]
async fn a_read_with_a_transient_failure_is_said_to_be_worth_another_try() {
    for reply in [
        Reply::html(408),
        Reply::html(425),
        Reply::errors(503, &try_again()),
        Reply::errors(200, &errors_with_code("SERVICE_UNAVAILABLE")),
        Reply::json(
            200,
            &json!({ "data": null, "errors": errors_with_code("GATEWAY_TIMEOUT") }),
        ),
        Reply::errors(200, &errors_with_code("RATE_LIMITED")),
    ] {
        let server = FaultServer::start(vec![reply.clone(); 4]).await;
        let (client, _) = server.client();
        let error = client.get_run(SESSION).await.unwrap_err();
        assert!(error.is_retryable(), "{reply:?}: {error:?}");
        assert!(!error.may_have_started(), "{reply:?}: {error:?}");
    }
    for reply in [
        Reply::html(404),
        Reply::errors(400, &try_again()),
        Reply::errors(200, &try_again()),
        Reply::errors(200, &errors_with_code("GRAPHQL_VALIDATION_FAILED")),
        Reply::errors(200, &errors_with_code("UNAUTHENTICATED")),
    ] {
        let server = FaultServer::start(vec![reply.clone(); 4]).await;
        let (client, _) = server.client();
        let error = client.get_run(SESSION).await.unwrap_err();
        assert!(!error.is_retryable(), "{reply:?}: {error:?}");
        assert_eq!(server.arrived(), 1, "{reply:?}");
    }
}
