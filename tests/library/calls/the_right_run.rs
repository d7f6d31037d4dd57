//! A response about another run, or about none, is an error that says so.

use dinoai::time::VirtualClock;
use dinoai::{Error, Result, SessionId, StepOptions};
use serde_json::{Value, json};

use crate::support::fault_server::{FaultServer, Reply, SESSION};
use crate::support::operations::{SEND, sent};
use crate::support::samples::session;
use crate::support::shown_run::{agent, all, client_by, fields, run, run_with, shown};

fn no_run() -> Reply {
    Reply::data(&json!({ "dinoaiAgentRun": null }))
}

fn is_not_found(error: &Error) -> bool {
    format!("{error:?}").starts_with("NotFound")
}

#[tokio::test]
async fn a_run_that_the_api_does_not_know_is_not_found() {
    let (server, client, _) = shown(|_, _| no_run()).await;
    let session = session(&client);
    let steps = client.get_run_steps(SESSION, StepOptions::default());
    let mut errors = vec![
        client.get_run(SESSION).await.unwrap_err(),
        session.run().await.unwrap_err(),
        steps.await.unwrap_err(),
        session.wait().await.unwrap_err(),
        session.tree().await.unwrap_err(),
        session.send("And now?").await.unwrap_err(),
    ];
    errors.extend(
        all(session.watch().events())
            .await
            .pop()
            .and_then(Result::err),
    );
    assert_eq!(errors.len(), 7);
    for error in errors {
        assert!(is_not_found(&error), "{error:?}");
        assert_eq!(error.session_id().unwrap().as_str(), SESSION);
        assert!(error.to_string().contains(SESSION), "{error}");
        assert!(!error.may_have_started() && !error.is_retryable());
    }
    // Each is reported after its first answer, and nothing was sent to what is not there.
    assert!(server.arrived() <= 8, "{:?}", server.operations());
    assert_eq!(sent(&server, SEND), 0);
}

#[tokio::test]
async fn one_run_that_the_api_does_not_know_is_not_found_among_many() {
    let (_server, client, _) = shown(|seen, _| {
        run_with(seen, |id| match id {
            "b" => Value::Null,
            id => fields(id, "COMPLETED", &[]),
        })
    })
    .await;
    let ids = ["a", "b", "c"].map(|id| SessionId::new(id).unwrap());
    let mut results = client.wait_all(ids).unwrap().results();
    let mut count = 0;
    while let Some((id, result)) = results.next().await {
        count += 1;
        match id.as_str() {
            "b" => assert!(is_not_found(&result.unwrap_err())),
            id => assert_eq!(result.unwrap().session_id.as_str(), id),
        }
    }
    assert_eq!(count, 3);
}

/// Whether an error says that another run was answered than the one that was asked for.
fn is_about_another_run(error: &Error) -> bool {
    let text = error.to_string();
    matches!(error, Error::Decode { .. }) && text.contains("s1") && text.contains("other")
}

fn other_run() -> Reply {
    let run = fields("other", "COMPLETED", &[agent(1.0, "of another run")]);
    Reply::data(&json!({ "dinoaiAgentRun": run }))
}

#[tokio::test]
async fn a_run_of_another_name_than_asked_for_is_refused() {
    let (server, client, _) = shown(|_, _| other_run()).await;
    let error = client.get_run("s1").await.unwrap_err();
    assert!(is_about_another_run(&error), "{error}");
    assert_eq!(server.arrived(), 1);
    let session = client.session("s1").unwrap();
    for error in [
        session.run().await.unwrap_err(),
        session.wait().await.unwrap_err(),
        all(session.watch().events())
            .await
            .pop()
            .unwrap()
            .unwrap_err(),
        session.tree().await.unwrap_err(),
    ] {
        assert!(is_about_another_run(&error), "{error}");
        assert_eq!(error.session_id().unwrap().as_str(), "s1");
    }
}

#[tokio::test]
async fn a_follow_up_that_another_run_is_said_to_have_got_may_have_started() {
    let server = FaultServer::scripted(|seen| match seen.operation.as_str() {
        SEND => Reply::data(&json!({ "sendDinoaiAgentMessage": {
            "ok": true, "agentSessionId": "other", "status": "queued",
        } })),
        _ => run(seen, "COMPLETED", &[]),
    })
    .await;
    let client = client_by(&server, &VirtualClock::new());
    let session = client.session("s1").unwrap();
    for error in [
        client.send_message("s1", "And now?").await.unwrap_err(),
        session.ask("And now?").await.unwrap_err(),
    ] {
        assert!(is_about_another_run(&error), "{error}");
        assert!(error.may_have_started() && !error.is_retryable());
        assert_eq!(error.session_id().unwrap().as_str(), "s1");
    }
    assert_eq!(sent(&server, SEND), 2);
}
