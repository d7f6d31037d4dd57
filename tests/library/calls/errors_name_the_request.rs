//! An error names what was asked for and the run that it was asked of, not the documents that the
//! client has made of it.

use dinoai::{Error, Result, SessionId, StepOptions, TriggerRun};
use serde_json::{Value, json};

use crate::support::fault_server::{FaultServer, Reply, SESSION};
use crate::support::operations::{DIGEST, READ, SEND, STATUS, STATUSES, STEPS, STOP, TRIGGER};
use crate::support::shown_run::{all, fields, run_with, shown};

const OTHER: &str = "other0other0othe";

/// The names of our documents, and of the aliases in the one for many runs.
const INTERNAL: [&str; 12] = [
    TRIGGER,
    "TriggerDinoaiAgentRunWithOptions",
    SEND,
    READ,
    STATUS,
    STATUSES,
    DIGEST,
    STEPS,
    STOP,
    "ListWorkspaces",
    "run0",
    "run1",
];

/// The error's text, which holds no internal name.
fn text_of(error: &Error) -> String {
    let text = error.to_string();
    let mut words = text.split(|character: char| !character.is_alphanumeric());
    if let Some(name) = words.find(|word| INTERNAL.contains(word)) {
        panic!("{name} is a name of ours: {text}");
    }
    text
}

/// What a wait for two runs says of the second one, if the batch of both is answered like this.
async fn of_the_second(body: Value) -> String {
    let (_server, client, _clock) = shown(move |seen, _| match seen.operation.as_str() {
        STATUSES => Reply::json(200, &body),
        // The run alone fares no better.
        STATUS if seen.variables["id"] == OTHER => Reply::json(200, &alone(&body)),
        _ => run_with(seen, |id| fields(id, "COMPLETED", &[])),
    })
    .await;
    let ids = [SESSION, OTHER].map(|id| SessionId::new(id).unwrap());
    let mut waits = client.wait_all(ids).unwrap().results();
    let mut texts = vec![];
    while let Some((id, result)) = waits.next().await {
        if let Err(error) = result {
            assert_eq!(error.session_id(), Some(&id), "{error}");
            let text = text_of(&error);
            assert!(text.contains(id.as_str()), "{text}");
            if id.as_str() == OTHER {
                texts.push(text);
            }
        }
    }
    assert_eq!(texts.len(), 1, "{texts:?}");
    texts.remove(0)
}

/// The answer to a batch as one to a read of the second run alone.
fn alone(batch: &Value) -> Value {
    let mut answer = batch.clone();
    if let Some(run) = batch.pointer("/data/run1") {
        answer["data"] = json!({ "dinoaiAgentRun": run });
    }
    if batch.pointer("/errors/0/path/0").is_some() {
        answer["errors"][0]["path"][0] = json!("dinoaiAgentRun");
    }
    answer
}

#[tokio::test]
async fn what_fails_in_a_batch_is_named_by_its_run_and_never_by_an_alias() {
    let good = json!({ "ok": true, "status": "COMPLETED" });
    let broke = |path: Value| json!([{ "message": "It broke.", "path": path }]);
    let mut texts = vec![];
    for body in [
        json!({ "data": { "run0": good, "run1": null }, "errors": broke(json!(["run1"])) }),
        json!({ "data": null, "errors": broke(json!(["run1", "status"])) }),
        json!({ "errors": broke(json!(["run1"])) }),
        // Of the whole batch, which is not halved for it.
        json!({ "data": null, "errors": [{
            "message": "It is down.",
            "path": ["run1"],
            "extensions": { "code": "SERVICE_UNAVAILABLE" },
        }] }),
        json!({ "data": { "run0": good, "run1": { "ok": "no", "status": "COMPLETED" } } }),
        json!({ "data": { "run0": good, "run1": { "ok": true, "status": {} } } }),
        json!({ "data": { "run0": good, "run1": { "ok": false, "status": "GONE" } } }),
        json!({ "data": { "run0": good, "run1": null } }),
    ] {
        texts.push(of_the_second(body).await);
    }
    insta::assert_snapshot!(texts.join("\n"));
}

/// What each call says of the reply to its request.
async fn of_each(reply: Reply) -> Vec<(&'static str, String)> {
    let server = FaultServer::scripted(move |_| reply.clone()).await;
    let (client, _clock) = server.client();
    let session = client.session(SESSION).unwrap();
    let trigger = TriggerRun::agent("a").with_message("m");
    let with_options = trigger.clone().with_base_branch("main");
    let failures = [
        ("trigger", client.trigger_run(trigger).await.err()),
        (
            "with a branch",
            client.trigger_run(with_options).await.err(),
        ),
        ("follow-up", client.send_message(SESSION, "m").await.err()),
        ("run", session.run().await.err()),
        (
            "steps",
            client
                .get_run_steps(SESSION, StepOptions::default())
                .await
                .err(),
        ),
        ("stop", session.stop().await.err()),
        ("workspaces", client.list_workspaces().await.err()),
        ("wait", client.session(SESSION).unwrap().wait().await.err()),
        (
            "watch",
            all(client.session(SESSION).unwrap().watch().events())
                .await
                .pop()
                .and_then(Result::err),
        ),
    ];
    let text = |(call, error): (&'static str, Option<Error>)| {
        let error = error.unwrap_or_else(|| panic!("{call} has not failed"));
        let text = text_of(&error);
        let is_of_a_run = !matches!(call, "trigger" | "with a branch" | "workspaces");
        assert_eq!(text.contains(SESSION), is_of_a_run, "{text}");
        (call, text)
    };
    failures.into_iter().map(text).collect()
}

#[tokio::test]
async fn every_call_that_fails_is_named_by_what_was_asked_for() {
    let error = json!([{ "message": "It broke." }]);
    for reply in [
        Reply::errors(200, &error),
        Reply::json(
            200,
            &json!({ "data": null, "errors": [{ "message": "It broke.", "path": ["anywhere"] }] }),
        ),
        Reply::data(&json!({
            "triggerDinoaiAgentRun": { "ok": 1 },
            "sendDinoaiAgentMessage": { "ok": 1 },
            "dinoaiAgentRun": { "ok": 1 },
            "stopDinoaiAgentRun": { "ok": 1 },
            "listWorkspaces": { "workspaces": 1 },
        })),
        Reply::errors(
            400,
            &json!([{ "message": "Cannot query field \"status\" on type \"Run\"." }]),
        ),
        Reply::html(404),
        Reply::html(403),
        Reply::too_many_requests("86400"),
        Reply::ResetAfter,
    ] {
        let what = format!("{reply:?}");
        assert_eq!(of_each(reply).await.len(), 9, "{what}");
    }
    let texts = of_each(Reply::text(401, "text/plain", "No.")).await;
    let asked = texts.iter().map(|(call, text)| {
        let (asked, _) = text.split_once(" was refused").unwrap();
        format!("{call}: {asked}")
    });
    let asked: Vec<_> = asked.collect();
    insta::assert_snapshot!(asked.join("\n"));
}

#[tokio::test]
async fn workspaces_that_are_null_are_no_missing_run() {
    let reply = Reply::data(&json!({ "listWorkspaces": null }));
    let server = FaultServer::scripted(move |_| reply.clone()).await;
    let (client, _clock) = server.client();
    let error = client.list_workspaces().await.unwrap_err();
    assert!(matches!(error, Error::Decode { .. }), "{error:?}");
    let text = text_of(&error);
    assert!(!text.contains("run"), "{text}");
    insta::assert_snapshot!(text);
}
