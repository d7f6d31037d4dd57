//! GraphQL over HTTP, and HTTP itself, at their limits.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod caller;

use std::time::Duration;

use caller::{RUN, TRIGGER, answered, bare, call, client, post, trigger};
use dinoai_emulator::{Emulator, Error, Scenario};
use proptest::prelude::*;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const NOTHING: &str = "{ __typename }";
const GRAPHQL: &str = "application/graphql-response+json";

fn with_credentials(emulator: &Emulator, method: Method, url: &str) -> reqwest::RequestBuilder {
    client()
        .request(method, url)
        .header("X-API-KEY", emulator.key())
        .header("X-API-SECRET", emulator.secret())
}

#[tokio::test]
async fn the_endpoint_looks_like_the_vendors() {
    let emulator = Emulator::start().await.unwrap();
    let port = emulator.address().port();
    assert!(emulator.address().ip().is_loopback());
    let start = format!("http://127.0.0.1:{port}/api/v1/");
    let token = emulator
        .endpoint()
        .strip_prefix(&start)
        .and_then(|rest| rest.strip_suffix("/graphql"))
        .unwrap();
    assert!(!token.is_empty() && !token.contains('/'));
}

#[tokio::test]
async fn a_wrong_path_is_not_found() {
    let emulator = Emulator::start().await.unwrap();
    let origin = format!("http://{}", emulator.address());
    for path in [
        "",
        "/",
        "/graphql",
        "/api/v1/another-company/graphql",
        "/api/v1/demo-company/graphql/",
        "/api/v1/demo-company//graphql",
        "/%00%ff",
    ] {
        let request = with_credentials(&emulator, Method::POST, &format!("{origin}{path}"));
        let answer = answered(request.json(&json!({ "query": NOTHING }))).await;
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.body, json!({ "detail": "Not Found" }));
    }
    let requests = emulator.requests();
    assert_eq!(requests[3].path, "/api/v1/another-company/graphql");
    assert!(requests.iter().all(|request| request.status == 404));
}

#[tokio::test]
async fn methods_other_than_get_and_post_are_not_allowed() {
    let emulator = Emulator::start().await.unwrap();
    for method in ["PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "BREW"] {
        let method: Method = method.parse().unwrap();
        let request = with_credentials(&emulator, method.clone(), emulator.endpoint());
        let answer = answered(request).await;
        assert_eq!(answer.status, 405, "{method}");
        assert_eq!(answer.headers["allow"], "GET, POST");
        assert_eq!(emulator.requests().last().unwrap().method, method.as_str());
    }
}

#[tokio::test]
async fn a_query_may_come_by_get_and_a_mutation_may_not() {
    let emulator = Emulator::start().await.unwrap();
    let id = trigger(&emulator, "a").await;
    let url = reqwest::Url::parse_with_params(
        emulator.endpoint(),
        [
            ("query", RUN),
            ("variables", &json!({ "id": id }).to_string()),
            ("operationName", "Run"),
            ("extensions", ""),
        ],
    )
    .unwrap();
    let answer = answered(with_credentials(&emulator, Method::GET, url.as_str())).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.root()["agentSessionId"], id);

    let url = reqwest::Url::parse_with_params(
        emulator.endpoint(),
        [("query", TRIGGER), ("variables", r#"{"message":"x"}"#)],
    )
    .unwrap();
    let answer = answered(with_credentials(&emulator, Method::GET, url.as_str())).await;
    assert_eq!(answer.status, 405);
    assert_eq!(answer.headers["allow"], "POST");
    assert_eq!(emulator.runs().len(), 1);

    let url = format!("{}?query=%7B__typename%7D&variables=[", emulator.endpoint());
    let answer = answered(with_credentials(&emulator, Method::GET, &url)).await;
    assert_eq!(answer.status, 400);
}

#[tokio::test]
async fn a_refused_document_is_200_in_json_and_400_in_graphql_response() {
    let emulator = Emulator::start().await.unwrap();
    for (accept, media, refused) in [
        (None, "application/json", 200),
        (Some("*/*"), "application/json", 200),
        (Some("application/json"), "application/json", 200),
        (Some(GRAPHQL), GRAPHQL, 400),
        (
            Some("application/graphql-response+json, application/json;q=0.9"),
            GRAPHQL,
            400,
        ),
    ] {
        for (query, status) in [
            ("{", refused),
            ("{ nonsense }", refused),
            (
                "query ($x: Int!) { dinoaiAgentRun(agentSessionId: \"x\") { ok @skip(if: $x) } }",
                refused,
            ),
            (RUN, refused),
            (NOTHING, 200),
            (
                "{ dinoaiAgentRun(agentSessionId: \"unknown\") { ok } }",
                200,
            ),
        ] {
            let mut request = post(&emulator).json(&json!({ "query": query }));
            if let Some(accept) = accept {
                request = request.header("accept", accept);
            }
            let answer = answered(request).await;
            assert_eq!(answer.status, status, "{accept:?} {query}");
            assert_eq!(answer.content_type(), format!("{media}; charset=utf-8"));
            let executed = !answer.body["data"].is_null();
            assert_eq!(executed, query == NOTHING || query.contains("unknown"));
        }
    }
}

#[tokio::test]
async fn a_client_that_accepts_neither_media_type_is_answered_with_406() {
    let emulator = Emulator::start().await.unwrap();
    let request = post(&emulator).header("accept", "text/html");
    let answer = answered(request.json(&json!({ "query": NOTHING }))).await;
    assert_eq!(answer.status, 406);
}

#[tokio::test]
async fn a_body_that_does_not_say_it_is_json_is_unsupported() {
    let emulator = Emulator::start().await.unwrap();
    let body = json!({ "query": NOTHING }).to_string();
    for (content_type, status) in [
        (None, 415),
        (Some("text/plain"), 415),
        (Some("application/graphql"), 415),
        (Some("application/x-www-form-urlencoded"), 415),
        (Some("application/json; charset=iso-8859-1"), 415),
        (Some("application/json"), 200),
        (Some("Application/JSON; Charset=\"UTF-8\""), 200),
    ] {
        let mut request = post(&emulator).body(body.clone());
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        assert_eq!(answered(request).await.status, status, "{content_type:?}");
    }
}

#[tokio::test]
async fn a_body_that_is_no_graphql_request_is_a_bad_request() {
    let emulator = Emulator::start().await.unwrap();
    for body in [
        "",
        "{",
        "null",
        "5",
        "\"{ __typename }\"",
        "[]",
        r#"[{"query":"{ __typename }"}]"#,
        "{}",
        r#"{"query":null}"#,
        r#"{"query":5}"#,
        r#"{"query":["{ __typename }"]}"#,
        r#"{"query":"{ __typename }","variables":[]}"#,
        r#"{"query":"{ __typename }","variables":"{}"}"#,
        r#"{"query":"{ __typename }","operationName":5}"#,
        r#"{"query":"{ __typename }","extensions":0}"#,
        r#"{"query":"{ __typename }"} trailing"#,
    ] {
        let request = post(&emulator).header("content-type", "application/json");
        let answer = answered(request.body(body)).await;
        assert_eq!(answer.status, 400, "{body}");
        assert_eq!(answer.messages().len(), 1, "{body}");
    }
    assert!(caller::none_was_executed(&emulator));
}

#[tokio::test]
async fn nulls_for_what_is_optional_are_as_good_as_nothing() {
    let emulator = Emulator::start().await.unwrap();
    let body = json!({
        "query": NOTHING, "variables": null, "operationName": null, "extensions": null, "id": 1,
    });
    let answer = answered(post(&emulator).json(&body)).await;
    assert_eq!(answer.body, json!({ "data": { "__typename": "Query" } }));
    assert_eq!(emulator.requests()[0].variables, Value::Null);
    assert_eq!(emulator.requests()[0].operation_name, None);
}

#[tokio::test]
async fn a_body_beyond_1_mib_is_too_large() {
    let emulator = Emulator::start().await.unwrap();
    let empty = json!({ "query": NOTHING, "extensions": { "x": "" } }).to_string();
    for (length, status) in [(1 << 20, 200), ((1 << 20) + 1, 413)] {
        let filler = "x".repeat(length - empty.len());
        let body = json!({ "query": NOTHING, "extensions": { "x": filler } }).to_string();
        assert_eq!(body.len(), length);
        let request = post(&emulator).header("content-type", "application/json");
        assert_eq!(answered(request.body(body)).await.status, status);
    }
}

#[tokio::test]
async fn a_kept_alive_connection_has_one_number_and_a_new_one_the_next() {
    let emulator = Emulator::start().await.unwrap();
    let pooled = client();
    for _ in 0..3 {
        let request = pooled
            .post(emulator.endpoint())
            .json(&json!({ "query": NOTHING }));
        // Refused ones, too, leave the connection open.
        assert_eq!(answered(request).await.status, 401);
    }
    call(&emulator, NOTHING, json!({})).await;
    let connections: Vec<_> = emulator
        .requests()
        .iter()
        .map(|request| request.connection)
        .collect();
    assert_eq!(connections, [1, 1, 1, 2]);
}

#[tokio::test]
async fn requests_at_the_same_time_are_all_recorded_and_started_once_each() {
    let emulator = Emulator::start().await.unwrap();
    let pooled = client();
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..40 {
        let request = pooled
            .post(emulator.endpoint())
            .header("X-API-KEY", emulator.key())
            .header("X-API-SECRET", emulator.secret())
            .json(&json!({ "query": TRIGGER, "variables": { "message": number.to_string() } }));
        calls.spawn(answered(request));
    }
    while let Some(answer) = calls.join_next().await {
        assert_eq!(answer.unwrap().root()["ok"], true);
    }
    let mut messages: Vec<u32> = emulator
        .runs()
        .iter()
        .map(|run| run.message.as_deref().unwrap().parse().unwrap())
        .collect();
    messages.sort_unstable();
    assert_eq!(messages, (0..40).collect::<Vec<_>>());
    let requests = emulator.requests();
    assert_eq!(requests.len(), 40);
    assert!(requests.iter().all(|request| request.started.len() == 1));
}

#[tokio::test]
async fn emulators_side_by_side_share_nothing() {
    let first = Emulator::start().await.unwrap();
    let second = Emulator::builder()
        .default_scenario(Scenario::expired())
        .start()
        .await
        .unwrap();
    assert_ne!(first.endpoint(), second.endpoint());
    let id = trigger(&first, "a").await;
    assert_eq!(first.runs().len(), 1);
    assert!(second.runs().is_empty());
    assert!(second.requests().is_empty());
    let answer = call(&second, RUN, json!({ "id": id })).await;
    assert_eq!(answer.root(), &Value::Null);
}

#[tokio::test]
async fn a_dropped_emulator_frees_its_port_and_closes_its_connections() {
    let emulator = Emulator::start().await.unwrap();
    let address = emulator.address();
    let mut idle = TcpStream::connect(address).await.unwrap();
    // A whole request, so that the connection has been accepted for sure.
    idle.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .await
        .unwrap();
    idle.read_u8().await.unwrap();
    drop(emulator);
    let mut rest = Vec::new();
    let closed = idle.read_to_end(&mut rest);
    let _ = tokio::time::timeout(Duration::from_secs(10), closed)
        .await
        .unwrap();
    assert!(TcpStream::connect(address).await.is_err());
    let again = Emulator::builder()
        .port(address.port())
        .start()
        .await
        .unwrap();
    assert_eq!(again.address(), address);
}

#[tokio::test]
async fn a_port_that_is_taken_is_an_error_that_names_it() {
    let emulator = Emulator::start().await.unwrap();
    let port = emulator.address().port();
    let error = Emulator::builder().port(port).start().await.unwrap_err();
    assert!(matches!(error, Error::Listen { port: named, .. } if named == port));
    assert!(error.to_string().contains(&port.to_string()));
}

#[test]
fn a_blocking_test_needs_no_runtime_of_its_own() {
    use std::io::{Read, Write};

    let emulator = Emulator::builder().start_blocking().unwrap();
    let mut stream = std::net::TcpStream::connect(emulator.address()).unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
}

#[tokio::test]
async fn a_client_that_goes_away_halfway_leaves_a_request_without_an_answer() {
    let emulator = Emulator::start().await.unwrap();
    let mut stream = TcpStream::connect(emulator.address()).await.unwrap();
    let head = "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n{";
    stream.write_all(head.as_bytes()).await.unwrap();
    while emulator.requests().is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(emulator.requests()[0].status, 0);
    drop(stream);
    call(&emulator, NOTHING, json!({})).await;
    assert_eq!(emulator.requests()[1].status, 200);
}

#[tokio::test]
async fn deep_and_wide_documents_are_answered() {
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
        let answer = call(&emulator, &document, json!({})).await;
        assert_eq!(answer.status, 200);
        assert!(answer.body.is_object());
    }
    let nested = format!("{}{}", "[".repeat(50_000), "]".repeat(50_000));
    let body = format!(r#"{{"query":"{{ __typename }}","variables":{{"x":{nested}}}}}"#);
    let request = post(&emulator).header("content-type", "application/json");
    assert_eq!(answered(request.body(body)).await.status, 400);
    assert_eq!(call(&emulator, NOTHING, json!({})).await.status, 200);
}

/// Writes bytes to a connection, says that there are no more, and returns the answer.
async fn raw(emulator: &Emulator, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(emulator.address()).await.unwrap();
    // The emulator may answer and close before it has read everything.
    let _ = stream.write_all(bytes).await;
    let _ = stream.shutdown().await;
    let mut answer = Vec::new();
    let reading = stream.read_to_end(&mut answer);
    let _ = tokio::time::timeout(Duration::from_secs(20), reading)
        .await
        .unwrap();
    answer
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
    let answer = raw(
        &emulator,
        b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: oops\r\n\r\n",
    )
    .await;
    assert!(answer.starts_with(b"HTTP/1.1 400"));
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
fn any_body_gets_an_answer_in_json() {
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
        let answer = runtime.block_on(answered(request));
        prop_assert!(matches!(answer.status, 200 | 400), "{}", answer.status);
        prop_assert!(answer.body.is_object(), "{}", answer.text);
        let named = answer.body["errors"].is_array() || answer.body["data"].is_object();
        prop_assert!(named, "{}", answer.text);
    });
    let answer = runtime.block_on(answered(bare(&emulator).json(&json!({ "query": NOTHING }))));
    assert_eq!(answer.status, 401);
}
