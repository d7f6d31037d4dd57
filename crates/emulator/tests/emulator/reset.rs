//! A reset brings back the state at the start, whatever is in flight.

use std::time::Duration;

use dinoai_emulator::{Emulator, Fault};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::caller::{RUN, TRIGGER, call, client, post, response_to, trigger};

/// Far longer than it takes to send a request and to reset.
const HELD_BACK: Duration = Duration::from_secs(2);

fn control(emulator: &Emulator, method: Method, path: &str) -> reqwest::RequestBuilder {
    client().request(method, format!("{}/{path}", emulator.control()))
}

#[tokio::test]
async fn the_record_is_emptied_and_counts_anew() {
    let emulator = Emulator::builder().kept_requests(1).start().await.unwrap();
    trigger(&emulator, "a").await;
    trigger(&emulator, "b").await;
    assert_eq!(emulator.dropped_requests(), 1);
    let emptied = response_to(control(&emulator, Method::DELETE, "requests")).await;
    assert_eq!((emptied.status, emptied.body), (200, json!([])));
    assert!(emulator.requests().is_empty());
    assert_eq!(emulator.dropped_requests(), 0);
    assert_eq!(emulator.runs().len(), 2, "runs stay");
    trigger(&emulator, "c").await;
    assert_eq!(emulator.requests()[0].number, 1);
    emulator.clear_requests();
    assert!(emulator.requests().is_empty());
}

#[tokio::test]
async fn a_reset_brings_back_the_state_at_the_start() {
    for body in [None, Some(json!({}))] {
        let emulator = Emulator::builder()
            .stopped_clock()
            .fault(Fault::pass())
            .start()
            .await
            .unwrap();
        let id = trigger(&emulator, "a").await;
        emulator.add_fault(Fault::unavailable()).unwrap();
        emulator.advance(Duration::from_secs(60));
        assert_eq!(emulator.faults(), [Fault::unavailable()]);

        let reset = control(&emulator, Method::POST, "reset");
        let reset = response_to(match &body {
            None => reset,
            Some(body) => reset.json(body),
        });
        let response = reset.await;
        assert_eq!(response.status, 200, "{}", response.text);
        assert_eq!(response.body, json!({ "elapsed_seconds": 0.0 }));

        assert!(emulator.runs().is_empty());
        assert!(emulator.requests().is_empty());
        assert_eq!(emulator.faults(), [Fault::pass()], "that of the start");
        assert_eq!(emulator.elapsed(), Duration::ZERO);
        let gone = call(&emulator, RUN, json!({ "id": id })).await;
        assert_eq!(gone.root(), &Value::Null);
        assert!(gone.messages()[0].contains("was found"), "{}", gone.text);
        trigger(&emulator, "b").await;
        assert_eq!(emulator.runs()[0].number, 1);
        assert_eq!(emulator.requests()[0].number, 1);
        assert!(emulator.faults().is_empty());
    }
}

/// Waits until requests have come in and taken all faults.
async fn until_held_back(emulator: &Emulator) {
    while emulator.requests().is_empty() || !emulator.faults().is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Asserts that the one request has got no response.
fn assert_open(emulator: &Emulator) {
    let requests = emulator.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!((requests[0].status, requests[0].answered), (0, None));
}

#[tokio::test]
async fn a_request_in_flight_executes_nothing_after_the_reset() {
    let emulator = Emulator::builder().start().await.unwrap();
    emulator.add_fault(Fault::delay(HELD_BACK)).unwrap();
    let variables = json!({ "agent": "a", "message": "m" });
    let request = post(&emulator).json(&json!({ "query": TRIGGER, "variables": variables }));
    let in_flight = tokio::spawn(response_to(request));
    until_held_back(&emulator).await;
    assert_open(&emulator);
    emulator.reset();
    emulator.add_fault(Fault::pass()).unwrap();
    let response = in_flight.await.unwrap();
    assert_eq!(response.status, 503, "{}", response.text);
    let detail = response.body["detail"].as_str().unwrap();
    assert!(detail.contains("was reset"), "{detail}");
    assert!(detail.contains("nothing was executed"), "{detail}");
    assert!(emulator.runs().is_empty());
    assert!(emulator.requests().is_empty(), "it came in before");
    assert_eq!(emulator.faults().len(), 1, "that is for those after it");
    trigger(&emulator, "b").await;
    assert_eq!(emulator.runs()[0].number, 1);
}

#[tokio::test]
async fn a_request_whose_body_comes_in_after_the_reset_executes_nothing_and_takes_no_fault() {
    let emulator = Emulator::start().await.unwrap();
    let body = json!({ "query": TRIGGER, "variables": { "agent": "a" } }).to_string();
    let path = emulator.endpoint().split_once("/api").unwrap().1;
    let head = format!(
        "POST /api{path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         X-API-KEY: {}\r\nX-API-SECRET: {}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        emulator.key(),
        emulator.secret(),
        body.len(),
    );
    let mut stream = TcpStream::connect(emulator.address()).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    until_held_back(&emulator).await;
    emulator.reset();
    emulator.add_fault(Fault::bad_gateway()).unwrap();
    stream.write_all(body.as_bytes()).await.unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).await.unwrap();
    assert!(response.starts_with("HTTP/1.1 503 "), "{response}");
    assert!(emulator.runs().is_empty());
    assert_eq!(emulator.faults().len(), 1);
}

#[tokio::test]
async fn a_request_that_was_executed_before_the_reset_gets_its_response_as_it_was() {
    let emulator = Emulator::start().await.unwrap();
    emulator
        .add_fault(Fault::delay(HELD_BACK).after_execution())
        .unwrap();
    let request = post(&emulator).json(&json!({
        "query": TRIGGER, "variables": { "agent": "a" },
    }));
    let in_flight = tokio::spawn(response_to(request));
    while emulator.runs().is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_open(&emulator);
    emulator.reset();
    let response = in_flight.await.unwrap();
    assert_eq!(response.root()["ok"], true);
    assert!(emulator.runs().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn resets_while_many_requests_are_in_flight_leave_a_whole_state() {
    let emulator = Emulator::start().await.unwrap();
    let http = client();
    let busy: Vec<_> = (0..4)
        .map(|_| {
            let request = http.post(emulator.endpoint());
            let request = request
                .header("X-API-KEY", emulator.key())
                .header("X-API-SECRET", emulator.secret())
                .json(&json!({ "query": TRIGGER, "variables": { "message": "m" } }));
            tokio::spawn(async move {
                for _ in 0..50 {
                    let response = response_to(request.try_clone().unwrap()).await;
                    match response.status {
                        503 => assert!(response.text.contains("was reset"), "{}", response.text),
                        _ => assert_eq!(response.root()["ok"], true, "{}", response.text),
                    }
                }
            })
        })
        .collect();
    while !busy.iter().all(tokio::task::JoinHandle::is_finished) {
        emulator.reset();
        for (place, run) in (1..).zip(emulator.runs()) {
            assert_eq!(run.number, place);
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    for task in busy {
        task.await.unwrap();
    }
    emulator.reset();
    assert!(emulator.runs().is_empty() && emulator.requests().is_empty());
}
