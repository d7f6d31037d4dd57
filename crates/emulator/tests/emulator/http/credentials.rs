//! Each kind of credentials passes, anything else is unauthorized, and the log masks them.

use dinoai_emulator::Emulator;
use serde_json::json;

use super::NOTHING;
use crate::caller::{bare, call, post, response_to};

async fn status(emulator: &Emulator, headers: &[(&str, &str)]) -> u16 {
    let mut request = bare(emulator).json(&json!({ "query": NOTHING }));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    response_to(request).await.status
}

#[tokio::test]
async fn each_kind_of_credentials_passes() {
    let emulator = Emulator::start().await.unwrap();
    let workspace = format!("Bearer {}", emulator.workspace_token());
    let company = format!("bearer {}", emulator.company_token());
    for headers in [
        &[
            ("X-API-KEY", emulator.key()),
            ("X-API-SECRET", emulator.secret()),
        ][..],
        &[("Authorization", &workspace)],
        &[
            ("Authorization", &workspace),
            ("X-Paradime-Workspace", "any"),
        ],
        &[
            ("Authorization", &company),
            ("X-Paradime-Workspace", emulator.workspace_uid()),
        ],
    ] {
        assert_eq!(status(&emulator, headers).await, 200, "{headers:?}");
    }
}

#[tokio::test]
async fn wrong_or_missing_credentials_are_unauthorized() {
    let emulator = Emulator::start().await.unwrap();
    let company = format!("Bearer {}", emulator.company_token());
    let basic = format!("Basic {}", emulator.workspace_token());
    for headers in [
        &[][..],
        &[("X-API-KEY", emulator.key())],
        &[("X-API-SECRET", emulator.secret())],
        &[("X-API-KEY", emulator.key()), ("X-API-SECRET", "wrong")],
        &[("X-API-KEY", "wrong"), ("X-API-SECRET", emulator.secret())],
        &[("Authorization", "Bearer prdm_wsp_wrong")],
        &[("Authorization", "Bearer")],
        &[("Authorization", &basic)],
        &[("Authorization", &company)],
        &[
            ("Authorization", &company),
            ("X-Paradime-Workspace", "another"),
        ],
    ] {
        assert_eq!(status(&emulator, headers).await, 401, "{headers:?}");
    }
    assert!(crate::caller::none_was_executed(&emulator));
}

#[tokio::test]
async fn unauthorized_is_json_but_not_graphql() {
    let emulator = Emulator::start().await.unwrap();
    let response = response_to(bare(&emulator).json(&json!({ "query": NOTHING }))).await;
    assert_eq!(response.status, 401);
    assert_eq!(response.content_type(), "application/json");
    assert_eq!(response.body, json!({ "detail": "Unauthorized" }));
}

#[tokio::test]
async fn the_record_masks_credentials_and_keeps_other_headers() {
    let emulator = Emulator::start().await.unwrap();
    let request = post(&emulator)
        .header(
            "Authorization",
            format!("Bearer {}", emulator.workspace_token()),
        )
        .header("X-Paradime-Workspace", emulator.workspace_uid());
    response_to(request.json(&json!({ "query": NOTHING }))).await;
    let request = &emulator.requests()[0];
    for name in ["x-api-key", "X-API-SECRET", "authorization"] {
        assert_eq!(request.header(name), Some("***"));
    }
    assert_eq!(
        request.header("x-paradime-workspace"),
        Some(emulator.workspace_uid())
    );
    let shown = format!("{request:?}");
    for credential in [
        emulator.key(),
        emulator.secret(),
        emulator.workspace_token(),
    ] {
        assert!(!shown.contains(credential), "{shown}");
    }
}

#[tokio::test]
async fn a_refused_request_is_recorded_with_its_document() {
    let emulator = Emulator::start().await.unwrap();
    response_to(bare(&emulator).json(&json!({
        "query": crate::caller::TRIGGER, "variables": { "agent": "a" }, "operationName": "Trigger",
    })))
    .await;
    call(&emulator, NOTHING, json!(null)).await;
    let requests = emulator.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0].status, 401);
    assert_eq!(requests[0].query, crate::caller::TRIGGER);
    assert_eq!(requests[0].variables, json!({ "agent": "a" }));
    assert_eq!(requests[0].operation_name.as_deref(), Some("Trigger"));
    assert!(requests[0].started.is_empty());
    assert_eq!(requests[1].status, 200);
    assert!(emulator.runs().is_empty());
}
