//! Back to the start, without another start.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod caller;

use std::time::Duration;

use caller::{RUN, TRIGGER, answered, call, client, post, trigger};
use dinoai_emulator::{Emulator, Fault};
use reqwest::Method;
use serde_json::{Value, json};

fn control(emulator: &Emulator, method: Method, path: &str) -> reqwest::RequestBuilder {
    client().request(method, format!("{}/{path}", emulator.control()))
}

#[tokio::test]
async fn the_record_is_emptied_and_counts_anew() {
    let emulator = Emulator::builder().kept_requests(1).start().await.unwrap();
    trigger(&emulator, "a").await;
    trigger(&emulator, "b").await;
    assert_eq!(emulator.dropped_requests(), 1);
    let emptied = answered(control(&emulator, Method::DELETE, "requests")).await;
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
        let reset = answered(match &body {
            None => reset,
            Some(body) => reset.json(body),
        });
        let answer = reset.await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.body, json!({ "elapsed_seconds": 0.0 }));

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

#[tokio::test]
async fn a_request_in_flight_is_answered_and_acts_on_the_state_after_the_reset() {
    let emulator = Emulator::builder().stopped_clock().start().await.unwrap();
    emulator.advance(Duration::from_secs(60));
    emulator
        .add_fault(Fault::delay(Duration::from_millis(300)))
        .unwrap();
    let variables = json!({ "agent": "a", "message": "m" });
    let request = post(&emulator).json(&json!({ "query": TRIGGER, "variables": variables }));
    let in_flight = tokio::spawn(answered(request));
    while emulator.requests().is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // It has taken its fault by then, or takes none.
    while !emulator.faults().is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    emulator.reset();
    let answer = in_flight.await.unwrap();
    let id = answer.root()["agentSessionId"].as_str().unwrap();
    let runs = emulator.runs();
    assert_eq!(runs[0].session_id, id);
    assert!(emulator.requests().is_empty(), "it came in before");
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
                    let answer = answered(request.try_clone().unwrap()).await;
                    assert_eq!(answer.root()["ok"], true, "{}", answer.text);
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
