//! What happens to requests when the plan says so.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod caller;

use std::io::Read;
use std::time::{Duration, Instant};

use caller::{RUN, TRIGGER, answered, bare, call, post, trigger};
use dinoai_emulator::{Emulator, ErrorData, Fault};
use serde_json::{Value, json};

async fn with(fault: Fault) -> Emulator {
    Emulator::builder().fault(fault).start().await.unwrap()
}

async fn triggered(emulator: &Emulator) -> caller::Answer {
    call(emulator, TRIGGER, json!({ "agent": "a" })).await
}

/// The error of a trigger that gets no whole answer.
async fn failure(emulator: &Emulator) -> reqwest::Error {
    let request = post(emulator).json(&json!({
        "query": TRIGGER, "variables": { "agent": "a" },
    }));
    match request.send().await {
        Ok(response) => response.bytes().await.unwrap_err(),
        Err(error) => error,
    }
}

#[tokio::test]
async fn http_errors_are_answered_and_execute_nothing() {
    for (fault, name, status, content_type) in [
        (
            Fault::too_many_requests(),
            "too_many_requests",
            429,
            "application/json",
        ),
        (Fault::unavailable(), "unavailable", 503, "application/json"),
        (
            Fault::internal_error(),
            "internal_error",
            500,
            "text/plain; charset=utf-8",
        ),
        (
            Fault::bad_gateway(),
            "bad_gateway",
            502,
            "text/html; charset=utf-8",
        ),
    ] {
        let emulator = with(fault.clone().retry_after("7")).await;
        emulator.add_fault(fault.after_execution()).unwrap();
        let answer = triggered(&emulator).await;
        assert_eq!(
            (answer.status, answer.content_type()),
            (status, content_type)
        );
        assert_eq!(answer.headers["retry-after"], "7");
        assert_eq!(answer.text.starts_with("<html>"), status == 502);
        assert!(answer.body.get("data").is_none() && answer.body.get("errors").is_none());
        assert!(emulator.runs().is_empty());

        let answer = triggered(&emulator).await;
        assert_eq!(answer.status, status);
        assert!(answer.headers.get("retry-after").is_none());
        assert_eq!(emulator.runs().len(), 1, "executed, and the answer lost");

        assert_eq!(triggered(&emulator).await.root()["ok"], true);
        let requests = emulator.requests();
        let faults: Vec<_> = requests
            .iter()
            .map(|request| request.fault.as_deref())
            .collect();
        assert_eq!(faults, [Some(name), Some(name), None]);
        assert_eq!(requests[1].status, status);
        assert_eq!(requests[1].started, [emulator.runs()[0].session_id.clone()]);
    }
}

#[tokio::test]
async fn a_reset_comes_before_or_after_execution() {
    for (fault, runs) in [(Fault::reset(), 0), (Fault::reset().after_execution(), 1)] {
        let emulator = with(fault).await;
        let error = failure(&emulator).await;
        let mut source: &dyn std::error::Error = &error;
        while let Some(next) = source.source() {
            source = next;
        }
        let reset = source.downcast_ref::<std::io::Error>().unwrap();
        assert_eq!(reset.kind(), std::io::ErrorKind::ConnectionReset);
        assert_eq!(emulator.runs().len(), runs);
        let request = &emulator.requests()[0];
        assert_eq!((request.status, request.executed), (0, runs == 1));
        assert_eq!(request.started.len(), runs);
        assert_eq!(request.query, TRIGGER);
        assert_eq!(triggered(&emulator).await.status, 200);
    }
}

#[tokio::test]
async fn a_delay_comes_before_execution_or_after_it() {
    let wait = Duration::from_secs(30);
    for (fault, runs) in [
        (Fault::delay(wait), 0),
        (Fault::delay(wait).after_execution(), 1),
    ] {
        let emulator = with(fault).await;
        let request = post(&emulator)
            .timeout(Duration::from_millis(200))
            .json(&json!({
                "query": TRIGGER, "variables": { "agent": "a" },
            }));
        assert!(request.send().await.unwrap_err().is_timeout());
        assert_eq!(emulator.runs().len(), runs);
        assert_eq!(emulator.requests()[0].status, 0);
    }
    let emulator = with(Fault::delay(Duration::from_millis(50))).await;
    let start = Instant::now();
    assert_eq!(triggered(&emulator).await.root()["ok"], true);
    assert!(start.elapsed() >= Duration::from_millis(50));
}

#[tokio::test]
async fn any_fault_can_come_late() {
    let emulator = with(Fault::bad_gateway().delayed(Duration::from_millis(50))).await;
    let start = Instant::now();
    assert_eq!(triggered(&emulator).await.status, 502);
    assert!(start.elapsed() >= Duration::from_millis(50));
}

#[tokio::test]
async fn a_cut_body_is_shorter_than_its_head_says() {
    let emulator = with(Fault::cut_body()).await;
    let request = post(&emulator).json(&json!({ "query": "{ __typename }" }));
    let mut response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    let promised = response.content_length().unwrap();
    let mut sent = Vec::new();
    let error = loop {
        match response.chunk().await {
            Ok(Some(chunk)) => sent.extend(chunk),
            Ok(None) => panic!("the body is whole"),
            Err(error) => break error,
        }
    };
    assert!(error.is_body() || error.is_decode(), "{error:?}");
    assert_eq!(sent, br#"{"data":{"__typename":"Query"}}"#[..sent.len()]);
    assert_eq!(sent.len() as u64, promised / 2);

    let emulator = with(Fault::cut_body()).await;
    failure(&emulator).await;
    assert_eq!(emulator.runs().len(), 1);

    for bytes in [0, 1_000_000] {
        let fault = json!({ "fault": "cut_body", "bytes": bytes });
        let emulator = with(serde_json::from_value(fault).unwrap()).await;
        failure(&emulator).await;
    }
}

#[tokio::test]
async fn a_status_without_a_body_has_none() {
    for status in [204, 205, 304] {
        for fault in [Fault::status(status), Fault::graphql_error(status)] {
            let emulator = with(fault.retry_after("7")).await;
            let answer = triggered(&emulator).await;
            assert_eq!((answer.status, answer.text.as_str()), (status, ""));
            assert_eq!(answer.headers["retry-after"], "7");
            for name in ["content-type", "content-length"] {
                let value = answer.headers.get(name).map(|it| it.to_str().unwrap());
                assert!(
                    matches!(value, None | Some("0")),
                    "{status} {name} {value:?}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_slow_drip_comes_byte_by_byte() {
    let emulator = with(Fault::slow_drip(Duration::from_millis(5))).await;
    let start = Instant::now();
    let request = post(&emulator).json(&json!({ "query": "{ __typename }" }));
    let mut response = request.send().await.unwrap();
    let mut chunks = 0;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.unwrap() {
        chunks += 1;
        body.extend(chunk);
    }
    assert_eq!(body, br#"{"data":{"__typename":"Query"}}"#);
    assert!(chunks > 5, "{chunks}");
    assert!(start.elapsed() >= Duration::from_millis(5) * u32::try_from(body.len()).unwrap());
}

#[tokio::test]
async fn an_endless_body_goes_on_until_the_client_goes() {
    let emulator = with(Fault::endless_body()).await;
    let mut response = post(&emulator)
        .json(&json!({ "query": "{ __typename }" }))
        .send()
        .await
        .unwrap();
    let mut read = 0;
    while read < 8 << 20 {
        let chunk = response.chunk().await.unwrap().unwrap();
        if read == 0 {
            assert!(chunk.starts_with(b"{\"data\":"));
        }
        read += chunk.len();
    }
    drop(response);
    assert_eq!(triggered(&emulator).await.status, 200);
}

#[tokio::test]
async fn a_gzip_bomb_is_small_and_unfolds_to_valid_json() {
    const SIZE: u64 = 20 << 20;
    let emulator = with(Fault::gzip_bomb(SIZE)).await;
    let response = post(&emulator)
        .json(&json!({ "query": "{ __typename }" }))
        .send()
        .await
        .unwrap();
    assert_eq!(response.headers()["content-encoding"], "gzip");
    let packed = response.bytes().await.unwrap();
    assert!(packed.len() < 64 << 10, "{}", packed.len());
    let mut text = Vec::new();
    flate2::read::GzDecoder::new(&packed[..])
        .read_to_end(&mut text)
        .unwrap();
    assert!(text.len() as u64 >= SIZE);
    let body: Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(body, json!({ "data": null }));
}

#[tokio::test]
async fn a_redirect_says_where_to() {
    let emulator = with(Fault::redirect("http://127.0.0.1:9/elsewhere")).await;
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let answer = answered(client.post(emulator.endpoint())).await;
    assert_eq!(answer.status, 307);
    assert_eq!(answer.headers["location"], "http://127.0.0.1:9/elsewhere");
}

#[tokio::test]
async fn a_good_answer_can_have_a_wrong_content_type() {
    let emulator = with(Fault::content_type("text/html; charset=utf-8")).await;
    let answer = triggered(&emulator).await;
    assert_eq!(
        (answer.status, answer.content_type()),
        (200, "text/html; charset=utf-8")
    );
    assert_eq!(answer.root()["ok"], true);
}

#[tokio::test]
async fn data_can_be_null_without_an_error() {
    let emulator = with(Fault::null_data()).await;
    let answer = triggered(&emulator).await;
    assert_eq!(
        (answer.status, answer.text.as_str()),
        (200, r#"{"data":null}"#)
    );
    assert!(emulator.runs().is_empty());
}

#[tokio::test]
async fn data_can_come_with_an_error_beside_it() {
    let emulator = with(Fault::partial_data()).await;
    let answer = triggered(&emulator).await;
    assert_eq!(
        answer.root()["agentSessionId"],
        emulator.runs()[0].session_id.as_str()
    );
    assert_eq!(
        answer.body["errors"],
        json!([{
            "message": "A part of the answer could not be read.",
            "path": ["triggerDinoaiAgentRun"],
        }])
    );
    // What has an error already gets one more.
    emulator.add_fault(Fault::partial_data()).unwrap();
    let answer = call(&emulator, RUN, json!({ "id": "unknown" })).await;
    assert_eq!(answer.messages().len(), 2);
}

#[tokio::test]
async fn a_graphql_error_has_the_status_asked_for_and_a_gateways_message() {
    for status in [200, 400, 401, 404, 408, 429, 500, 504, 599] {
        let emulator = with(Fault::graphql_error(status).retry_after("7")).await;
        let answer = triggered(&emulator).await;
        assert_eq!(
            (answer.status, answer.content_type()),
            (status, "application/json; charset=utf-8")
        );
        assert_eq!(answer.headers["retry-after"], "7");
        let body =
            r#"{"errors":[{"message":"The service behind the gateway did not answer in time."}]}"#;
        assert_eq!(answer.text, body);
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
    let answer = answered(request.json(&json!({ "query": "{ __typename }" }))).await;
    assert_eq!(
        answer.content_type(),
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
        let answer = call(&emulator, query, json!({})).await;
        assert_eq!(answer.body.get("data"), data.as_ref(), "{query}");
        assert_eq!(answer.messages().len(), 1);
    }
    let two = json!({ "query": "query A { a } query B { b }", "operationName": "B" });
    let answer = answered(post(&emulator).json(&two)).await;
    assert_eq!(answer.body["data"], json!({ "b": null }));
    let none = answered(post(&emulator).body("nothing")).await;
    assert!(none.body.get("data").is_none());
}

#[tokio::test]
async fn a_graphql_error_can_stand_beside_the_data_of_a_request_that_was_executed() {
    let emulator = with(Fault::graphql_error(500).data(ErrorData::Kept)).await;
    let answer = triggered(&emulator).await;
    assert_eq!(answer.status, 500);
    assert_eq!(
        answer.root()["agentSessionId"],
        emulator.runs()[0].session_id.as_str()
    );
    assert_eq!(answer.messages().len(), 1);
    // What was refused has no data to keep.
    emulator
        .add_fault(Fault::graphql_error(500).data(ErrorData::Kept))
        .unwrap();
    let answer = call(&emulator, "{ nothing }", json!({})).await;
    assert!(answer.body.get("data").is_none());

    emulator
        .add_fault(
            Fault::graphql_error(504)
                .after_execution()
                .delayed(Duration::from_millis(50))
                .on("Trigger"),
        )
        .unwrap();
    let start = Instant::now();
    let answer = triggered(&emulator).await;
    assert!(start.elapsed() >= Duration::from_millis(50));
    assert!(answer.status == 504 && answer.body.get("data").is_none());
    assert_eq!(emulator.runs().len(), 2, "executed, and the answer lost");
}

#[tokio::test]
async fn a_good_answer_can_have_another_status() {
    for status in [401, 403, 429, 500] {
        let emulator = with(Fault::status(status).retry_after("7")).await;
        let answer = triggered(&emulator).await;
        assert_eq!(
            (answer.status, answer.content_type()),
            (status, "application/json; charset=utf-8")
        );
        assert_eq!(answer.headers["retry-after"], "7");
        assert_eq!(
            answer.root()["agentSessionId"],
            emulator.runs()[0].session_id.as_str()
        );
        assert_eq!(emulator.requests()[0].status, status);
        assert_eq!(emulator.requests()[0].fault.as_deref(), Some("status"));
    }
}

#[tokio::test]
async fn a_field_of_a_good_answer_can_have_another_value() {
    let emulator = with(Fault::replaced("ok", json!([]))).await;
    let answer = triggered(&emulator).await;
    assert_eq!(
        answer.body,
        json!({ "data": { "triggerDinoaiAgentRun": {
            "ok": [],
            "agentSessionId": emulator.runs()[0].session_id,
            "status": "queued",
        } } })
    );
    assert_eq!(emulator.requests()[0].fault.as_deref(), Some("replaced"));

    let id = trigger(&emulator, "a").await;
    let before = caller::read(&emulator, &id).await;
    emulator
        .add_fault(Fault::replaced("ts", json!({ "ts": 1 })))
        .unwrap();
    let mut run = caller::read(&emulator, &id).await;
    assert_eq!(run["messages"][0]["ts"], json!({ "ts": 1 }), "at any depth");
    emulator
        .add_fault(Fault::replaced("content", Value::Null))
        .unwrap();
    let unread = caller::read(&emulator, &id).await;
    assert_eq!(unread["messages"][0]["content"], Value::Null);
    assert_eq!(unread["messages"][0]["ts"], before["messages"][0]["ts"]);
    run["messages"][0]["ts"] = before["messages"][0]["ts"].clone();
    assert_eq!(run["messages"][0], before["messages"][0]);
}

#[tokio::test]
async fn faults_are_used_up_in_order_and_each_after_its_times() {
    let emulator = Emulator::builder()
        .fault(Fault::pass())
        .fault(Fault::unavailable().times(2))
        .fault(Fault::bad_gateway().times(0))
        .fault(Fault::too_many_requests())
        .start()
        .await
        .unwrap();
    let mut seen = Vec::new();
    for _ in 0..6 {
        seen.push(triggered(&emulator).await.status);
    }
    assert_eq!(seen, [200, 503, 503, 429, 200, 200]);
    assert!(emulator.faults().is_empty());

    emulator
        .add_fault(Fault::internal_error().always())
        .unwrap();
    for _ in 0..3 {
        assert_eq!(triggered(&emulator).await.status, 500);
    }
    emulator.clear_faults();
    assert_eq!(triggered(&emulator).await.status, 200);
}

#[tokio::test]
async fn a_fault_can_wait_for_a_field_or_an_operation() {
    let emulator = Emulator::builder()
        .fault(Fault::unavailable().on("dinoaiAgentRun"))
        .fault(Fault::bad_gateway().on("Send"))
        .start()
        .await
        .unwrap();
    let id = trigger(&emulator, "a").await;
    assert_eq!(call(&emulator, RUN, json!({ "id": id })).await.status, 503);
    assert_eq!(call(&emulator, RUN, json!({ "id": id })).await.status, 200);
    let send = json!({ "id": id, "message": "m" });
    assert_eq!(
        call(&emulator, caller::SEND, send.clone()).await.status,
        502
    );
    assert_eq!(call(&emulator, caller::SEND, send).await.status, 200);
}

#[tokio::test]
async fn faults_come_before_credentials_and_only_at_the_endpoint() {
    let emulator = with(Fault::unavailable()).await;
    let elsewhere = emulator.endpoint().replace("graphql", "elsewhere");
    let answer = answered(caller::client().get(elsewhere)).await;
    assert_eq!(answer.status, 404);
    assert_eq!(answered(bare(&emulator)).await.status, 503);
    assert_eq!(answered(bare(&emulator)).await.status, 401);
}
