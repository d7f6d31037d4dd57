//! `run --key` starts one run, and its exit status is that of the run.

use std::fs;
use std::time::Duration;

use dinoai_emulator::{Fault, Scenario, Stage};
use serde_json::Value;

use super::{Bench, KEY};
use crate::support::claims::Claim;
use crate::support::program::{Done, run};
use crate::support::runs::wait_until;

#[test]
fn the_second_command_prints_the_result_of_the_first() {
    let bench = Bench::start();
    let first = bench.once(&[]);
    assert_eq!(first.code(), 0, "{}", first.stderr);
    for format in ["text", "json", "jsonl"] {
        let again = bench.once(&["--output", format]);
        assert_eq!(again.code(), 0, "{}", again.stderr);
        assert!(again.stdout.contains("Done"), "{}", again.stdout);
        let id = bench.id(0);
        let named = format!("{}{}", again.stdout, again.stderr);
        assert!(named.contains(&id), "{named}");
    }
    assert_eq!(bench.started(), 1);
    let again = bench.once(&[]);
    assert!(
        again.stderr.contains("started before under this key"),
        "{}",
        again.stderr
    );
}

#[test]
fn it_waits_for_a_run_that_is_still_in_progress() {
    let slow = Scenario::new()
        .stage(Stage::new("RUNNING").reads(20))
        .stage(Stage::new("COMPLETED"))
        .message("assistant", "All well.");
    let bench = Bench::of(slow);
    let left = bench.run(&["run", "agent", "--key", KEY, "--detach"]);
    assert_eq!(left.code(), 0, "{}", left.stderr);
    let again = bench.once(&[]);
    assert_eq!(again.code(), 0, "{}", again.stderr);
    assert!(again.stdout.contains("All well."), "{}", again.stdout);
    assert_eq!(bench.started(), 1);
}

#[test]
fn a_failed_run_is_the_result_unless_it_is_to_be_restarted() {
    let bench = Bench::of(Scenario::failed());
    for _ in 0..2 {
        assert_eq!(bench.once(&[]).code(), 1);
        assert_eq!(bench.started(), 1);
    }
    let again = bench.once(&["--restart", "failed"]);
    assert_eq!((again.code(), bench.started()), (1, 2), "{}", again.stderr);
    let says = format!("the run {} ended FAILED; starting another one", bench.id(0));
    assert!(again.stderr.contains(&says), "{}", again.stderr);
    let refused = bench.run(&["run", "agent", "--restart", "failed"]);
    assert_eq!(refused.code(), 2, "{}", refused.stderr);
}

#[test]
fn detached_it_prints_the_same_session_id_each_time() {
    let bench = Bench::start();
    let first = bench.run(&["run", "agent", "--key", KEY, "--detach"]);
    let again = bench.run(&["run", "agent", "--key", KEY, "--detach"]);
    assert_eq!((first.code(), again.code()), (0, 0), "{}", again.stderr);
    assert_eq!(first.stdout, again.stdout);
    let json = ["run", "agent", "--key", KEY, "--detach", "--output", "json"];
    let json = bench.run(&json);
    crate::schema_covers_all_json::assert_is("detach.json", &json.stdout);
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["agentSessionId"], first.stdout.trim());
    assert_eq!(bench.started(), 1);
}

#[test]
fn another_request_for_the_key_is_2_and_says_what_differs() {
    let bench = Bench::start();
    bench.once(&["-m", "Check stg_orders"]);
    let other = bench.once(&["-m", "Check stg_customers"]);
    assert_eq!(other.code(), 2, "{}", other.stderr);
    assert!(
        other.stderr.contains("the message was different"),
        "{}",
        other.stderr
    );
    assert_eq!(bench.started(), 1);
}

#[test]
fn a_key_of_which_nobody_knows_is_6_until_somebody_says() {
    let bench = Bench::start();
    let fault = Fault::reset().after_execution();
    bench
        .emulator
        .add_fault(fault.on("triggerDinoaiAgentRun"))
        .unwrap();
    let lost = bench.once(&[]);
    assert_eq!(lost.code(), 6, "{}", lost.stderr);
    let unknown = bench.once(&[]);
    assert_eq!(unknown.code(), 6, "{}", unknown.stderr);
    let says = [
        KEY,
        "look in the workspace",
        "to say which run it is: dinoai resolve",
    ];
    for says in says {
        assert!(unknown.stderr.contains(says), "{}", unknown.stderr);
    }
    let json = bench.once(&["--output", "json"]);
    crate::schema_covers_all_json::assert_is("stderr", &json.stderr);
    assert!(json.stderr.contains("\"key_unknown\""), "{}", json.stderr);

    let wrong = bench.run(&["resolve", KEY, "unknown"]);
    assert_eq!(wrong.code(), 5, "{}", wrong.stderr);
    let id = bench.id(0);
    let resolved = bench.run(&["resolve", KEY, &id]);
    assert_eq!(resolved.code(), 0, "{}", resolved.stderr);
    let done = bench.once(&[]);
    assert_eq!((done.code(), bench.started()), (0, 1), "{}", done.stderr);
    let refused = bench.run(&["retry", KEY]);
    assert_eq!(refused.code(), 2, "{}", refused.stderr);
}

#[test]
fn while_another_program_starts_the_run_the_advice_is_to_ask_again() {
    let bench = Bench::start();
    assert_eq!(bench.once(&["--detach"]).code(), 0);
    let claim = Claim::over(bench.journal().as_ref(), KEY);
    for more in [&[][..], &["--detach"]] {
        let in_flight = bench.once(more);
        assert_eq!(in_flight.code(), 6, "{}", in_flight.stderr);
        for says in [
            "another program is starting the run of key \"nightly/2026-11-25\"",
            "nothing was sent",
            "run the same command again in a moment",
        ] {
            assert!(in_flight.stderr.contains(says), "{}", in_flight.stderr);
        }
        for says in ["look in the workspace", "dinoai retry", "dinoai resolve"] {
            assert!(!in_flight.stderr.contains(says), "{}", in_flight.stderr);
        }
    }
    claim.give_back();
    let done = bench.once(&[]);
    assert_eq!((done.code(), bench.started()), (0, 1), "{}", done.stderr);
}

#[test]
fn the_advice_of_a_key_that_is_made_of_the_job_names_that_key() {
    let bench = Bench::start();
    let auto = || {
        let mut command = bench.command();
        for (name, value) in [
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_REPOSITORY", "a/b"),
            ("GITHUB_RUN_ID", "1"),
            ("GITHUB_JOB", "check"),
        ] {
            command.env(name, value);
        }
        run(command, &["run", "agent", "--key", "auto", "--detach"])
    };
    assert_eq!(auto().code(), 0);
    let runs = bench.run(&["runs", "--output", "json"]).json();
    let key = runs[0]["key"].as_str().unwrap().to_owned();
    let claim = Claim::over(bench.journal().as_ref(), &key);
    let in_flight = auto();
    assert_eq!(in_flight.code(), 6, "{}", in_flight.stderr);
    let says = format!("another program is starting the run of key {key:?}");
    assert!(in_flight.stderr.contains(&says), "{}", in_flight.stderr);
    claim.give_back();
}

#[test]
fn a_key_that_is_retried_starts_again() {
    let bench = Bench::start();
    let fault = Fault::reset().after_execution();
    bench
        .emulator
        .add_fault(fault.on("triggerDinoaiAgentRun"))
        .unwrap();
    bench.once(&[]);
    let retried = bench.run(&["retry", KEY]);
    assert_eq!(retried.code(), 0, "{}", retried.stderr);
    let done = bench.once(&[]);
    assert_eq!((done.code(), bench.started()), (0, 2), "{}", done.stderr);
    let unknown = bench.run(&["retry", "no-such-key"]);
    assert_eq!(unknown.code(), 2, "{}", unknown.stderr);
}

#[test]
fn a_command_that_was_killed_is_followed_by_one_that_waits_for_its_run() {
    let endless = Scenario::new().stage(Stage::new("RUNNING").reads(u64::MAX));
    let bench = Bench::of(endless);
    let arguments = ["run", "agent", "--key", KEY, "--poll-interval", "5ms"];
    let mut first = bench.command().args(arguments).spawn().unwrap();
    wait_until("it is recorded", || {
        let text = fs::read_to_string(bench.journal()).unwrap_or_default();
        text.contains("\"started\"")
    });
    first.kill().unwrap();
    first.wait().unwrap();
    let second = bench.command().args(arguments).spawn().unwrap();
    bench.run(&["stop", &bench.id(0)]);
    let done = Done::of(second);
    assert_eq!((done.code(), bench.started()), (1, 1), "{}", done.stderr);
}

#[test]
fn a_journal_that_is_lost_after_the_trigger_loses_no_id_and_the_wait_goes_on() {
    for format in ["text", "json"] {
        let bench = Bench::start();
        let slow = Fault::pass()
            .delayed(Duration::from_millis(300))
            .after_execution();
        bench
            .emulator
            .add_fault(slow.on("triggerDinoaiAgentRun"))
            .unwrap();
        let mut command = bench.command();
        command.args(["run", "agent", "--key", KEY, "--quiet", "--output", format]);
        let child = command.spawn().unwrap();
        wait_until("it is started", || bench.started() == 1);
        fs::write(bench.journal(), "something else\n").unwrap();
        let done = Done::of(child);
        assert_eq!(done.code(), 0, "{}", done.stderr);
        assert!(done.stdout.contains("Done"), "{}", done.stdout);
        let id = bench.id(0);
        let says = format!("dinoai resolve {KEY} {id}");
        assert!(done.stderr.contains(&says), "{}", done.stderr);
        if format == "json" {
            crate::schema_covers_all_json::assert_is("stderr", &done.stderr);
        }
    }
}

#[test]
fn without_an_account_the_key_is_not_claimed() {
    let bench = Bench::start();
    let mut command = crate::support::program::bare();
    command.env("DINOAI_JOURNAL", bench.journal());
    let done = run(command, &["run", "agent", "--key", KEY]);
    assert_eq!(done.code(), 2, "{}", done.stderr);
    assert!(!fs::exists(bench.journal()).unwrap());
}
