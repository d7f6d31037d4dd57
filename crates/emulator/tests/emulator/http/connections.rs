//! Connections are kept alive and counted, and end with their emulator.

use std::time::Duration;

use dinoai_emulator::{Emulator, Error, Scenario};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::NOTHING;
use crate::caller::{RUN, TRIGGER, call, client, response_to, trigger};

#[tokio::test]
async fn a_kept_alive_connection_has_one_number_and_a_new_one_the_next() {
    let emulator = Emulator::start().await.unwrap();
    let pooled = client();
    for _ in 0..3 {
        let request = pooled
            .post(emulator.endpoint())
            .json(&json!({ "query": NOTHING }));
        // Refused ones, too, leave the connection open.
        assert_eq!(response_to(request).await.status, 401);
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
        calls.spawn(response_to(request));
    }
    while let Some(response) = calls.join_next().await {
        assert_eq!(response.unwrap().root()["ok"], true);
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
    let response = call(&second, RUN, json!({ "id": id })).await;
    assert_eq!(response.root(), &Value::Null);
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
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    assert!(response.starts_with("HTTP/1.1 404"), "{response}");
}

#[tokio::test]
async fn a_client_that_goes_away_halfway_leaves_a_request_without_a_response() {
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
