//! Each item of a batch has a key in the journal, as a run of `run --key` has.

use std::fs;

use dinoai_emulator::{Fault, Scenario};

use crate::batch::bench::{Bench, TRIGGER, summary};
use crate::batch::keeps_results::{TWO, events};
use crate::batch::reports_runs_at_a_signal::signal;
use crate::support::program::{Done, dinoai, run};
use crate::support::runs::{batch, messages, wait_until};

#[test]
fn a_batch_with_a_key_starts_each_item_once_and_needs_no_file() {
    let bench = Bench::start();
    let first = bench.batch(&["--key", "nightly"]);
    assert_eq!(first.code(), 0, "{}", first.stderr);
    let again = bench.batch(&["--key", "nightly"]);
    assert_eq!(again.code(), 0, "{}", again.stderr);
    assert!(
        again.stderr.contains("already finished"),
        "{}",
        again.stderr
    );
    let ended = [(1, "ended".to_owned()), (2, "ended".to_owned())];
    assert_eq!(events(&again.stdout), ended);
    assert_eq!(messages(&bench.emulator), ["one", "two"]);
    let runs = bench.command(&["runs"]);
    for (place, key) in ["nightly/1", "nightly/2"].iter().enumerate() {
        assert!(runs.stdout.contains(key), "{}", runs.stdout);
        assert!(runs.stdout.contains(&bench.id(place)), "{}", runs.stdout);
    }
    // Another key is another batch.
    bench.batch(&["--key", "weekly"]);
    assert_eq!(bench.emulator.runs().len(), 4);
}

#[test]
fn an_edited_item_of_a_key_is_refused_by_its_number() {
    let bench = Bench::start();
    bench.batch(&["--key", "nightly"]);
    bench.edit(&TWO.replace("two", "edited"));
    for more in [&[][..], &["--retry-failed"], &["--retry-unknown"]] {
        let done = bench.batch(&[&["--key", "nightly"], more].concat());
        assert_eq!(done.code(), 2, "{}", done.stderr);
        assert!(done.stderr.contains("item 2"), "{}", done.stderr);
    }
    // One may be added.
    bench.edit(&format!("{TWO}{{\"message\": \"three\"}}\n"));
    assert_eq!(bench.batch(&["--key", "nightly"]).code(), 0);
    assert_eq!(messages(&bench.emulator), ["one", "two", "three"]);
}

#[test]
fn auto_makes_a_key_of_the_job_and_each_request() {
    let bench = Bench::start();
    let auto = |attempt: &str| {
        let mut command = dinoai(&bench.emulator);
        command.env("GITHUB_ACTIONS", "true");
        command.env("GITHUB_RUN_ATTEMPT", attempt);
        for name in ["GITHUB_REPOSITORY", "GITHUB_RUN_ID", "GITHUB_JOB"] {
            command.env(name, "of-this-test");
        }
        command.env("DINOAI_JOURNAL", bench.folder.path("journal"));
        command.env("RUNNER_ENVIRONMENT", "github-hosted");
        let file = bench.folder.name("items.jsonl");
        let words = ["batch", &file, "--key", "auto", "--concurrency", "1"];
        let words = [&words[..], &["--poll-interval", "5ms"]].concat();
        run(command, &words)
    };
    for attempt in ["1", "2"] {
        let done = auto(attempt);
        assert_eq!(done.code(), 0, "{}", done.stderr);
        assert!(
            done.stderr.contains("ends with this job"),
            "{}",
            done.stderr
        );
    }
    assert_eq!(messages(&bench.emulator), ["one", "two"]);
    bench.edit(&TWO.replace("two", "another"));
    assert_eq!(auto("3").code(), 0);
    assert_eq!(messages(&bench.emulator), ["one", "two", "another"]);
}

/// An item that is started right now is not another one, whatever the file says by now.
#[test]
fn an_item_that_is_being_started_is_not_edited() {
    let bench = Bench::start();
    let held = Fault::delay(std::time::Duration::from_secs(60)).on(TRIGGER);
    bench.emulator.add_fault(held).unwrap();
    let (file, journal) = (
        bench.folder.name("items.jsonl"),
        bench.folder.name("journal"),
    );
    let named = ["--key", "nightly", "--journal", &journal];
    let mut command = dinoai(&bench.emulator);
    command
        .args(["batch", &file, "--concurrency", "1"])
        .args(named);
    let mut child = command.spawn().unwrap();
    wait_until("it is in flight", || !bench.emulator.requests().is_empty());
    bench.edit(&TWO.replace("one", "edited"));
    let done = bench.batch(&["--key", "nightly"]);
    assert_eq!(done.code(), 2, "{}", done.stderr);
    assert!(done.stderr.contains("item 1"), "{}", done.stderr);
    bench.edit(TWO);
    let done = bench.batch(&["--key", "nightly", "--retry-unknown", "1"]);
    assert!(done.stderr.contains("right now"), "{}", done.stderr);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(bench.emulator.requests().len(), 1);
}

/// What ran is not another item because the results were lost.
#[test]
fn an_edited_item_whose_results_are_lost_is_refused_by_its_number() {
    let bench = Bench::start();
    assert_eq!(bench.resumed(&[]).code(), 0);
    let kept = bench.folder.read("results");
    let (head, _) = kept.split_once('\n').unwrap();
    let results = bench.folder.path("results");
    fs::write(&results, format!("{head}\n")).unwrap();
    bench.edit(&TWO.replace("two", "edited"));
    let done = bench.resumed(&[]);
    assert_eq!(done.code(), 2, "{}", done.stderr);
    assert!(done.stderr.contains("item 2"), "{}", done.stderr);
    assert_eq!(bench.emulator.runs().len(), 2);
}

#[test]
fn what_ended_long_ago_is_no_part_of_a_batch_any_more_but_for_its_results() {
    let bench = Bench::start();
    assert_eq!(bench.resumed(&[]).code(), 0);
    // Years ago.
    let journal = bench.folder.read("journal");
    let mut parts = journal.split("\"at\":\"20");
    let first = parts.next().unwrap().to_owned();
    let old = parts.fold(first, |old, part| old + "\"at\":\"2020" + &part[2..]);
    fs::write(bench.folder.path("journal"), old).unwrap();
    let done = bench.resumed(&[]);
    assert_eq!(done.code(), 0, "{}", done.stderr);
    assert!(done.stderr.contains("already finished"), "{}", done.stderr);
    // Its ends are lost: each is waited for by its id.
    let kept = bench.folder.read("results");
    let kept: Vec<_> = kept
        .lines()
        .filter(|line| !line.contains("\"ended\""))
        .collect();
    fs::write(bench.folder.path("results"), kept.join("\n") + "\n").unwrap();
    let done = bench.resumed(&[]);
    assert_eq!(done.code(), 0, "{}", done.stderr);
    assert_eq!(messages(&bench.emulator), ["one", "two"]);
}

#[test]
fn a_key_that_cannot_be_one_is_refused() {
    let bench = Bench::start();
    let long = "k".repeat(401);
    for (key, says) in [
        ("", "blank"),
        (" ", "blank"),
        ("a\nb", "control"),
        (&long, "400"),
    ] {
        let done = bench.batch(&[&format!("--key={key}")]);
        assert_eq!(done.code(), 2, "{}", done.stderr);
        assert!(done.stderr.contains(says), "{}", done.stderr);
    }
    assert_eq!(bench.emulator.requests().len(), 0);
    let both = bench.resumed(&["--key", "nightly"]);
    assert_eq!(both.code(), 2, "{}", both.stderr);
}

#[test]
fn what_cannot_be_a_request_in_the_results_was_edited_there() {
    let bench = Bench::start();
    assert_eq!(bench.resumed(&[]).code(), 0);
    let results = bench.folder.read("results");
    let edited = results.replacen("\"request\":{\"message\":\"two\"}", "\"request\":{}", 2);
    assert_ne!(edited, results);
    fs::write(bench.folder.path("results"), edited).unwrap();
    let done = bench.resumed(&[]);
    assert_eq!(done.code(), 2, "{}", done.stderr);
    assert!(done.stderr.contains("item 2 changed"), "{}", done.stderr);
}

#[test]
fn a_signal_names_no_run_that_has_ended() {
    let bench = Bench::start();
    let named = ["--key", "nightly"];
    assert_eq!(bench.batch(&named).code(), 0);
    let held = Fault::delay(std::time::Duration::from_secs(60)).always();
    bench.emulator.add_fault(held).unwrap();
    let (file, journal) = (
        bench.folder.name("items.jsonl"),
        bench.folder.name("journal"),
    );
    let mut command = dinoai(&bench.emulator);
    command.args(["batch", &file, "--journal", &journal, "--concurrency", "1"]);
    let before = bench.emulator.requests().len();
    let child = command.args(named).spawn().unwrap();
    wait_until("it is read", || bench.emulator.requests().len() > before);
    signal(&child, rustix::process::Signal::INT);
    let done = Done::of(child);
    assert_eq!(done.code(), 130, "{}", done.stderr);
    for place in [0, 1] {
        assert!(!done.stderr.contains(&bench.id(place)), "{}", done.stderr);
    }
}

#[test]
fn a_key_of_another_account_is_refused() {
    let [bench, other] = [(); 2].map(|()| Bench::start());
    assert_eq!(bench.batch(&["--key", "nightly"]).code(), 0);
    let journal = bench.folder.name("journal");
    let more = ["--journal", &journal, "--key", "nightly"];
    let done = batch(&other.emulator, &other.folder.path("items.jsonl"), &more);
    assert_eq!(done.code(), 2, "{}", done.stderr);
    assert!(done.stderr.contains("another account"), "{}", done.stderr);
    // Nor is what was added.
    other.edit(&format!("{TWO}{{\"message\": \"three\"}}\n"));
    let done = batch(&other.emulator, &other.folder.path("items.jsonl"), &more);
    assert_eq!(done.code(), 2, "{}", done.stderr);
    assert!(done.stderr.contains("items 1, 2"), "{}", done.stderr);
    assert_eq!(other.emulator.requests().len(), 0);
}

/// The API is down, and the journal says how its run ended.
#[test]
fn what_has_ended_is_not_in_progress_because_it_cannot_be_read() {
    let bench = Bench::of(Scenario::failed());
    let named = ["--key", "nightly"];
    assert_eq!(bench.batch(&named).code(), 1);
    let down = Fault::redirect("http://127.0.0.1:9/").always();
    bench.emulator.add_fault(down).unwrap();
    let done = bench.batch(&named);
    assert_eq!(summary(&done), "2 items: 2 failed", "{}", done.stderr);
    assert!(done.stderr.contains("item 1: "), "{}", done.stderr);
    assert!(!done.stderr.contains("to resume"), "{}", done.stderr);
}

#[test]
fn without_a_reader_a_batch_by_a_key_says_that_the_same_command_goes_on() {
    let bench = Bench::start();
    let (file, journal) = (
        bench.folder.name("items.jsonl"),
        bench.folder.name("journal"),
    );
    let mut command = dinoai(&bench.emulator);
    command.args(["batch", &file, "--journal", &journal, "--key", "nightly"]);
    command.args(["--concurrency", "1", "--poll-interval", "5ms"]);
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let done = Done::of(child);
    assert_eq!(done.code(), 5, "{}", done.stderr);
    assert!(!done.stderr.contains("--resume"), "{}", done.stderr);
    assert!(done.stderr.contains("the same command"), "{}", done.stderr);
    assert_eq!(bench.batch(&["--key", "nightly"]).code(), 0);
    assert_eq!(messages(&bench.emulator), ["one", "two"]);
}
