//! A trigger whose response is lost is not sent again; reads and stops are.

use dinoai::{Client, Error, Result, TriggerRun};
use serde_json::json;

use crate::support::fault_server::{FaultServer, Reply, SESSION};

/// Every way to lose an answer after the body has left.
fn lost_answers() -> Vec<(&'static str, Reply)> {
    vec![
        ("reset before execution", Reply::ResetBefore),
        ("reset after execution", Reply::ResetAfter),
        ("cut body", Reply::CutBody),
        ("hang past the timeout", Reply::Hang),
        ("500", Reply::html(500)),
        ("502", Reply::html(502)),
        ("503", Reply::html(503)),
        ("503 with Retry-After", Reply::unavailable("1")),
        ("504", Reply::html(504)),
        ("HTML with 200", Reply::html(200)),
        ("empty 200", Reply::Http(200, vec![], String::new())),
        (
            "JSON that is no envelope",
            Reply::json(200, &json!({ "detail": "hello" })),
        ),
    ]
}

/// All changes that must not be made twice.
pub(crate) const CHANGES: [&str; 2] = ["trigger", "send"];

pub(crate) async fn change(client: &Client, which: &str) -> Result<()> {
    match which {
        "trigger" => client.trigger_run(TriggerRun::agent("a")).await.map(drop),
        _ => client.send_message(SESSION, "go on").await.map(drop),
    }
}

#[tokio::test]
async fn a_change_whose_answer_is_lost_is_not_sent_again_and_its_outcome_is_unknown() {
    let null = ("null data", Reply::json(200, &json!({ "data": null })));
    let null_root =
        json!({ "data": { "triggerDinoaiAgentRun": null, "sendDinoaiAgentMessage": null } });
    let null_root = ("null root", Reply::json(200, &null_root));
    for (fault, reply) in lost_answers().into_iter().chain([null, null_root]) {
        for which in CHANGES {
            let server = FaultServer::start([reply.clone()]).await;
            let (client, clock) = server.client();
            let error = change(&client, which).await.unwrap_err();
            assert!(
                matches!(error, Error::OutcomeUnknown { .. }),
                "{which}, {fault}: {error:?}"
            );
            assert!(
                error.may_have_started() && !error.is_retryable(),
                "{which}, {fault}"
            );
            assert_eq!(server.arrived(), 1, "{which}, {fault}");
            assert!(clock.sleeps().is_empty(), "{which}, {fault}");
        }
    }
}

#[tokio::test]
async fn a_read_and_a_stop_get_through_the_same_faults_within_their_attempts() {
    for (fault, reply) in lost_answers() {
        let server = FaultServer::start(vec![reply.clone(); 3]).await;
        let (client, clock) = server.client();
        let run = client.get_run(SESSION).await;
        assert!(run.is_ok(), "{fault}: {run:?}");
        assert_eq!((server.arrived(), clock.sleeps().len()), (4, 3), "{fault}");

        let server = FaultServer::start(vec![reply; 3]).await;
        let (client, _) = server.client();
        let stopped = client.stop_run(SESSION).await;
        assert!(stopped.is_ok(), "{fault}: {stopped:?}");
        assert_eq!(server.arrived(), 4, "{fault}");
    }
}

#[tokio::test]
async fn a_read_that_never_gets_through_says_what_the_last_attempt_met() {
    let mut texts = String::new();
    for (fault, reply) in lost_answers() {
        let server = FaultServer::start(vec![reply; 4]).await;
        let (client, _) = server.client();
        let error = client.get_run(SESSION).await.unwrap_err();
        assert_eq!(server.arrived(), 4, "{fault}");
        assert!(
            error.is_retryable() && !error.may_have_started(),
            "{fault}: {error:?}"
        );
        assert_eq!(error.session_id().unwrap().as_str(), SESSION);
        texts.push_str(&format!("{fault}: {error}\n"));
    }
    insta::assert_snapshot!(without_error_numbers(&texts));
}

#[tokio::test]
async fn what_a_lost_trigger_says() {
    let mut texts = String::new();
    for (fault, reply) in lost_answers() {
        let server = FaultServer::start([reply]).await;
        let (client, _) = server.client();
        let error = client
            .trigger_run(TriggerRun::agent("a"))
            .await
            .unwrap_err();
        texts.push_str(&format!("{fault}: {error}\n"));
    }
    insta::assert_snapshot!(without_error_numbers(&texts));
}

/// The numbers of errors differ between systems.
pub(crate) fn without_error_numbers(text: &str) -> String {
    let mut parts = text.split(" (os error ");
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        kept.push_str(part.split_once(')').unwrap().1);
    }
    kept
}
