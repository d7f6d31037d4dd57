//! Whatever a client sends, what is wrong with it is said by name, and the command goes on.

use serde_json::{Value, json};

use super::{Assistant, Bench};
use crate::support::program::settings;

#[test]
fn the_tools_are_as_they_were() {
    let bench = Bench::start();
    let mut assistant = bench.assistant();
    let list = assistant.request("tools/list", json!({}));
    let list = assistant.reply(list)["result"]["tools"].clone();
    settings().bind(|| insta::assert_json_snapshot!("mcp_tools", list));
}

#[test]
fn wrong_arguments_are_named_and_nothing_is_sent() {
    let bench = Bench::start();
    let mut assistant = bench.assistant();
    bench.emulator.clear_requests();
    for (tool, arguments, words) in [
        ("get_run", json!({}), "missing field `session_id`"),
        (
            "get_run",
            json!({ "session_id": 5 }),
            "`session_id`: invalid type: integer `5`, expected a string",
        ),
        (
            "get_run",
            json!({ "session_id": " " }),
            "`session_id` is blank",
        ),
        (
            "get_run",
            json!({ "sessionId": "a" }),
            "unknown field `sessionId`, expected one of `session_id`, `last`",
        ),
        (
            "get_run",
            json!({ "session_id": "a", "last": 0 }),
            "`last`: invalid value: integer `0`",
        ),
        (
            "get_run",
            json!({ "session_id": "a", "offset": 5 }),
            "`offset` needs `message`",
        ),
        (
            "get_run",
            json!({ "session_id": "a", "message": 1, "last": 5 }),
            "leave out `last`",
        ),
        (
            "wait_run",
            json!({ "session_id": "a", "seconds": 0 }),
            "`seconds`: invalid value: integer `0`",
        ),
        (
            "wait_run",
            json!({ "session_id": "a", "seconds": -1 }),
            "`seconds`: invalid value: integer `-1`",
        ),
        (
            "wait_run",
            json!({ "session_id": "a", "seconds": "5" }),
            "`seconds`: invalid type: string \"5\"",
        ),
        (
            "start_agent",
            json!({ "key": "k", "agent": "a", "restart": true }),
            "unknown field `restart`",
        ),
        (
            "start_agent",
            json!({ "key": "auto", "agent": "a" }),
            "`key` cannot be auto",
        ),
        (
            "send_message",
            json!({ "session_id": "a" }),
            "missing field `message`",
        ),
        (
            "stop_run",
            json!({ "session_ids": ["a"] }),
            "unknown field `session_ids`",
        ),
        (
            "list_runs",
            json!({ "limit": "all" }),
            "`limit`: invalid type: string \"all\"",
        ),
    ] {
        let problem = assistant.problem(tool, arguments);
        assert!(problem.contains(words), "{problem}");
    }
    assert_eq!(bench.emulator.requests().len(), 0);
}

#[test]
fn an_unknown_run_is_a_problem() {
    let bench = Bench::start();
    let mut assistant = bench.assistant();
    for (tool, more) in [
        ("get_run", json!({})),
        ("wait_run", json!({})),
        ("stop_run", json!({})),
        ("send_message", json!({ "message": "And?" })),
    ] {
        let mut arguments = more;
        arguments["session_id"] = json!("nosuchrun");
        let problem = assistant.problem(tool, arguments);
        assert!(problem.contains("nosuchrun"), "{problem}");
        assert!(problem.contains("check the session_id"), "{problem}");
    }
}

fn error(assistant: &mut Assistant, method: &str, params: Value) -> Value {
    let id = assistant.request(method, params);
    assistant.reply(id)["error"].clone()
}

#[test]
fn what_is_no_call_of_a_tool_is_refused() {
    let bench = Bench::start();
    let mut assistant = bench.assistant();
    let unknown = error(&mut assistant, "tools/call", json!({ "name": "get_runs" }));
    assert_eq!(unknown["code"], -32602);
    assert_eq!(
        unknown["message"],
        "there is no tool `get_runs`; tools/list lists them"
    );
    let wrong = error(
        &mut assistant,
        "tools/call",
        json!({ "name": "get_run", "arguments": "abc" }),
    );
    assert_eq!(wrong["code"], -32602, "{wrong}");
    assert_eq!(error(&mut assistant, "no/such", json!({}))["code"], -32601);
    let ping = assistant.request("ping", json!({}));
    assert_eq!(assistant.reply(ping)["result"], json!({}));
    assert_eq!(assistant.end().code(), 0);
}
