//! A read returns every field of the vendor's page, and an unknown session is null with an error.

use dinoai_emulator::{Emulator, Scenario};
use serde_json::json;

use crate::caller::{RUN, SEND, STOP, TRIGGER, call, read, said, statuses, trigger};

#[tokio::test]
async fn a_run_returns_every_field_of_the_page() {
    let emulator = Emulator::start().await.unwrap();
    let id = trigger(&emulator, "a").await;
    statuses(&emulator, &id, 2).await;
    let run = read(&emulator, &id).await;
    assert_eq!(run["ok"], true);
    assert_eq!(run["agentSessionId"], id);
    assert_eq!(run["status"], "COMPLETED");
    assert_eq!(run["childSessionIds"], json!([]));
    assert_eq!(run["workspaceUid"], emulator.workspace_uid());
    let said = said(&run);
    assert_eq!(said[0], ("user", "Check it."));
    assert_eq!(said[1].0, "assistant");
    assert_eq!(said.len(), 2);
}

#[tokio::test]
async fn a_run_of_an_agent_alone_has_no_message_of_the_users() {
    let emulator = Emulator::start().await.unwrap();
    call(&emulator, TRIGGER, json!({ "agent": "a" })).await;
    let id = &emulator.runs()[0].session_id;
    statuses(&emulator, id, 2).await;
    let run = read(&emulator, id).await;
    assert_eq!(said(&run).len(), 1);
    assert_eq!(said(&run)[0].0, "assistant");
}

#[tokio::test]
async fn messages_have_growing_fractional_timestamps_of_now() {
    let mut scenario = Scenario::new();
    for text in ["1", "2", "3", "4"] {
        scenario = scenario.message("assistant", text);
    }
    let emulator = Emulator::builder()
        .default_scenario(scenario)
        .start()
        .await
        .unwrap();
    let id = trigger(&emulator, "a").await;
    call(&emulator, SEND, json!({ "id": id, "message": "More." })).await;
    let run = read(&emulator, &id).await;
    let times: Vec<f64> = run["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| message["ts"].as_f64().unwrap())
        .collect();
    assert_eq!(times.len(), 6);
    assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "{times:?}");
    assert!(times.iter().any(|ts| ts.fract() != 0.0), "{times:?}");
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs_f64();
    assert!(
        times.iter().all(|ts| (ts - now).abs() < 60.0),
        "{times:?} {now}"
    );
}

#[tokio::test]
async fn an_unknown_session_is_an_error_with_a_path_and_null_for_that_field_alone() {
    let emulator = Emulator::start().await.unwrap();
    let id = trigger(&emulator, "a").await;
    for (query, field) in [
        (RUN, "dinoaiAgentRun"),
        (SEND, "sendDinoaiAgentMessage"),
        (STOP, "stopDinoaiAgentRun"),
    ] {
        let mut variables = json!({ "id": "xwzdneft6emspe0f" });
        if query == SEND {
            variables["message"] = json!("x");
        }
        let response = call(&emulator, query, variables).await;
        assert_eq!(response.status, 200);
        assert_eq!(response.body["data"], json!({ field: null }));
        assert_eq!(response.body["errors"][0]["path"], json!([field]));
    }
    let query = "query ($id: String!) {
        good: dinoaiAgentRun(agentSessionId: $id) { ok }
        bad: dinoaiAgentRun(agentSessionId: \"nope\") { ok }
    }";
    let response = call(&emulator, query, json!({ "id": id })).await;
    assert_eq!(
        response.body["data"],
        json!({ "good": { "ok": true }, "bad": null })
    );
    assert_eq!(response.body["errors"][0]["path"], json!(["bad"]));
}
