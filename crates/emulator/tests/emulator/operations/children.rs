//! Children are runs of their own, down to the eighth generation.

use dinoai_emulator::{Emulator, Scenario, Stage};
use serde_json::json;

use crate::caller::{read, statuses, trigger};

#[tokio::test]
async fn children_are_runs_of_their_own() {
    let scenario = Scenario::new()
        .stage(Stage::new("QUEUED"))
        .stage(Stage::new("RUNNING"))
        .child("lineage-reader")
        .child(Scenario::stopped())
        .stage(Stage::new("COMPLETED"));
    let emulator = Emulator::builder()
        .scenario("parent", scenario)
        .scenario("lineage-reader", Scenario::failed())
        .start()
        .await
        .unwrap();
    let id = trigger(&emulator, "parent").await;
    assert_eq!(read(&emulator, &id).await["childSessionIds"], json!([]));
    let children: Vec<String> =
        serde_json::from_value(read(&emulator, &id).await["childSessionIds"].clone()).unwrap();
    assert_eq!(children.len(), 2);
    assert_eq!(
        statuses(&emulator, &children[0], 3).await,
        ["QUEUED", "RUNNING", "FAILED"]
    );
    assert_eq!(
        statuses(&emulator, &children[1], 3).await,
        ["QUEUED", "RUNNING", "STOPPED"]
    );
    let runs = emulator.runs();
    assert_eq!(runs.len(), 3);
    assert_eq!(runs[1].session_id, children[0]);
    assert_eq!(runs[1].agent.as_deref(), Some("lineage-reader"));
    assert_eq!(runs[1].parent.as_deref(), Some(&*id));
    assert_eq!(emulator.requests()[0].started, [id]);
}

#[tokio::test]
async fn an_agent_that_starts_itself_ends_at_the_eighth_generation() {
    let scenario = Scenario::new().child("narcissus");
    let emulator = Emulator::builder()
        .scenario("narcissus", scenario)
        .start()
        .await
        .unwrap();
    trigger(&emulator, "narcissus").await;
    assert_eq!(emulator.runs().len(), 9);
}
