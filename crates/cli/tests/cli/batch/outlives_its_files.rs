//! What was started is not started again where the journal is lost, or the results are, or both are old.

use std::fs;

use dinoai_emulator::{Emulator, Scenario};

use crate::batch::keeps_results::{TWO, events, starting};
use crate::batch::stops_starting::{ids, items, under};
use crate::support::program::{Done, dinoai, run};
use crate::support::runs::{Folder, batch, endless, messages, wait_until};

/// Runs a batch whose journal has a file of its own.
fn resumed(emulator: &Emulator, folder: &Folder, more: &[&str]) -> Done {
    let (results, journal) = (folder.name("results"), folder.name("journal"));
    let named = ["--resume", &results, "--journal", &journal];
    let all = [&named[..], &["--concurrency", "1"], more].concat();
    batch(emulator, &folder.path("items.jsonl"), &all)
}

fn summary(done: &Done) -> &str {
    done.stderr.lines().last().unwrap()
}

/// The first so many lines of the results.
fn keep(folder: &Folder, lines: usize) {
    let results = folder.read("results");
    let kept: Vec<_> = results.lines().take(lines).collect();
    fs::write(folder.path("results"), kept.join("\n") + "\n").unwrap();
}

#[test]
fn the_journal_alone_knows_what_was_started() {
    let emulator = Emulator::builder()
        .scenario("broken", Scenario::failed())
        .start_blocking()
        .unwrap();
    let two = "{\"message\": \"one\"}\n{\"agent\": \"broken\", \"message\": \"two\"}\n";
    let folder = Folder::with("items.jsonl", two);
    assert_eq!(resumed(&emulator, &folder, &[]).code(), 1);
    let whole = folder.read("results").lines().count();
    for lines in (1..whole).rev() {
        keep(&folder, lines);
        let done = resumed(&emulator, &folder, &[]);
        assert_eq!(done.code(), 1, "{lines} {}", done.stderr);
        assert_eq!(summary(&done), "2 items: 1 completed, 1 failed");
        assert_eq!(
            events(&done.stdout)
                .iter()
                .filter(|it| it.1 == "ended")
                .count(),
            2
        );
        assert_eq!(messages(&emulator), ["one", "two"], "{lines}");
    }
}

#[test]
fn the_results_alone_know_what_was_started() {
    let emulator = Emulator::builder().start_blocking().unwrap();
    let folder = Folder::with("items.jsonl", TWO);
    assert_eq!(resumed(&emulator, &folder, &[]).code(), 0);
    // The head, then starting, started and ended of each item.
    let whole = folder.read("results");
    assert_eq!(whole.lines().count(), 7, "{whole}");
    for (lines, said, code) in [
        (7, "2 items: 2 completed", 0),
        (6, "2 items: 2 completed", 0),
        (5, "2 items: 1 completed, 1 unknown", 6),
    ] {
        fs::write(folder.path("results"), &whole).unwrap();
        keep(&folder, lines);
        fs::remove_file(folder.path("journal")).unwrap();
        let done = resumed(&emulator, &folder, &[]);
        assert_eq!(
            (summary(&done), done.code()),
            (said, code),
            "{}",
            done.stderr
        );
        assert_eq!(messages(&emulator), ["one", "two"], "{lines}");
    }
}

/// The journal knows nothing of it, whatever it knows of others.
#[test]
fn what_an_old_file_does_not_know_stays_unknown_beside_what_the_journal_knows() {
    let emulator = Emulator::builder().start_blocking().unwrap();
    let folder = Folder::with("items.jsonl", TWO);
    fs::write(folder.path("results"), starting(1, "one")).unwrap();
    for _ in 0..3 {
        let done = resumed(&emulator, &folder, &[]);
        assert_eq!(done.code(), 6, "{}", done.stderr);
        assert_eq!(summary(&done), "2 items: 1 completed, 1 unknown");
        // It has no key in the journal.
        assert!(!done.stderr.contains("resolve"), "{}", done.stderr);
        assert_eq!(messages(&emulator), ["two"]);
    }
    // An attempt that started nothing, of which the journal alone knows.
    let (file, results, journal) = (
        folder.name("items.jsonl"),
        folder.name("results"),
        folder.name("journal"),
    );
    let mut refused = dinoai(&emulator);
    refused.env("PARADIME_API_SECRET", "wrong");
    let words = ["batch", &file, "--resume", &results, "--journal", &journal];
    assert_eq!(
        run(refused, &[&words[..], &["--retry-unknown"]].concat()).code(),
        6
    );
    keep(&folder, 2);
    let done = resumed(&emulator, &folder, &[]);
    assert_eq!(summary(&done), "2 items: 1 completed, 1 unknown");
    assert_eq!(messages(&emulator), ["two"]);
    let done = resumed(&emulator, &folder, &["--retry-unknown", "1"]);
    assert_eq!(done.code(), 0, "{}", done.stderr);
    assert_eq!(messages(&emulator), ["two", "one"]);
}

#[test]
fn an_old_file_says_which_run_is_to_be_waited_for() {
    let emulator = endless();
    let folder = Folder::with("items.jsonl", items(1));
    run(dinoai(&emulator), &["run", "-m", "item 1", "--detach"]);
    let id = &ids(&emulator)[0];
    let started = format!("{{\"item\":1,\"event\":\"started\",\"agentSessionId\":\"{id}\"}}\n");
    let records = starting(1, "item 1") + &started;
    fs::write(folder.path("results"), records).unwrap();
    for _ in 0..2 {
        let done = resumed(&emulator, &folder, &["--timeout", "100ms"]);
        assert_eq!(done.code(), 4, "{}", done.stderr);
        assert!(done.stderr.contains(id), "{}", done.stderr);
    }
    assert_eq!(emulator.runs().len(), 1);
}

#[test]
fn without_a_home_the_journal_is_beside_the_results() {
    let emulator = Emulator::builder().start_blocking().unwrap();
    let folder = Folder::with("items.jsonl", TWO);
    let (file, results) = (folder.name("items.jsonl"), folder.name("results"));
    for _ in 0..2 {
        let mut command = dinoai(&emulator);
        command.env_remove("DINOAI_JOURNAL");
        let words = [
            "batch",
            &file,
            "--resume",
            &results,
            "--poll-interval",
            "5ms",
        ];
        let done = run(command, &words);
        assert_eq!(done.code(), 0, "{}", done.stderr);
        keep(&folder, 1);
    }
    assert!(folder.path("results.journal").is_file());
    // Named, it is the same one.
    let beside = folder.name("results.journal");
    let more = ["--resume", &results, "--journal", &beside];
    assert_eq!(
        batch(&emulator, &folder.path("items.jsonl"), &more).code(),
        0
    );
    assert_eq!(messages(&emulator), ["one", "two"]);
}

/// It knows nothing of what the other is starting.
#[test]
fn results_that_were_begun_with_another_journal_are_refused_by_name() {
    let emulator = Emulator::builder().start_blocking().unwrap();
    let folder = Folder::with("items.jsonl", TWO);
    assert_eq!(resumed(&emulator, &folder, &[]).code(), 0);
    let before = folder.read("results");
    let (results, other) = (folder.name("results"), folder.name("other"));
    let more = ["--resume", &results, "--journal", &other];
    let done = batch(&emulator, &folder.path("items.jsonl"), &more);
    assert_eq!(done.code(), 2, "{}", done.stderr);
    assert!(
        done.stderr.contains("begun with the journal"),
        "{}",
        done.stderr
    );
    assert!(done.stderr.contains("first line"), "{}", done.stderr);
    assert_eq!(folder.read("results"), before);
    // As it says.
    let (_, rest) = before.split_once('\n').unwrap();
    fs::write(&results, rest).unwrap();
    let done = batch(&emulator, &folder.path("items.jsonl"), &more);
    assert_eq!(done.code(), 0, "{}", done.stderr);
    assert_eq!(messages(&emulator), ["one", "two"]);
}

/// It may have named the batch.
#[test]
fn results_whose_first_line_is_damaged_are_refused() {
    let emulator = Emulator::builder().start_blocking().unwrap();
    let folder = Folder::with("items.jsonl", TWO);
    assert_eq!(resumed(&emulator, &folder, &[]).code(), 0);
    let whole = folder.read("results");
    let (head, rest) = whole.split_once('\n').unwrap();
    for damaged in ["\0".repeat(head.len()), head[..30].to_owned()] {
        fs::write(folder.path("results"), format!("{damaged}\n{rest}")).unwrap();
        let done = resumed(&emulator, &folder, &[]);
        assert_eq!(done.code(), 2, "{}", done.stderr);
        assert!(done.stderr.contains("line 1 is damaged"), "{}", done.stderr);
    }
    assert_eq!(messages(&emulator), ["one", "two"]);
}

#[test]
fn a_damaged_journal_of_the_user_is_refused_and_no_other_one_is_used() {
    let emulator = Emulator::builder().start_blocking().unwrap();
    let folder = Folder::with("items.jsonl", TWO);
    let state = folder.path("state");
    fs::create_dir_all(state.join("dinoai")).unwrap();
    fs::write(state.join("dinoai/journal.jsonl"), "notes\n").unwrap();
    let (file, results) = (folder.name("items.jsonl"), folder.name("results"));
    for named in [["--resume", &results], ["--key", "nightly"]] {
        let mut command = dinoai(&emulator);
        command
            .env_remove("DINOAI_JOURNAL")
            .env("XDG_STATE_HOME", &state);
        let done = run(command, &[&["batch", &*file], &named[..]].concat());
        assert_eq!(done.code(), 2, "{}", done.stderr);
        assert!(
            done.stderr.contains("dinoai/journal.jsonl"),
            "{}",
            done.stderr
        );
        assert!(done.stderr.contains("--journal"), "{}", done.stderr);
    }
    assert!(!folder.path("results").exists() && !folder.path("results.journal").exists());
    assert_eq!(emulator.requests().len(), 0);
}

#[test]
fn a_run_that_has_started_is_waited_for_without_its_journal() {
    let slow = Scenario::new()
        .stage(dinoai_emulator::Stage::new("RUNNING").reads(120))
        .stage(dinoai_emulator::Stage::new("COMPLETED"));
    let emulator = Emulator::builder()
        .default_scenario(slow)
        .start_blocking()
        .unwrap();
    let folder = Folder::with("items.jsonl", TWO);
    let short = ["--timeout", "300ms"];
    assert_eq!(resumed(&emulator, &folder, &short).code(), 4);
    let (file, results, journal) = (
        folder.name("items.jsonl"),
        folder.name("results"),
        folder.name("journal"),
    );
    let mut command = dinoai(&emulator);
    command.args(["batch", &file, "--resume", &results, "--journal", &journal]);
    command.args(["--concurrency", "1", "--poll-interval", "5ms"]);
    let before = emulator.requests().len();
    let child = command.spawn().unwrap();
    wait_until("the first is waited for", || {
        emulator.requests().len() > before + 3
    });
    fs::rename(&journal, folder.path("moved")).unwrap();
    let done = Done::of(child);
    assert_eq!(done.code(), 0, "{}", done.stderr);
    assert_eq!(messages(&emulator), ["one", "two"]);
}

#[test]
fn a_journal_that_cannot_be_used_is_refused_by_name_before_anything_is_sent() {
    let emulator = Emulator::builder().start_blocking().unwrap();
    let folder = Folder::with("items.jsonl", TWO);
    fs::write(folder.path("notes"), "notes\n").unwrap();
    let (results, notes) = (folder.name("results"), folder.name("notes"));
    for named in [&["--resume", &results][..], &["--key", "nightly"], &[]] {
        for (journal, says) in [
            (&*notes, "is no journal"),
            ("/dev/full", "not a regular file"),
        ] {
            let more = [named, &["--journal", journal]].concat();
            let done = batch(&emulator, &folder.path("items.jsonl"), &more);
            assert_eq!(done.code(), 2, "{}", done.stderr);
            assert!(done.stderr.contains(says), "{}", done.stderr);
            assert!(done.stderr.contains(journal), "{}", done.stderr);
        }
    }
    let none = ["--key", "nightly", "--journal", "none"];
    let done = batch(&emulator, &folder.path("items.jsonl"), &none);
    assert_eq!(done.code(), 2, "{}", done.stderr);
    assert_eq!(emulator.requests().len(), 0);
    assert!(!folder.path("results").exists());
}

/// In place of a disk that is full, the largest size of a file.
#[test]
fn a_disk_that_fills_starts_nothing_more_and_loses_no_id() {
    // The head, and no claim; a claim, and no id; some of the items.
    for (blocks, most) in [(0, 0), (1, 1), (4, 5)] {
        for key in [true, false] {
            let emulator = Emulator::builder().start_blocking().unwrap();
            let folder = Folder::with("items.jsonl", items(8));
            let (file, journal) = (folder.name("items.jsonl"), folder.name("journal"));
            if blocks == 0 {
                run(dinoai(&emulator), &["runs", "--journal", &journal]);
            }
            let mut words = vec!["batch", &file, "--concurrency", "1", "--journal", &journal];
            words.extend(["--poll-interval", "5ms"]);
            if key {
                words.extend(["--key", "nightly"]);
            }
            let limits = format!("trap '' XFSZ; ulimit -f {blocks}");
            let done = Done::of(under(&limits, &emulator, &words));
            let started = ids(&emulator);
            assert!(started.len() <= most, "{blocks} {}", done.stderr);
            let code = if started.is_empty() { 2 } else { 5 };
            assert_eq!(done.code(), code, "{blocks} {}", done.stderr);
            assert!(
                done.stderr.contains("no more runs are started"),
                "{}",
                done.stderr
            );
            assert!(done.stderr.contains(&journal), "{}", done.stderr);
            let kept = folder.read("journal");
            for id in started {
                assert!(kept.contains(&id) || done.stderr.contains(&id));
                assert!(done.stdout.contains(&id), "{}", done.stdout);
            }
        }
    }
}

#[test]
fn without_a_key_it_starts_although_the_users_own_journal_is_on_a_full_disk() {
    let emulator = Emulator::builder().start_blocking().unwrap();
    let folder = Folder::with("items.jsonl", TWO);
    let state = folder.path("state");
    let file = folder.name("items.jsonl");
    let fast = ["--poll-interval", "5ms"];
    let unset = "unset DINOAI_JOURNAL";
    let own = format!("{unset}; export XDG_STATE_HOME='{}'", state.display());
    let run = |limits: &str, words: &[&str]| {
        let words = [words, &fast].concat();
        let done = Done::of(under(&format!("{own}{limits}"), &emulator, &words));
        assert_eq!(done.code(), 0, "{}", done.stderr);
        assert!(!done.stderr.contains("journal"), "{}", done.stderr);
    };
    run("", &["batch", &file]);
    let full = "; trap '' XFSZ; ulimit -f 1";
    run(full, &["batch", &file]);
    run(full, &["run", "agent"]);
    assert_eq!(emulator.runs().len(), 5);
}
