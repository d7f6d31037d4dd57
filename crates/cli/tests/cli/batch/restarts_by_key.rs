//! An item is started again by its key, once, and only if that is asked for.

use std::fs;

use dinoai_emulator::{Fault, Scenario};

use crate::batch::bench::{Bench, TRIGGER, summary};
use crate::batch::keeps_results::TWO;
use crate::support::program::{Done, dinoai, run};
use crate::support::runs::{messages, wait_until};

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

/// As after a full disk: the results have how it ended, and the journal the claim alone.
#[test]
fn an_end_that_only_the_results_have_is_given_to_the_journal() {
    for more in [&[][..], &["--retry-failed"]] {
        let bench = Bench::of(Scenario::failed());
        assert_eq!(bench.resumed(&[]).code(), 1);
        let journal = bench.folder.read("journal");
        let claims = journal.lines().filter(|line| {
            !["started", "ended"]
                .iter()
                .any(|it| line.contains(&format!("\"state\":\"{it}\"")))
        });
        let claims: String = claims.map(|line| format!("{line}\n")).collect();
        fs::write(bench.folder.path("journal"), claims).unwrap();
        assert_eq!(bench.unknown().len(), 2);
        // While the API cannot be read, the results still say how it ended.
        let down = Fault::redirect("http://127.0.0.1:9/").always();
        bench.emulator.add_fault(down).unwrap();
        let done = bench.resumed(&[]);
        assert_eq!(summary(&done), "2 items: 2 failed", "{}", done.stderr);
        bench.emulator.clear_faults();
        let done = bench.resumed(more);
        assert_eq!(done.code(), 1, "{}", done.stderr);
        assert_eq!(summary(&done), "2 items: 2 failed");
        assert_eq!(bench.unknown(), [""; 0]);
        let again = if more.is_empty() { 2 } else { 4 };
        assert_eq!(bench.emulator.runs().len(), again);
        assert_eq!(bench.resumed(&[]).code(), 1);
        assert_eq!(bench.emulator.runs().len(), again);
    }
}

#[test]
fn a_retry_that_came_to_nothing_is_made_the_next_time() {
    let bench = Bench::start();
    bench.lose(2);
    assert_eq!(bench.resumed(&[]).code(), 6);
    for key in bench.unknown() {
        assert_eq!(bench.command(&["retry", &key]).code(), 0);
    }
    let (file, journal) = (
        bench.folder.name("items.jsonl"),
        bench.folder.name("journal"),
    );
    let results = bench.folder.name("results");
    let mut refused = dinoai(&bench.emulator);
    refused.env("PARADIME_API_SECRET", "wrong");
    let words = ["batch", &file, "--journal", &journal, "--resume", &results];
    assert_eq!(run(refused, &words).code(), 3);
    let done = bench.resumed(&[]);
    assert_eq!(done.code(), 0, "{}", done.stderr);
    assert_eq!(bench.emulator.runs().len(), 4);
}

/// Its attempt is newer than what the results still say.
#[test]
fn an_edited_item_whose_restart_is_unknown_is_unknown_although_the_results_do_not_say_so() {
    let bench = Bench::of(Scenario::failed());
    bench.edit("{\"message\": \"one\"}\n");
    assert_eq!(bench.resumed(&[]).code(), 1);
    let kept = bench.folder.read("results");
    bench.edit("{\"message\": \"other\"}\n");
    bench.lose(1);
    assert_eq!(bench.resumed(&["--retry-failed"]).code(), 6);
    fs::write(bench.folder.path("results"), &kept).unwrap();
    let done = bench.resumed(&[]);
    assert_eq!(done.code(), 6, "{}", done.stderr);
    let done = bench.resumed(&["--retry-unknown", "1"]);
    assert_eq!(done.code(), 1, "{}", done.stderr);
    assert_eq!(messages(&bench.emulator), ["one", "other", "other"]);
    // And back to what failed: it is asked for by that key.
    bench.edit("{\"message\": \"one\"}\n");
    assert_eq!(bench.resumed(&["--retry-failed"]).code(), 1);
    assert_eq!(bench.emulator.runs().len(), 4);
}

#[test]
fn of_two_batches_that_restart_what_is_unknown_one_does() {
    let bench = Bench::start();
    bench.lose(2);
    let named = ["--key", "nightly", "--retry-unknown"];
    assert_eq!(bench.batch(&["--key", "nightly"]).code(), 6);
    // The first item of the first batch is held, so that the other comes to the second item before it, in vain.
    let held = Fault::delay(std::time::Duration::from_secs(3)).on(TRIGGER);
    bench.emulator.add_fault(held).unwrap();
    let before = bench.emulator.requests().len();
    let (file, journal) = (
        bench.folder.name("items.jsonl"),
        bench.folder.name("journal"),
    );
    let batch = |concurrency: &str| {
        let mut command = dinoai(&bench.emulator);
        command.args([
            "batch",
            &file,
            "--journal",
            &journal,
            "--poll-interval",
            "5ms",
        ]);
        command.args(["--concurrency", concurrency]).args(named);
        command.spawn().unwrap()
    };
    let first = batch("1");
    wait_until("the first item is being restarted", || {
        let requests = bench.emulator.requests();
        requests[before..]
            .iter()
            .any(|it| it.query.contains(TRIGGER))
    });
    bench.lose(1);
    let second = Done::of(batch("2"));
    assert_eq!(second.code(), 6, "{}", second.stderr);
    let first = Done::of(first);
    assert_eq!(first.code(), 6, "{}", first.stderr);
    let messages = messages(&bench.emulator);
    let runs = |item: &str| messages.iter().filter(|it| *it == item).count();
    assert_eq!((runs("one"), runs("two")), (2, 2), "{messages:?}");
}

/// What came of it is what comes of the new run.
#[test]
fn a_run_that_was_restarted_and_is_not_seen_to_end_is_in_progress() {
    let endless = Scenario::new().stage(dinoai_emulator::Stage::new("RUNNING").reads(u64::MAX));
    let bench = Bench::of(endless);
    bench.edit("{\"message\": \"one\"}\n");
    let short = ["--key", "nightly", "--timeout", "300ms"];
    assert_eq!(bench.batch(&short).code(), 4);
    let stopped = run(dinoai(&bench.emulator), &["stop", &bench.id(0)]);
    assert_eq!(stopped.code(), 0, "{}", stopped.stderr);
    assert_eq!(bench.batch(&short).code(), 1);
    let done = bench.batch(&[&short[..], &["--retry-failed"]].concat());
    assert_eq!(done.code(), 4, "{}", done.stderr);
    assert_eq!(summary(&done), "1 item: 1 in progress");
    assert!(done.stderr.contains(&bench.id(1)), "{}", done.stderr);
    assert!(done.stderr.contains("to resume"), "{}", done.stderr);
    assert_eq!(bench.emulator.runs().len(), 2);
}

/// The results do not have the restart; the journal has it by the item's own key.
#[test]
fn an_edited_item_whose_restart_the_journal_alone_has_is_read_by_its_key() {
    let emulator = dinoai_emulator::Emulator::builder().scenario("broken", Scenario::failed());
    let bench = Bench {
        emulator: emulator.start_blocking().unwrap(),
        folder: crate::support::runs::Folder::with("items.jsonl", "{\"agent\": \"broken\"}\n"),
    };
    assert_eq!(bench.resumed(&[]).code(), 1);
    let kept = bench.folder.read("results");
    bench.edit("{\"message\": \"better\"}\n");
    assert_eq!(bench.resumed(&["--retry-failed"]).code(), 0);
    fs::write(bench.folder.path("results"), kept).unwrap();
    let done = bench.resumed(&[]);
    assert_eq!(done.code(), 0, "{}", done.stderr);
    assert!(done.stdout.contains(&bench.id(1)), "{}", done.stdout);
    assert_eq!(bench.emulator.runs().len(), 2);
}
