//! The program serves what it prints until a signal stops it.

use std::io::{BufRead, BufReader};
use std::process::Command;

use serde_json::json;

use super::{Program, ask};
use crate::caller::{client, response_to};
use crate::skipped::skipped;

#[tokio::test]
async fn it_serves_what_its_exports_say_until_a_signal_stops_it() {
    for signal in ["TERM", "INT"] {
        let mut program = Program::start(&["--port", "0"]);
        let exports = program.exports();
        let response = ask(
            &exports,
            "mutation { triggerDinoaiAgentRun(message: \"x\") { ok } }",
        )
        .await;
        assert_eq!(response.root(), &json!({ "ok": true }));
        assert!(program.signal(signal).success());
        let shown = program.standard_error();
        assert!(shown.contains("curl -X POST"), "{shown}");
        assert!(shown.contains(&exports[0]), "{shown}");
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
    let response: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(response["data"]["triggerDinoaiAgentRun"]["ok"], true);
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
        assert_eq!(response_to(asked).await.status, status, "{host}");
    }
    program.signal("TERM");
    let shown = program.standard_error();
    assert!(
        shown.contains(&format!("Health checks: {health}.")),
        "{shown}"
    );
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
