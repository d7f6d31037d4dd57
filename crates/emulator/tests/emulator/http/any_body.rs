//! Any document and any body gets a response, and none of them stops the emulator.

use std::time::Duration;

use dinoai_emulator::Emulator;
use proptest::prelude::*;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::NOTHING;
use crate::caller::{bare, call, client, post, response_to};

#[tokio::test]
async fn deep_and_wide_documents_get_a_response() {
    let emulator = Emulator::start().await.unwrap();
    let spreads: String = (0..500)
        .map(|n| {
            format!(
                "fragment F{n} on DinoAiAgentRun {{ ...F{m} ...F{m} }}",
                m = n + 1
            )
        })
        .collect();
    let aliases: String = (0..2_000)
        .map(|n| format!("a{n}: dinoaiAgentRun(agentSessionId: \"x\") {{ ok }}"))
        .collect();
    let documents = [
        format!("{}{}", "{ a ".repeat(20_000), "}".repeat(20_000)),
        format!(
            "{{ dinoaiAgentRun(agentSessionId: {}{}) {{ ok }} }}",
            "[".repeat(20_000),
            "]".repeat(20_000)
        ),
        format!(
            "{{ dinoaiAgentRun(agentSessionId: {}1{}) {{ ok }} }}",
            "{a:".repeat(400),
            "}".repeat(400)
        ),
        format!("{}{}", "{ ... ".repeat(450), "}".repeat(450)),
        "query (".repeat(10_000),
        format!(
            "query ($x: {}Int{}) {{ __typename }}",
            "[".repeat(450),
            "]".repeat(450)
        ),
        format!(
            "{{ dinoaiAgentRun(agentSessionId: \"x\") {{ ...F0 }} }} {spreads} fragment F500 on DinoAiAgentRun {{ ok }}"
        ),
        "fragment A on Query { ...B } fragment B on Query { ...A } { ...A }".to_owned(),
        format!("{{ {aliases} }}"),
        "\"".repeat(9_999),
        "{ __typename \u{0} \u{feff} \u{202e} }".to_owned(),
    ];
    for document in documents {
        let response = call(&emulator, &document, json!({})).await;
        assert_eq!(response.status, 200);
        assert!(response.body.is_object());
    }
    let nested = format!("{}{}", "[".repeat(50_000), "]".repeat(50_000));
    let body = format!(r#"{{"query":"{{ __typename }}","variables":{{"x":{nested}}}}}"#);
    let request = post(&emulator).header("content-type", "application/json");
    assert_eq!(response_to(request.body(body)).await.status, 400);
    assert_eq!(call(&emulator, NOTHING, json!({})).await.status, 200);
}

/// Writes bytes to a connection, says that there are no more, and returns the response.
async fn raw(emulator: &Emulator, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(emulator.address()).await.unwrap();
    // The emulator may respond and close before it has read everything.
    let _ = stream.write_all(bytes).await;
    let _ = stream.shutdown().await;
    let mut response = Vec::new();
    let reading = stream.read_to_end(&mut response);
    let _ = tokio::time::timeout(Duration::from_secs(20), reading)
        .await
        .unwrap();
    response
}

#[tokio::test]
async fn bytes_that_are_not_http_do_not_stop_the_emulator() {
    let emulator = Emulator::start().await.unwrap();
    for bytes in [
        &b""[..],
        b"\0\xff\r\n\r\n",
        b"POST\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n",
    ] {
        raw(&emulator, bytes).await;
    }
    let response = raw(
        &emulator,
        b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: oops\r\n\r\n",
    )
    .await;
    assert!(response.starts_with(b"HTTP/1.1 400"));
    assert_eq!(call(&emulator, NOTHING, json!({})).await.status, 200);
}

/// Pieces that come close to a request, and arbitrary text between them.
fn document() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        proptest::sample::select(vec![
            "{",
            "}",
            "(",
            ")",
            "[",
            "]",
            ":",
            "$",
            "@",
            "!",
            "=",
            "|",
            "...",
            "\"",
            "\"\"\"",
            "\\u",
            "query",
            "mutation",
            "fragment A on Query",
            "...A",
            "dinoaiAgentRun",
            "triggerDinoaiAgentRun",
            "agentSessionId:",
            "message:",
            "\"x\"",
            "$id",
            ": String!",
            "@skip(if: true)",
            "status",
            "messages",
            "__schema",
            "__type(name: \"Query\")",
            "__typename",
            "1e999",
            "-0",
            "99999999999999999999",
            "null",
            "#",
        ])
        .prop_map(str::to_owned),
        any::<String>(),
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.join(" "))
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        document().prop_map(|query| json!({ "query": query }).to_string().into_bytes()),
        (document(), any::<String>()).prop_map(|(query, id)| {
            let request = json!({ "query": query, "variables": { "id": id }, "operationName": id });
            request.to_string().into_bytes()
        }),
        proptest::collection::vec(any::<u8>(), 0..200),
    ]
}

#[test]
fn any_body_gets_a_response_in_json() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let emulator = Emulator::builder().start_blocking().unwrap();
    let pooled = client();
    let config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(400)
    };
    proptest!(config, |(body in body())| {
        let request = pooled
            .post(emulator.endpoint())
            .header("X-API-KEY", emulator.key())
            .header("X-API-SECRET", emulator.secret())
            .header("content-type", "application/json")
            .body(body);
        let response = runtime.block_on(response_to(request));
        prop_assert!(matches!(response.status, 200 | 400), "{}", response.status);
        prop_assert!(response.body.is_object(), "{}", response.text);
        let named = response.body["errors"].is_array() || response.body["data"].is_object();
        prop_assert!(named, "{}", response.text);
    });
    let response = runtime.block_on(response_to(
        bare(&emulator).json(&json!({ "query": NOTHING })),
    ));
    assert_eq!(response.status, 401);
}
