//! A journal on PostgreSQL. Skipped on a machine without it.

#[path = "../../../../postgres/tests/postgres/support/server.rs"]
#[allow(
    dead_code,
    clippy::expect_used,
    clippy::panic,
    reason = "it is of tests, and those of the journal itself use all of it"
)]
mod server;

use std::fs;

use dinoai_emulator::Fault;
use serde_json::Value;

use self::server::{PASSWORD, Server, encoded};
use super::{Bench, FAST, KEY};
use crate::support::program::{Done, dinoai};

/// Runs the command with a journal on a database.
fn on(url: &str, bench: &Bench, arguments: &[&str]) -> Done {
    let mut command = dinoai(&bench.emulator);
    command.env("DINOAI_JOURNAL", url).args(arguments);
    Done::of(command.spawn().unwrap())
}

#[test]
fn runs_and_items_are_started_once_by_a_database() {
    let Some(server) = Server::start() else {
        return;
    };
    let bench = Bench::start();
    let url = server.url("postgres", "");
    let on = |arguments: &[&str]| on(&url, &bench, arguments);
    let once = [&["run", "agent", "--key", KEY][..], &FAST].concat();
    for _ in 0..2 {
        let done = on(&once);
        assert_eq!((done.code(), bench.started()), (0, 1), "{}", done.stderr);
    }
    let items = bench.folder.path().join("items.jsonl");
    fs::write(&items, "{\"message\": \"one\"}\n{\"message\": \"two\"}\n").unwrap();
    let results = bench.folder.path().join("results");
    let (items, results) = (items.to_str().unwrap(), results.to_str().unwrap());
    let batch = [&["batch", items, "--concurrency", "1"][..], &FAST].concat();
    for (named, started) in [(["--key", "nightly"], 3), (["--resume", results], 5)] {
        for _ in 0..2 {
            let done = on(&[&batch[..], &named].concat());
            assert_eq!(
                (done.code(), bench.started()),
                (0, started),
                "{}",
                done.stderr
            );
        }
    }
    // They say which database that is, and not how it is entered.
    let kept = fs::read_to_string(results).unwrap();
    let (head, _) = kept.split_once('\n').unwrap();
    assert!(head.contains("/postgres"), "{head}");
    for secret in [PASSWORD, &encoded(PASSWORD)] {
        assert!(!kept.contains(secret), "{head}");
    }
    let other = bench.run(&[&batch[..], &["--resume", results]].concat());
    assert_eq!(other.code(), 2, "{}", other.stderr);

    let lost = Fault::reset().after_execution().on("triggerDinoaiAgentRun");
    bench.emulator.add_fault(lost).unwrap();
    assert_eq!(on(&["run", "agent", "--key", "lost"]).code(), 6);
    let unknown = on(&["runs", "--unknown", "--output", "jsonl"]);
    let unknown: Value = serde_json::from_str(&unknown.stdout).unwrap();
    assert_eq!(unknown["key"], "lost");
    assert_eq!(on(&["resolve", "lost", &bench.id(5)]).code(), 0);
    assert_eq!(on(&["run", "agent", "--key", "lost"]).code(), 0);
    assert_eq!(bench.started(), 6);
    let listed = on(&["runs"]);
    assert_eq!(listed.stdout.lines().count(), 7, "{}", listed.stdout);
    // It is of many machines.
    let last = on(&["send", "--last", "-m", "And?"]);
    assert_eq!(last.code(), 2, "{}", last.stderr);
    assert!(last.stderr.contains("other machines"), "{}", last.stderr);
}

#[test]
fn a_wrong_password_is_refused_before_anything_is_sent() {
    let Some(server) = Server::start() else {
        return;
    };
    let bench = Bench::start();
    let wrong = "not-the-password";
    let url = server
        .url("postgres", "")
        .replace(&encoded(PASSWORD), wrong);
    let items = bench.folder.path().join("items.jsonl");
    fs::write(&items, "{\"message\": \"one\"}\n").unwrap();
    for arguments in [
        &["run", "agent", "--key", KEY][..],
        &["batch", items.to_str().unwrap(), "--key", KEY],
        &["runs"],
    ] {
        let done = on(&url, &bench, arguments);
        assert_eq!(done.code(), 2, "{}", done.stderr);
        assert!(done.stderr.contains("password"), "{}", done.stderr);
        assert!(!done.stderr.contains(wrong), "{}", done.stderr);
    }
    assert_eq!(bench.emulator.requests().len(), 0);
}
