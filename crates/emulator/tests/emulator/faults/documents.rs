//! A document is read for its faults only as far as that takes.

use std::time::{Duration, Instant};

use dinoai_emulator::{Emulator, ErrorData, Fault};
use serde_json::json;

use crate::caller::call;

#[tokio::test]
async fn a_document_of_a_megabyte_is_not_read_again_for_each_fault() {
    let emulator = Emulator::start().await.unwrap();
    let words = format!("{{ __typename }} # {}", "a ".repeat(490_000));
    for number in 0..1_000 {
        let fault = Fault::internal_error().on(format!("not_there_{number}"));
        emulator.add_fault(fault).unwrap();
    }
    let begun = Instant::now();
    let response = call(&emulator, &words, json!({})).await;
    assert_eq!(response.body["data"]["__typename"], "Query");
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
    let there = call(&emulator, &format!("{words} not_there_999"), json!({})).await;
    assert_eq!(there.status, 500);
}

#[tokio::test]
async fn no_more_of_a_document_is_read_for_its_first_field_than_is_executed() {
    let emulator = Emulator::start().await.unwrap();
    let fault = || Fault::graphql_error(500).data(ErrorData::NullField);
    for (query, data) in [
        ("{".repeat(990_000), None),
        ("{a".repeat(490_000), Some("a")),
        (format!("{{ {}", "b ".repeat(490_000)), Some("b")),
        (format!("{{ c(d: {}", "[".repeat(900_000)), Some("c")),
    ] {
        emulator.add_fault(fault()).unwrap();
        let begun = Instant::now();
        let response = call(&emulator, &query, json!({})).await;
        let took = begun.elapsed();
        assert_eq!(response.status, 500);
        let expected = data.map(|key| json!({ key: null }));
        assert_eq!(
            response.body.get("data"),
            expected.as_ref(),
            "{}",
            &query[..9]
        );
        assert!(took < Duration::from_secs(5), "{}: {took:?}", &query[..9]);
    }
}
