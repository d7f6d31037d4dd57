//! A request gets the fault that is planned for it, and no other request does.

mod documents;
mod limits;
mod plan;
mod responses;
mod transport;

use dinoai_emulator::{Emulator, Fault};
use serde_json::json;

use crate::caller::{TRIGGER, call, post};

async fn with(fault: Fault) -> Emulator {
    Emulator::builder().fault(fault).start().await.unwrap()
}

async fn triggered(emulator: &Emulator) -> crate::caller::Response {
    call(emulator, TRIGGER, json!({ "agent": "a" })).await
}

/// The error of a trigger that gets no whole response.
async fn failure(emulator: &Emulator) -> reqwest::Error {
    let request = post(emulator).json(&json!({
        "query": TRIGGER, "variables": { "agent": "a" },
    }));
    match request.send().await {
        Ok(response) => response.bytes().await.unwrap_err(),
        Err(error) => error,
    }
}
