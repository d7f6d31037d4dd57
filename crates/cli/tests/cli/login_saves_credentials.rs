//! `login` saves what works in a file that only its owner can read, or changes nothing.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use dinoai_emulator::Emulator;
use rustix::process::{Pid, Signal, kill_process};

use crate::support::home::{at_home, credentials, home_with, login, sent_headers};
use crate::support::program::{bare, run, run_with_input};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn login_writes_a_file_that_only_its_owner_can_read_and_that_works() {
    let emulator = Emulator::builder().start_blocking().unwrap();
    let home = tempfile::tempdir().unwrap();
    let done = login(
        home.path(),
        &[emulator.secret(), emulator.key(), emulator.endpoint()],
    );
    assert_eq!(done.code(), 0, "{}", done.stderr);
    assert!(!done.shown().contains(emulator.secret()));
    let file = home.path().join(".paradime/credentials");
    assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
    assert_eq!(fs::read_to_string(&file).unwrap(), credentials(&emulator));
    let done = run(
        at_home(home.path()),
        &["run", "agent", "--poll-interval", "5ms"],
    );
    assert_eq!(done.code(), 0, "{}", done.stderr);
    assert!(!done.stderr.contains("warning"), "{}", done.stderr);
}

#[test]
fn login_asks_before_it_overwrites_and_then_closes_the_file_to_others() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join(".paradime/credentials");
    fs::create_dir(file.parent().unwrap()).unwrap();
    fs::write(&file, "API_KEY=old\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();

    let done = login(home.path(), &["n"]);
    assert_eq!(done.code(), 2);
    assert_eq!(fs::read_to_string(&file).unwrap(), "API_KEY=old\n");

    let company = ["y", "prdm_cmp_t", "", "w1", "https://host/graphql"];
    assert_eq!(login(home.path(), &company).code(), 0);
    assert_eq!(mode(&file), 0o600);
    let text = "API_ENDPOINT=https://host/graphql\nWORKSPACE_UID=w1\nAPI_SECRET=prdm_cmp_t\n";
    assert_eq!(fs::read_to_string(&file).unwrap(), text);

    let workspace = ["y", "prdm_wsp_t", "https://host/graphql"];
    assert_eq!(login(home.path(), &workspace).code(), 0);
    assert!(
        fs::read_to_string(&file)
            .unwrap()
            .ends_with("API_SECRET=prdm_wsp_t\n")
    );
}

#[test]
fn login_keeps_nothing_that_cannot_work() {
    let home = tempfile::tempdir().unwrap();
    for answers in [
        &["secret", "key", "no url"][..],
        &["secret", "key", "http://elsewhere.example/graphql"],
        &["secret"],
    ] {
        let done = login(home.path(), answers);
        assert_eq!(done.code(), 2, "{}", done.stderr);
        assert!(!home.path().join(".paradime/credentials").exists());
    }
}

#[test]
fn login_is_no_json() {
    for format in ["json", "jsonl"] {
        let done = run_with_input(bare(), &["login", "--output", format], "secret\n");
        assert_eq!(done.code(), 2, "{}", done.stderr);
        let error: serde_json::Value = serde_json::from_str(&done.stderr).unwrap();
        assert_eq!(error["kind"], "usage", "{error}");
    }
}

#[test]
fn login_finds_out_that_nothing_can_be_written_before_it_asks() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("file"), "").unwrap();
    fs::create_dir(home.path().join("folder")).unwrap();
    for path in ["file/credentials", "folder"] {
        let path = home.path().join(path);
        let arguments = ["login", "--credentials-file", path.to_str().unwrap()];
        let done = run_with_input(at_home(home.path()), &arguments, "y\nsecret\n");
        assert_eq!(done.code(), 2, "{}", done.stderr);
        assert!(!done.stderr.contains("API secret"), "{}", done.stderr);
        assert!(done.stderr.contains("cannot write"), "{}", done.stderr);
    }
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 2);
}

#[test]
fn login_says_that_it_wrote_nothing_and_asks_each_question_on_a_line() {
    let home = home_with("API_KEY=old\n");
    let done = login(home.path(), &["n"]);
    assert_eq!(done.code(), 2, "{}", done.stderr);
    assert!(
        done.stderr.contains("nothing was written"),
        "{}",
        done.stderr
    );
    let done = login(home.path(), &["y", "secret", "key", "https://host/graphql"]);
    assert_eq!(done.code(), 0, "{}", done.stderr);
    let questions = ["[y/N]:", "API secret", "API key:", "API endpoint:"];
    for question in questions {
        let asked = |line: &&str| line.contains(question);
        let line = done.stderr.lines().find(asked).unwrap();
        let others = questions.iter().filter(|other| line.contains(**other));
        assert_eq!(others.count(), 1, "{line}");
    }
}

#[test]
fn login_leaves_a_signal_ignored_that_its_parent_ignores() {
    let home = tempfile::tempdir().unwrap();
    let mut shell = Command::new("sh");
    let program = env!("CARGO_BIN_EXE_dinoai");
    shell.args(["-c", "trap '' INT TERM HUP; exec \"$0\" login", program]);
    shell.env_clear().env("HOME", home.path());
    shell.stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut child = shell.spawn().unwrap();
    let mut asked = vec![];
    let mut stderr = child.stderr.take().unwrap();
    while !String::from_utf8_lossy(&asked).contains("API secret") {
        let mut piece = [0; 256];
        let length = stderr.read(&mut piece).unwrap();
        assert_ne!(length, 0, "it has ended");
        asked.extend_from_slice(&piece[..length]);
    }
    let id = Pid::from_child(&child);
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        kill_process(id, signal).unwrap();
    }
    let mut stdin = child.stdin.take().unwrap();
    stdin
        .write_all(b"secret\nkey\nhttps://host/graphql\n")
        .unwrap();
    drop(stdin);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(home.path().join(".paradime/credentials").exists());
}

#[test]
fn login_puts_quotes_around_what_would_read_back_changed() {
    for secret in ["a #b", "'a'", "\"a\\", "a'b #c\"d\\", "'"] {
        let home = tempfile::tempdir().unwrap();
        let headers = sent_headers(home.path(), |endpoint| {
            let done = login(home.path(), &[secret, "key", &endpoint]);
            assert_eq!(done.code(), 0, "{}", done.stderr);
            vec![]
        });
        let expected = format!("x-api-secret: {secret}\r\n");
        assert!(headers.contains(&expected), "{headers}");
    }
}

#[test]
fn login_refuses_what_no_file_can_hold_and_leaves_the_old_one() {
    let home = home_with("API_KEY=old\n");
    let done = login(
        home.path(),
        &["y", "canary${HOME}", "key", "https://host/graphql"],
    );
    assert_eq!(done.code(), 2, "{}", done.stderr);
    assert!(done.stderr.contains("API_SECRET"), "{}", done.stderr);
    assert!(!done.stderr.contains("canary"), "{}", done.stderr);
    let folder = home.path().join(".paradime");
    assert_eq!(
        fs::read_to_string(folder.join("credentials")).unwrap(),
        "API_KEY=old\n"
    );
    assert_eq!(fs::read_dir(folder).unwrap().count(), 1);
}
