//! A backend that executes what it should have skipped: the probe stops there, and no id is lost.

use dinoai::{Error, Features, Support};
use serde_json::{Value, json};

use crate::support::fault_server::{FaultServer, Reply, client};

const MUTATIONS: [(&str, &str); 4] = [
    ("TriggerDinoaiAgentRun", "triggerDinoaiAgentRun"),
    ("TriggerDinoaiAgentRunWithOptions", "triggerDinoaiAgentRun"),
    ("SendDinoaiAgentMessage", "sendDinoaiAgentMessage"),
    ("StopDinoaiAgentRun", "stopDinoaiAgentRun"),
];

/// A backend that answers this mutation so, and skips what else it should.
async fn backend(mutation: &'static str, reply: Reply) -> FaultServer {
    FaultServer::scripted(move |seen| match seen.operation == mutation {
        true => reply.clone(),
        false => Reply::data(&json!({})),
    })
    .await
}

fn json_text(text: &str) -> Reply {
    Reply::text(200, "application/json", text)
}

/// The error of a probe that must stop at this mutation.
async fn stopped_at(mutation: &'static str, reply: Reply) -> Error {
    let server = backend(mutation, reply.clone()).await;
    let probed = server.client().0.probe().await;
    let Err(error) = probed else {
        panic!("{reply:?}: {probed:?}")
    };
    let is_unknown = matches!(error, Error::OutcomeUnknown { .. });
    assert!(
        is_unknown && error.may_have_started(),
        "{reply:?}: {error:?}"
    );
    assert!(!error.is_retryable());
    let sent = server.operations();
    assert_eq!(sent.last().unwrap(), mutation, "{reply:?}");
    let times = sent.iter().filter(|name| *name == mutation).count();
    assert_eq!(times, 1, "{reply:?}");
    error
}

async fn probed(mutation: &'static str, reply: Reply) -> (Features, FaultServer) {
    let server = backend(mutation, reply).await;
    let features = server.client().0.probe().await.unwrap();
    (features, server)
}

#[tokio::test]
async fn an_id_in_any_response_to_a_mutation_ends_the_probe_and_is_in_its_error() {
    const CUT: &str = r#"{"data":{"triggerDinoaiAgentRun":{"ok":true,"agentSessionId":"abc123","#;
    let value = json!({ "ok": true, "agentSessionId": "abc123", "status": "queued" });
    let refusal = json!({ "ok": false, "agentSessionId": "abc123", "status": "REJECTED" });
    let in_extensions = json!({
        "message": "x",
        "path": ["triggerDinoaiAgentRun"],
        "extensions": { "agentSessionId": "abc123" },
    });
    for (mutation, root) in MUTATIONS {
        let data = json!({ "data": { root: value } });
        for reply in [
            Reply::json(200, &data),
            Reply::json(401, &data),
            Reply::json(429, &data),
            Reply::json(503, &data),
            Reply::json(200, &json!({ "data": { root: refusal } })),
            Reply::json(500, &json!({ "agentSessionId": "abc123" })),
            Reply::json(429, &json!({ "agentSessionId": "abc123" })),
            Reply::json(200, &json!({ "data": null, "errors": [in_extensions] })),
            json_text(CUT),
            json_text(&format!(r#"{{"data":{},"data":{{}}}}"#, data["data"])),
            Reply::text(502, "text/html", format!("<p>{value}</p>")),
            Reply::cut(200, CUT),
            Reply::cut_then_hang(200, CUT),
        ] {
            let error = stopped_at(mutation, reply.clone()).await;
            let id = error.session_id().map(ToString::to_string);
            assert_eq!(id.as_deref(), Some("abc123"), "{reply:?}: {error:?}");
            assert!(error.to_string().contains("abc123"), "{error}");
        }
    }
}

#[tokio::test]
async fn several_ids_are_all_kept() {
    let ids = json!({ "started": [{ "agentSessionId": "a1" }, { "agentSessionId": "b2" }] });
    let error = stopped_at("TriggerDinoaiAgentRun", Reply::json(500, &ids)).await;
    let Error::OutcomeUnknown { call, .. } = &error else {
        unreachable!("{error:?}")
    };
    assert_eq!(call.further_ids.len(), 1);
    assert!(error.to_string().contains("a1, b2"), "{error}");
}

#[tokio::test]
async fn a_value_at_the_root_ends_the_probe_whatever_the_status_and_the_body() {
    for (mutation, root) in MUTATIONS {
        let value = json!({ "data": { root: { "ok": true, "status": "x" } } });
        for reply in [
            Reply::json(200, &value),
            Reply::json(401, &value),
            Reply::json(429, &value),
            Reply::json(500, &value),
            Reply::json(200, &json!({ "data": { root: 7 } })),
            Reply::json(200, &json!({ "result": { root: { "ok": true } } })),
            json_text(&format!(r#"{{"data":{{"{root}":{{"ok":tr"#)),
            Reply::cut(200, &format!(r#"{{"data":{{"{root}":{{"ok":tr"#)),
            Reply::cut_then_hang(200, &format!(r#"{{"data":{{"{root}":{{"ok":tr"#)),
            json_text(&format!(
                r#"{{"data":{{"{root}":{{"ok":true}}}},"data":null}}"#
            )),
        ] {
            let error = stopped_at(mutation, reply).await;
            assert_eq!(error.session_id(), None);
        }
    }
}

#[tokio::test]
async fn a_refusal_or_nothing_at_the_root_is_no_execution() {
    for (mutation, root) in MUTATIONS {
        for body in [
            json!({ "data": { root: null } }),
            json!({ "data": { root: { "ok": false, "agentSessionId": "", "status": "REJECTED" } } }),
            json!({ "data": { root: null }, "errors": [{ "message": "no", "path": [root] }] }),
            json!({ "data": null, "errors": [{ "message": "no", "path": [root] }] }),
            json!({ "data": {}, "extensions": { "complexity": { root: 5 } } }),
        ] {
            let (features, server) = probed(mutation, Reply::json(200, &body)).await;
            let feature = features.iter().find(|it| it.operation == mutation).unwrap();
            assert!(feature.support.is_supported(), "{body}: {feature:?}");
            assert_eq!(server.arrived(), 10);
        }
    }
}

#[tokio::test]
async fn a_response_that_was_lost_says_nothing_and_the_probe_goes_on_without_asking_again() {
    for (mutation, root) in MUTATIONS {
        for reply in [
            Reply::ResetAfter,
            Reply::Hang,
            Reply::cut(200, r#"{"data":{"#),
            Reply::cut(200, &format!(r#"{{"data":{{"{root}":nul"#)),
            Reply::html(502),
            Reply::json(503, &json!({ "errors": [{ "message": "Down." }] })),
            Reply::json(
                200,
                &json!({ "errors": [{ "message": "Slow.", "extensions": { "code": "RATE_LIMITED" } }] }),
            ),
        ] {
            let (features, server) = probed(mutation, reply.clone()).await;
            let feature = features.iter().find(|it| it.operation == mutation).unwrap();
            let Support::NotChecked { error, .. } = feature.support else {
                panic!("{reply:?}: {feature:?}")
            };
            assert!(!error.may_have_started(), "{reply:?}: {error:?}");
            assert_eq!(server.arrived(), 10, "{reply:?}");
        }
    }
}

#[tokio::test]
async fn a_mutation_that_comes_too_soon_is_sent_again_after_a_pause() {
    let mut count = 0;
    let server = FaultServer::scripted(move |_| {
        count += 1;
        match count % 2 {
            0 => Reply::too_many_requests("1"),
            _ => Reply::data(&json!({})),
        }
    })
    .await;
    let (client, clock) = server.client();
    let features = client.probe().await.unwrap();
    for feature in features.iter() {
        assert!(feature.support.is_supported(), "{feature:?}");
    }
    assert_eq!(server.arrived(), 19);
    assert!(dinoai::time::Clock::now(&clock) >= std::time::Duration::from_secs(9));

    // As often as a call is tried, and no more.
    let (features, server) = probed("StopDinoaiAgentRun", Reply::too_many_requests("1")).await;
    let is_limited = |support: &Support| {
        matches!(
            support,
            Support::NotChecked {
                error: Error::RateLimited { .. },
                ..
            }
        )
    };
    assert!(is_limited(&features.stop_run), "{features:?}");
    assert_eq!(server.arrived(), 13);
}

#[tokio::test]
async fn errors_of_validation_beside_empty_data_refuse_the_document() {
    let error = |message: &str| json!([{ "message": message }]);
    let reply = |errors: &Value| Reply::json(200, &json!({ "data": {}, "errors": errors }));
    let unknown = error("Cannot query field 'stopDinoaiAgentRun' on type 'Mutation'.");
    let (features, _) = probed("StopDinoaiAgentRun", reply(&unknown)).await;
    let is_older = matches!(features.stop_run, Support::NotSupported { .. });
    assert!(is_older, "{features:?}");
    let broken = error("Variable '$x' of required type 'String!' was not provided.");
    let (features, _) = probed("ListWorkspaces", reply(&broken)).await;
    let is_broken = matches!(features.list_workspaces, Support::Broken { .. });
    assert!(is_broken, "{features:?}");
}

#[tokio::test]
async fn a_refusal_beside_null_is_one_of_the_credentials() {
    for (mutation, root) in MUTATIONS {
        for path in [json!(null), json!([root])] {
            let refusal =
                json!({ "message": "No.", "path": path, "extensions": { "code": "FORBIDDEN" } });
            let body = json!({ "data": { root: null }, "errors": [refusal] });
            let (features, _) = probed(mutation, Reply::json(200, &body)).await;
            let feature = features.iter().find(|it| it.operation == mutation).unwrap();
            let is_refused = matches!(feature.support, Support::Refused { .. });
            assert!(is_refused, "{body}: {feature:?}");
        }
    }
}

#[tokio::test]
async fn a_response_over_the_limit_is_said_to_be_one() {
    for (mutation, _) in MUTATIONS {
        let long = json!({ "data": {}, "extensions": { "trace": "x".repeat(8192) } });
        let server = backend(mutation, Reply::json(200, &long)).await;
        let (client, _) = client(&server.endpoint(), |builder| builder.response_limit(4096));
        let features = client.probe().await.unwrap();
        let feature = features.iter().find(|it| it.operation == mutation).unwrap();
        let Support::NotChecked { error, .. } = feature.support else {
            panic!("{feature:?}")
        };
        let is_too_large = matches!(error, Error::ResponseTooLarge { limit: 4096, .. });
        assert!(is_too_large && !error.may_have_started(), "{error:?}");
    }
}
