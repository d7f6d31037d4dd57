//! Faults are used up in order, each by the requests that it is for.

use dinoai_emulator::{Emulator, Fault};
use serde_json::json;

use super::{triggered, with};
use crate::caller::{RUN, bare, call, response_to, trigger};

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
        call(&emulator, crate::caller::SEND, send.clone())
            .await
            .status,
        502
    );
    assert_eq!(call(&emulator, crate::caller::SEND, send).await.status, 200);
}

#[tokio::test]
async fn faults_come_before_credentials_and_only_at_the_endpoint() {
    let emulator = with(Fault::unavailable()).await;
    let elsewhere = emulator.endpoint().replace("graphql", "elsewhere");
    let response = response_to(crate::caller::client().get(elsewhere)).await;
    assert_eq!(response.status, 404);
    assert_eq!(response_to(bare(&emulator)).await.status, 503);
    assert_eq!(response_to(bare(&emulator)).await.status, 401);
}
