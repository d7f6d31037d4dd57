//! `start_agent` starts one run a key, and says what is known of a key.

use dinoai_emulator::Fault;
use serde_json::{Value, json};

use super::{Assistant, Bench, KEY, TRIGGER};
use crate::support::answering::{dinoai_at, nobody};
use crate::support::claims::Claim;
use crate::support::runs::wait_until;

#[test]
fn a_run_is_started_once_waited_for_and_read() {
    let bench = Bench::start();
    let mut assistant = bench.assistant();
    let request = json!({ "key": KEY, "agent": "checker", "message": "Check stg_orders" });
    let started = assistant.tool("start_agent", request.clone());
    let id = started["session_id"].clone();
    assert_eq!(
        (&started["outcome"], &started["status"]),
        (&json!("started"), &json!("RUNNING"))
    );

    let waited = assistant.tool("wait_run", json!({ "session_id": id, "seconds": 1 }));
    assert_eq!(
        (&waited["ended"], &waited["status"]),
        (&json!(false), &json!("RUNNING"))
    );
    let next = waited["next"].as_str().unwrap();
    assert!(
        next.contains("call wait_run again with the same session_id"),
        "{next}"
    );
    assert_eq!(waited["answer"], Value::Null);

    let again = assistant.tool("start_agent", request.clone());
    assert_eq!(
        (&again["outcome"], &again["session_id"]),
        (&json!("attached"), &id)
    );

    bench.end_stage();
    let waited = assistant.tool("wait_run", json!({ "session_id": id, "seconds": 1 }));
    assert_eq!(
        (&waited["ended"], &waited["status"]),
        (&json!(true), &json!("COMPLETED"))
    );
    assert_eq!(waited["answer"]["text"], "All well.");

    let again = assistant.tool("start_agent", request);
    assert_eq!(
        (&again["outcome"], &again["session_id"]),
        (&json!("ended"), &id)
    );
    let read = assistant.tool("get_run", json!({ "session_id": id }));
    let texts: Vec<_> = read["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["text"])
        .collect();
    assert_eq!(texts, ["Check stg_orders", "All well."]);
    let listed = assistant.tool("list_runs", json!({}));
    assert_eq!(
        (&listed["runs"][0]["key"], &listed["runs"][0]["session_id"]),
        (&json!(KEY), &id)
    );
    let done = assistant.end();
    assert_eq!((done.code(), &*done.stderr), (0, ""));
    assert_eq!(
        (bench.emulator.runs().len(), bench.requests(TRIGGER)),
        (1, 1)
    );
}

#[test]
fn the_command_and_the_assistant_share_their_keys() {
    let bench = Bench::start();
    let detached = bench.run(&["run", "agent", "--key", KEY, "--detach"]);
    assert_eq!(detached.code(), 0, "{}", detached.stderr);
    for _ in 0..2 {
        let mut assistant = bench.assistant();
        let again = assistant.tool("start_agent", json!({ "key": KEY, "agent": "agent" }));
        assert_eq!(
            (&again["outcome"], &again["session_id"]),
            (&json!("attached"), &json!(detached.stdout.trim()))
        );
        assert_eq!(assistant.end().code(), 0);
    }
    assert_eq!(bench.requests(TRIGGER), 1);
}

#[test]
fn of_an_unknown_key_nothing_is_sent_and_the_way_out_is_named() {
    let bench = Bench::start();
    let lost = Fault::reset().after_execution().on(TRIGGER);
    bench.emulator.add_fault(lost).unwrap();
    let mut assistant = bench.assistant();
    for _ in 0..2 {
        let problem = assistant.problem("start_agent", json!({ "key": KEY, "agent": "agent" }));
        for words in [
            "Nobody knows",
            "Do not use another key",
            "dinoai resolve nightly/2026-11-25 SESSION",
            "dinoai retry nightly/2026-11-25",
        ] {
            assert!(problem.contains(words), "{problem}");
        }
        assert_eq!(bench.requests(TRIGGER), 1);
    }
    let listed = assistant.tool("list_runs", json!({}));
    assert_eq!(listed["runs"][0]["state"], "unknown");
    let id = bench.emulator.runs()[0].session_id.clone();
    assert_eq!(bench.run(&["resolve", KEY, &id]).code(), 0);
    assert_eq!(assistant.started(KEY), id);
    assert_eq!(bench.requests(TRIGGER), 1);
}

#[test]
fn a_run_that_another_program_is_starting_is_asked_for_again_and_no_more() {
    let bench = Bench::start();
    let mut assistant = bench.assistant();
    let id = assistant.started(KEY);
    let claim = Claim::over(&bench.folder.path().join("runs.jsonl"), KEY);
    let problem = assistant.problem("start_agent", json!({ "key": KEY, "agent": "agent" }));
    for words in [
        "Another program is starting the run of this key",
        "This call has sent nothing",
        "Call start_agent with the same key and the same arguments again in a moment",
    ] {
        assert!(problem.contains(words), "{problem}");
    }
    for words in ["Nobody knows", "dinoai retry", "dinoai resolve"] {
        assert!(!problem.contains(words), "{problem}");
    }
    claim.give_back();
    assert_eq!(assistant.started(KEY), id);
    assert_eq!(bench.requests(TRIGGER), 1);
}

#[test]
fn a_key_of_another_request_is_refused_by_name() {
    let bench = Bench::start();
    let mut assistant = bench.assistant();
    assistant.started(KEY);
    let other = json!({ "key": KEY, "agent": "agent", "message": "Something else" });
    let problem = assistant.problem("start_agent", other);
    assert!(problem.contains("belongs to another request"), "{problem}");
    assert!(problem.contains("the message was different"), "{problem}");
    for key in ["", "  ", "a\nb"] {
        let problem = assistant.problem("start_agent", json!({ "key": key, "agent": "agent" }));
        assert!(problem.contains("key"), "{problem}");
    }
    let problem = assistant.problem("start_agent", json!({ "key": "other" }));
    assert!(problem.contains("an agent or a message"), "{problem}");
    let problem = assistant.problem("start_agent", json!({ "agent": "agent" }));
    assert!(problem.contains("missing field `key`"), "{problem}");
    assert_eq!(bench.requests(TRIGGER), 1);
}

#[test]
fn without_the_option_nothing_is_started_and_no_message_sent() {
    let bench = Bench::start();
    let left = bench.run(&["run", "agent", "--detach"]);
    let mut assistant = bench.assistant_with(&[]);
    let list = assistant.request("tools/list", json!({}));
    let list = assistant.reply(list);
    let tools = list["result"]["tools"].as_array().unwrap();
    let names: Vec<_> = tools.iter().map(|tool| &tool["name"]).collect();
    assert_eq!(names, ["wait_run", "get_run", "list_runs", "stop_run"]);
    let id = left.stdout.trim();
    for (tool, arguments) in [
        ("start_agent", json!({ "key": KEY, "agent": "agent" })),
        (
            "send_message",
            json!({ "session_id": id, "message": "And?" }),
        ),
    ] {
        let problem = assistant.problem(tool, arguments);
        assert!(
            problem.contains(r#""args": ["mcp", "--allow-start"]"#),
            "{problem}"
        );
    }
    assert_eq!(
        assistant.tool("get_run", json!({ "session_id": id }))["status"],
        "RUNNING"
    );
    let stopped = assistant.tool("stop_run", json!({ "session_id": id }));
    assert_eq!(stopped["status"], "STOPPED");
    assert_eq!(
        (bench.requests(TRIGGER), bench.requests(super::SEND)),
        (1, 0)
    );
}

#[test]
fn a_cancelled_start_runs_to_its_answer() {
    let bench = Bench::start();
    let late = Fault::delay(std::time::Duration::from_millis(700)).after_execution();
    bench.emulator.add_fault(late.on(TRIGGER)).unwrap();
    let mut assistant = bench.assistant();
    let id = assistant.request_tool("start_agent", json!({ "key": KEY, "agent": "agent" }));
    wait_until("the trigger has arrived", || {
        !bench.emulator.runs().is_empty()
    });
    assistant.notify("notifications/cancelled", json!({ "requestId": id }));
    let again = assistant.started(KEY);
    assert_eq!(again, bench.emulator.runs()[0].session_id);
    let done = assistant.end();
    assert!(
        !done.stdout.contains(&format!(r#""id":{id},"#)),
        "{}",
        done.stdout
    );
    assert_eq!(bench.requests(TRIGGER), 1);
}

#[test]
fn what_certainly_has_not_started_can_be_started_again() {
    let bench = Bench::start();
    let refused = Fault::graphql_error(400).code("GRAPHQL_VALIDATION_FAILED");
    bench.emulator.add_fault(refused.on(TRIGGER)).unwrap();
    let mut assistant = bench.assistant();
    let start = json!({ "key": KEY, "agent": "agent" });
    let problem = assistant.problem("start_agent", start.clone());
    assert!(
        problem.contains("call start_agent with the same key again"),
        "{problem}"
    );
    assert_eq!(assistant.tool("start_agent", start)["outcome"], "started");
    assert_eq!(bench.emulator.runs().len(), 1);
}

#[test]
fn refused_credentials_are_a_matter_for_the_user() {
    let bench = Bench::start();
    let mut command = bench.command();
    command.env("PARADIME_API_SECRET", "not-the-secret");
    let mut assistant = Assistant::start(command, &["--allow-start"]);
    assistant.secrets = vec!["not-the-secret".to_owned(), "demo-company".to_owned()];
    for (tool, arguments) in [
        ("start_agent", json!({ "key": KEY, "agent": "agent" })),
        ("get_run", json!({ "session_id": "abc" })),
        ("wait_run", json!({ "session_id": "abc" })),
    ] {
        let problem = assistant.problem(tool, arguments);
        assert!(problem.contains("dinoai doctor"), "{problem}");
    }
    assert_eq!(assistant.end().code(), 0);
}

#[test]
fn an_api_that_is_down_is_a_problem_and_no_end() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = dinoai_at("http", nobody());
    command.env("DINOAI_JOURNAL", folder.path().join("runs.jsonl"));
    let mut assistant = Assistant::start(command, &["--allow-start"]);
    assistant.secrets = vec!["/graphql".to_owned()];
    let problem = assistant.problem("start_agent", json!({ "key": KEY, "agent": "agent" }));
    for words in [
        "refused",
        "Nothing was started",
        "is the emulator still running?",
    ] {
        assert!(problem.contains(words), "{problem}");
    }
    let problem = assistant.problem("get_run", json!({ "session_id": "abc" }));
    assert!(problem.contains("refused"), "{problem}");
    assert_eq!(assistant.end().code(), 0);
}
