//! Each item of a batch has a key in the journal, as a run of `run --key` has.

use std::fs;

use dinoai_emulator::{Emulator, Fault, Scenario};
use serde_json::Value;

use crate::batch::keeps_results::{TWO, events};
use crate::support::program::{Done, dinoai, run};
use crate::support::runs::{Folder, batch, messages};

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
        let words = ["batch", &file, "--key", "auto", "--poll-interval", "5ms"];
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
    let done = bench.resumed(&["--retry-unknown", "2"]);
    assert_eq!(summary(&done), "2 items: 1 completed, 1 unknown");
    assert_eq!(messages(&bench.emulator), ["one", "two", "two"]);
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
    assert_eq!(bench.emulator.runs().len(), 10);
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
