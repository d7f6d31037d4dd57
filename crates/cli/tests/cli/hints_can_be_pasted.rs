//! A hint is a command that can be pasted: it reaches the account of the command before it.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use dinoai_emulator::Fault;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::home::credentials;
use crate::support::program::{Done, bare, dinoai, run};
use crate::support::runs::{Folder, endless, wait_until};

/// A shell command as a user would paste it; `dinoai` is the program under test.
fn paste(line: &str) -> Done {
    let program = bare();
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &format!("dinoai() {{ \"$0\" \"$@\"; }}; {line}")])
        .arg(program.get_program())
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    Done::of(shell.spawn().unwrap())
}

const SHORT: [&str; 2] = ["--timeout", "300ms"];

#[test]
fn a_hint_names_the_credentials_file_and_reaches_the_same_run() {
    let emulator = endless();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("my credentials");
    fs::write(&file, credentials(&emulator)).unwrap();
    let account = ["--credentials-file", file.to_str().unwrap()];
    let done = run(bare(), &[&["run", "a"][..], &account, &SHORT].concat());
    assert_eq!(done.code(), 4, "{}", done.stderr);
    let id = emulator.runs()[0].session_id.clone();
    let done = paste(&format!("{} --timeout 300ms", done.hint()));
    assert_eq!(done.code(), 4, "{}", done.stderr);
    assert!(done.stderr.contains(&id), "{}", done.stderr);
}

#[test]
fn each_command_of_an_interrupted_stop_reaches_the_same_account() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("prod.cred");
    let file = file.to_str().unwrap();
    for (tree, by_file) in [("", true), ("", false), (" --tree", true)] {
        let emulator = endless();
        emulator
            .add_fault(Fault::delay(Duration::from_mins(1)).on("stopDinoaiAgentRun"))
            .unwrap();
        fs::write(file, credentials(&emulator)).unwrap();
        let start = |command: &mut Command| {
            command
                .env("PARADIME_API_KEY", emulator.key())
                .env("PARADIME_API_SECRET", emulator.secret());
            match by_file {
                true => command.args(["--credentials-file", file]),
                false => command.args(["--endpoint", emulator.endpoint()]),
            };
        };
        let ids = ["a", "b"].map(|agent| {
            let mut command = bare();
            start(&mut command);
            let done = run(command, &["run", agent, "--detach"]);
            done.stdout.trim().to_owned()
        });
        let mut command = bare();
        start(&mut command);
        command.arg("stop").args(tree.split_whitespace());
        let child = command.args(&ids).spawn().unwrap();
        wait_until("a stop is in flight", || {
            let requests = emulator.requests();
            let mut queries = requests.iter().map(|request| &request.query);
            queries.any(|query| query.contains("stopDinoaiAgentRun"))
        });
        for _ in 0..2 {
            kill_process(Pid::from_child(&child), Signal::INT).unwrap();
        }
        let done = Done::of(child);
        assert_eq!(done.code(), 130, "{}", done.stderr);
        let options = match by_file {
            true => format!("--credentials-file {file}"),
            false => "--endpoint URL".to_owned(),
        };
        let others = format!("to stop the others: dinoai {options} stop{tree} {}", ids[1]);
        assert!(done.stderr.contains(&others), "{}", done.stderr);
        let commands = done.stderr.matches(": dinoai ").count();
        assert_eq!(commands, 2, "{}", done.stderr);
        let complete = format!(": dinoai {options} ");
        let complete = done.stderr.matches(&complete).count();
        assert_eq!(complete, 2, "{}", done.stderr);
    }
}

#[test]
fn a_hint_in_a_result_is_the_one_on_standard_error() {
    let emulator = endless();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("prod.cred");
    let file = file.to_str().unwrap();
    fs::write(file, credentials(&emulator)).unwrap();
    fs::set_permissions(file, Permissions::from_mode(0o600)).unwrap();
    let done = run(dinoai(&emulator), &["run", "a", "--detach"]);
    let id = done.stdout.trim();
    for format in ["json", "jsonl"] {
        let account = ["--credentials-file", file, "--output", format];
        let done = run(bare(), &[&["wait", id][..], &account, &SHORT].concat());
        assert_eq!(done.code(), 4, "{}", done.stderr);
        let result = done.json();
        let result = result.get(0).unwrap_or(&result);
        let said: Value = serde_json::from_str(&done.stderr).unwrap();
        let expected = format!("to resume: dinoai --credentials-file {file} watch {id}");
        assert_eq!(said["hint"], expected.as_str(), "{said}");
        assert_eq!(result["error"], said, "{result}");
    }
}

#[test]
fn a_command_in_a_warning_reaches_the_same_account() {
    let emulator = endless();
    let folder = Folder::with("items.csv", "agent\na\n");
    let file = folder.name("prod.cred");
    fs::write(&file, credentials(&emulator)).unwrap();
    let ids = ["a", "a"].map(|agent| {
        let done = run(dinoai(&emulator), &["run", agent, "--detach"]);
        done.stdout.trim().to_owned()
    });
    let starting = r#"{"item":1,"event":"starting","request":{"agent":"a"}}"#;
    let started = ids
        .each_ref()
        .map(|id| format!("{{\"item\":1,\"event\":\"started\",\"agentSessionId\":\"{id}\"}}\n"));
    let results = folder.name("results.jsonl");
    fs::write(&results, format!("{starting}\n{}", started.concat())).unwrap();
    let items = folder.name("items.csv");
    let batch = [
        "batch",
        &items,
        "--resume",
        &results,
        "--credentials-file",
        &file,
    ];
    let done = run(bare(), &[&batch[..], &SHORT].concat());
    let expected = format!("dinoai --credentials-file {file} wait {}", ids[0]);
    assert!(done.stderr.contains(&expected), "{}", done.stderr);
}

#[test]
fn an_endpoint_is_asked_for_and_not_shown() {
    let emulator = endless();
    let mut command = bare();
    command
        .env("PARADIME_API_KEY", emulator.key())
        .env("PARADIME_API_SECRET", emulator.secret());
    let account = ["--endpoint", emulator.endpoint()];
    let done = run(command, &[&["run", "a"][..], &account, &SHORT].concat());
    assert_eq!(done.code(), 4, "{}", done.stderr);
    assert!(done.hint().contains(" --endpoint URL "), "{}", done.stderr);
    assert!(!done.stderr.contains("demo-company"), "{}", done.stderr);
    // Pasted as it is, it sends nothing.
    let before = emulator.requests().len();
    let done = paste(done.hint());
    assert_eq!(done.code(), 2, "{}", done.stderr);
    assert_eq!(emulator.requests().len(), before);
}

#[test]
fn one_command_goes_on_with_all_runs_that_a_wait_has_given_up() {
    let emulator = endless();
    let ids = ["a", "b", "c"].map(|agent| {
        let done = run(dinoai(&emulator), &["run", agent, "--detach"]);
        done.stdout.trim().to_owned()
    });
    let wait = ["wait", &ids[2], &ids[0], &ids[1]];
    let done = run(dinoai(&emulator), &[&wait[..], &SHORT].concat());
    assert_eq!(done.code(), 4, "{}", done.stderr);
    let command = format!("dinoai {}", wait.join(" "));
    assert_eq!(done.hint(), command, "{}", done.stderr);
    let hints = done.stderr.matches("to resume").count();
    assert_eq!(hints, 1, "{}", done.stderr);
    let one = run(
        dinoai(&emulator),
        &[&["wait", &ids[0]][..], &SHORT].concat(),
    );
    assert_eq!(one.hint(), format!("dinoai watch {}", ids[0]));
}

#[test]
fn nothing_goes_on_in_an_emulator_that_ends_with_the_command() {
    // Two looks are not enough for any run there.
    let few_looks = ["--timeout", "300ms", "--poll-interval", "10s"];
    let done = run(
        bare(),
        &[&["run", "a", "--emulator"][..], &few_looks].concat(),
    );
    assert_eq!(done.code(), 4, "{}", done.stderr);
    assert!(!done.stderr.contains("to resume"), "{}", done.stderr);
}
