//! A follow-up wakes a run that has ended, and loses no message of one that has not.

use dinoai_emulator::{Emulator, Scenario, Stage};
use serde_json::json;

use crate::caller::{SEND, call, read, said, statuses, trigger};

#[tokio::test]
async fn a_follow_up_wakes_a_run_that_has_ended() {
    let emulator = Emulator::start().await.unwrap();
    let id = trigger(&emulator, "a").await;
    assert_eq!(statuses(&emulator, &id, 3).await[2], "COMPLETED");
    let response = call(&emulator, SEND, json!({ "id": id, "message": "And now?" })).await;
    assert_eq!(
        response.root(),
        &json!({ "ok": true, "agentSessionId": id, "status": "queued" })
    );
    assert_eq!(
        statuses(&emulator, &id, 3).await,
        ["QUEUED", "RUNNING", "COMPLETED"]
    );
    let run = read(&emulator, &id).await;
    let said = said(&run);
    assert_eq!(said.len(), 4);
    assert_eq!(said[2], ("user", "And now?"));
    assert_eq!(said[3].0, "assistant");
    assert_ne!(said[1].1, said[3].1);
    assert_eq!(emulator.runs()[0].follow_ups, ["And now?"]);
    assert_eq!(emulator.runs().len(), 1);
    let requests = emulator.requests();
    assert!(
        requests[1..]
            .iter()
            .all(|request| request.started.is_empty())
    );
}

#[tokio::test]
async fn a_follow_up_before_the_end_loses_no_message() {
    let emulator = Emulator::start().await.unwrap();
    let id = trigger(&emulator, "a").await;
    call(
        &emulator,
        SEND,
        json!({ "id": id, "message": "Also this." }),
    )
    .await;
    let run = read(&emulator, &id).await;
    assert_eq!(run["status"], "QUEUED");
    let roles: Vec<_> = said(&run).iter().map(|(role, _)| *role).collect();
    assert_eq!(roles, ["user", "assistant", "user"]);
}

#[tokio::test]
async fn follow_ups_are_answered_as_the_scenario_says_and_then_by_default() {
    let scenario = Scenario::completed()
        .follow_up([Stage::new("FAILED").message("agent", "No.")])
        .follow_up([Stage::new("COMPLETED").reads(2), Stage::new("EXPIRED")]);
    let emulator = Emulator::builder()
        .scenario("a", scenario)
        .start()
        .await
        .unwrap();
    let id = trigger(&emulator, "a").await;
    let mut seen = Vec::new();
    for _ in 0..3 {
        call(&emulator, SEND, json!({ "id": id, "message": "?" })).await;
        seen.extend(statuses(&emulator, &id, 3).await);
    }
    assert_eq!(
        seen,
        [
            "FAILED",
            "FAILED",
            "FAILED",
            "COMPLETED",
            "COMPLETED",
            "EXPIRED",
            "QUEUED",
            "RUNNING",
            "COMPLETED",
        ]
    );
    let run = read(&emulator, &id).await;
    assert!(said(&run).contains(&("agent", "No.")));
}
