//! `list_runs` shows how a run has ended once that was seen here.

use serde_json::{Value, json};

use super::{Assistant, Bench, KEY};

/// State and status, as the tool and the command list them.
fn listed(bench: &Bench, assistant: &mut Assistant) -> (Value, Value) {
    let run = assistant.tool("list_runs", json!({}))["runs"][0].clone();
    let by_command = bench.run(&["runs", "--output", "json"]).json()[0].clone();
    assert_eq!(
        (&run["key"], &run["state"], &run["status"]),
        (
            &by_command["key"],
            &by_command["state"],
            &by_command["status"]
        )
    );
    (run["state"].clone(), run["status"].clone())
}

#[test]
fn an_end_that_a_tool_has_seen_is_in_the_journal() {
    for tool in ["wait_run", "get_run"] {
        let bench = Bench::start();
        let mut assistant = bench.assistant();
        let id = assistant.started(KEY);
        assistant.tool("get_run", json!({ "session_id": id }));
        assert_eq!(
            listed(&bench, &mut assistant),
            (json!("started"), Value::Null)
        );
        bench.end_stage();
        assistant.tool(tool, json!({ "session_id": id }));
        let ended = (json!("ended"), json!("COMPLETED"));
        assert_eq!(listed(&bench, &mut assistant), ended, "{tool}");
        assert_eq!(assistant.end().code(), 0);
    }
}

#[test]
fn a_stopped_run_is_in_the_journal_as_that_also_if_another_command_has_started_it() {
    let bench = Bench::start();
    let started = bench.run(&["run", "agent", "--detach"]);
    let id = started.stdout.trim();
    let mut assistant = bench.assistant();
    assistant.tool("stop_run", json!({ "session_id": id }));
    let stopped = (json!("ended"), json!("STOPPED"));
    assert_eq!(listed(&bench, &mut assistant), stopped);
}

#[test]
fn a_later_turn_that_ends_otherwise_is_what_counts() {
    let bench = Bench::start();
    let mut assistant = bench.assistant();
    let id = assistant.started(KEY);
    bench.end_stage();
    assistant.tool("wait_run", json!({ "session_id": id }));
    assistant.tool(
        "send_message",
        json!({ "session_id": id, "message": "And?" }),
    );
    assistant.tool("stop_run", json!({ "session_id": id }));
    let stopped = (json!("ended"), json!("STOPPED"));
    assert_eq!(listed(&bench, &mut assistant), stopped);
}
