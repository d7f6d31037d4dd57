//! A stop ends a run that has not ended, and neither its children nor one that has.

use std::time::Duration;

use dinoai_emulator::{Emulator, Scenario, Stage};
use serde_json::json;

use crate::caller::{
    SEND, STOP, call, on_a_stopped_clock, read, said, statuses, trigger, works_for_half_a_minute,
};

#[tokio::test]
async fn a_stop_is_terminal_and_what_lay_ahead_never_appears() {
    let emulator = Emulator::start().await.unwrap();
    let id = trigger(&emulator, "a").await;
    let response = call(&emulator, STOP, json!({ "id": id })).await;
    assert_eq!(response.root(), &json!({ "ok": true, "status": "stopped" }));
    assert_eq!(emulator.runs()[0].status, "STOPPED");
    assert!(
        statuses(&emulator, &id, 5)
            .await
            .iter()
            .all(|status| status == "STOPPED")
    );
    let run = read(&emulator, &id).await;
    assert_eq!(said(&run), [("user", "Check it.")]);

    call(&emulator, SEND, json!({ "id": id, "message": "Go on." })).await;
    assert_eq!(statuses(&emulator, &id, 3).await[2], "COMPLETED");
}

#[tokio::test]
async fn a_run_that_has_ended_stays_as_it_ended_when_it_is_stopped() {
    for (scenario, end) in [
        (Scenario::completed(), "COMPLETED"),
        (Scenario::failed(), "FAILED"),
        (Scenario::expired(), "EXPIRED"),
    ] {
        let emulator = on_a_stopped_clock(scenario).await;
        let id = trigger(&emulator, "a").await;
        assert_eq!(statuses(&emulator, &id, 4).await[3], end);
        let response = call(&emulator, STOP, json!({ "id": id })).await;
        let word = end.to_lowercase();
        assert_eq!(response.root(), &json!({ "ok": true, "status": word }));
        assert_eq!(statuses(&emulator, &id, 1).await, [end]);
        assert_eq!(emulator.runs()[0].stops.len(), 1);

        call(&emulator, SEND, json!({ "id": id, "message": "Go on." })).await;
        let response = call(&emulator, STOP, json!({ "id": id })).await;
        assert_eq!(response.root(), &json!({ "ok": true, "status": "stopped" }));
        assert_eq!(statuses(&emulator, &id, 1).await, ["STOPPED"]);
    }
}

#[tokio::test]
async fn the_children_of_a_run_that_is_stopped_go_on() {
    let parent = Scenario::new()
        .stage(Stage::new("RUNNING").lasts(Duration::from_secs(60)))
        .child(works_for_half_a_minute())
        .stage(Stage::new("COMPLETED"));
    let emulator = on_a_stopped_clock(parent).await;
    let id = trigger(&emulator, "a").await;
    call(&emulator, STOP, json!({ "id": id })).await;
    let ends = || [0, 1].map(|number: usize| emulator.runs()[number].status.clone());
    assert_eq!(ends(), ["STOPPED", "RUNNING"]);
    emulator.advance(Duration::from_secs(60));
    assert_eq!(ends(), ["STOPPED", "COMPLETED"]);
}
