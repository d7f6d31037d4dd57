//! A probe says whether the credentials may read, and what the server's clock says.

use std::time::{Duration, SystemTime};

use dinoai::{Access, Client, Credentials, Error, Support};
use dinoai_emulator::{Backend, Capability, Emulator, Quirks};
use serde_json::{Value, json};

use super::{backend, probe};
use crate::support::emulated::client_with;
use crate::support::fault_server::{CANARY, FaultServer, Reply, client};

#[tokio::test]
async fn a_key_that_may_read_is_found_by_reading_no_run() {
    for quirks in [
        Quirks::new(),
        Quirks::new().without_capability(Capability::Trigger),
    ] {
        let emulator = backend(Backend::Current, quirks).await;
        let features = probe(&emulator).await;
        assert!(matches!(features.read, Access::Granted), "{features:?}");
    }
    let quirks = Quirks::new().without_capability(Capability::Read);
    let emulator = backend(Backend::Current, quirks).await;
    let features = probe(&emulator).await;
    assert!(
        matches!(features.read, Access::Refused { .. }),
        "{features:?}"
    );
    assert!(features.trigger_run.is_supported());
}

#[tokio::test]
async fn wrong_credentials_are_refused_for_everything() {
    let emulator = Emulator::builder().start().await.unwrap();
    let client = client_with(&emulator, Credentials::key_and_secret("wrong", "wrong"));
    let features = client.probe().await.unwrap();
    assert!(
        matches!(features.read, Access::Refused { .. }),
        "{features:?}"
    );
    assert!(
        features
            .iter()
            .all(|feature| !feature.support.is_supported())
    );
}

#[tokio::test]
async fn a_server_that_is_not_there_is_asked_nothing_more() {
    let credentials = Credentials::key_and_secret("key", "secret");
    let client = Client::new("http://127.0.0.1:9/graphql", credentials).unwrap();
    let retry = dinoai::Retry::none();
    let error = client.probe().retry(retry).await.unwrap_err();
    assert!(matches!(error, Error::NotSent { .. }), "{error:?}");

    // Without a workspace nothing is read, and the first document shows it.
    let credentials = Credentials::company_token_without_workspace("prdm_cmp_x");
    let client = Client::new("http://127.0.0.1:9/graphql", credentials).unwrap();
    let retry = dinoai::Retry::none();
    let error = client.probe().retry(retry).await.unwrap_err();
    assert!(matches!(error, Error::NotSent { .. }), "{error:?}");

    let server = FaultServer::scripted(|_| Reply::ResetAfter).await;
    let (client, _) = server.client();
    let error = client.probe().await.unwrap_err();
    assert!(matches!(error, Error::Transport { .. }), "{error:?}");
    assert!(
        server
            .operations()
            .iter()
            .all(|name| name == "DinoaiAgentRunStatus")
    );
}

/// Asserts whether the read is granted where this is the response to it, in one word.
async fn assert_it_means(status: u16, body: &Value, expected: &str) {
    let said = body.clone();
    let server = FaultServer::scripted(move |seen| match seen.query.contains("@skip") {
        true => Reply::data(&json!({})),
        false => Reply::json(status, &said),
    })
    .await;
    let features = server.client().0.probe().await.unwrap();
    let read = format!("{:?}", features.read);
    assert_eq!(
        read.split([' ', '{']).next(),
        Some(expected),
        "{status} {body}"
    );
}

/// An error at the read, with this code and message.
fn at_the_read(code: &str, message: &str) -> Value {
    json!({ "message": message, "path": ["dinoaiAgentRun"], "extensions": { "code": code } })
}

#[tokio::test]
async fn each_answer_to_the_read_means_something_else() {
    let nothing = json!({ "dinoaiAgentRun": null });
    for (word, errors) in [
        (
            "Granted",
            &[
                (200, "NOT_FOUND", "no"),
                (200, "SESSION_NOT_FOUND", "no"),
                (200, "", "No DinoAI agent session '' was found."),
                (200, "", "Session not found"),
                (200, "", "DinoaiAgentRun matching query does not exist."),
                (200, "", "No such run"),
                (200, "AGENT_RUN_NOT_FOUND", "no"),
                (200, "NOT_FOUND", "No session '' in workspace finance."),
            ][..],
        ),
        (
            "NotChecked",
            &[
                (200, "NOT_FOUND", "Workspace elsewhere not found"),
                (200, "WORKSPACE_NOT_FOUND", "no"),
                (200, "ACCOUNT_NOT_FOUND", "No such run"),
                (200, "API_KEY_NOT_FOUND", "no"),
                (200, "", "The workspace of this run was not found"),
                (503, "NOT_FOUND", "no"),
                (200, "INTERNAL_SERVER_ERROR", "Internal server error"),
                (200, "INTERNAL_SERVER_ERROR", "No such session"),
                (503, "INTERNAL_SERVER_ERROR", "Internal server error"),
                (200, "SERVICE_UNAVAILABLE", "no"),
                (200, "", "The replica was not found"),
                (200, "", "Something else"),
            ][..],
        ),
        (
            "Refused",
            &[
                (200, "", "Insufficient permissions for DinoAI agents"),
                (200, "FORBIDDEN", "no"),
                (503, "FORBIDDEN", "no"),
                (200, "UNAUTHENTICATED", "no"),
                (200, "UNAUTHORIZED", "no"),
                (200, "", "Missing capability dinoai:agent:read"),
                (503, "", "Missing capability dinoai:agent:read"),
                (
                    200,
                    "INTERNAL_SERVER_ERROR",
                    "The key lacks dinoai:agent:read.",
                ),
                (200, "", "Permission denied"),
            ][..],
        ),
    ] {
        for (status, code, message) in errors {
            for data in [&Value::Null, &nothing] {
                let error = at_the_read(code, message);
                let body = json!({ "data": data, "errors": [error] });
                assert_it_means(*status, &body, word).await;
            }
        }
    }
    // Of several errors, each has to say that there is no such run.
    let two = json!([
        at_the_read("NOT_FOUND", "no"),
        at_the_read("", "Something else")
    ]);
    let two = json!({ "data": null, "errors": two });
    assert_it_means(200, &two, "NotChecked").await;
}

#[tokio::test]
async fn what_is_no_error_of_the_read_grants_it_only_where_it_was_carried_out() {
    let run = |run: Value| json!({ "data": { "dinoaiAgentRun": run } });
    for (status, body, word) in [
        (200, run(Value::Null), "Granted"),
        (
            200,
            run(json!({ "ok": true, "status": "COMPLETED" })),
            "Granted",
        ),
        (
            200,
            run(json!({ "ok": false, "status": "NOT_FOUND" })),
            "Granted",
        ),
        (
            200,
            run(json!({ "ok": false, "status": "FORBIDDEN" })),
            "Refused",
        ),
        (
            200,
            run(json!({ "ok": false, "status": "unauthorized" })),
            "Refused",
        ),
        (
            200,
            run(json!({ "ok": false, "status": "FAILED" })),
            "NotChecked",
        ),
        (200, run(json!(7)), "NotChecked"),
        (200, json!({ "data": {} }), "NotChecked"),
        (200, json!({ "data": null }), "NotChecked"),
        (401, run(Value::Null), "Refused"),
        (403, json!({}), "Refused"),
        (
            200,
            json!({ "data": null, "errors": [{ "message": "No such session" }] }),
            "NotChecked",
        ),
        (
            200,
            json!({ "data": null, "errors": [{ "message": "Missing capability dinoai:agent:read" }] }),
            "Refused",
        ),
        (
            200,
            json!({ "errors": [{ "message": "Syntax Error: Unexpected <EOF>." }] }),
            "NotChecked",
        ),
        (
            200,
            json!({ "data": {}, "errors": [{ "message": "Cannot query field 'ok' on type 'Run'." }] }),
            "NotChecked",
        ),
    ] {
        assert_it_means(status, &body, word).await;
    }
}

#[tokio::test]
async fn a_document_is_refused_by_the_same_words_as_the_read() {
    for (error, is_refused) in [
        (
            json!({ "message": "Missing capability dinoai:agent:trigger" }),
            true,
        ),
        (json!({ "message": "Access denied" }), true),
        (
            json!({ "message": "no", "extensions": { "code": "UNAUTHORIZED" } }),
            true,
        ),
        (
            json!({ "message": "no", "extensions": { "code": "forbidden" } }),
            true,
        ),
        (
            json!({ "message": "Forbidden", "path": ["triggerDinoaiAgentRun"] }),
            true,
        ),
        (json!({ "message": "Something else" }), false),
    ] {
        for status in [200, 400] {
            let body = json!({ "data": null, "errors": [error] });
            let server = FaultServer::scripted(move |_| Reply::json(status, &body)).await;
            let features = server.client().0.probe().await.unwrap();
            let read = matches!(features.read, Access::Refused { .. });
            let trigger = matches!(features.trigger_run, Support::Refused { .. });
            let expected = (is_refused, is_refused);
            assert_eq!((read, trigger), expected, "{status} {error}: {features:?}");
        }
    }
}

#[tokio::test]
async fn what_answers_and_is_no_graphql_server_is_asked_nothing_more() {
    for (reply, attempts) in [
        (Reply::html(200), 4),
        (Reply::html(404), 1),
        (Reply::html(503), 4),
    ] {
        let server = FaultServer::scripted(move |_| reply.clone()).await;
        let error = server.client().0.probe().await.unwrap_err();
        assert!(matches!(error, Error::Http { .. }), "{error:?}");
        assert_eq!(server.arrived(), attempts);
    }
    // One document alone ends nothing.
    let server = FaultServer::scripted(|seen| match seen.operation == "DinoaiAgentRunSteps" {
        true => Reply::html(404),
        false => Reply::data(&json!({})),
    })
    .await;
    let features = server.client().0.probe().await.unwrap();
    assert!(matches!(features.steps, Support::NotChecked { .. }));
    assert!(features.stop_run.is_supported(), "{features:?}");
}

#[tokio::test]
async fn a_credential_that_a_refusal_repeats_is_not_shown() {
    let run = json!({ "ok": false, "status": CANARY });
    let server =
        FaultServer::scripted(move |_| Reply::data(&json!({ "dinoaiAgentRun": run }))).await;
    let features = server.client().0.probe().await.unwrap();
    assert!(matches!(features.read, Access::NotChecked { .. }));
    assert!(!format!("{features:?}").contains(CANARY), "{features:?}");
}

#[tokio::test]
async fn a_server_that_asks_only_to_wait_is_asked_nothing_more() {
    let without_a_workspace = Credentials::company_token_without_workspace("prdm_cmp_x");
    for credentials in [
        Credentials::key_and_secret("key", "secret"),
        without_a_workspace,
    ] {
        let server = FaultServer::scripted(|_| Reply::too_many_requests("1")).await;
        let (client, _) = client(&server.endpoint(), |it| it.credentials(credentials));
        let error = client.probe().await.unwrap_err();
        assert!(matches!(error, Error::RateLimited { .. }), "{error:?}");
        assert_eq!(server.arrived(), 4);
    }
}

#[tokio::test]
async fn a_server_that_loses_the_first_response_to_a_client_without_a_workspace_is_asked_nothing_more()
 {
    let server = FaultServer::scripted(|_| Reply::ResetAfter).await;
    let credentials = Credentials::company_token_without_workspace("prdm_cmp_x");
    let (client, _) = client(&server.endpoint(), |it| it.credentials(credentials));
    let error = client.probe().await.unwrap_err();
    assert!(matches!(error, Error::Transport { .. }), "{error:?}");
    assert!(!error.may_have_started());
    assert_eq!(server.arrived(), 1);
}

#[tokio::test]
async fn the_servers_clock_is_that_of_its_first_response_with_a_date() {
    let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    for first in 1..=3 {
        let mut count = 0;
        let server = FaultServer::scripted(move |_| {
            count += 1;
            let later = then + Duration::from_secs(60 * (count - first.min(count)));
            match count < first {
                true => Reply::data(&json!({})),
                false => {
                    Reply::data(&json!({})).with_header("Date", httpdate::fmt_http_date(later))
                }
            }
        })
        .await;
        let (client, _) = server.client();
        assert_eq!(client.probe().await.unwrap().server_time, Some(then));
    }
    let server = FaultServer::scripted(|_| Reply::data(&json!({}))).await;
    assert_eq!(server.client().0.probe().await.unwrap().server_time, None);
}
