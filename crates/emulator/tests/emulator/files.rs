//! Agents and scenarios are read from YAML files, and what is wrong is reported with file and line.

use std::fs;
use std::path::Path;
use std::time::Duration;

use dinoai_emulator::{Emulator, Error};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::caller::{SEND, STEPS, TRIGGER, call, read, said, statuses, trigger};

const AGENT: &str = "name: NAME
version: 1
role: Checker
goal: Find what is missing.
backstory: >
  You have seen many warehouses.
model_family: fast
tools:
  mode: allowlist
  list: [run_sql_query]
slack:
  channel: C0123456789
agents_squad:
  - lineage-reader
";

fn agent(name: &str) -> String {
    AGENT.replace("NAME", name)
}

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// What is wrong with files, without the folder's name.
fn diagnostics(started: Result<Emulator, Error>, folder: &TempDir) -> Vec<String> {
    let error = started.unwrap_err();
    assert!(matches!(error, Error::Files(_)), "{error}");
    let folder = format!("{}/", folder.path().display());
    let shown = error.to_string();
    shown
        .lines()
        .map(|line| line.replace(&folder, ""))
        .collect()
}

#[tokio::test]
async fn agents_of_a_folder_are_known_and_no_others() {
    let folder = folder(&[
        ("beta.yml", &agent("beta")),
        ("alpha.yml", &agent("alpha")),
        ("notes.md", "no agent"),
    ]);
    let emulator = Emulator::builder()
        .agents_folder(folder.path())
        .agent("gamma")
        .start()
        .await
        .unwrap();
    for name in ["alpha", "beta", "gamma"] {
        trigger(&emulator, name).await;
    }
    let response = call(&emulator, TRIGGER, json!({ "agent": "delta" })).await;
    assert_eq!(response.root(), &Value::Null);
    assert_eq!(
        response.messages(),
        ["No DinoAI agent 'delta' was found. Known agents: alpha, beta, gamma."]
    );
    assert_eq!(
        response.body["errors"][0]["path"],
        json!(["triggerDinoaiAgentRun"])
    );
    let response = call(&emulator, TRIGGER, json!({ "message": "no agent" })).await;
    assert_eq!(response.root()["ok"], true);
    assert_eq!(emulator.runs().len(), 4);
}

#[test]
fn every_flaw_of_every_agent_is_reported_with_file_and_line() {
    let folder = folder(&[
        ("good.yml", &agent("good")),
        (
            "keys.yml",
            "# a comment\nname: other\nrole: ''\nversion: 1\nbackstory: [b]\ntools:\n  mode: some\n\
             slack: {}\nmodel_family: 3\n",
        ),
        ("list.yml", "- name: list\n"),
        ("syntax.yml", "name: syntax\nrole: \"open\ngoal"),
        ("twice.yml", &format!("{}role: again\n", agent("twice"))),
        (
            "tools.yml",
            &agent("tools").replace("[run_sql_query]", "run_sql_query"),
        ),
        ("empty.yml", ""),
    ]);
    let found = diagnostics(
        Emulator::builder()
            .agents_folder(folder.path())
            .start_blocking(),
        &folder,
    );
    let (syntax, found): (Vec<_>, Vec<_>) = found
        .into_iter()
        .partition(|diagnostic| diagnostic.starts_with("syntax.yml:"));
    assert_eq!(syntax.len(), 1);
    assert!(!syntax[0].starts_with("syntax.yml:1:"), "{syntax:?}");
    assert_eq!(
        found,
        [
            "empty.yml:1: an agent is a mapping of keys to values",
            "keys.yml:1: the key 'goal' is missing (an agent has name, version, role, goal, backstory)",
            "keys.yml:2: the name 'other' must be that of the file, 'keys'",
            "keys.yml:3: 'role' must be a text that is not empty",
            "keys.yml:5: 'backstory' must be a text that is not empty",
            "keys.yml:6: 'tools' must have a list of tool names",
            "keys.yml:7: the mode of 'tools' must be allowlist or denylist",
            "keys.yml:8: 'slack' must have a channel",
            "keys.yml:9: 'model_family' must be a text that is not empty",
            "list.yml:1: an agent is a mapping of keys to values",
            "tools.yml:10: 'tools' must have a list of tool names",
            "twice.yml:15: duplicate mapping key `role` is not allowed here",
        ]
    );
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let error = Emulator::builder()
        .agents_folder("no/such/folder")
        .start_blocking()
        .unwrap_err();
    assert!(matches!(error, Error::File { .. }));
    assert!(
        error
            .to_string()
            .starts_with("cannot read no/such/folder: ")
    );
}

fn tour() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/tour.yml")
}

#[tokio::test]
async fn a_scenario_file_says_how_runs_go() {
    let emulator = Emulator::builder()
        .scenario_file(tour())
        .stopped_clock()
        .start()
        .await
        .unwrap();
    let any = trigger(&emulator, "any").await;
    assert_eq!(
        statuses(&emulator, &any, 4).await,
        ["QUEUED", "RUNNING", "RUNNING", "COMPLETED"]
    );
    let any = read(&emulator, &any).await;
    assert_eq!(said(&any)[1], ("assistant", "Nothing to report."));

    let id = trigger(&emulator, "data-quality-checker").await;
    let booting = call(&emulator, STEPS, json!({ "id": id })).await;
    assert_eq!(
        booting.root()["startupSteps"],
        json!([
            { "label": "Clone the repository", "done": false },
            { "label": "Start the agent", "done": false },
        ])
    );
    assert_eq!(
        statuses(&emulator, &id, 3).await,
        ["QUEUED", "RUNNING", "RUNNING"]
    );
    let query = json!({ "id": id, "includeToolIo": true });
    let working = call(&emulator, STEPS, query).await;
    assert_eq!(working.root()["startupSteps"][1]["done"], true);
    assert_eq!(working.root()["steps"][0]["role"], "AGENT");
    assert_eq!(working.root()["steps"][1]["toolName"], "run_sql_query");
    assert_eq!(working.root()["steps"][1]["content"], "412");
    emulator.advance(Duration::from_secs(10));
    assert_eq!(statuses(&emulator, &id, 1).await, ["COMPLETED"]);
    let run = read(&emulator, &id).await;
    assert_eq!(said(&run)[1], ("agent", "I look at the tests first."));
    for expected in [&["RUNNING", "COMPLETED"][..], &["FAILED", "FAILED"]] {
        call(&emulator, SEND, json!({ "id": id, "message": "m" })).await;
        assert_eq!(statuses(&emulator, &id, 2).await, expected);
    }
}

#[tokio::test]
async fn a_scenario_file_knows_children_with_and_without_callback() {
    let emulator = Emulator::builder()
        .scenario_file(tour())
        .stopped_clock()
        .start()
        .await
        .unwrap();
    let id = trigger(&emulator, "orchestrator").await;
    assert_eq!(
        statuses(&emulator, &id, 3).await,
        ["RUNNING", "COMPLETED", "COMPLETED"]
    );
    let runs = emulator.runs();
    assert_eq!(runs[1].agent.as_deref(), Some("data-quality-checker"));
    assert_eq!(
        (runs[2].agent.as_deref(), runs[2].status.as_str()),
        (None, "EXPIRED")
    );
    let unreadable = call(&emulator, STEPS, json!({ "id": runs[2].session_id })).await;
    assert_eq!(unreadable.root()["steps"], Value::Null);
    statuses(&emulator, &runs[1].session_id, 2).await;
    emulator.advance(Duration::from_secs(10));
    assert_eq!(statuses(&emulator, &id, 2).await, ["RUNNING", "COMPLETED"]);
    let run = read(&emulator, &id).await;
    assert_eq!(
        said(&run).last().unwrap().1,
        "The checker has reported back."
    );
}

#[tokio::test]
async fn the_builders_scenario_replaces_that_of_a_file() {
    let emulator = Emulator::builder()
        .scenario("orchestrator", dinoai_emulator::Scenario::expired())
        .scenario_file(tour())
        .start()
        .await
        .unwrap();
    let id = trigger(&emulator, "orchestrator").await;
    assert_eq!(statuses(&emulator, &id, 2).await, ["QUEUED", "EXPIRED"]);
}

/// Each file's first line says which line is wrong, and a part of what is said about it. The
/// conformance checks hold the JSON schema to the same files.
#[test]
fn a_file_that_is_no_scenario_file_is_refused_with_its_line() {
    let refused = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/emulator/refused_scenarios");
    let mut count = 0;
    for entry in fs::read_dir(refused).unwrap() {
        let file = entry.unwrap().path();
        let text = fs::read_to_string(&file).unwrap();
        let expected = text.lines().next().unwrap().strip_prefix("# ").unwrap();
        let (line, part) = expected.split_once(": ").unwrap();
        let error = Emulator::builder()
            .scenario_file(&file)
            .start_blocking()
            .unwrap_err();
        let Error::Files(diagnostics) = &error else {
            panic!("{error}");
        };
        assert_eq!(diagnostics.len(), 1);
        assert_eq!(
            (
                &diagnostics[0].file,
                diagnostics[0].line.to_string().as_str()
            ),
            (&file, line),
            "{error}"
        );
        assert!(diagnostics[0].message.contains(part), "{error}");
        assert!(
            error
                .to_string()
                .starts_with(&format!("{}:{line}: ", file.display()))
        );
        count += 1;
    }
    assert!(count > 10);
}

#[test]
fn a_file_may_say_nothing() {
    for text in [
        "",
        "# nothing\n",
        "{}",
        "default: {}\n",
        "agents: { a: { stages: [{ status: X, seconds: 0.5 }] } }\n",
    ] {
        let folder = folder(&[("s.yml", text)]);
        let file = folder.path().join("s.yml");
        Emulator::builder()
            .scenario_file(file)
            .start_blocking()
            .unwrap();
    }
}
