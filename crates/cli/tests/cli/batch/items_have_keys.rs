//! Each item of a batch has a key in the journal, as a run of `run --key` has.

use std::fs;

use dinoai_emulator::{Emulator, Fault, Scenario};
use serde_json::Value;

use crate::batch::keeps_results::{TWO, events};
use crate::batch::reports_runs_at_a_signal::signal;
use crate::support::program::{Done, dinoai, run};
use crate::support::runs::{Folder, batch, messages, wait_until};

const TRIGGER: &str = "triggerDinoaiAgentRun";

/// Two items, and a journal of their own.
struct Bench {
    emulator: Emulator,
    folder: Folder,
}

impl Bench {
    fn of(scenario: Scenario) -> Self {
        let emulator = Emulator::builder().default_scenario(scenario);
        Self {
            emulator: emulator.start_blocking().unwrap(),
            folder: Folder::with("items.jsonl", TWO),
        }
    }

    fn start() -> Self {
        Self::of(Scenario::completed())
    }

    fn edit(&self, items: &str) {
        fs::write(self.folder.path("items.jsonl"), items).unwrap();
    }

    /// The batch, with options that name it.
    fn batch(&self, more: &[&str]) -> Done {
        let journal = self.folder.name("journal");
        let all = [&["--concurrency", "1", "--journal", &journal], more].concat();
        batch(&self.emulator, &self.folder.path("items.jsonl"), &all)
    }

    fn resumed(&self, more: &[&str]) -> Done {
        let results = self.folder.name("results");
        self.batch(&[&["--resume", &results], more].concat())
    }

    /// Another command with the same journal.
    fn command(&self, words: &[&str]) -> Done {
        let journal = self.folder.name("journal");
        run(
            dinoai(&self.emulator),
            &[words, &["--journal", &journal]].concat(),
        )
    }

    /// The keys of which nobody knows.
    fn unknown(&self) -> Vec<String> {
        let done = self.command(&["runs", "--unknown", "--output", "jsonl"]);
        let lines = done.stdout.lines().map(|line| {
            let key: Value = serde_json::from_str(line).unwrap();
            key["key"].as_str().unwrap().to_owned()
        });
        let mut keys: Vec<_> = lines.collect();
        keys.sort();
        keys
    }

    fn id(&self, place: usize) -> String {
        self.emulator.runs()[place].session_id.clone()
    }

    /// The responses to so many triggers are lost.
    fn lose(&self, triggers: u64) {
        let lost = Fault::reset().after_execution().on(TRIGGER);
        self.emulator.add_fault(lost.times(triggers)).unwrap();
    }
}

fn summary(done: &Done) -> &str {
    done.stderr.lines().last().unwrap()
}

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

#[test]
fn resolve_and_retry_say_what_became_of_an_item() {
    for named in [&["--key", "nightly"][..], &["--resume"]] {
        let bench = Bench::start();
        let results = bench.folder.name("results");
        let mut named = named.to_vec();
        if named == ["--resume"] {
            named.push(&results);
        }
        bench.lose(2);
        let done = bench.batch(&named);
        assert_eq!(done.code(), 6, "{}", done.stderr);
        assert_eq!(summary(&done), "2 items: 2 unknown");
        let cure = format!(
            "dinoai resolve --journal {} KEY SESSION",
            bench.folder.name("journal")
        );
        assert!(done.stderr.contains(&cure), "{}", done.stderr);
        let keys = bench.unknown();
        assert_eq!(keys.len(), 2, "{keys:?}");
        // Nothing is started for them.
        assert_eq!(bench.batch(&named).code(), 6);
        assert_eq!(bench.emulator.runs().len(), 2);
        assert_eq!(
            bench.command(&["resolve", &keys[0], &bench.id(0)]).code(),
            0
        );
        assert_eq!(bench.command(&["retry", &keys[1]]).code(), 0);
        let done = bench.batch(&named);
        assert_eq!(done.code(), 0, "{}", done.stderr);
        assert_eq!(messages(&bench.emulator), ["one", "two", "two"]);
        assert_eq!(bench.unknown(), [""; 0]);
    }
}

#[test]
fn what_is_unknown_to_the_journal_stays_so_where_starting_it_again_comes_to_nothing() {
    let bench = Bench::start();
    bench.lose(2);
    assert_eq!(bench.resumed(&[]).code(), 6);
    let (file, journal) = (
        bench.folder.name("items.jsonl"),
        bench.folder.name("journal"),
    );
    let results = bench.folder.name("results");
    let mut refused = dinoai(&bench.emulator);
    refused.env("PARADIME_API_SECRET", "wrong");
    let words = ["batch", &file, "--journal", &journal, "--resume", &results];
    let done = run(refused, &[&words[..], &["--retry-unknown"]].concat());
    assert_eq!(done.code(), 6, "{}", done.stderr);
    assert_eq!(summary(&done), "2 items: 2 unknown");
    let done = bench.resumed(&[]);
    assert_eq!(summary(&done), "2 items: 2 unknown");
    assert_eq!(bench.emulator.runs().len(), 2);
    // Also where the results are lost, and by a key alone.
    let head = bench.folder.read("results");
    let (head, _) = head.split_once('\n').unwrap();
    fs::write(&results, format!("{head}\n")).unwrap();
    assert_eq!(summary(&bench.resumed(&[])), "2 items: 2 unknown");
    let done = bench.resumed(&["--retry-unknown", "2"]);
    assert_eq!(summary(&done), "2 items: 1 completed, 1 unknown");
    assert_eq!(messages(&bench.emulator), ["one", "two", "two"]);

    let bench = Bench::start();
    bench.lose(2);
    let named = ["--key", "nightly"];
    assert_eq!(bench.batch(&named).code(), 6);
    let mut refused = dinoai(&bench.emulator);
    refused.env("PARADIME_API_SECRET", "wrong");
    let (file, journal) = (
        bench.folder.name("items.jsonl"),
        bench.folder.name("journal"),
    );
    let words = ["batch", &file, "--journal", &journal, "--key", "nightly"];
    let done = run(refused, &[&words[..], &["--retry-unknown"]].concat());
    assert_eq!(summary(&done), "2 items: 2 unknown", "{}", done.stderr);
    assert_eq!(summary(&bench.batch(&named)), "2 items: 2 unknown");
    assert_eq!(bench.emulator.runs().len(), 2);
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

/// To something else and back: each is asked for by its own key.
#[test]
fn an_unknown_item_may_be_edited_back() {
    let bench = Bench::start();
    bench.edit("{\"message\": \"one\"}\n");
    bench.lose(2);
    assert_eq!(bench.resumed(&[]).code(), 6);
    bench.edit("{\"message\": \"other\"}\n");
    assert_eq!(bench.resumed(&["--retry-unknown"]).code(), 6);
    bench.edit("{\"message\": \"one\"}\n");
    assert_eq!(bench.resumed(&[]).code(), 2);
    let done = bench.resumed(&["--retry-unknown"]);
    assert_eq!(done.code(), 0, "{}", done.stderr);
    assert_eq!(messages(&bench.emulator), ["one", "other", "one"]);
    assert_eq!(bench.resumed(&[]).code(), 0);
    assert_eq!(bench.emulator.runs().len(), 3);
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
fn what_failed_is_started_again_only_if_asked_for_and_may_be_edited() {
    let bench = Bench::of(Scenario::failed());
    for named in [true, false] {
        let again = |more: &[&str]| match named {
            true => bench.batch(&[&["--key", "nightly"], more].concat()),
            false => bench.resumed(more),
        };
        let before = bench.emulator.runs().len();
        for _ in 0..2 {
            let done = again(&[]);
            assert_eq!(done.code(), 1, "{}", done.stderr);
            assert_eq!(summary(&done), "2 items: 2 failed");
            assert_eq!(bench.emulator.runs().len(), before + 2);
        }
        let done = again(&["--retry-failed"]);
        assert_eq!(done.code(), 1, "{}", done.stderr);
        assert_eq!(bench.emulator.runs().len(), before + 4);
        assert_eq!(again(&[]).code(), 1);
        assert_eq!(bench.emulator.runs().len(), before + 4);
    }
    // In a results file an item that is restarted may be another one.
    bench.edit(&TWO.replace("two", "better"));
    let refused = bench.resumed(&[]);
    assert_eq!(refused.code(), 2, "{}", refused.stderr);
    let done = bench.resumed(&["--retry-failed"]);
    assert_eq!(done.code(), 1, "{}", done.stderr);
    assert_eq!(&messages(&bench.emulator)[8..], ["one", "better"]);
    assert_eq!(bench.resumed(&[]).code(), 1);
    // The journal alone knows of both.
    let kept = bench.folder.read("results");
    let (head, _) = kept.split_once('\n').unwrap();
    fs::write(bench.folder.path("results"), format!("{head}\n")).unwrap();
    let done = bench.resumed(&[]);
    assert_eq!(done.code(), 1, "{}", done.stderr);
    assert!(done.stdout.contains(&bench.id(9)), "{}", done.stdout);
    assert_eq!(bench.emulator.runs().len(), 10);
}

/// Two batches that are to restart what failed restart each item once.
#[test]
fn a_run_that_another_batch_has_restarted_is_not_restarted_again() {
    let bench = Bench::of(Scenario::failed());
    let named = ["--key", "nightly", "--retry-failed"];
    assert_eq!(bench.batch(&named).code(), 1);
    let held = Fault::delay(std::time::Duration::from_secs(3)).on(TRIGGER);
    bench.emulator.add_fault(held).unwrap();
    let (file, journal) = (
        bench.folder.name("items.jsonl"),
        bench.folder.name("journal"),
    );
    let mut first = dinoai(&bench.emulator);
    first.args(["batch", &file, "--journal", &journal, "--concurrency", "1"]);
    first.args(named).args(["--poll-interval", "5ms"]);
    let before = bench.emulator.requests().len();
    let first = first.spawn().unwrap();
    wait_until("the first item is being restarted", || {
        let requests = bench.emulator.requests();
        requests[before..]
            .iter()
            .any(|it| it.query.contains(TRIGGER))
    });
    let words = ["batch", &file, "--journal", &journal, "--concurrency", "2"];
    let words = [&words[..], &named, &["--poll-interval", "5ms"]].concat();
    let second = run(dinoai(&bench.emulator), &words);
    assert_eq!(second.code(), 1, "{}", second.stderr);
    assert_eq!(Done::of(first).code(), 1);
    let messages = messages(&bench.emulator);
    for item in ["one", "two"] {
        let runs = messages.iter().filter(|message| *message == item);
        assert_eq!(runs.count(), 2, "{messages:?}");
    }
}

/// The journal has the claim alone, and the results have the id.
#[test]
fn an_id_that_only_the_results_have_is_waited_for_and_given_to_the_journal() {
    let bench = Bench::start();
    assert_eq!(bench.resumed(&[]).code(), 0);
    let without = |name: &str, words: &[&str]| {
        let text = bench.folder.read(name);
        let lines = text
            .lines()
            .filter(|line| !words.iter().any(|word| line.contains(word)));
        let kept: String = lines.map(|line| format!("{line}\n")).collect();
        fs::write(bench.folder.path(name), kept).unwrap();
    };
    without("journal", &["\"state\":\"started\"", "\"state\":\"ended\""]);
    without("results", &["\"ended\""]);
    assert_eq!(bench.unknown().len(), 2);
    let done = bench.resumed(&[]);
    assert_eq!(done.code(), 0, "{}", done.stderr);
    assert_eq!(bench.unknown(), [""; 0]);
    assert_eq!(messages(&bench.emulator), ["one", "two"]);
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
    assert!(!done.stderr.contains(&bench.id(1)), "{}", done.stderr);
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
    assert_eq!(other.emulator.requests().len(), 0);
}
