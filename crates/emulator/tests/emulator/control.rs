//! The control path lists requests, runs and faults, moves the clock, and serves this machine alone.

use std::time::Duration;

use dinoai_emulator::{Emulator, ErrorData, Fault, Scenario, Stage};
use reqwest::Method;
use serde_json::{Value, json};

use crate::caller::{STOP, TRIGGER, call, client, response_to, trigger};
use crate::skipped::skipped;

fn request(emulator: &Emulator, method: Method, path: &str) -> reqwest::RequestBuilder {
    client().request(
        method,
        format!("http://{}/control/{path}", emulator.address()),
    )
}

async fn get(emulator: &Emulator, path: &str) -> Value {
    let response = response_to(request(emulator, Method::GET, path)).await;
    assert_eq!(
        (response.status, response.content_type()),
        (200, "application/json")
    );
    response.body
}

#[tokio::test]
async fn it_lists_every_request_and_which_runs_it_started() {
    let emulator = Emulator::start().await.unwrap();
    let id = trigger(&emulator, "a").await;
    call(&emulator, "{ nothing }", json!({})).await;
    let requests = get(&emulator, "requests").await;
    assert_eq!(
        requests.as_array().unwrap().len(),
        2,
        "its own are not counted"
    );
    assert_eq!(requests[0]["started"], json!([id]));
    assert_eq!(requests[0]["query"], TRIGGER);
    assert_eq!(requests[0]["status"], 200);
    assert_eq!(requests[0]["executed"], true);
    assert_eq!(requests[0]["fault"], Value::Null);
    let seconds = |number: usize, name: &str| requests[number][name].as_f64().unwrap();
    assert!(seconds(0, "received_seconds") <= seconds(0, "answered_seconds"));
    assert!(seconds(0, "answered_seconds") <= seconds(1, "received_seconds"));
    let headers = requests[0]["headers"].as_array().unwrap();
    assert!(headers.contains(&json!(["x-api-secret", "***"])));
    assert_eq!(requests[1]["executed"], false);
    assert_eq!(requests, serde_json::to_value(emulator.requests()).unwrap());
}

#[tokio::test]
async fn it_lists_the_runs_without_reading_them() {
    let emulator = Emulator::start().await.unwrap();
    let id = trigger(&emulator, "a").await;
    for _ in 0..3 {
        let runs = get(&emulator, "runs").await;
        assert_eq!(runs[0]["session_id"], json!(id));
        assert_eq!(runs[0]["agent"], "a");
        assert_eq!(runs[0]["status"], "QUEUED");
    }
}

#[tokio::test]
async fn it_reports_what_the_runs_said_and_when_they_ended() {
    let emulator = Emulator::builder().stopped_clock().start().await.unwrap();
    let id = trigger(&emulator, "a").await;
    let runs = get(&emulator, "runs").await;
    assert_eq!(runs[0]["messages"][0]["role"], "user");
    assert_eq!(runs[0]["messages"][0]["content"], "Check it.");
    assert!(runs[0]["messages"][0]["ts"].as_f64().unwrap() > 1e9);
    assert_eq!(runs[0]["children"], json!([]));
    assert_eq!(runs[0]["ended_seconds"], Value::Null);
    assert_eq!(runs[0]["stops_seconds"], json!([]));
    emulator.advance(Duration::from_millis(1_500));
    call(&emulator, STOP, json!({ "id": id })).await;
    let runs = get(&emulator, "runs").await;
    assert_eq!(runs[0]["ended_seconds"], 1.5);
    assert_eq!(runs[0]["stops_seconds"], json!([1.5]));
    assert_eq!(runs, serde_json::to_value(emulator.runs()).unwrap());
}

#[tokio::test]
async fn faults_are_added_listed_and_cleared() {
    let emulator = Emulator::start().await.unwrap();
    let add = |faults: Value| response_to(request(&emulator, Method::POST, "faults").json(&faults));
    assert_eq!(
        add(json!({ "fault": "unavailable", "retry_after": "2" }))
            .await
            .status,
        200
    );
    let many = json!([
        { "fault": "reset", "times": 3, "on": "Send", "after_execution": true },
        { "fault": "bad_gateway", "delay_seconds": 0.5, "retry_after": 30 },
    ]);
    let response = add(many).await;
    assert_eq!(response.status, 200);
    assert_eq!(response.body, get(&emulator, "faults").await);
    assert_eq!(response.body.as_array().unwrap().len(), 3);
    assert_eq!(response.body[1]["times"], 3);
    assert_eq!(response.body[2]["delay_seconds"], 0.5);
    assert_eq!(response.body[2]["retry_after"], "30");
    assert_eq!(
        serde_json::to_value(emulator.faults()).unwrap(),
        response.body
    );

    let refused = call(&emulator, TRIGGER, json!({ "agent": "a" })).await;
    assert_eq!(
        (refused.status, &refused.headers["retry-after"]),
        (503, &"2".parse().unwrap())
    );
    let cleared = response_to(request(&emulator, Method::DELETE, "faults")).await;
    assert_eq!(cleared.body, json!([]));
    assert_eq!(
        call(&emulator, TRIGGER, json!({ "agent": "a" }))
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn faults_with_fields_of_their_own_are_read_and_reported_alike() {
    let emulator = Emulator::start().await.unwrap();
    let faults = [
        (
            json!({ "fault": "graphql_error", "status": 504 }),
            Fault::graphql_error(504),
        ),
        (
            json!({
                "fault": "graphql_error", "status": 200, "message": "m", "code": "C",
                "path": [], "data": "null_field",
            }),
            Fault::graphql_error(200)
                .message("m")
                .code("C")
                .path(Vec::<String>::new())
                .data(ErrorData::NullField),
        ),
        (
            json!({ "fault": "graphql_error", "status": 200, "path": ["a", "b"], "data": "null" }),
            Fault::graphql_error(200)
                .path(["a", "b"])
                .data(ErrorData::Null),
        ),
        (
            json!({ "fault": "graphql_error", "status": 500, "data": "kept" }),
            Fault::graphql_error(500).data(ErrorData::Kept),
        ),
        (
            json!({ "fault": "status", "status": 401, "retry_after": "1" }),
            Fault::status(401).retry_after("1"),
        ),
        (
            json!({ "fault": "replaced", "field": "ok", "value": [] }),
            Fault::replaced("ok", json!([])),
        ),
        (
            json!({ "fault": "replaced", "field": "ok", "value": null }),
            Fault::replaced("ok", Value::Null),
        ),
    ];
    let texts: Vec<_> = faults.iter().map(|(text, _)| text).collect();
    let add = request(&emulator, Method::POST, "faults").json(&texts);
    let reported = response_to(add).await.body;
    assert!(
        emulator
            .faults()
            .iter()
            .eq(faults.iter().map(|(_, fault)| fault))
    );
    for ((text, _), reported) in faults.iter().zip(reported.as_array().unwrap()) {
        for (name, value) in text.as_object().unwrap() {
            assert_eq!(reported.get(name), Some(value), "{name}");
        }
    }
    assert!(reported[0].get("data").is_none() && reported[0].get("path").is_none());
}

#[tokio::test]
async fn a_fault_that_is_none_is_refused_with_a_reason_and_nothing_is_added() {
    let emulator = Emulator::start().await.unwrap();
    for (faults, reason) in [
        (json!({ "fault": "meteor" }), "unknown variant `meteor`"),
        (json!({ "times": 1 }), "missing field `fault`"),
        (
            json!([{ "fault": "pass" }, { "fault": "pass", "often": 2 }]),
            "unknown field `often`",
        ),
        (
            json!({ "fault": "delay", "delay_seconds": -1 }),
            "`delay_seconds` is a number of seconds from 0 to 86400, not -1",
        ),
        (
            json!({ "fault": "unavailable", "retry_after": [] }),
            "`retry_after` is a number of seconds or a text, not []",
        ),
        (
            json!({ "fault": "graphql_error" }),
            "missing field `status` of the fault `graphql_error`",
        ),
        (
            json!([{ "fault": "status" }]),
            "missing field `status` of the fault `status`",
        ),
        (
            json!({ "fault": "status", "status": 101 }),
            "`status` 101 is none that an HTTP response can have",
        ),
        (
            json!({ "fault": "graphql_error", "status": 600 }),
            "`status` 600 is none that an HTTP response can have",
        ),
        (
            json!({ "fault": "graphql_error", "status": 500, "data": "some" }),
            "unknown variant `some`",
        ),
        (
            json!({ "fault": "replaced", "value": 1 }),
            "missing field `field` of the fault `replaced`",
        ),
        (
            json!({ "fault": "replaced", "field": "ok" }),
            "missing field `value` of the fault `replaced`",
        ),
        (json!(7), "invalid type"),
    ] {
        let response = response_to(request(&emulator, Method::POST, "faults").json(&faults)).await;
        assert_eq!(response.status, 400);
        let detail = response.body["detail"].as_str().unwrap();
        assert!(detail.contains(reason), "{detail}");
    }
    assert!(emulator.faults().is_empty());
}

#[tokio::test]
async fn the_clock_can_be_moved() {
    let emulator = Emulator::builder()
        .default_scenario(
            Scenario::new()
                .stage(Stage::new("RUNNING").lasts(Duration::from_secs(60)))
                .stage(Stage::new("COMPLETED")),
        )
        .stopped_clock()
        .start()
        .await
        .unwrap();
    trigger(&emulator, "a").await;
    assert_eq!(
        get(&emulator, "clock").await,
        json!({ "elapsed_seconds": 0.0 })
    );
    let moved = request(&emulator, Method::POST, "clock").json(&json!({ "advance_seconds": 60.5 }));
    assert_eq!(
        response_to(moved).await.body,
        json!({ "elapsed_seconds": 60.5 })
    );
    assert_eq!(get(&emulator, "runs").await[0]["status"], "COMPLETED");
    let wrong = request(&emulator, Method::POST, "clock").json(&json!({ "advance": 1 }));
    assert_eq!(response_to(wrong).await.status, 400);
}

#[tokio::test]
async fn other_paths_methods_and_media_types_are_refused() {
    let emulator = Emulator::start().await.unwrap();
    for (method, path, status) in [
        (Method::GET, "", 404),
        (Method::GET, "nothing", 404),
        (Method::POST, "requests", 415),
        (Method::DELETE, "runs", 405),
        (Method::PUT, "faults", 405),
        (Method::DELETE, "clock", 405),
        (Method::POST, "faults", 415),
    ] {
        let response = response_to(request(&emulator, method, path)).await;
        assert_eq!(response.status, status, "{path}");
        assert!(response.body["detail"].is_string());
    }
    let plain = request(&emulator, Method::POST, "faults")
        .header("Content-Type", "text/plain")
        .body("{\"fault\":\"reset\"}");
    assert_eq!(response_to(plain).await.status, 415);
    assert!(emulator.requests().is_empty());
}

/// An address of this machine that is not a loopback one, if there is one.
fn outer_address() -> Option<std::net::IpAddr> {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").ok()?;
    // Nothing is sent: connecting only chooses the address that packets would leave from.
    socket.connect("192.0.2.1:9").ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_loopback() && !address.is_unspecified()).then_some(address)
}

#[tokio::test]
async fn callers_from_elsewhere_use_the_api_and_not_the_control_path() {
    let Some(outer) = outer_address() else {
        return skipped(
            "callers_from_elsewhere_use_the_api_and_not_the_control_path",
            "this machine has no address but loopback ones",
        );
    };
    let emulator = Emulator::builder()
        .host("0.0.0.0".parse().unwrap())
        .start()
        .await
        .unwrap();
    let port = emulator.address().port();
    assert!(
        emulator
            .endpoint()
            .starts_with(&format!("http://127.0.0.1:{port}/"))
    );
    assert_eq!(
        get(&Emulator::start().await.unwrap(), "runs").await,
        json!([])
    );
    let from_outside = |path: &str| client().get(format!("http://{outer}:{port}{path}"));
    assert_eq!(response_to(from_outside("/control/runs")).await.status, 403);
    assert_eq!(
        response_to(from_outside("/api/v1/demo-company/graphql"))
            .await
            .status,
        401
    );
    let inside = client().get(format!("http://127.0.0.1:{port}/control/runs"));
    assert_eq!(response_to(inside).await.status, 200);
}
