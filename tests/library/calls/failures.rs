//! What a failed response means, with every detail that the server gave.

use dinoai::{Error, Result, TriggerRun};
use serde_json::json;

use crate::starting::lost_responses::{CHANGES, change};
use crate::support::fault_server::{CANARY, FaultServer, Reply, SESSION};

#[tokio::test]
async fn a_client_error_is_final_for_every_call() {
    for status in [301, 302, 307, 308, 400, 404, 405, 410, 413, 422] {
        let reply = Reply::Http(
            status,
            vec![("Location", "http://127.0.0.1:9/".into())],
            "no".into(),
        );
        let server = FaultServer::start([reply.clone()]).await;
        let (client, _) = server.client();
        let error = client.get_run(SESSION).await.unwrap_err();
        assert!(
            matches!(error, Error::Http { status: reported, .. } if reported == status),
            "{error:?}"
        );
        for which in CHANGES {
            let server = FaultServer::start([reply.clone()]).await;
            let (client, _) = server.client();
            let error = change(&client, which).await.unwrap_err();
            assert!(matches!(error, Error::Http { .. }), "{error:?}");
            assert!(!error.may_have_started() && !error.is_retryable());
            assert_eq!(server.arrived(), 1);
        }
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let target = FaultServer::start([]).await;
    for status in [301, 302, 303, 307, 308] {
        let location = vec![("Location", target.endpoint())];
        let server = FaultServer::start([Reply::Http(status, location, String::new())]).await;
        let (client, _) = server.client();
        let error = client.get_run(SESSION).await.unwrap_err();
        assert!(!error.to_string().contains(CANARY), "{error}");
        assert_eq!((server.arrived(), target.arrived()), (1, 0));
    }
}

/// What GraphQL errors mean, for a trigger, a read and a stop, at several HTTP statuses.
#[tokio::test]
async fn what_graphql_errors_mean() {
    let root = json!({ "ok": true, "agentSessionId": "started0started0", "status": "queued" });
    let at_root = json!([{ "message": "it broke", "path": ["triggerDinoaiAgentRun"] }]);
    let unknown_argument = json!([
        { "message": "Unknown argument \"baseBranch\" on field \"Mutation.triggerDinoaiAgentRun\".",
          "locations": [{ "line": 3, "column": 5 }] },
        { "message": "Cannot query field 'warning' on type 'TriggerDinoAiAgentRun'." },
    ]);
    let bodies = [
        (
            "validation",
            json!({ "errors": [{ "message": "Variable \"$id\" is never used.", "extensions": { "code": "GRAPHQL_VALIDATION_FAILED" } }] }),
        ),
        (
            "validation, null data",
            json!({ "data": null, "errors": [{ "message": "Syntax Error" }] }),
        ),
        ("unknown argument", json!({ "errors": unknown_argument })),
        (
            "execution, null data",
            json!({ "data": null, "errors": at_root }),
        ),
        (
            "execution, null root",
            json!({ "data": { "triggerDinoaiAgentRun": null }, "errors": at_root }),
        ),
        (
            "execution, partial data",
            json!({ "data": { "triggerDinoaiAgentRun": root }, "errors": [{ "message": "late" }] }),
        ),
        (
            "errors in odd shapes",
            json!({ "errors": ["plain", 7, { "path": [1, {}] }, { "message": "well-formed" }] }),
        ),
        (
            "errors are not a list",
            json!({ "errors": { "message": "alone" } }),
        ),
        (
            "no errors after all",
            json!({ "data": { "triggerDinoaiAgentRun": root }, "errors": [] }),
        ),
        (
            "not accepted",
            json!({ "data": {
            "triggerDinoaiAgentRun": { "ok": false, "agentSessionId": "", "status": "rejected" },
            "stopDinoaiAgentRun": { "ok": false, "status": "rejected" },
        } }),
        ),
        (
            "blank session id",
            json!({ "data": { "triggerDinoaiAgentRun": { "ok": true, "agentSessionId": " ", "status": "queued" } } }),
        ),
        (
            "wrong type",
            json!({ "data": { "triggerDinoaiAgentRun": { "ok": "yes" }, "stopDinoaiAgentRun": { "ok": 1 } } }),
        ),
    ];
    let mut meanings = String::new();
    for (name, body) in bodies {
        let mut at_statuses = vec![];
        for status in [200, 294, 400, 422, 500] {
            let mut lines = String::new();
            for which in ["trigger", "stop"] {
                let server = FaultServer::start([Reply::json(status, &body)]).await;
                let (client, _) = server.client();
                let outcome = match which {
                    "trigger" => {
                        let request = TriggerRun::agent("a").with_base_branch("main");
                        client.trigger_run(request).await
                    }
                    _ => client.stop_run(SESSION).await,
                };
                // A stop is sent again after any 5xx.
                let most = if which == "stop" && status == 500 {
                    2
                } else {
                    1
                };
                assert!((1..=most).contains(&server.arrived()), "{name} at {status}");
                let outcome = describe(&outcome).replace(&format!("HTTP {status}"), "HTTP STATUS");
                lines.push_str(&format!("  {which}: {outcome}\n"));
            }
            at_statuses.push(lines);
        }
        // At a 5xx nothing that the errors say is proof.
        let at_500 = at_statuses.pop().unwrap();
        at_statuses.dedup();
        assert_eq!(
            at_statuses.len(),
            1,
            "{name} depends on the status: {at_statuses:#?}"
        );
        meanings.push_str(&format!("{name}\n{}", at_statuses[0]));
        if at_500 != at_statuses[0] {
            meanings.push_str(&format!("{name}, at 500\n{at_500}"));
        }
    }
    insta::assert_snapshot!(meanings);
}

fn describe<T: std::fmt::Debug>(outcome: &Result<T>) -> String {
    let error = match outcome {
        Ok(_) => return "Ok".to_owned(),
        Err(error) => error,
    };
    let debug = format!("{error:?}");
    let variant = debug.split([' ', '(']).next().unwrap_or_default();
    let started = if error.may_have_started() {
        ", may have started"
    } else {
        ""
    };
    let retryable = if error.is_retryable() {
        ", retryable"
    } else {
        ""
    };
    let session = error
        .session_id()
        .map(|id| format!(", session {id}"))
        .unwrap_or_default();
    format!("{variant}{started}{retryable}{session}\n    {error}")
}

#[tokio::test]
async fn partial_data_and_every_detail_of_the_errors_are_kept() {
    let body = json!({
        "data": { "dinoaiAgentRun": { "ok": true, "status": null } },
        "errors": [{
            "message": "no status",
            "path": ["dinoaiAgentRun", "messages", 3, "ts"],
            "locations": [{ "line": 5, "column": 9 }],
            "extensions": { "code": "INTERNAL", "nested": { "a": [1] } },
        }],
    });
    let server = FaultServer::start([Reply::json(200, &body)]).await;
    let (client, _) = server.client();
    let error = client.get_run(SESSION).await.unwrap_err();
    let Error::GraphQl {
        errors,
        data,
        executed,
        ..
    } = &error
    else {
        panic!("{error:?}");
    };
    assert!(executed);
    assert_eq!(data.as_ref(), Some(&body["data"]));
    assert_eq!(serde_json::to_value(errors).unwrap(), body["errors"]);
}

#[tokio::test]
async fn the_servers_request_id_and_reason_are_kept() {
    let headers = vec![
        ("Content-Type", "application/json".to_owned()),
        ("X-Request-Id", "req-1".to_owned()),
    ];
    for status in [401, 403] {
        let reply = Reply::Http(status, headers.clone(), "Key is expired".into());
        let server = FaultServer::start([reply]).await;
        let (client, _) = server.client();
        let error = client.get_run(SESSION).await.unwrap_err();
        assert!(matches!(error, Error::Unauthorized { .. }), "{error:?}");
        assert_eq!(error.request_id(), Some("req-1"));
        let text = error.to_string();
        for part in [
            "dinoai:agent:trigger",
            "dinoai:agent:read",
            "Key is expired",
            "req-1",
        ] {
            assert!(text.contains(part), "{text}");
        }
    }
}
