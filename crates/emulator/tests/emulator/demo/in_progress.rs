//! A follow-up to a run in progress waits for its answer; what a stop cuts off was never said.

use std::time::Duration;

use dinoai_emulator::{Emulator, Quirks, Run, Scenario, Stage};
use serde_json::json;

use super::{CHECKER, MOMENT, answer, ask, demo, follow_up, run, started, talk, until_ended};
use crate::caller::{SEND, STEPS, STOP, call};

async fn send(emulator: &Emulator, id: &str, message: &str) {
    let sent = call(emulator, SEND, json!({ "id": id, "message": message })).await;
    assert_eq!(sent.root()["ok"], true, "{}", sent.text);
}

async fn stop(emulator: &Emulator, id: &str) {
    let stopped = call(emulator, STOP, json!({ "id": id })).await;
    assert_eq!(stopped.root()["status"], "stopped", "{}", stopped.text);
}

fn roles(run: &Run) -> Vec<&str> {
    let messages = run.messages.iter();
    messages.map(|message| message.role.as_str()).collect()
}

/// A run of this agent, some time after its start.
async fn in_progress(emulator: &Emulator, agent: &str, message: &str, seconds: u64) -> String {
    let id = ask(emulator, Some(agent), Some(message)).await;
    emulator.advance(Duration::from_secs(seconds));
    assert!(run(emulator, &id).ended.is_none());
    id
}

#[tokio::test]
async fn a_follow_up_to_a_run_in_progress_waits_for_its_answer() {
    let emulator = started().await;
    for seconds in [0, 3, 7] {
        let id = in_progress(&emulator, CHECKER, "Focus on stg_orders", seconds).await;
        let seen = call(&emulator, STEPS, json!({ "id": id })).await.body;
        for message in ["Now fix the first one", "why?"] {
            send(&emulator, &id, message).await;
        }
        let then = call(&emulator, STEPS, json!({ "id": id })).await.body;
        assert_eq!(then, seen, "nothing comes sooner");
        assert_eq!(roles(&run(&emulator, &id)), ["user", "user", "user"]);
        // It does not seem to have ended before all is answered.
        let took = until_ended(&emulator, &id);
        assert!(took < Duration::from_secs(20), "{took:?}");
        let run = run(&emulator, &id);
        assert_eq!(run.status, "COMPLETED");
        let said: Vec<_> = run.messages[3..].iter().map(|it| &it.content).collect();
        let one_by_one = talk("Focus on stg_orders", &["Now fix the first one", "why?"]).await;
        assert_eq!(said, one_by_one.iter().collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn no_end_is_shown_between_two_turns_late_either() {
    let quirks = Quirks::new().alternating_status();
    let emulator = demo().quirks(quirks).start().await.unwrap();
    let id = in_progress(&emulator, CHECKER, "Focus on stg_orders", 7).await;
    send(&emulator, &id, "Now fix the first one").await;
    while run(&emulator, &id).messages.len() < 4 {
        emulator.advance(MOMENT);
        assert!(emulator.elapsed() < Duration::from_secs(60));
        let seen = call(&emulator, STEPS, json!({ "id": id })).await;
        let is_over = run(&emulator, &id).ended.is_some();
        assert!(
            is_over || seen.root()["status"] == "RUNNING",
            "{}",
            seen.text
        );
    }
}

#[tokio::test]
async fn a_turn_that_fails_fails_when_all_is_answered() {
    let emulator = started().await;
    let id = in_progress(&emulator, "warehouse-cost-reporter", "This week", 3).await;
    send(&emulator, &id, "And last week?").await;
    until_ended(&emulator, &id);
    let run = run(&emulator, &id);
    assert_eq!(
        (run.status.as_str(), roles(&run)),
        ("FAILED", vec!["user", "user", "assistant", "assistant"])
    );
    assert!(run.messages[3].content.contains("“And last week?”"));
}

#[tokio::test]
async fn a_reviewer_that_is_asked_meanwhile_says_nothing_before_its_children_have() {
    let emulator = started().await;
    let id = in_progress(&emulator, "pull-request-reviewer", "Review fct_orders", 7).await;
    send(&emulator, &id, "Hurry up").await;
    assert!(emulator.runs().len() < 3, "it still has one to start");
    while run(&emulator, &id).messages.len() == 2 {
        emulator.advance(MOMENT);
        assert!(emulator.elapsed() < Duration::from_secs(60));
    }
    let runs = emulator.runs();
    assert_eq!(runs.len(), 3);
    for child in &runs[1..] {
        assert_eq!(child.status, "COMPLETED");
    }
    assert!(runs[0].messages[2].content.starts_with("## Review"));
    until_ended(&emulator, &id);
    let said = answer(&emulator, &id);
    assert!(said.contains("“Hurry up”"), "{said}");
}

#[tokio::test]
async fn a_reviewer_says_of_its_children_what_became_of_them() {
    let emulator = started().await;
    let id = in_progress(&emulator, "pull-request-reviewer", "Review fct_orders", 7).await;
    while run(&emulator, &id).children.len() < 2 {
        emulator.advance(MOMENT);
    }
    let children = run(&emulator, &id).children;
    stop(&emulator, &children[0]).await;
    send(&emulator, &children[1], "Now also check stg_orders").await;
    until_ended(&emulator, &id);
    let of_child = run(&emulator, &children[1]);
    assert_eq!(of_child.status, "COMPLETED");
    assert!(of_child.ended < run(&emulator, &id).ended, "waited for");
    let said = answer(&emulator, &id);
    for row in [
        "| lineage-reader | unknown | it ended STOPPED |",
        "| data-quality-checker | blocks | 3 findings in stg_orders |",
    ] {
        assert!(said.contains(row), "{said}");
    }
    assert!(said.contains(r#""blocks":null"#), "{said}");
}

#[tokio::test]
async fn a_reviewer_too_deep_to_start_others_ends_all_the_same() {
    let deep = Scenario::new()
        .child("deep")
        .child("pull-request-reviewer")
        .stage(Stage::new("COMPLETED"));
    let emulator = demo().scenario("deep", deep).start().await.unwrap();
    ask(&emulator, Some("deep"), None).await;
    emulator.advance(Duration::from_secs(60));
    let runs = emulator.runs();
    let reviewer = |run: &&Run| run.agent.as_deref() == Some("pull-request-reviewer");
    let reviewers: Vec<_> = runs.iter().filter(reviewer).collect();
    assert!(reviewers.iter().any(|run| run.children.is_empty()));
    for run in reviewers {
        assert_eq!(run.status, "COMPLETED");
    }
}

#[tokio::test]
async fn what_a_stop_cut_off_was_never_said() {
    let emulator = started().await;
    let id = in_progress(&emulator, CHECKER, "Focus on stg_orders", 7).await;
    send(&emulator, &id, "fix the second one").await;
    stop(&emulator, &id).await;
    let before = run(&emulator, &id);
    emulator.advance(Duration::from_secs(60));
    assert_eq!(run(&emulator, &id), before, "nothing comes any more");
    for message in ["fix the first one", "why?", "json", "Which are open?"] {
        let said = follow_up(&emulator, &id, message).await;
        assert!(
            said.contains("stopped") && !said.contains("order_id"),
            "{said}"
        );
    }
    let said = follow_up(&emulator, &id, "Go on").await;
    assert!(said.contains("3 findings in stg_orders"), "{said}");
    assert!(said.contains("order_id"), "{said}");

    // What was cut off later is not done either.
    for message in ["fix the first one", "Now also check stg_customers"] {
        send(&emulator, &id, message).await;
        emulator.advance(Duration::from_secs(2));
        stop(&emulator, &id).await;
    }
    let said = follow_up(&emulator, &id, "Thanks").await;
    assert!(
        said.contains("3 findings in `stg_orders`, none of them fixed"),
        "{said}"
    );
    assert!(
        said.contains("`stg_customers`"),
        "it was to be checked: {said}"
    );
    let said = follow_up(&emulator, &id, "fix 4").await;
    assert!(said.contains("no finding 4"), "{said}");
    let said = follow_up(&emulator, &id, "continue").await;
    assert!(said.contains("3 findings in stg_customers"), "{said}");
}

#[tokio::test]
async fn other_agents_do_not_refer_to_what_a_stop_cut_off() {
    let emulator = started().await;
    for (agent, unsaid) in [
        (Some("pull-request-reviewer"), "the review"),
        (Some("docs-writer"), "descriptions of twelve"),
        (Some("warehouse-cost-reporter"), "tried again"),
        (Some("mine"), "Nothing has changed"),
        (None, "Nothing has changed"),
    ] {
        let id = ask(&emulator, agent, Some("Look at it")).await;
        emulator.advance(Duration::from_secs(5));
        stop(&emulator, &id).await;
        let said = follow_up(&emulator, &id, "Well?").await;
        assert!(said.contains("“Well?”"), "{said}");
        assert!(said.contains("stopped") && !said.contains(unsaid), "{said}");
        send(&emulator, &id, "Hm").await;
        stop(&emulator, &id).await;
        let said = follow_up(&emulator, &id, "So?").await;
        assert!(said.contains("“So?”") && !said.contains("“Hm”"), "{said}");
    }
}
