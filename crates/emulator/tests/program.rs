//! The program, as a shell sees it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg(all(unix, feature = "program"))]

mod caller;

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};

use caller::{answered, client};
use serde_json::json;

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
async fn it_serves_what_its_exports_say_until_it_is_told_to_stop() {
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
fn the_curl_command_that_it_shows_works() {
    if Command::new("curl").arg("--version").output().is_err() {
        return;
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
