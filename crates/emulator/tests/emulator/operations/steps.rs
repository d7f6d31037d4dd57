//! Steps are listed from an index on and cut as asked for; the start-up checklist is ticked off.

use dinoai_emulator::{Emulator, Scenario, Stage, Step};
use serde_json::{Value, json};

use crate::caller::{STEPS, call, statuses, trigger};

fn with_steps() -> Scenario {
    Scenario::new()
        .stage(Stage::new("QUEUED"))
        .startup_step("Clone", false)
        .startup_step("Boot", false)
        .stage(Stage::new("RUNNING"))
        .startup_step("Clone", true)
        .step(Step::user("Check it."))
        .step(
            Step::tool("run_sql_query")
                .input("select 1")
                .output("äöü-one"),
        )
        .step(Step::agent("Looking closely."))
}

#[tokio::test]
async fn steps_show_tool_input_and_output_only_on_request() {
    let emulator = Emulator::builder()
        .default_scenario(with_steps())
        .start()
        .await
        .unwrap();
    let id = trigger(&emulator, "a").await;
    statuses(&emulator, &id, 1).await;
    let response = call(&emulator, STEPS, json!({ "id": id })).await;
    assert_eq!(
        response.root()["steps"],
        json!([
            { "index": 0, "role": "USER", "toolName": null, "toolInput": null, "content": "Check it.", "truncated": false },
            { "index": 1, "role": "TOOL", "toolName": "run_sql_query", "toolInput": null, "content": null, "truncated": false },
            { "index": 2, "role": "AGENT", "toolName": null, "toolInput": null, "content": "Looking closely.", "truncated": false },
        ])
    );
    let response = call(&emulator, STEPS, json!({ "id": id, "includeToolIo": true })).await;
    assert_eq!(response.root()["steps"][1]["toolInput"], "select 1");
    assert_eq!(response.root()["steps"][1]["content"], "äöü-one");
}

#[tokio::test]
async fn steps_come_after_an_index_and_cut_at_a_number_of_characters() {
    let emulator = Emulator::builder()
        .default_scenario(with_steps())
        .start()
        .await
        .unwrap();
    let id = trigger(&emulator, "a").await;
    statuses(&emulator, &id, 1).await;
    let variables = json!({ "id": id, "after": 0, "includeToolIo": true, "maxChars": 7 });
    let response = call(&emulator, STEPS, variables).await;
    let steps = response.root()["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 2);
    assert_eq!(steps[0]["index"], 1);
    assert_eq!(steps[0]["toolInput"], "select ");
    assert_eq!(steps[0]["content"], "äöü-one");
    assert_eq!(steps[0]["truncated"], true);
    assert_eq!(steps[1]["content"], "Looking");
    for (max, content) in [(-1, ""), (0, ""), (16, "Looking closely.")] {
        let response = call(
            &emulator,
            STEPS,
            json!({ "id": id, "after": 1, "maxChars": max }),
        )
        .await;
        assert_eq!(response.root()["steps"][0]["content"], content);
        assert_eq!(response.root()["steps"][0]["truncated"], max < 16);
    }
    let response = call(&emulator, STEPS, json!({ "id": id, "after": 2 })).await;
    assert_eq!(response.root()["steps"], json!([]));
}

#[tokio::test]
async fn texts_of_steps_are_cut_at_4000_characters_by_default() {
    let scenario = Scenario::new().step(Step::agent("x".repeat(4_001)));
    let emulator = Emulator::builder()
        .default_scenario(scenario)
        .start()
        .await
        .unwrap();
    let id = trigger(&emulator, "a").await;
    let response = call(&emulator, STEPS, json!({ "id": id })).await;
    let step = &response.root()["steps"][0];
    assert_eq!(step["content"].as_str().unwrap().len(), 4_000);
    assert_eq!(step["truncated"], true);
}

#[tokio::test]
async fn the_start_up_checklist_is_ticked_off() {
    let emulator = Emulator::builder()
        .default_scenario(with_steps())
        .start()
        .await
        .unwrap();
    let id = trigger(&emulator, "a").await;
    let before = call(&emulator, STEPS, json!({ "id": id })).await;
    assert_eq!(
        before.root()["startupSteps"],
        json!([{ "label": "Clone", "done": false }, { "label": "Boot", "done": false }])
    );
    let after = call(&emulator, STEPS, json!({ "id": id })).await;
    assert_eq!(
        after.root()["startupSteps"],
        json!([{ "label": "Clone", "done": true }, { "label": "Boot", "done": false }])
    );
}

#[tokio::test]
async fn steps_that_cannot_be_read_leave_the_rest_of_the_run() {
    let emulator = Emulator::builder()
        .default_scenario(with_steps().without_readable_steps())
        .start()
        .await
        .unwrap();
    let id = trigger(&emulator, "a").await;
    let response = call(&emulator, STEPS, json!({ "id": id })).await;
    assert_eq!(response.status, 200);
    assert_eq!(response.root()["ok"], true);
    assert_eq!(response.root()["steps"], Value::Null);
    assert_eq!(response.root()["startupSteps"].as_array().unwrap().len(), 2);
    assert_eq!(
        response.body["errors"][0]["path"],
        json!(["dinoaiAgentRun", "steps"])
    );
}
