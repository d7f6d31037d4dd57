//! Where it is remembered what was started: the file that is named, else the user's own; and what cannot be
//! used is refused before anything is sent.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{Bench, FAST, KEY};
use crate::batch::stops_starting::under;
use crate::support::program::{Done, dinoai};

/// Runs it at home, without a journal in the environment.
fn at_home(bench: &Bench, home: &Path, variables: &[(&str, &Path)], arguments: &[&str]) -> Done {
    let mut command: Command = dinoai(&bench.emulator);
    command.env_remove("DINOAI_JOURNAL").env("HOME", home);
    command
        .envs(variables.iter().copied())
        .args(arguments)
        .args(FAST);
    Done::of(command.spawn().unwrap())
}

#[test]
fn the_users_own_is_in_the_folder_for_state() {
    let bench = Bench::start();
    let home = tempfile::tempdir().unwrap();
    let once = ["run", "agent", "--key", KEY];
    for _ in 0..2 {
        let done = at_home(&bench, home.path(), &[], &once);
        assert_eq!(done.code(), 0, "{}", done.stderr);
    }
    let own = home.path().join(".local/state/dinoai/journal.jsonl");
    assert!(fs::read_to_string(&own).unwrap().contains(KEY));
    let state = tempfile::tempdir().unwrap();
    at_home(
        &bench,
        home.path(),
        &[("XDG_STATE_HOME", state.path())],
        &once,
    );
    assert!(state.path().join("dinoai/journal.jsonl").is_file());
    assert_eq!(bench.started(), 2);
}

#[test]
fn an_option_comes_before_the_environment() {
    let bench = Bench::start();
    let other = bench.folder.path().join("other.jsonl");
    let done = bench.once(&["--journal", other.to_str().unwrap()]);
    assert_eq!(done.code(), 0, "{}", done.stderr);
    assert!(other.is_file() && !fs::exists(bench.journal()).unwrap());
}

#[test]
fn a_home_that_is_missing_is_not_made_and_a_run_without_a_key_needs_none() {
    let bench = Bench::start();
    let home = bench.folder.path().join("home");
    let done = at_home(&bench, &home, &[], &["run", "agent"]);
    assert_eq!(done.code(), 0, "{}", done.stderr);
    assert!(!home.exists());
    let refused = at_home(&bench, &home, &[], &["run", "agent", "--key", KEY]);
    assert_eq!(
        (refused.code(), bench.started()),
        (2, 1),
        "{}",
        refused.stderr
    );
    assert!(refused.stderr.contains("--journal"), "{}", refused.stderr);
}

#[test]
fn none_remembers_nothing() {
    let bench = Bench::start();
    let done = bench.run(&[&["run", "agent", "--journal", "none"][..], &FAST].concat());
    assert_eq!(done.code(), 0, "{}", done.stderr);
    let refused = bench.once(&["--journal", "none"]);
    assert_eq!(
        (refused.code(), bench.started()),
        (2, 1),
        "{}",
        refused.stderr
    );
    assert!(!fs::exists(bench.journal()).unwrap());
}

#[test]
fn what_cannot_be_used_is_2_by_name_and_nothing_is_sent() {
    let bench = Bench::start();
    let precious = bench.folder.path().join("precious.json");
    fs::write(&precious, "{\"a\": 1}").unwrap();
    let newer = bench.folder.path().join("newer.jsonl");
    fs::write(&newer, "{\"journal\":\"dinoai\",\"format\":9}\n").unwrap();
    let below = precious.join("runs.jsonl");
    let folder = bench.folder.path();
    for (path, says) in [
        (&*precious, "is no journal"),
        (&newer, "has format 9"),
        (&below, "precious.json"),
        (folder, "not a regular file"),
        (Path::new("/dev/null"), "not a regular file"),
        (Path::new("/proc/runs.jsonl"), "/proc"),
        (Path::new("mysql://db/runs"), "another URL"),
    ] {
        for key in [&["--key", KEY][..], &[]] {
            let path = path.to_str().unwrap();
            let arguments = [&["run", "agent", "--journal", path][..], key].concat();
            let refused = bench.run(&arguments);
            assert_eq!(refused.code(), 2, "{}", refused.stderr);
            assert!(refused.stderr.contains(says), "{path}: {}", refused.stderr);
        }
    }
    assert_eq!(bench.started(), 0);
    assert_eq!(fs::read_to_string(precious).unwrap(), "{\"a\": 1}");
}

#[test]
fn a_damaged_end_is_said_once_and_the_run_goes_on() {
    let bench = Bench::start();
    bench.once(&[]);
    let text = fs::read_to_string(bench.journal()).unwrap();
    fs::write(bench.journal(), format!("{text}{{\"key\":\"cut")).unwrap();
    let done = bench.run(&[&["run", "agent", "--key", "other"][..], &FAST].concat());
    assert_eq!(done.code(), 0, "{}", done.stderr);
    assert_eq!(
        done.stderr.matches("is damaged").count(),
        1,
        "{}",
        done.stderr
    );
    let next = bench.once(&[]);
    assert!(!next.stderr.contains("damaged"), "{}", next.stderr);
}

#[test]
fn with_the_emulator_it_is_in_memory_unless_one_is_named() {
    let bench = Bench::start();
    let emulated = ["run", "agent", "-m", "hello", "--emulator", "--key", KEY];
    let done = bench.run(&[&emulated[..], &FAST].concat());
    assert_eq!(done.code(), 0, "{}", done.stderr);
    assert!(!fs::exists(bench.journal()).unwrap());
    let journal = bench.journal();
    let named = [&emulated[..], &["--journal", &journal], &FAST].concat();
    assert_eq!(bench.run(&named).code(), 0);
    assert!(fs::exists(bench.journal()).unwrap());
}

#[test]
fn no_secret_and_no_text_is_in_it() {
    let bench = Bench::start();
    bench.once(&["-m", "Look at the salaries"]);
    let text = fs::read_to_string(bench.journal()).unwrap();
    for secret in [
        bench.emulator.key(),
        bench.emulator.secret(),
        "salaries",
        "/api/",
    ] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[test]
fn a_database_that_cannot_be_used_is_2_by_name_and_its_password_is_not_shown() {
    let bench = Bench::start();
    for (url, says) in [
        (
            "postgres://ci:canary-in-a-coal-mine@127.0.0.1:1/runs",
            "127.0.0.1:1/runs",
        ),
        (
            "postgres://ci:canary-in-a-coal-mine@127.0.0.1/runs?sslmode=maybe",
            "sslmode",
        ),
        (
            "postgresql://ci:canary-in-a-coal-mine@127.0.0.1/runs?color=red",
            "color",
        ),
    ] {
        for format in ["text", "json"] {
            let refused = bench.once(&["--journal", url, "--output", format, "-vv"]);
            assert_eq!(refused.code(), 2, "{}", refused.stderr);
            let shown = format!("{}{}", refused.stdout, refused.stderr);
            assert!(
                shown.contains(says) && shown.contains("nothing was sent"),
                "{shown}"
            );
            assert!(!shown.contains("canary"), "{shown}");
        }
    }
    assert_eq!(bench.started(), 0);
}

/// In place of a disk that is full, the largest size of a file; its journal is as large as that.
#[test]
fn on_a_full_disk_a_run_with_a_key_is_refused_by_name_before_anything_is_sent() {
    let bench = Bench::start();
    for _ in 0..2 {
        bench.run(&[&["run", "agent"][..], &FAST].concat());
    }
    let before = bench.emulator.requests().len();
    let journal = bench.journal();
    assert!(fs::metadata(&journal).unwrap().len() > 512);
    let arguments = ["run", "agent", "--key", KEY, "--journal", &journal];
    let full = "trap '' XFSZ; ulimit -f 1";
    let done = Done::of(under(full, &bench.emulator, &arguments));
    assert_eq!(done.code(), 2, "{}", done.stderr);
    assert!(done.stderr.contains(&journal), "{}", done.stderr);
    assert!(done.stderr.contains("nothing was sent"), "{}", done.stderr);
    assert_eq!(bench.emulator.requests().len(), before);
    // The key is as it was.
    let again = bench.once(&[]);
    assert_eq!(again.code(), 0, "{}", again.stderr);
    assert!(!again.stderr.contains("before"), "{}", again.stderr);
}
