//! The program does what its help says, as a shell sees it.

mod options;
mod refusals;
mod serving;

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};

use serde_json::json;

use crate::caller::{client, response_to};

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

async fn ask(exports: &[String; 3], query: &str) -> crate::caller::Response {
    let [endpoint, key, secret] = exports;
    let request = client()
        .post(endpoint)
        .header("X-API-KEY", key)
        .header("X-API-SECRET", secret);
    response_to(request.json(&json!({ "query": query }))).await
}

async fn control(exports: &[String; 3], path: &str) -> serde_json::Value {
    let origin = exports[0].split("/api/").next().unwrap();
    response_to(client().get(format!("{origin}/control/{path}")))
        .await
        .body
}
