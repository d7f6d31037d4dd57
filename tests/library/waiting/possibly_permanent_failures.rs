//! A failure that may be permanent ends a wait after two minutes and five polls.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dinoai::Error;
use dinoai::time::Clock;
use serde_json::{Value, json};

use crate::support::fault_server::{FaultServer, Reply, SESSION};
use crate::support::samples::{errors_with_code, request, seconds, try_again};
use crate::waiting::polled::polled;

/// Responses to a poll that may mean the end, or a gateway's bad moment.
fn possibly_permanent() -> Vec<Reply> {
    let at_path = json!([{ "message": "No such run.", "path": [READ_FIELD] }]);
    let run = |value: Value| json!({ "data": { READ_FIELD: value } });
    vec![
        Reply::Http(401, vec![], String::new()),
        Reply::html(403),
        Reply::errors(200, &errors_with_code("UNAUTHENTICATED")),
        Reply::html(404),
        Reply::html(302),
        Reply::errors(200, &try_again()),
        Reply::errors(400, &try_again()),
        Reply::json(
            200,
            &json!({ "data": { READ_FIELD: null }, "errors": at_path }),
        ),
        Reply::json(200, &run(Value::Null)),
        Reply::json(200, &run(json!({ "ok": false, "status": "QUEUED" }))),
        Reply::json(200, &run(json!({ "ok": true, "status": {} }))),
    ]
}

pub(crate) const READ_FIELD: &str = "dinoaiAgentRun";

#[tokio::test]
async fn a_failure_that_may_be_permanent_is_tolerated_for_two_minutes() {
    for reply in possibly_permanent() {
        let failure = reply.clone();
        let (_server, client, clock) = polled(move |now| match now.as_secs() {
            10..125 | 135..250 => failure.clone(),
            0..260 => Reply::Status("RUNNING"),
            _ => Reply::Status("COMPLETED"),
        })
        .await;
        let wait = client.trigger_run_and_wait(request());
        let run = wait.poll_interval(seconds(5)).await;
        assert!(run.is_ok(), "{reply:?}, {:?}: {run:?}", clock.now());
    }
}

#[tokio::test]
async fn a_failure_that_may_be_permanent_ends_a_wait_after_two_minutes_and_five_polls() {
    for (interval, least, most) in [(1, 120, 125), (60, 240, 300)] {
        for reply in possibly_permanent() {
            let failure = reply.clone();
            let failures = Arc::new(AtomicUsize::new(0));
            let counted = failures.clone();
            let (_server, client, clock) = polled(move |now| match now.as_secs() {
                0..60 => Reply::Status("RUNNING"),
                _ => {
                    counted.fetch_add(1, Ordering::Relaxed);
                    failure.clone()
                }
            })
            .await;
            let wait = client.trigger_run_and_wait(request());
            let error = wait.poll_interval(seconds(interval)).await.unwrap_err();
            assert!(
                !matches!(error, Error::WaitTimeout(_)),
                "{reply:?}: {error:?}"
            );
            assert!(error.may_have_started(), "{reply:?}: {error:?}");
            assert_eq!(error.session_id().unwrap().as_str(), SESSION);
            let lasted = clock.now().as_secs() - 60;
            assert!((least..=most).contains(&lasted), "{reply:?}: {lasted} s");
            assert!(failures.load(Ordering::Relaxed) >= 5, "{reply:?}");
        }
    }
}

#[tokio::test]
async fn a_run_that_the_api_does_not_know_is_not_found() {
    let null = Reply::json(200, &json!({ "data": { READ_FIELD: null } }));
    let server = FaultServer::start(vec![null; 2]).await;
    let (client, _) = server.client();
    for result in [
        client.get_run(SESSION).await.map(drop),
        client.session(SESSION).unwrap().wait().await.map(drop),
    ] {
        let error = result.unwrap_err();
        assert!(format!("{error:?}").starts_with("NotFound"), "{error:?}");
        assert!(!error.is_retryable() && !error.may_have_started());
        assert_eq!(error.session_id().unwrap().as_str(), SESSION);
    }
    assert_eq!(server.arrived(), 2);
}
