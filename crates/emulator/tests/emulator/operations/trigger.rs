//! A trigger starts one run, or is refused at its path and starts none.

use std::collections::HashSet;

use dinoai_emulator::Emulator;
use serde_json::{Value, json};

use crate::caller::{TRIGGER, call, statuses, trigger};

#[tokio::test]
async fn a_trigger_starts_one_run_and_returns_its_session_id() {
    let emulator = Emulator::start().await.unwrap();
    let response = call(
        &emulator,
        TRIGGER,
        json!({
            "agent": "data-quality-checker",
            "message": "Focus on stg_orders",
            "slack": { "channel": "C0123456789", "threadTs": "1714142436.001200" },
        }),
    )
    .await;
    assert_eq!(response.status, 200);
    assert_eq!(response.root()["ok"], true);
    assert_eq!(response.root()["status"], "queued");
    let session_id = response.root()["agentSessionId"].as_str().unwrap();

    let runs = emulator.runs();
    assert_eq!(runs.len(), 1);
    assert_eq!(runs[0].session_id, session_id);
    assert_eq!(runs[0].agent.as_deref(), Some("data-quality-checker"));
    assert_eq!(runs[0].message.as_deref(), Some("Focus on stg_orders"));
    let slack = runs[0].slack.as_ref().unwrap();
    assert_eq!(slack.channel, "C0123456789");
    assert_eq!(slack.thread_ts, "1714142436.001200");
    assert_eq!(runs[0].base_branch, None);
    assert_eq!(runs[0].model_family, None);
    assert_eq!(runs[0].parent, None);
    assert_eq!(runs[0].status, "QUEUED");

    let requests = emulator.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].started, [session_id]);
    assert_eq!(requests[0].operation_name.as_deref(), Some("Trigger"));
    assert!(requests[0].executed);
}

#[tokio::test]
async fn two_mutations_in_one_document_start_two_runs_in_order() {
    let emulator = Emulator::start().await.unwrap();
    let query = "mutation {
        first: triggerDinoaiAgentRun(message: \"1\") { agentSessionId }
        second: triggerDinoaiAgentRun(message: \"2\") { agentSessionId }
    }";
    call(&emulator, query, json!({})).await;
    let runs = emulator.runs();
    let messages: Vec<_> = runs.iter().map(|run| run.message.as_deref()).collect();
    assert_eq!(messages, [Some("1"), Some("2")]);
    let ids: Vec<_> = runs.iter().map(|run| run.session_id.clone()).collect();
    assert_eq!(emulator.requests()[0].started, ids);
}

#[tokio::test]
async fn a_trigger_with_neither_agent_nor_message_is_refused_at_its_path() {
    let emulator = Emulator::start().await.unwrap();
    for variables in [
        json!({}),
        json!({ "agent": null }),
        json!({ "message": "" }),
    ] {
        let response = call(&emulator, TRIGGER, variables).await;
        assert_eq!(response.status, 200);
        assert_eq!(response.root(), &Value::Null);
        assert_eq!(
            response.body["errors"][0]["path"],
            json!(["triggerDinoaiAgentRun"])
        );
        assert_eq!(
            response.messages(),
            ["At least one of 'agent' or 'message' must be provided."]
        );
    }
    assert!(emulator.runs().is_empty());
    assert!(emulator.requests().iter().all(|request| request.executed));
}

#[tokio::test]
async fn an_unknown_model_family_warns_and_runs_on() {
    let emulator = Emulator::builder()
        .model_family("in-house")
        .start()
        .await
        .unwrap();
    let query = "mutation ($family: String) {
        triggerDinoaiAgentRun(message: \"x\", baseBranch: \"main\", modelFamily: $family) {
            ok agentSessionId warning
        }
    }";
    for (family, warns) in [
        (json!("standard"), false),
        (json!("in-house"), false),
        (json!(null), false),
        (json!("unheard-of"), true),
    ] {
        let response = call(&emulator, query, json!({ "family": family })).await;
        assert_eq!(response.root()["ok"], true);
        assert_eq!(response.root()["warning"].is_string(), warns, "{family}");
    }
    let runs = emulator.runs();
    assert_eq!(runs.len(), 4);
    assert_eq!(runs[3].model_family.as_deref(), Some("unheard-of"));
    assert_eq!(runs[3].base_branch.as_deref(), Some("main"));
    let id = &runs[3].session_id;
    assert_eq!(statuses(&emulator, id, 3).await.pop().unwrap(), "COMPLETED");
}

#[tokio::test]
async fn session_ids_are_unique_and_look_like_the_vendors() {
    let emulator = Emulator::start().await.unwrap();
    let mut ids = HashSet::new();
    for _ in 0..50 {
        let id = trigger(&emulator, "a").await;
        assert_eq!(id.len(), 16);
        assert!(
            id.bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        );
        ids.insert(id);
    }
    assert_eq!(ids.len(), 50);
}

#[tokio::test]
async fn a_missing_base_branch_is_replaced_by_the_default_one_silently() {
    let trigger = "mutation ($branch: String) {
        triggerDinoaiAgentRun(agent: \"a\", baseBranch: $branch) { ok warning }
    }";
    let emulator = Emulator::builder().branch("dev").start().await.unwrap();
    for branch in [json!("dev"), json!("gone"), json!(null)] {
        let response = call(&emulator, trigger, json!({ "branch": branch })).await;
        assert_eq!(response.root(), &json!({ "ok": true, "warning": null }));
    }
    let runs = emulator.runs();
    let branches: Vec<_> = runs.iter().map(|run| run.checked_out.as_str()).collect();
    assert_eq!(branches, ["dev", "main", "main"]);
    assert_eq!(runs[1].base_branch.as_deref(), Some("gone"));

    let emulator = Emulator::start().await.unwrap();
    call(&emulator, trigger, json!({ "branch": "any" })).await;
    assert_eq!(emulator.runs()[0].checked_out, "any");
}
