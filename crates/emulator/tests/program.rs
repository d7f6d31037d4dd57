//! The program, as a shell sees it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg(all(unix, feature = "program"))]

mod caller;
mod skipped;

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};

use caller::{answered, client};
use serde_json::json;
use skipped::skipped;

/// A started program, killed if a test fails before it has stopped.
struct Program(Child);

impl Program {
    fn start(arguments: &[&str]) -> Self {
        Self(
            Command::new(env!("CARGO_BIN_EXE_dinoai-emulator"))
                .args(arguments)
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap(),
        )
    }

    /// The values of the three `export` lines, in their order.
    fn exports(&mut self) -> [String; 3] {
        let mut lines = BufReader::new(self.0.stdout.take().unwrap()).lines();
        ["ENDPOINT", "KEY", "SECRET"].map(|name| {
            let line = lines.next().unwrap().unwrap();
            let start = format!("export PARADIME_API_{name}=");
            line.strip_prefix(&start).expect(&line).to_owned()
        })
    }

    fn signal(&mut self, name: &str) -> ExitStatus {
        let id = self.0.id().to_string();
        let sent = Command::new("kill")
            .args(["-s", name, &id])
            .status()
            .unwrap();
        assert!(sent.success());
        self.0.wait().unwrap()
    }

    fn standard_error(&mut self) -> String {
        let mut text = String::new();
        self.0
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        text
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn ask(exports: &[String; 3], query: &str) -> caller::Answer {
    let [endpoint, key, secret] = exports;
    let request = client()
        .post(endpoint)
        .header("X-API-KEY", key)
        .header("X-API-SECRET", secret);
    answered(request.json(&json!({ "query": query }))).await
}

#[tokio::test]
async fn it_serves_what_its_exports_say_until_a_signal_stops_it() {
    for signal in ["TERM", "INT"] {
        let mut program = Program::start(&["--port", "0"]);
        let exports = program.exports();
        let answer = ask(
            &exports,
            "mutation { triggerDinoaiAgentRun(message: \"x\") { ok } }",
        )
        .await;
        assert_eq!(answer.root(), &json!({ "ok": true }));
        assert!(program.signal(signal).success());
        let shown = program.standard_error();
        assert!(shown.contains("curl -X POST"), "{shown}");
        assert!(shown.contains(&exports[0]), "{shown}");
    }
}

#[tokio::test]
async fn its_backend_can_be_that_of_the_pages() {
    let mut program = Program::start(&["--port", "0", "--backend", "pages"]);
    let exports = program.exports();
    let query = "mutation { stopDinoaiAgentRun(agentSessionId: \"x\") { ok } }";
    let answer = ask(&exports, query).await;
    assert_eq!(
        answer.messages(),
        ["Cannot query field \"stopDinoaiAgentRun\" on type \"Mutation\"."]
    );
}

#[test]
fn it_fails_with_a_reason_where_its_port_is_taken() {
    let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = holder.local_addr().unwrap().port().to_string();
    let mut program = Program::start(&["--port", &port]);
    assert_eq!(program.0.wait().unwrap().code(), Some(1));
    let shown = program.standard_error();
    assert!(shown.contains(&port), "{shown}");
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

#[test]
fn the_curl_command_that_it_shows_works() {
    if Command::new("curl").arg("--version").output().is_err() {
        return skipped(
            "the_curl_command_that_it_shows_works",
            "there is no curl on the PATH",
        );
    }
    let mut program = Program::start(&["--port", "0"]);
    let exports = program.exports();
    let mut lines = BufReader::new(program.0.stderr.take().unwrap()).lines();
    let mut command = String::new();
    while let Some(Ok(line)) = lines.next() {
        if line.starts_with("curl") || !command.is_empty() && !line.is_empty() {
            command.push_str(&line);
            command.push('\n');
        } else if !command.is_empty() {
            break;
        }
    }
    assert!(command.contains(&exports[0]), "{command}");
    let output = Command::new("sh")
        .args([
            "-c",
            &command
                .trim_end()
                .replacen("curl", "curl -s --noproxy '*'", 1),
        ])
        .output()
        .unwrap();
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["data"]["triggerDinoaiAgentRun"]["ok"], true);
}

async fn control(exports: &[String; 3], path: &str) -> serde_json::Value {
    let origin = exports[0].split("/api/").next().unwrap();
    answered(client().get(format!("{origin}/control/{path}")))
        .await
        .body
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
        include_str!("../backends/current.graphql"),
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
    let answer = ask(&exports, trigger).await;
    assert_eq!(answer.body["data"]["known"]["warning"], json!(null));
    assert_eq!(
        answer.messages(),
        ["No DinoAI agent 'unknown' was found. Known agents: known."]
    );
    let id = answer.body["data"]["known"]["agentSessionId"]
        .as_str()
        .unwrap();
    let read =
        format!("{{ dinoaiAgentRun(agentSessionId: \"{id}\") {{ status steps {{ index }} }} }}");
    let answer = ask(&exports, &read).await;
    assert_eq!(
        answer.root(),
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
    answered(advance).await;
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
    let answer = ask(&exports, trigger).await;
    assert!(start.elapsed() >= std::time::Duration::from_millis(50));
    let id = answer.root()["agentSessionId"].as_str().unwrap();
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
        let answer = ask(&exports, trigger).await;
        let id = answer.root()["agentSessionId"].as_str().unwrap();
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
        // They are not named where a folder says which are known.
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

#[tokio::test]
async fn its_output_can_be_sourced_by_a_shell() {
    let mut program = Program::start(&["--port=0"]);
    let exports = program.exports();
    let sourced = exports
        .iter()
        .zip(["ENDPOINT", "KEY", "SECRET"])
        .map(|(value, name)| format!("export PARADIME_API_{name}={value}\n"))
        .collect::<String>();
    let script = format!(
        "{sourced}printf '%s %s %s' \"$PARADIME_API_ENDPOINT\" \"$PARADIME_API_KEY\" \"$PARADIME_API_SECRET\""
    );
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), exports.join(" "));
}

#[test]
fn it_warns_where_others_can_reach_it_and_says_nothing_where_they_cannot() {
    for (host, warned) in [("0.0.0.0", true), ("127.0.0.1", false)] {
        let mut program = Program::start(&["--port=0", "--host", host]);
        let exports = program.exports();
        assert!(
            exports[0].starts_with("http://127.0.0.1:"),
            "{}",
            exports[0]
        );
        program.signal("TERM");
        let shown = program.standard_error();
        assert_eq!(shown.contains("not a loopback address"), warned, "{shown}");
    }
}

#[tokio::test]
async fn its_health_is_shown_and_asked_under_an_allowed_name() {
    let mut program = Program::start(&["--port=0", "--allow-host=emulator.test"]);
    let exports = program.exports();
    let health = format!("{}/health", exports[0].split("/api/").next().unwrap());
    for (host, status) in [("emulator.test", 200), ("other.test", 403)] {
        let asked = client().get(&health).header("Host", host);
        assert_eq!(answered(asked).await.status, status, "{host}");
    }
    program.signal("TERM");
    let shown = program.standard_error();
    assert!(
        shown.contains(&format!("Health checks: {health}.")),
        "{shown}"
    );
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

#[test]
fn what_it_cannot_start_with_is_reported_and_fails() {
    for (arguments, reason) in [
        (&["--agents", "no/such"][..], "cannot read no/such"),
        (&["--scenario", "no.yml"], "cannot read no.yml"),
        (
            &["--backend", "no.graphql"],
            "the built-in ones are current and pages",
        ),
        (&["--fault", "meteor"], "unknown variant `meteor`"),
        (
            &["--fault", "{fault: pass, often: 2}"],
            "unknown field `often`",
        ),
        (
            &["--fault", "graphql_error"],
            "missing field `status` of the fault `graphql_error`",
        ),
        (
            &["--fault", "{fault: status, status: 1000}"],
            "`status` 1000 is none that an HTTP response can have",
        ),
        (
            &["--fault", "delay"],
            "missing field `delay_seconds` of the fault `delay`",
        ),
        (
            &["--fault", "{fault: delay, delay_seconds: .nan}"],
            "`delay_seconds`: NaN is not a finite number",
        ),
        (
            &["--fault", "{fault: delay, delay_seconds: .inf}"],
            "`delay_seconds`: inf is not a finite number",
        ),
        (
            &["--fault", "{fault: gzip_bomb, bytes: 18446744073709551615}"],
            "`bytes` is a whole number from 0 to 1099511627776",
        ),
        (
            &["--fault", "{fault: delay, delay_seconds: 1, bytes: 1}"],
            "`bytes` does not belong to the fault `delay`",
        ),
        (
            &["--allow-host", "http://a:4000"],
            "'http://a:4000' is not a host",
        ),
        (
            &["--refusal-status", "500"],
            "possible values: 200, 400, 422",
        ),
        (&["--latency", "soon"], "not a number"),
        (&["--timestamp-resolution=-1"], "negative"),
        (&["--host", "nowhere"], "invalid IP address"),
    ] {
        let program = env!("CARGO_BIN_EXE_dinoai-emulator");
        let output = Command::new(program)
            .args(["--port=0"])
            .args(arguments)
            .output()
            .unwrap();
        assert!(!output.status.success());
        assert!(output.stdout.is_empty());
        let shown = String::from_utf8(output.stderr).unwrap();
        assert!(shown.contains(reason), "{shown}");
    }
}

/// What files say is not what the program says: no terminal and no CI system acts on it.
#[cfg(unix)]
#[test]
fn texts_of_files_are_shown_on_one_line_and_escaped() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, agent: &str| {
        let text = format!("name: {agent}\nversion: 1\nrole: r\ngoal: g\nbackstory: b\n");
        std::fs::write(folder.path().join(name), text).unwrap();
    };
    let hostile = "a\n::add-mask::q\n##vso[task.complete]##[group]\u{1b}]0;t\u{7}\u{202e}";
    let agents = format!("--agents={}", folder.path().to_str().unwrap());
    let quoted = serde_json::to_string(hostile).unwrap();
    let check = |shown: &str| {
        assert!(
            shown.contains(r"a\u{a}::add-mask::q\u{a}#\u{23}vso["),
            "{shown}"
        );
        for line in shown.lines() {
            let is_plain = |it: char| !it.is_control() && it != '\u{202e}';
            assert!(line.chars().all(is_plain), "{line:?}");
            assert!(!line.starts_with("::") && !line.contains("##"), "{line}");
        }
    };
    write("x.yml", &quoted);
    let refused = Command::new(env!("CARGO_BIN_EXE_dinoai-emulator"))
        .args(["--port=0", &agents])
        .output()
        .unwrap();
    assert!(!refused.status.success());
    check(&String::from_utf8(refused.stderr).unwrap());
    std::fs::remove_file(folder.path().join("x.yml")).unwrap();
    write(&format!("{hostile}.yml").replace('/', "-"), &quoted);
    let mut program = Program::start(&[&agents]);
    program.exports();
    program.signal("TERM");
    check(&program.standard_error());
}

#[tokio::test]
async fn it_can_be_called_from_within_a_runtime() {
    let arguments = ["another emulator", "--version"].map(Into::into);
    let code = dinoai_emulator::program::main(arguments);
    assert_eq!(
        format!("{code:?}"),
        format!("{:?}", std::process::ExitCode::SUCCESS)
    );
    let failed = dinoai_emulator::program::main(["x", "--agents=no/such"].map(Into::into));
    assert_ne!(format!("{failed:?}"), format!("{code:?}"));
}
