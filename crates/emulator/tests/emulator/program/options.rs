//! The program's options choose agents, scenarios, backend, faults and quirks.

use std::process::Command;

use serde_json::json;

use super::{Program, ask, control};
use crate::caller::{client, response_to};

#[tokio::test]
async fn its_backend_can_be_that_of_the_pages() {
    let mut program = Program::start(&["--port", "0", "--backend", "pages"]);
    let exports = program.exports();
    let query = "mutation { stopDinoaiAgentRun(agentSessionId: \"x\") { ok } }";
    let response = ask(&exports, query).await;
    assert_eq!(
        response.messages(),
        ["Cannot query field \"stopDinoaiAgentRun\" on type \"Mutation\"."]
    );
}

#[test]
fn it_names_the_agents_that_are_known_and_no_others() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let agent = "name: known\nversion: 1\nrole: r\ngoal: g\nbackstory: b\n";
    std::fs::write(path("known.yml"), agent).unwrap();
    std::fs::write(path("scenario.yaml"), "agents: {}\n").unwrap();
    let agents = format!("--agents={}", folder.path().to_str().unwrap());
    let scenario = format!("--scenario={}", path("scenario.yaml"));
    let any = "Agents: any name.";
    for (arguments, named, has_demo) in [
        (vec!["--port=0"], "Agents, in real time:", true),
        (vec!["--port=0", &agents], "Agents: known.", false),
        (
            vec!["--port=0", &agents, &scenario],
            "Agents: known.",
            false,
        ),
        (vec!["--port=0", &scenario], any, false),
        (vec!["--port=0", "--plain"], any, false),
    ] {
        let mut program = Program::start(&arguments);
        program.exports();
        let _ = program.signal("TERM");
        let shown = program.standard_error();
        assert!(shown.contains(named), "{arguments:?} {shown}");
        assert_eq!(shown.contains("docs-writer"), has_demo, "{shown}");
    }
}

#[tokio::test]
async fn its_flags_choose_agents_scenarios_backend_faults_and_quirks() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let agent = "name: known\nversion: 1\nrole: r\ngoal: g\nbackstory: b\n";
    std::fs::write(path("known.yml"), agent).unwrap();
    let scenario = "agents:\n  known:\n    stages:\n      - status: RUNNING\n        seconds: 60\n      - status: FAILED\n";
    std::fs::write(path("scenario.yaml"), scenario).unwrap();
    std::fs::write(
        path("backend.graphql"),
        include_str!("../../../backends/current.graphql"),
    )
    .unwrap();
    let mut program = Program::start(&[
        "--port=0",
        "--host=127.0.0.1",
        "--agents",
        folder.path().to_str().unwrap(),
        "--scenario",
        &path("scenario.yaml"),
        "--backend",
        &path("backend.graphql"),
        "--fault=unavailable",
        "--fault={fault: delay, delay_seconds: 0.01, times: 2}",
        "--branch=dev",
        "--model-family=big",
        "--undeclared-status=HIBERNATING",
        "--refusal-status=422",
        "--without-introspection",
        "--stopped-clock",
        "--stale-reads=1",
        "--session-lifetime=30",
        "--repeat-messages",
        "--reorder-messages",
        "--unreadable-steps",
    ]);
    let exports = program.exports();
    assert_eq!(ask(&exports, "{ __typename }").await.status, 503);
    let faults = control(&exports, "faults").await;
    assert_eq!(
        (&faults[0]["fault"], &faults[0]["times"]),
        (&json!("delay"), &json!(2))
    );
    assert_eq!(
        ask(&exports, "{ __schema { __typename } }").await.status,
        422
    );
    let trigger = "mutation {
        known: triggerDinoaiAgentRun(agent: \"known\", baseBranch: \"gone\", modelFamily: \"big\") {
            agentSessionId warning
        }
        unknown: triggerDinoaiAgentRun(agent: \"unknown\") { ok }
    }";
    let response = ask(&exports, trigger).await;
    assert_eq!(response.body["data"]["known"]["warning"], json!(null));
    assert_eq!(
        response.messages(),
        ["No DinoAI agent 'unknown' was found. Known agents: known."]
    );
    let id = response.body["data"]["known"]["agentSessionId"]
        .as_str()
        .unwrap();
    let read =
        format!("{{ dinoaiAgentRun(agentSessionId: \"{id}\") {{ status steps {{ index }} }} }}");
    let response = ask(&exports, &read).await;
    assert_eq!(
        response.root(),
        &json!({ "status": "HIBERNATING", "steps": null })
    );
    assert_eq!(control(&exports, "runs").await[0]["checked_out"], "main");
    assert_eq!(
        control(&exports, "clock").await,
        json!({ "elapsed_seconds": 0.0 })
    );
    let origin = exports[0].split("/api/").next().unwrap();
    let advance = client()
        .post(format!("{origin}/control/clock"))
        .json(&json!({ "advance_seconds": 60 }));
    response_to(advance).await;
    assert_eq!(control(&exports, "runs").await[0]["status"], "FAILED");
    let send = format!(
        "mutation {{ sendDinoaiAgentMessage(agentSessionId: \"{id}\", message: \"m\") {{ ok }} }}"
    );
    assert_eq!(ask(&exports, &send).await.root(), &json!(null));
    assert!(program.signal("TERM").success());
}

#[tokio::test]
async fn its_flags_choose_what_is_seen_of_a_run_and_when() {
    let mut program = Program::start(&[
        "--port=0",
        "--plain",
        "--stopped-clock",
        "--compacted-transcript=1",
        "--timestamp-resolution=2.5",
        "--alternating-status",
        "--latency=0.05",
    ]);
    let exports = program.exports();
    let trigger = "mutation { triggerDinoaiAgentRun(message: \"m\") { agentSessionId } }";
    let start = std::time::Instant::now();
    let response = ask(&exports, trigger).await;
    assert!(start.elapsed() >= std::time::Duration::from_millis(50));
    let id = response.root()["agentSessionId"].as_str().unwrap();
    let read = format!(
        "{{ dinoaiAgentRun(agentSessionId: \"{id}\") {{ status messages {{ ts role }} }} }}"
    );
    let mut seen = Vec::new();
    for _ in 0..6 {
        let run = ask(&exports, &read).await.root().clone();
        let messages = run["messages"].as_array().unwrap().len();
        let ts = run["messages"][0]["ts"].as_f64().unwrap();
        assert!((ts / 2.5).fract() == 0.0, "{ts}");
        seen.push((run["status"].as_str().unwrap().to_owned(), messages));
    }
    let expected = [
        ("QUEUED", 1),
        ("RUNNING", 1),
        ("RUNNING", 1),
        ("COMPLETED", 1),
        ("COMPLETED", 1),
        ("RUNNING", 1),
    ];
    assert_eq!(
        seen,
        expected.map(|(status, messages)| (status.to_owned(), messages))
    );
}

#[tokio::test]
async fn its_runs_are_those_of_demo_agents_unless_its_flags_say_how_runs_go() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let agent = "name: known\nversion: 1\nrole: r\ngoal: g\nbackstory: b\n";
    std::fs::write(path("known.yml"), agent).unwrap();
    let scenario = "agents:\n  other:\n    stages:\n      - status: FAILED\n";
    std::fs::write(path("scenario.yaml"), scenario).unwrap();
    let [agents, scenario] = [path(""), path("scenario.yaml")];
    for (flags, is_demo) in [
        (&[][..], true),
        (&["--agents", &agents], true),
        (&["--plain"], false),
        (&["--scenario", &scenario], false),
    ] {
        let mut program = Program::start(&[&["--port=0", "--stopped-clock"], flags].concat());
        let exports = program.exports();
        let trigger = "mutation { triggerDinoaiAgentRun(agent: \"known\") { agentSessionId } }";
        let response = ask(&exports, trigger).await;
        let id = response.root()["agentSessionId"].as_str().unwrap();
        let read = format!(
            "{{ dinoaiAgentRun(agentSessionId: \"{id}\") {{ status startupSteps {{ done }} }} }}"
        );
        let mut seen = json!(null);
        for _ in 0..3 {
            seen = ask(&exports, &read).await.root().clone();
        }
        let nothing_done = json!({ "done": false });
        let expected = match is_demo {
            true => json!({ "status": "QUEUED", "startupSteps": vec![nothing_done; 3] }),
            false => json!({ "status": "COMPLETED", "startupSteps": [] }),
        };
        assert_eq!(seen, expected, "{flags:?}");
        assert!(program.signal("TERM").success());
        let shown = program.standard_error();
        // They are not named if a folder says which are known.
        let names_them = is_demo && flags.is_empty();
        assert_eq!(
            shown.contains("docs-writer"),
            names_them,
            "{flags:?}: {shown}"
        );
    }
}

#[tokio::test]
async fn a_key_of_the_program_can_lack_a_capability() {
    let mut program = Program::start(&["--port=0", "--without-capability=trigger"]);
    let exports = program.exports();
    let query = "mutation { triggerDinoaiAgentRun(message: \"m\") { ok } }";
    assert_eq!(ask(&exports, query).await.status, 403);
}

#[test]
fn it_prints_the_schema_of_scenario_files() {
    let program = env!("CARGO_BIN_EXE_dinoai-emulator");
    let output = Command::new(program)
        .arg("--print-schema")
        .output()
        .unwrap();
    assert!(output.status.success());
    let printed: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(printed, dinoai_emulator::scenario_schema());
}

#[tokio::test]
async fn its_flags_add_workspaces_and_ignore_conditions() {
    let mut program = Program::start(&[
        "--port=0",
        "--add-workspace=finance=Finance = 1",
        "--add-workspace=sales=Sales",
        "--ignore-conditions",
    ]);
    let exports = program.exports();
    let query = "{ listWorkspaces @skip(if: true) { workspaces { uid name } } }";
    let response = ask(&exports, query).await;
    let listed = response.root()["workspaces"].as_array().unwrap();
    for workspace in [
        json!({ "uid": "finance", "name": "Finance = 1" }),
        json!({ "uid": "sales", "name": "Sales" }),
    ] {
        assert!(listed.contains(&workspace), "{listed:?}");
    }
    assert_eq!(listed.len(), 3);
    assert!(program.signal("TERM").success());
}
