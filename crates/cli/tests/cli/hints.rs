//! The commands that are printed to be pasted: each reaches the account of the command before it.

use std::fs;
use std::process::{Command, Stdio};

use dinoai_emulator::{Emulator, Scenario, Stage};

use crate::program::{Done, bare, run};

fn endless() -> Emulator {
    Emulator::builder()
        .default_scenario(Scenario::new().stage(Stage::new("RUNNING").reads(u64::MAX)))
        .start_blocking()
        .unwrap()
}

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

/// The command behind `go on with: `.
fn hint(done: &Done) -> &str {
    let (_, rest) = done.stderr.split_once("go on with: ").unwrap();
    rest.lines().next().unwrap()
}

const SHORT: [&str; 2] = ["--timeout", "300ms"];

#[test]
fn a_hint_names_the_credentials_file_and_reaches_the_same_run() {
    let emulator = endless();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("my credentials");
    let text = format!(
        "API_ENDPOINT={}\nAPI_KEY={}\nAPI_SECRET={}\n",
        emulator.endpoint(),
        emulator.key(),
        emulator.secret()
    );
    fs::write(&file, text).unwrap();
    let account = ["--credentials-file", file.to_str().unwrap()];
    let done = run(bare(), &[&["run", "a"][..], &account, &SHORT].concat());
    assert_eq!(done.code(), 4, "{}", done.stderr);
    let id = emulator.runs()[0].session_id.clone();
    let done = paste(&format!("{} --timeout 300ms", hint(&done)));
    assert_eq!(done.code(), 4, "{}", done.stderr);
    assert!(done.stderr.contains(&id), "{}", done.stderr);
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
    assert!(hint(&done).contains(" --endpoint URL "), "{}", done.stderr);
    assert!(!done.stderr.contains("demo-company"), "{}", done.stderr);
    // Pasted as it is, it sends nothing.
    let before = emulator.requests().len();
    let done = paste(hint(&done));
    assert_eq!(done.code(), 2, "{}", done.stderr);
    assert_eq!(emulator.requests().len(), before);
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
    assert!(!done.stderr.contains("go on with"), "{}", done.stderr);
}
