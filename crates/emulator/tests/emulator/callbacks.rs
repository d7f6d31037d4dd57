//! A run that waits for a child goes idle, and wakes when the child has ended.

use std::time::Duration;

use dinoai_emulator::{Child, Emulator, Scenario, Stage};
use serde_json::json;

use crate::caller::{SEND, STOP, call, read, said, statuses, trigger};

fn calls_back(child: Scenario) -> Scenario {
    Scenario::new()
        .stage(Stage::new("RUNNING"))
        .child(Child::from(child).with_callback([
            Stage::new("RUNNING"),
            Stage::new("COMPLETED").message("assistant", "My child is done."),
        ]))
        .stage(Stage::new("COMPLETED"))
        .message("assistant", "I wait for my child.")
}

async fn with(scenario: Scenario) -> Emulator {
    Emulator::builder()
        .scenario("parent", scenario)
        .stopped_clock()
        .start()
        .await
        .unwrap()
}

async fn child_of(emulator: &Emulator, parent: &str) -> String {
    let run = read(emulator, parent).await;
    run["childSessionIds"][0].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_parent_goes_idle_and_wakes_when_its_child_has_ended() {
    let emulator = with(calls_back(Scenario::completed())).await;
    let parent = trigger(&emulator, "parent").await;
    let child = child_of(&emulator, &parent).await;
    assert_eq!(
        statuses(&emulator, &parent, 3).await,
        ["COMPLETED", "COMPLETED", "COMPLETED"],
        "idle for as long as the child works"
    );
    assert_eq!(
        statuses(&emulator, &child, 3).await,
        ["QUEUED", "RUNNING", "COMPLETED"]
    );
    assert_eq!(
        statuses(&emulator, &parent, 3).await,
        ["RUNNING", "COMPLETED", "COMPLETED"]
    );
    let run = read(&emulator, &parent).await;
    let contents: Vec<_> = said(&run).iter().map(|(_, content)| *content).collect();
    assert_eq!(
        contents,
        ["Check it.", "I wait for my child.", "My child is done."]
    );
}

#[tokio::test]
async fn a_parent_is_seen_idle_even_if_its_child_ends_at_once() {
    let at_once = Scenario::new().stage(Stage::new("FAILED"));
    let emulator = with(calls_back(at_once)).await;
    let parent = trigger(&emulator, "parent").await;
    assert_eq!(
        statuses(&emulator, &parent, 4).await,
        ["RUNNING", "COMPLETED", "RUNNING", "COMPLETED"]
    );
}

#[tokio::test]
async fn a_child_without_callback_wakes_nobody() {
    let scenario = Scenario::new()
        .stage(Stage::new("RUNNING"))
        .child(Scenario::new().stage(Stage::new("COMPLETED")))
        .stage(Stage::new("COMPLETED"));
    let emulator = with(scenario).await;
    let parent = trigger(&emulator, "parent").await;
    assert_eq!(
        statuses(&emulator, &parent, 4).await,
        ["RUNNING", "COMPLETED", "COMPLETED", "COMPLETED"]
    );
}

#[tokio::test]
async fn by_time_a_parent_wakes_when_its_child_ended() {
    let child = Scenario::new()
        .stage(Stage::new("RUNNING").lasts(Duration::from_secs(100)))
        .stage(Stage::new("COMPLETED"));
    let scenario = Scenario::new()
        .stage(Stage::new("RUNNING").lasts(Duration::from_secs(10)))
        .child(Child::from(child).with_callback([
            Stage::new("RUNNING").lasts(Duration::from_secs(5)),
            Stage::new("COMPLETED"),
        ]))
        .stage(Stage::new("COMPLETED").lasts(Duration::from_secs(10)));
    let emulator = with(scenario).await;
    trigger(&emulator, "parent").await;
    let mut seen = Vec::new();
    for advance in [9, 1, 89, 1, 4, 1] {
        emulator.advance(Duration::from_secs(advance));
        seen.push(emulator.runs()[0].status.clone());
    }
    assert_eq!(
        seen,
        [
            "RUNNING",
            "COMPLETED",
            "COMPLETED",
            "RUNNING",
            "RUNNING",
            "COMPLETED"
        ]
    );
}

#[tokio::test]
async fn callbacks_nest_and_come_one_after_the_other() {
    let at_once = || Scenario::new().stage(Stage::new("COMPLETED"));
    let inner = calls_back(at_once());
    let scenario = Scenario::new()
        .stage(Stage::new("COMPLETED"))
        .child(Child::from(inner).with_callback([Stage::new("STOPPED")]))
        .child(Child::from(at_once()).with_callback([]));
    let emulator = with(scenario).await;
    let parent = trigger(&emulator, "parent").await;
    let child = child_of(&emulator, &parent).await;
    assert_eq!(
        statuses(&emulator, &parent, 4).await,
        ["RUNNING", "COMPLETED", "COMPLETED", "COMPLETED"],
        "the second child has ended, the first waits for its own"
    );
    assert_eq!(
        statuses(&emulator, &child, 4).await,
        ["RUNNING", "COMPLETED", "RUNNING", "COMPLETED"]
    );
    assert_eq!(statuses(&emulator, &parent, 1).await, ["STOPPED"]);
}

#[tokio::test]
async fn a_stopped_parent_is_not_woken_and_a_follow_up_does_not_lose_the_callback() {
    for (query, expected) in [
        (STOP, &["STOPPED", "STOPPED", "STOPPED", "STOPPED"][..]),
        (SEND, &["QUEUED", "RUNNING", "COMPLETED", "RUNNING"]),
    ] {
        let emulator = with(calls_back(Scenario::completed())).await;
        let parent = trigger(&emulator, "parent").await;
        let child = child_of(&emulator, &parent).await;
        statuses(&emulator, &parent, 2).await;
        let variables = match query {
            STOP => json!({ "id": parent }),
            _ => json!({ "id": parent, "message": "m" }),
        };
        call(&emulator, query, variables).await;
        statuses(&emulator, &child, 3).await;
        assert_eq!(statuses(&emulator, &parent, 4).await, expected);
    }
}

#[tokio::test]
async fn a_parent_goes_on_when_its_child_was_stopped_and_no_earlier() {
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    let child = Scenario::new()
        .stage(Stage::new("RUNNING").lasts(minutes(60)))
        .stage(Stage::new("COMPLETED"));
    let woken = [
        Stage::new("RUNNING").lasts(minutes(5)),
        Stage::new("COMPLETED"),
    ];
    let parent = Scenario::new()
        .stage(Stage::new("COMPLETED").lasts(minutes(1)))
        .child(Child::from(child).with_callback(woken));
    let emulator = with(parent).await;
    trigger(&emulator, "parent").await;
    let child = emulator.runs()[0].children[0].clone();
    emulator.advance(minutes(10));
    call(&emulator, STOP, json!({ "id": child })).await;
    emulator.advance(minutes(4));
    assert_eq!(emulator.runs()[0].status, "RUNNING");
    emulator.advance(minutes(4));
    let runs = emulator.runs();
    assert_eq!(
        (runs[0].ended, runs[1].ended),
        (Some(minutes(15)), Some(minutes(10)))
    );
}
