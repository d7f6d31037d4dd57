//! A fault can break the transport: errors of HTTP, resets, delays, bodies that do not arrive whole.

use std::io::Read;
use std::time::{Duration, Instant};

use dinoai_emulator::Fault;
use serde_json::{Value, json};

use super::{failure, triggered, with};
use crate::caller::{TRIGGER, post, response_to};

#[tokio::test]
async fn http_errors_are_sent_and_execute_nothing() {
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
        let response = triggered(&emulator).await;
        assert_eq!(
            (response.status, response.content_type()),
            (status, content_type)
        );
        assert_eq!(response.headers["retry-after"], "7");
        assert_eq!(response.text.starts_with("<html>"), status == 502);
        assert!(response.body.get("data").is_none() && response.body.get("errors").is_none());
        assert!(emulator.runs().is_empty());

        let response = triggered(&emulator).await;
        assert_eq!(response.status, status);
        assert!(response.headers.get("retry-after").is_none());
        assert_eq!(emulator.runs().len(), 1, "executed, and the response lost");

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
            let response = triggered(&emulator).await;
            assert_eq!((response.status, response.text.as_str()), (status, ""));
            assert_eq!(response.headers["retry-after"], "7");
            for name in ["content-type", "content-length"] {
                let value = response.headers.get(name).map(|it| it.to_str().unwrap());
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
    let response = response_to(client.post(emulator.endpoint())).await;
    assert_eq!(response.status, 307);
    assert_eq!(response.headers["location"], "http://127.0.0.1:9/elsewhere");
}

#[tokio::test]
async fn a_normal_response_can_have_a_wrong_content_type() {
    let emulator = with(Fault::content_type("text/html; charset=utf-8")).await;
    let response = triggered(&emulator).await;
    assert_eq!(
        (response.status, response.content_type()),
        (200, "text/html; charset=utf-8")
    );
    assert_eq!(response.root()["ok"], true);
}
