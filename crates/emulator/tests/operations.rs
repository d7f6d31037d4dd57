//! The API's operations, each as the pages and the vendor's clients describe it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod caller;

use std::collections::HashSet;
use std::time::Duration;

use caller::{RUN, SEND, STEPS, STOP, TRIGGER, call, post, read, said, statuses, trigger};
use dinoai_emulator::{Emulator, Fault, Quirks, Scenario, Stage, Step};
use serde_json::{Value, json};

#[tokio::test]
async fn a_trigger_starts_one_run_and_answers_its_session_id() {
    let emulator = Emulator::start().await.unwrap();
    let answer = call(
        &emulator,
        TRIGGER,
        json!({
            "agent": "data-quality-checker",
            "message": "Focus on stg_orders",
            "slack": { "channel": "C0123456789", "threadTs": "1714142436.001200" },
        }),
    )
    .await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.root()["ok"], true);
    assert_eq!(answer.root()["status"], "queued");
    let session_id = answer.root()["agentSessionId"].as_str().unwrap();

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
        let answer = call(&emulator, TRIGGER, variables).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.root(), &Value::Null);
        assert_eq!(
            answer.body["errors"][0]["path"],
            json!(["triggerDinoaiAgentRun"])
        );
        assert_eq!(
            answer.messages(),
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
        let answer = call(&emulator, query, json!({ "family": family })).await;
        assert_eq!(answer.root()["ok"], true);
        assert_eq!(answer.root()["warning"].is_string(), warns, "{family}");
    }
    let runs = emulator.runs();
    assert_eq!(runs.len(), 4);
    assert_eq!(runs[3].model_family.as_deref(), Some("unheard-of"));
    assert_eq!(runs[3].base_branch.as_deref(), Some("main"));
    let id = &runs[3].session_id;
    assert_eq!(statuses(&emulator, id, 3).await.pop().unwrap(), "COMPLETED");
}

#[tokio::test]
async fn a_run_answers_every_field_of_the_page() {
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
        let answer = call(&emulator, query, variables).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.body["data"], json!({ field: null }));
        assert_eq!(answer.body["errors"][0]["path"], json!([field]));
    }
    let query = "query ($id: String!) {
        good: dinoaiAgentRun(agentSessionId: $id) { ok }
        bad: dinoaiAgentRun(agentSessionId: \"nope\") { ok }
    }";
    let answer = call(&emulator, query, json!({ "id": id })).await;
    assert_eq!(
        answer.body["data"],
        json!({ "good": { "ok": true }, "bad": null })
    );
    assert_eq!(answer.body["errors"][0]["path"], json!(["bad"]));
}

#[tokio::test]
async fn a_follow_up_wakes_a_run_that_has_ended() {
    let emulator = Emulator::start().await.unwrap();
    let id = trigger(&emulator, "a").await;
    assert_eq!(statuses(&emulator, &id, 3).await[2], "COMPLETED");
    let answer = call(&emulator, SEND, json!({ "id": id, "message": "And now?" })).await;
    assert_eq!(
        answer.root(),
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

#[tokio::test]
async fn a_stop_is_terminal_and_what_lay_ahead_never_appears() {
    let emulator = Emulator::start().await.unwrap();
    let id = trigger(&emulator, "a").await;
    let answer = call(&emulator, STOP, json!({ "id": id })).await;
    assert_eq!(answer.root(), &json!({ "ok": true, "status": "stopped" }));
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
        let answer = call(&emulator, STOP, json!({ "id": id })).await;
        let word = end.to_lowercase();
        assert_eq!(answer.root(), &json!({ "ok": true, "status": word }));
        assert_eq!(statuses(&emulator, &id, 1).await, [end]);
        assert_eq!(emulator.runs()[0].stops.len(), 1);

        call(&emulator, SEND, json!({ "id": id, "message": "Go on." })).await;
        let answer = call(&emulator, STOP, json!({ "id": id })).await;
        assert_eq!(answer.root(), &json!({ "ok": true, "status": "stopped" }));
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

/// Half a minute in which a run works, and then the end, with this message.
fn works_for_half_a_minute() -> Scenario {
    Scenario::new()
        .stage(Stage::new("RUNNING").lasts(Duration::from_secs(30)))
        .stage(Stage::new("COMPLETED"))
        .message("assistant", "Done.")
}

async fn on_a_stopped_clock(scenario: Scenario) -> Emulator {
    Emulator::builder()
        .default_scenario(scenario)
        .stopped_clock()
        .start()
        .await
        .unwrap()
}

#[tokio::test]
async fn a_run_says_since_when_it_has_ended() {
    let at = |seconds| Some(Duration::from_secs(seconds));
    let emulator = on_a_stopped_clock(
        works_for_half_a_minute()
            .follow_up([Stage::new("COMPLETED")])
            .follow_up([
                Stage::new("COMPLETED").lasts(Duration::from_secs(10)),
                Stage::new("COMPLETED"),
            ]),
    )
    .await;
    let id = trigger(&emulator, "a").await;
    let ended = || emulator.runs()[0].ended;
    assert_eq!(ended(), None);
    emulator.advance(Duration::from_secs(29));
    assert_eq!(ended(), None);
    emulator.advance(Duration::from_secs(71));
    assert_eq!(ended(), at(30), "while nobody looked");
    for seconds in [100, 120] {
        call(&emulator, SEND, json!({ "id": id, "message": "And now?" })).await;
        assert_eq!(ended(), at(seconds), "a turn of its own");
        emulator.advance(Duration::from_secs(20));
        assert_eq!(ended(), at(seconds), "the same status all the time");
    }
    call(&emulator, SEND, json!({ "id": id, "message": "And now?" })).await;
    assert_eq!(ended(), None);
    emulator.advance(Duration::from_secs(1));
    statuses(&emulator, &id, 2).await;
    assert_eq!(ended(), at(141), "as soon as it was read often enough");
}

#[tokio::test]
async fn a_run_that_still_shows_the_turn_before_ended_when_that_did() {
    let emulator = Emulator::builder()
        .default_scenario(works_for_half_a_minute().follow_up([Stage::new("COMPLETED")]))
        .quirks(Quirks::new().stale_reads(1))
        .stopped_clock()
        .start()
        .await
        .unwrap();
    let id = trigger(&emulator, "a").await;
    emulator.advance(Duration::from_secs(60));
    call(&emulator, SEND, json!({ "id": id, "message": "And now?" })).await;
    assert_eq!(emulator.runs()[0].ended, Some(Duration::from_secs(30)));
    emulator.advance(Duration::from_secs(1));
    read(&emulator, &id).await;
    assert_eq!(emulator.runs()[0].ended, Some(Duration::from_secs(61)));
}

#[tokio::test]
async fn a_run_says_when_it_was_stopped_each_time() {
    let seconds = Duration::from_secs;
    let emulator = on_a_stopped_clock(works_for_half_a_minute()).await;
    let id = trigger(&emulator, "a").await;
    assert_eq!(emulator.runs()[0].stops, []);
    for _ in 0..2 {
        emulator.advance(seconds(10));
        call(&emulator, STOP, json!({ "id": id })).await;
    }
    let run = &emulator.runs()[0];
    assert_eq!(run.stops, [seconds(10), seconds(20)]);
    assert_eq!(
        (run.status.as_str(), run.ended),
        ("STOPPED", Some(seconds(10)))
    );

    let id = trigger(&emulator, "a").await;
    emulator.advance(seconds(40));
    assert_eq!(emulator.runs()[1].ended, Some(seconds(50)));
    call(&emulator, STOP, json!({ "id": id })).await;
    let run = &emulator.runs()[1];
    assert_eq!((run.stops[0], run.ended), (seconds(60), Some(seconds(50))));
    assert_eq!(emulator.runs()[0].stops.len(), 2);
}

#[tokio::test]
async fn a_run_lists_its_messages_whatever_the_quirks_list() {
    let emulator = Emulator::builder()
        .default_scenario(works_for_half_a_minute())
        .quirks(
            Quirks::new()
                .repeated_messages()
                .reordered_messages()
                .compacted_transcript(1)
                .timestamp_resolution(Duration::from_secs(60)),
        )
        .stopped_clock()
        .start()
        .await
        .unwrap();
    let id = trigger(&emulator, "a").await;
    emulator.advance(Duration::from_secs(30));
    let messages = emulator.runs()[0].messages.clone();
    let listed = read(&emulator, &id).await["messages"].clone();
    assert_eq!(serde_json::to_value(&messages).unwrap(), listed);
    assert_eq!(messages.len(), 2);
    assert_eq!(
        (messages[1].role.as_str(), messages[1].content.as_str()),
        ("assistant", "Done.")
    );
    assert!(messages.iter().all(|message| message.ts % 60.0 == 0.0));
    for _ in 0..2 {
        read(&emulator, &id).await;
        assert_eq!(emulator.runs()[0].messages, messages);
    }
}

#[tokio::test]
async fn a_run_lists_its_children() {
    let emulator = on_a_stopped_clock(Scenario::completed().child("b").child("c")).await;
    let id = trigger(&emulator, "a").await;
    let listed = statuses(&emulator, &id, 3).await;
    assert_eq!(listed[2], "COMPLETED");
    let runs = emulator.runs();
    assert_eq!(
        json!(runs[0].children),
        read(&emulator, &id).await["childSessionIds"]
    );
    let of_parent: Vec<_> = runs
        .iter()
        .filter(|run| run.parent.as_ref() == Some(&id))
        .map(|run| run.session_id.clone())
        .collect();
    assert_eq!(runs[0].children, of_parent);
    assert_eq!(of_parent.len(), 2);
}

#[tokio::test]
async fn a_request_says_when_it_came_and_when_it_was_answered() {
    let emulator = on_a_stopped_clock(works_for_half_a_minute()).await;
    emulator.advance(Duration::from_secs(5));
    trigger(&emulator, "a").await;
    emulator.advance(Duration::from_secs(5));
    call(&emulator, "{ nothing }", json!({})).await;
    let times: Vec<_> = emulator
        .requests()
        .iter()
        .map(|request| {
            (
                request.received.as_secs(),
                request.answered.unwrap().as_secs(),
            )
        })
        .collect();
    assert_eq!(times, [(5, 5), (10, 10)]);

    let late = Duration::from_millis(50);
    let emulator = Emulator::builder()
        .quirks(Quirks::new().latency(late))
        .fault(Fault::delay(late))
        .fault(Fault::reset())
        .start()
        .await
        .unwrap();
    let before = emulator.elapsed();
    trigger(&emulator, "a").await;
    let after = emulator.elapsed();
    let first = &emulator.requests()[0];
    let answered = first.answered.unwrap();
    assert!(before <= first.received && answered <= after);
    assert!(answered - first.received >= 2 * late);
    assert!(post(&emulator).json(&json!({})).send().await.is_err());
    let second = &emulator.requests()[1];
    assert!(second.received >= after);
    assert_eq!(second.answered, None, "the connection was reset");
}

#[tokio::test]
async fn a_request_whose_client_goes_away_is_never_answered() {
    let emulator = Emulator::builder()
        .quirks(Quirks::new().latency(Duration::from_secs(30)))
        .start()
        .await
        .unwrap();
    let request = post(&emulator).timeout(Duration::from_millis(100));
    assert!(request.json(&json!({})).send().await.is_err());
    assert_eq!(emulator.requests()[0].answered, None);
}

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
    let answer = call(&emulator, STEPS, json!({ "id": id })).await;
    assert_eq!(
        answer.root()["steps"],
        json!([
            { "index": 0, "role": "USER", "toolName": null, "toolInput": null, "content": "Check it.", "truncated": false },
            { "index": 1, "role": "TOOL", "toolName": "run_sql_query", "toolInput": null, "content": null, "truncated": false },
            { "index": 2, "role": "AGENT", "toolName": null, "toolInput": null, "content": "Looking closely.", "truncated": false },
        ])
    );
    let answer = call(&emulator, STEPS, json!({ "id": id, "includeToolIo": true })).await;
    assert_eq!(answer.root()["steps"][1]["toolInput"], "select 1");
    assert_eq!(answer.root()["steps"][1]["content"], "äöü-one");
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
    let answer = call(&emulator, STEPS, variables).await;
    let steps = answer.root()["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 2);
    assert_eq!(steps[0]["index"], 1);
    assert_eq!(steps[0]["toolInput"], "select ");
    assert_eq!(steps[0]["content"], "äöü-one");
    assert_eq!(steps[0]["truncated"], true);
    assert_eq!(steps[1]["content"], "Looking");
    for (max, content) in [(-1, ""), (0, ""), (16, "Looking closely.")] {
        let answer = call(
            &emulator,
            STEPS,
            json!({ "id": id, "after": 1, "maxChars": max }),
        )
        .await;
        assert_eq!(answer.root()["steps"][0]["content"], content);
        assert_eq!(answer.root()["steps"][0]["truncated"], max < 16);
    }
    let answer = call(&emulator, STEPS, json!({ "id": id, "after": 2 })).await;
    assert_eq!(answer.root()["steps"], json!([]));
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
    let answer = call(&emulator, STEPS, json!({ "id": id })).await;
    let step = &answer.root()["steps"][0];
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
    let answer = call(&emulator, STEPS, json!({ "id": id })).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.root()["ok"], true);
    assert_eq!(answer.root()["steps"], Value::Null);
    assert_eq!(answer.root()["startupSteps"].as_array().unwrap().len(), 2);
    assert_eq!(
        answer.body["errors"][0]["path"],
        json!(["dinoaiAgentRun", "steps"])
    );
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
