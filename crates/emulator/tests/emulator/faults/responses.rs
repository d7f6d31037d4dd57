//! A fault can change a response: null data, errors of GraphQL, another status, another value.

use std::time::{Duration, Instant};

use dinoai_emulator::{ErrorData, Fault};
use serde_json::{Value, json};

use super::{triggered, with};
use crate::caller::{RUN, call, post, response_to, trigger};

#[tokio::test]
async fn data_can_be_null_without_an_error() {
    let emulator = with(Fault::null_data()).await;
    let response = triggered(&emulator).await;
    assert_eq!(
        (response.status, response.text.as_str()),
        (200, r#"{"data":null}"#)
    );
    assert!(emulator.runs().is_empty());
}

#[tokio::test]
async fn data_can_come_with_an_error_beside_it() {
    let emulator = with(Fault::partial_data()).await;
    let response = triggered(&emulator).await;
    assert_eq!(
        response.root()["agentSessionId"],
        emulator.runs()[0].session_id.as_str()
    );
    assert_eq!(
        response.body["errors"],
        json!([{
            "message": "A part of the response could not be read.",
            "path": ["triggerDinoaiAgentRun"],
        }])
    );
    // What has an error already gets one more.
    emulator.add_fault(Fault::partial_data()).unwrap();
    let response = call(&emulator, RUN, json!({ "id": "unknown" })).await;
    assert_eq!(response.messages().len(), 2);
}

#[tokio::test]
async fn a_graphql_error_has_the_status_asked_for_and_a_gateways_message() {
    for status in [200, 400, 401, 404, 408, 429, 500, 504, 599] {
        let emulator = with(Fault::graphql_error(status).retry_after("7")).await;
        let response = triggered(&emulator).await;
        assert_eq!(
            (response.status, response.content_type()),
            (status, "application/json; charset=utf-8")
        );
        assert_eq!(response.headers["retry-after"], "7");
        let body =
            r#"{"errors":[{"message":"The service behind the gateway did not answer in time."}]}"#;
        assert_eq!(response.text, body);
        assert!(emulator.runs().is_empty());
        let request = &emulator.requests()[0];
        assert_eq!(
            (request.status, request.fault.as_deref(), request.executed),
            (status, Some("graphql_error"), false)
        );
    }
}

#[tokio::test]
async fn a_graphql_error_says_what_it_is_given() {
    let fault = Fault::graphql_error(502)
        .message("No pods.")
        .code("SERVICE_UNAVAILABLE")
        .path(["triggerDinoaiAgentRun", "ok"])
        .data(ErrorData::Null);
    let emulator = with(fault.clone()).await;
    assert_eq!(
        triggered(&emulator).await.body,
        json!({
            "data": null,
            "errors": [{
                "message": "No pods.",
                "extensions": { "code": "SERVICE_UNAVAILABLE" },
                "path": ["triggerDinoaiAgentRun", "ok"],
            }],
        })
    );
    emulator
        .add_fault(fault.path(Vec::<String>::new()))
        .unwrap();
    assert_eq!(
        triggered(&emulator).await.body["errors"][0]["path"],
        json!([])
    );
}

#[tokio::test]
async fn a_graphql_error_can_be_in_the_media_type_that_the_client_likes_best() {
    let emulator = with(Fault::graphql_error(500)).await;
    let request = post(&emulator).header("Accept", "application/graphql-response+json");
    let response = response_to(request.json(&json!({ "query": "{ __typename }" }))).await;
    assert_eq!(
        response.content_type(),
        "application/graphql-response+json; charset=utf-8"
    );
}

#[tokio::test]
async fn a_graphql_error_can_have_a_null_at_the_first_root_field() {
    let emulator = with(
        Fault::graphql_error(200)
            .data(ErrorData::NullField)
            .always(),
    )
    .await;
    for (query, data) in [
        (
            "{ dinoaiAgentRun(agentSessionId: \"x\") { ok } other: __typename }",
            Some(json!({ "dinoaiAgentRun": null })),
        ),
        (
            "mutation { once: triggerDinoaiAgentRun { ok } }",
            Some(json!({ "once": null })),
        ),
        (
            "fragment F on Query { ... on Query { ...F inner: __typename } } { ...F outer: __typename }",
            Some(json!({ "inner": null })),
        ),
        ("fragment F on Query { ...F } { ...F }", None),
        ("{ first", Some(json!({ "first": null }))),
        ("no document", None),
    ] {
        let response = call(&emulator, query, json!({})).await;
        assert_eq!(response.body.get("data"), data.as_ref(), "{query}");
        assert_eq!(response.messages().len(), 1);
    }
    let two = json!({ "query": "query A { a } query B { b }", "operationName": "B" });
    let response = response_to(post(&emulator).json(&two)).await;
    assert_eq!(response.body["data"], json!({ "b": null }));
    let none = response_to(post(&emulator).body("nothing")).await;
    assert!(none.body.get("data").is_none());
}

#[tokio::test]
async fn a_graphql_error_can_stand_beside_the_data_of_a_request_that_was_executed() {
    let emulator = with(Fault::graphql_error(500).data(ErrorData::Kept)).await;
    let response = triggered(&emulator).await;
    assert_eq!(response.status, 500);
    assert_eq!(
        response.root()["agentSessionId"],
        emulator.runs()[0].session_id.as_str()
    );
    assert_eq!(response.messages().len(), 1);
    // What was refused has no data to keep.
    emulator
        .add_fault(Fault::graphql_error(500).data(ErrorData::Kept))
        .unwrap();
    let response = call(&emulator, "{ nothing }", json!({})).await;
    assert!(response.body.get("data").is_none());

    emulator
        .add_fault(
            Fault::graphql_error(504)
                .after_execution()
                .delayed(Duration::from_millis(50))
                .on("Trigger"),
        )
        .unwrap();
    let start = Instant::now();
    let response = triggered(&emulator).await;
    assert!(start.elapsed() >= Duration::from_millis(50));
    assert!(response.status == 504 && response.body.get("data").is_none());
    assert_eq!(emulator.runs().len(), 2, "executed, and the response lost");
}

#[tokio::test]
async fn a_normal_response_can_have_another_status() {
    for status in [401, 403, 429, 500] {
        let emulator = with(Fault::status(status).retry_after("7")).await;
        let response = triggered(&emulator).await;
        assert_eq!(
            (response.status, response.content_type()),
            (status, "application/json; charset=utf-8")
        );
        assert_eq!(response.headers["retry-after"], "7");
        assert_eq!(
            response.root()["agentSessionId"],
            emulator.runs()[0].session_id.as_str()
        );
        assert_eq!(emulator.requests()[0].status, status);
        assert_eq!(emulator.requests()[0].fault.as_deref(), Some("status"));
    }
}

#[tokio::test]
async fn a_field_of_a_normal_response_can_have_another_value() {
    let emulator = with(Fault::replaced("ok", json!([]))).await;
    let response = triggered(&emulator).await;
    assert_eq!(
        response.body,
        json!({ "data": { "triggerDinoaiAgentRun": {
            "ok": [],
            "agentSessionId": emulator.runs()[0].session_id,
            "status": "queued",
        } } })
    );
    assert_eq!(emulator.requests()[0].fault.as_deref(), Some("replaced"));

    let id = trigger(&emulator, "a").await;
    let before = crate::caller::read(&emulator, &id).await;
    emulator
        .add_fault(Fault::replaced("ts", json!({ "ts": 1 })))
        .unwrap();
    let mut run = crate::caller::read(&emulator, &id).await;
    assert_eq!(run["messages"][0]["ts"], json!({ "ts": 1 }), "at any depth");
    emulator
        .add_fault(Fault::replaced("content", Value::Null))
        .unwrap();
    let unread = crate::caller::read(&emulator, &id).await;
    assert_eq!(unread["messages"][0]["content"], Value::Null);
    assert_eq!(unread["messages"][0]["ts"], before["messages"][0]["ts"]);
    run["messages"][0]["ts"] = before["messages"][0]["ts"].clone();
    assert_eq!(run["messages"][0], before["messages"][0]);
}
