//! Agents and scenarios from YAML files.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg(feature = "yaml")]

mod caller;

use std::fs;
use std::path::Path;
use std::time::Duration;

use caller::{SEND, STEPS, TRIGGER, call, read, said, statuses, trigger};
use dinoai_emulator::{Emulator, Error};
use serde_json::{Value, json};
use tempfile::TempDir;

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
fn flaws(started: Result<Emulator, Error>, folder: &TempDir) -> Vec<String> {
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
    let answer = call(&emulator, TRIGGER, json!({ "agent": "delta" })).await;
    assert_eq!(answer.root(), &Value::Null);
    assert_eq!(
        answer.messages(),
        ["No DinoAI agent 'delta' was found. Known agents: alpha, beta, gamma."]
    );
    assert_eq!(
        answer.body["errors"][0]["path"],
        json!(["triggerDinoaiAgentRun"])
    );
    let answer = call(&emulator, TRIGGER, json!({ "message": "no agent" })).await;
    assert_eq!(answer.root()["ok"], true);
    assert_eq!(emulator.runs().len(), 4);
}

#[test]
fn every_flaw_of_every_agent_is_told_with_file_and_line() {
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
    let found = flaws(
        Emulator::builder()
            .agents_folder(folder.path())
            .start_blocking(),
        &folder,
    );
    let (syntax, found): (Vec<_>, Vec<_>) = found
        .into_iter()
        .partition(|flaw| flaw.starts_with("syntax.yml:"));
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
            "keys.yml:7: the mode of 'tools' must be allowlist or denylist",
            "keys.yml:8: 'slack' must have a channel",
            "keys.yml:9: 'model_family' must be a text that is not empty",
            "list.yml:1: an agent is a mapping of keys to values",
            "tools.yml:10: 'tools' must have a list of tool names",
            "twice.yml:15: duplicated key in mapping",
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
        .scenario("orchestrator", dinoai_emulator::Scenario::expires())
        .scenario_file(tour())
        .start()
        .await
        .unwrap();
    let id = trigger(&emulator, "orchestrator").await;
    assert_eq!(statuses(&emulator, &id, 2).await, ["QUEUED", "EXPIRED"]);
}

/// Files that are none, each with the line and a part of what is wrong.
const NO_SCENARIOS: [(&str, usize, &str); 13] = [
    (
        "default:\n  stages:\n    - status: QUEUED\n      raeds: 2\n",
        4,
        "unknown field `raeds`",
    ),
    (
        "agents:\n  a:\n    stages:\n      - reads: 2\n",
        4,
        "missing field `status`",
    ),
    (
        "agents:\n  a:\n    stages:\n      - status: X\n        reads: -1\n",
        5,
        "-1",
    ),
    (
        "agents:\n  a:\n    stages:\n      - status: X\n        seconds: -1\n",
        5,
        "-1 seconds",
    ),
    (
        "default:\n  stages:\n    - status: X\n      reads: 1\n      seconds: 1\n",
        3,
        "not both",
    ),
    (
        "default:\n  children:\n    - callback: []\n",
        3,
        "one of them",
    ),
    (
        "default:\n  stages:\n    - status: X\n      children:\n        - agent: a\n          scenario: {}\n",
        5,
        "one of them",
    ),
    (
        "default:\n  steps:\n    - tool: {}\n",
        3,
        "missing field `name`",
    ),
    (
        "default:\n  steps:\n    - robot: x\n",
        3,
        "unknown variant `robot`",
    ),
    (
        "default:\n  follow_ups:\n    - status: X\n",
        3,
        "invalid type: map",
    ),
    (
        "default:\n  messages:\n    - role: user\n",
        3,
        "missing field `content`",
    ),
    ("- default\n", 1, "invalid type"),
    ("scenarios: {}\n", 1, "unknown field `scenarios`"),
];

#[test]
fn a_file_that_is_no_scenario_file_is_told_with_its_line() {
    for (text, line, part) in NO_SCENARIOS {
        let folder = folder(&[("s.yml", text)]);
        let file = folder.path().join("s.yml");
        let found = flaws(
            Emulator::builder().scenario_file(file).start_blocking(),
            &folder,
        );
        assert_eq!(found.len(), 1);
        assert!(
            found[0].starts_with(&format!("s.yml:{line}: ")),
            "{found:?} {text}"
        );
        assert!(found[0].contains(part), "{found:?}");
    }
}

#[test]
fn the_schema_and_the_reader_agree() {
    let validator = jsonschema::validator_for(&dinoai_emulator::scenario_schema()).unwrap();
    let tour = fs::read_to_string(tour()).unwrap();
    let good = [
        tour.as_str(),
        "{}",
        "default: {}\n",
        "agents: { a: { stages: [{ status: X, seconds: 0.5 }] } }\n",
    ];
    for text in good {
        assert!(validator.is_valid(&as_json(text)), "{text}");
        let folder = folder(&[("s.yml", text)]);
        let file = folder.path().join("s.yml");
        Emulator::builder()
            .scenario_file(file)
            .start_blocking()
            .unwrap();
    }
    for (text, ..) in NO_SCENARIOS {
        assert!(!validator.is_valid(&as_json(text)), "{text}");
    }
}

/// These texts as a reader that is not the emulator's sees them: the same YAML by its crate.
fn as_json(text: &str) -> Value {
    use saphyr::{LoadableYamlNode, Scalar, Yaml};

    fn convert(node: &Yaml<'_>) -> Value {
        match node {
            Yaml::Mapping(entries) => entries
                .iter()
                .map(|(key, value)| (key.as_str().unwrap().to_owned(), convert(value)))
                .collect::<serde_json::Map<_, _>>()
                .into(),
            Yaml::Sequence(items) => items.iter().map(convert).collect::<Vec<_>>().into(),
            Yaml::Value(Scalar::Boolean(truth)) => (*truth).into(),
            Yaml::Value(Scalar::Integer(number)) => (*number).into(),
            Yaml::Value(Scalar::FloatingPoint(number)) => number.into_inner().into(),
            Yaml::Value(Scalar::String(text)) => text.to_string().into(),
            other => panic!("{other:?}"),
        }
    }
    convert(&Yaml::load_from_str(text).unwrap()[0])
}
