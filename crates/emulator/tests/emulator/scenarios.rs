//! Runs go as their scenario says: by reads, by time, through any status at all.

use std::time::{Duration, Instant};

use dinoai_emulator::{Backend, Emulator, Scenario, Stage, Status};
use serde_json::json;

use crate::caller::{RUN, call, read, said, statuses, trigger};

async fn with(scenario: Scenario) -> Emulator {
    Emulator::builder()
        .default_scenario(scenario)
        .start()
        .await
        .unwrap()
}

#[tokio::test]
async fn each_built_in_scenario_ends_as_its_name_says() {
    for (scenario, path, roles) in [
        (
            Scenario::completed(),
            &["QUEUED", "RUNNING", "COMPLETED", "COMPLETED"][..],
            &["user", "assistant"][..],
        ),
        (
            Scenario::failed(),
            &["QUEUED", "RUNNING", "FAILED", "FAILED"],
            &["user", "assistant"],
        ),
        (
            Scenario::expired(),
            &["QUEUED", "EXPIRED", "EXPIRED"],
            &["user"],
        ),
        (
            Scenario::stopped(),
            &["QUEUED", "RUNNING", "STOPPED", "STOPPED"],
            &["user"],
        ),
        (Scenario::new(), &["QUEUED", "QUEUED", "QUEUED"], &["user"]),
    ] {
        let emulator = with(scenario).await;
        let id = trigger(&emulator, "a").await;
        assert_eq!(statuses(&emulator, &id, path.len()).await, path);
        let run = read(&emulator, &id).await;
        let found: Vec<_> = said(&run).iter().map(|(role, _)| *role).collect();
        assert_eq!(found, roles);
    }
}

#[tokio::test]
async fn the_default_scenario_completes() {
    let emulator = Emulator::start().await.unwrap();
    let id = trigger(&emulator, "anything").await;
    assert_eq!(
        statuses(&emulator, &id, 3).await,
        ["QUEUED", "RUNNING", "COMPLETED"]
    );
}

#[tokio::test]
async fn an_agent_follows_its_own_scenario_and_others_the_default() {
    let emulator = Emulator::builder()
        .scenario("a", Scenario::completed())
        .scenario("a", Scenario::expired())
        .default_scenario(Scenario::failed())
        .start()
        .await
        .unwrap();
    let a = trigger(&emulator, "a").await;
    let b = trigger(&emulator, "b").await;
    assert_eq!(statuses(&emulator, &a, 4).await[3], "EXPIRED");
    assert_eq!(statuses(&emulator, &b, 4).await[3], "FAILED");
}

#[tokio::test]
async fn a_stage_ends_after_its_reads_and_only_reads_of_the_run_count() {
    let scenario = Scenario::new()
        .stage(Stage::new("QUEUED").reads(2))
        .stage(Stage::new("RUNNING").reads(0))
        .stage(Stage::new("RUNNING").reads(3))
        .message("assistant", "I check the tests.")
        .stage(Stage::new("COMPLETED").reads(1));
    let emulator = with(scenario).await;
    let id = trigger(&emulator, "a").await;
    let other = trigger(&emulator, "a").await;
    statuses(&emulator, &other, 5).await;
    for _ in 0..5 {
        assert_eq!(emulator.runs()[0].status, "QUEUED");
        call(&emulator, RUN, json!({ "id": "unknown" })).await;
        call(&emulator, "{ __typename }", json!({})).await;
    }
    assert_eq!(
        statuses(&emulator, &id, 7).await,
        [
            "QUEUED",
            "QUEUED",
            "RUNNING",
            "RUNNING",
            "RUNNING",
            "COMPLETED",
            "COMPLETED"
        ]
    );
}

#[tokio::test]
async fn a_request_that_asks_twice_reads_twice() {
    let emulator = Emulator::start().await.unwrap();
    let id = trigger(&emulator, "a").await;
    let query = "query ($id: String!) {
        a: dinoaiAgentRun(agentSessionId: $id) { status }
        b: dinoaiAgentRun(agentSessionId: $id) { status }
    }";
    let response = call(&emulator, query, json!({ "id": id })).await;
    assert_eq!(
        response.body["data"],
        json!({ "a": { "status": "QUEUED" }, "b": { "status": "RUNNING" } })
    );
}

#[tokio::test]
async fn a_stage_ends_after_its_time_however_often_it_is_read() {
    let scenario = Scenario::new()
        .stage(Stage::new("RUNNING").lasts(Duration::from_millis(300)))
        .stage(Stage::new("RUNNING").lasts(Duration::ZERO))
        .message("assistant", "Passed through.")
        .stage(Stage::new("COMPLETED"));
    let emulator = with(scenario).await;
    let start = Instant::now();
    let id = trigger(&emulator, "a").await;
    let seen = statuses(&emulator, &id, 3).await;
    if start.elapsed() < Duration::from_millis(300) {
        assert_eq!(seen, ["RUNNING", "RUNNING", "RUNNING"]);
    }
    while emulator.runs()[0].status != "COMPLETED" {
        assert!(start.elapsed() < Duration::from_secs(30));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(start.elapsed() >= Duration::from_millis(300));
    let run = read(&emulator, &id).await;
    assert_eq!(said(&run)[1], ("assistant", "Passed through."));
}

#[tokio::test]
async fn messages_appear_when_their_stage_begins() {
    let scenario = Scenario::new()
        .message("assistant", "Hello.")
        .stage(Stage::new("RUNNING").message("agent", "I check the tests."))
        .stage(Stage::new("COMPLETED"))
        .message("assistant", "Done.")
        .message("assistant", "Done.");
    let emulator = with(scenario).await;
    let id = trigger(&emulator, "a").await;
    let first = read(&emulator, &id).await;
    assert_eq!(
        said(&first),
        [
            ("user", "Check it."),
            ("assistant", "Hello."),
            ("agent", "I check the tests.")
        ]
    );
    let second = read(&emulator, &id).await;
    assert_eq!(
        said(&second)[3..],
        [("assistant", "Done."), ("assistant", "Done.")]
    );
}

#[tokio::test]
async fn a_status_that_no_schema_declares_is_returned_and_not_introspected() {
    for backend in [Backend::Current, Backend::PagesOnly] {
        let child = Scenario::new().stage(Stage::new("HIBERNATING"));
        let scenario = Scenario::new()
            .stage(Stage::new("PAUSED"))
            .stage(Stage::new("not even a name"))
            .stage(Stage::new(Status::Expired))
            .child(child)
            .follow_up([Stage::new("THINKING")]);
        let emulator = Emulator::builder()
            .backend(backend.clone())
            .scenario("a", scenario)
            .start()
            .await
            .unwrap();
        let id = trigger(&emulator, "a").await;
        assert_eq!(
            statuses(&emulator, &id, 3).await,
            ["PAUSED", "not even a name", "EXPIRED"]
        );
        let children = read(&emulator, &id).await["childSessionIds"].clone();
        let child = children[0].as_str().unwrap();
        assert_eq!(statuses(&emulator, child, 1).await, ["HIBERNATING"]);
        call(
            &emulator,
            crate::caller::SEND,
            json!({ "id": id, "message": "?" }),
        )
        .await;
        assert_eq!(statuses(&emulator, &id, 1).await, ["THINKING"]);

        let query = "{ type: __type(name: \"DinoAiAgentRunStatus\") { enumValues { name } } }";
        let response = call(&emulator, query, json!({})).await;
        let names: Vec<_> = response.root()["enumValues"]
            .as_array()
            .unwrap()
            .iter()
            .map(|value| value["name"].as_str().unwrap())
            .collect();
        let mut declared = vec!["QUEUED", "RUNNING", "COMPLETED", "FAILED"];
        if backend == Backend::Current {
            declared.extend(["EXPIRED", "STOPPED"]);
        }
        assert_eq!(names, declared);
    }
}

#[tokio::test]
async fn a_stopped_clock_moves_only_when_it_is_moved() {
    let emulator = Emulator::builder()
        .default_scenario(
            Scenario::new()
                .stage(Stage::new("RUNNING").lasts(Duration::from_secs(3_600)))
                .stage(Stage::new("COMPLETED")),
        )
        .stopped_clock()
        .start()
        .await
        .unwrap();
    let id = trigger(&emulator, "a").await;
    emulator.advance(Duration::from_millis(3_599_999));
    assert_eq!(statuses(&emulator, &id, 2).await, ["RUNNING", "RUNNING"]);
    emulator.advance(Duration::from_millis(1));
    assert_eq!(statuses(&emulator, &id, 1).await, ["COMPLETED"]);
    assert_eq!(emulator.elapsed(), Duration::from_secs(3_600));
}
