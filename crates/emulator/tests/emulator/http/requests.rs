//! GraphQL over HTTP: which paths, methods, media types and bodies are served, and the status of each.

use dinoai_emulator::Emulator;
use reqwest::Method;
use serde_json::{Value, json};

use super::NOTHING;
use crate::caller::{RUN, TRIGGER, client, post, response_to, trigger};

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
        let response = response_to(request.json(&json!({ "query": NOTHING }))).await;
        assert_eq!(response.status, 404, "{path}");
        assert_eq!(response.body, json!({ "detail": "Not Found" }));
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
        let response = response_to(request).await;
        assert_eq!(response.status, 405, "{method}");
        assert_eq!(response.headers["allow"], "GET, POST");
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
    let response = response_to(with_credentials(&emulator, Method::GET, url.as_str())).await;
    assert_eq!(response.status, 200);
    assert_eq!(response.root()["agentSessionId"], id);

    let url = reqwest::Url::parse_with_params(
        emulator.endpoint(),
        [("query", TRIGGER), ("variables", r#"{"message":"x"}"#)],
    )
    .unwrap();
    let response = response_to(with_credentials(&emulator, Method::GET, url.as_str())).await;
    assert_eq!(response.status, 405);
    assert_eq!(response.headers["allow"], "POST");
    assert_eq!(emulator.runs().len(), 1);

    let url = format!("{}?query=%7B__typename%7D&variables=[", emulator.endpoint());
    let response = response_to(with_credentials(&emulator, Method::GET, &url)).await;
    assert_eq!(response.status, 400);
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
            let response = response_to(request).await;
            assert_eq!(response.status, status, "{accept:?} {query}");
            assert_eq!(response.content_type(), format!("{media}; charset=utf-8"));
            let executed = !response.body["data"].is_null();
            assert_eq!(executed, query == NOTHING || query.contains("unknown"));
        }
    }
}

#[tokio::test]
async fn a_client_that_accepts_neither_media_type_gets_406() {
    let emulator = Emulator::start().await.unwrap();
    let request = post(&emulator).header("accept", "text/html");
    let response = response_to(request.json(&json!({ "query": NOTHING }))).await;
    assert_eq!(response.status, 406);
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
        assert_eq!(
            response_to(request).await.status,
            status,
            "{content_type:?}"
        );
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
        let response = response_to(request.body(body)).await;
        assert_eq!(response.status, 400, "{body}");
        assert_eq!(response.messages().len(), 1, "{body}");
    }
    assert!(crate::caller::none_was_executed(&emulator));
}

#[tokio::test]
async fn nulls_for_what_is_optional_are_as_good_as_nothing() {
    let emulator = Emulator::start().await.unwrap();
    let body = json!({
        "query": NOTHING, "variables": null, "operationName": null, "extensions": null, "id": 1,
    });
    let response = response_to(post(&emulator).json(&body)).await;
    assert_eq!(response.body, json!({ "data": { "__typename": "Query" } }));
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
        assert_eq!(response_to(request.body(body)).await.status, status);
    }
}
