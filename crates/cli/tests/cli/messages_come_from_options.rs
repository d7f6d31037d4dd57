//! A message comes from an option; standard input is read only if it is asked for.

use std::fs;
use std::process::{Command, Stdio};

use dinoai_emulator::Emulator;

use crate::support::program::{Done, dinoai, run, run_with_input};

fn emulator() -> Emulator {
    Emulator::builder().start_blocking().unwrap()
}

fn messages(emulator: &Emulator) -> Vec<Option<String>> {
    let runs = emulator.runs().into_iter();
    runs.map(|run| run.message).collect()
}

const FAST: [&str; 2] = ["--poll-interval", "5ms"];

#[test]
fn a_loop_over_a_file_starts_each_agent_once_and_none_with_the_rest_as_its_message() {
    let emulator = emulator();
    let folder = tempfile::tempdir().unwrap();
    let agents = folder.path().join("agents.txt");
    fs::write(&agents, "one\ntwo\nthree\n").unwrap();
    let program = dinoai(&emulator);
    let mut shell = Command::new("sh");
    shell
        .args([
            "-c",
            "while read -r agent; do \"$0\" run \"$agent\" --detach; done",
        ])
        .arg(program.get_program())
        .env_clear()
        .envs(
            program
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .stdin(fs::File::open(&agents).unwrap())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let done = Done::of(shell.spawn().unwrap());
    assert_eq!(done.code(), 0, "{}", done.stderr);
    let runs = emulator.runs().into_iter();
    let started: Vec<_> = runs.map(|run| (run.agent.unwrap(), run.message)).collect();
    let expected = ["one", "two", "three"].map(|agent| (agent.to_owned(), None));
    assert_eq!(started, expected);
}

#[test]
fn standard_input_is_left_alone_without_a_dash() {
    let emulator = emulator();
    let done = run_with_input(dinoai(&emulator), &["run"], "a message");
    assert_eq!(done.code(), 2, "{}", done.stderr);
    assert!(done.stderr.contains("-m -"), "{}", done.stderr);
    let done = run_with_input(dinoai(&emulator), &["send", "abc"], "a message");
    assert_eq!(done.code(), 2, "{}", done.stderr);
    assert!(done.stderr.contains("-m -"), "{}", done.stderr);
    assert_eq!(emulator.requests().len(), 0);
}

#[test]
fn a_dash_reads_standard_input_and_a_file_is_read_too() {
    let emulator = emulator();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("message.md");
    fs::write(&file, "\u{feff}\nLook at\r\nstg_orders.\n\n").unwrap();
    let file = file.to_str().unwrap();
    let expected = Some("Look at\r\nstg_orders.".to_owned());
    for arguments in [
        &["run", "-m", "-", "--detach"][..],
        &["run", "--message-file", "-", "--detach"],
        &["run", "--message-file", file, "--detach"],
        // The vendor's form.
        &["-m", "-"],
        &[],
    ] {
        let mut arguments = arguments.to_vec();
        if arguments.contains(&"--detach") {
            arguments.extend(FAST);
        }
        let done = run_with_input(dinoai(&emulator), &arguments, "Look at\r\nstg_orders.\n\n");
        assert_eq!(done.code(), 0, "{arguments:?} {}", done.stderr);
    }
    assert_eq!(messages(&emulator), vec![expected; 5]);
    let id = emulator.runs()[0].session_id.clone();
    for arguments in [
        ["send", &id, "-m", "-"],
        ["send", &id, "--message-file", file],
    ] {
        let all = [&arguments[..], &FAST].concat();
        let done = run_with_input(dinoai(&emulator), &all, "Look at\r\nstg_orders.");
        assert_eq!(done.code(), 0, "{}", done.stderr);
    }
    let run = emulator.runs().swap_remove(0);
    assert_eq!(run.follow_ups, ["Look at\r\nstg_orders."; 2]);
}

#[test]
fn a_message_may_begin_with_a_hyphen() {
    let emulator = emulator();
    let mut expected = vec![];
    for text in ["- check stg_orders", "--- a", "--detach"] {
        let done = run(dinoai(&emulator), &["run", "-m", text, "--detach"]);
        assert_eq!(done.code(), 0, "{}", done.stderr);
        let arguments = ["run", &format!("--message={text}"), "--detach"];
        let done = run(dinoai(&emulator), &arguments);
        assert_eq!(done.code(), 0, "{}", done.stderr);
        expected.extend(vec![Some(text.to_owned()); 2]);
    }
    assert_eq!(messages(&emulator), expected);
    let id = emulator.runs()[0].session_id.clone();
    let all = [&["send", &id, "-m", "- and this"][..], &FAST].concat();
    assert_eq!(run(dinoai(&emulator), &all).code(), 0);
    assert_eq!(emulator.runs()[0].follow_ups, ["- and this"]);
}

#[test]
fn a_message_that_is_empty_or_cannot_be_read_starts_nothing() {
    let emulator = emulator();
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty");
    fs::write(&empty, " \n").unwrap();
    let binary = folder.path().join("binary");
    fs::write(&binary, b"\xff\xfe").unwrap();
    let missing = folder.path().join("missing");
    for (arguments, named) in [
        (vec!["run", "a", "-m", "-"], "standard input"),
        (
            vec!["run", "a", "--message-file", empty.to_str().unwrap()],
            "empty",
        ),
        (
            vec!["run", "a", "--message-file", binary.to_str().unwrap()],
            "binary",
        ),
        (
            vec!["run", "a", "--message-file", missing.to_str().unwrap()],
            "missing",
        ),
        (
            vec![
                "run",
                "a",
                "-m",
                "x",
                "--message-file",
                empty.to_str().unwrap(),
            ],
            "--message-file",
        ),
    ] {
        let done = run_with_input(dinoai(&emulator), &arguments, " \n");
        assert_eq!(done.code(), 2, "{arguments:?} {}", done.stderr);
        assert!(done.stderr.contains(named), "{arguments:?} {}", done.stderr);
    }
    assert_eq!(emulator.requests().len(), 0);
}
