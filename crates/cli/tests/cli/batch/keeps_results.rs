//! A results file keeps what its batch has started; nothing else is taken for one.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use dinoai_emulator::{Emulator, Fault, Scenario};
use serde_json::Value;

use crate::support::runs::{Folder, batch, messages};

pub(crate) const TWO: &str = "{\"message\": \"one\"}\n{\"message\": \"two\"}\n";

pub(crate) fn starting(item: usize, message: &str) -> String {
    format!(
        "{{\"item\":{item},\"event\":\"starting\",\"request\":{{\"message\":\"{message}\"}}}}\n"
    )
}

pub(crate) fn ended(item: usize, status: &str) -> String {
    format!(
        "{{\"item\":{item},\"event\":\"ended\",\"run\":{{\"agentSessionId\":\"aaaaaaaaaaaaaaa{item}\",\
         \"status\":\"{status}\",\"messages\":[],\"childSessionIds\":[],\
         \"workspaceUid\":\"w\"}}}}\n"
    )
}

pub(crate) fn refused(item: usize) -> String {
    format!(
        "{{\"item\":{item},\"event\":\"failed\",\"error\":{{\"kind\":\"not_sent\",\"message\":\"m\",\
         \"agentSessionId\":null}},\"mayHaveStarted\":false}}\n"
    )
}

/// The number and event of each line about an item.
pub(crate) fn events(lines: &str) -> Vec<(u64, String)> {
    let lines = lines.lines().filter_map(|line| {
        let record: Value = serde_json::from_str(line).unwrap();
        let event = record["event"].as_str().unwrap().to_owned();
        Some((record["item"].as_u64()?, event))
    });
    lines.collect()
}

#[test]
fn a_file_that_holds_no_results_is_refused_and_not_a_byte_of_it_changes() {
    let emulator = Emulator::builder().start_blocking().unwrap();
    for precious in [
        &b"{\"item\":\"milk\"}"[..],
        b"{\"item\":1}",
        b"{\"item\":12,\"event\":\"conference\"",
        b"{",
        b"[1, 2]",
        b"notes",
        &[0; 600],
        b"\x1f\x8b\x08\0",
    ] {
        let folder = Folder::with("items.jsonl", TWO);
        let results = folder.path("precious.json");
        fs::write(&results, precious).unwrap();
        fs::set_permissions(&results, fs::Permissions::from_mode(0o644)).unwrap();
        let resume = ["--resume", results.to_str().unwrap()];
        let done = batch(&emulator, &folder.path("items.jsonl"), &resume);
        assert_eq!(
            done.code(),
            2,
            "{} {}",
            precious.escape_ascii(),
            done.stderr
        );
        assert!(done.stderr.contains("precious.json"), "{}", done.stderr);
        assert!(
            done.stderr.contains("nothing was started"),
            "{}",
            done.stderr
        );
        assert_eq!(fs::read(&results).unwrap(), precious);
        let mode = fs::metadata(&results).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o644);
    }
    assert_eq!(emulator.runs().len(), 0);
}

#[test]
fn the_input_is_never_the_results_file() {
    let emulator = Emulator::builder().start_blocking().unwrap();
    let folder = Folder::with("items.jsonl", TWO);
    let items = folder.path("items.jsonl");
    symlink(&items, folder.path("link")).unwrap();
    fs::hard_link(&items, folder.path("hard")).unwrap();
    for name in ["items.jsonl", "link", "hard"] {
        let resume = folder.name(name);
        let done = batch(&emulator, &items, &["--resume", &resume]);
        assert_eq!(done.code(), 2, "{}", done.stderr);
        assert!(
            done.stderr.contains("the batch file itself"),
            "{}",
            done.stderr
        );
        assert_eq!(folder.read("items.jsonl"), TWO);
    }
    assert_eq!(emulator.runs().len(), 0);
}

#[test]
fn only_a_regular_file_keeps_results() {
    let emulator = Emulator::builder().start_blocking().unwrap();
    let folder = Folder::with("items.jsonl", TWO);
    for other in ["/dev/null", "/dev/full", folder.name("").as_str()] {
        let done = batch(&emulator, &folder.path("items.jsonl"), &["--resume", other]);
        assert_eq!(done.code(), 2, "{}", done.stderr);
        assert!(
            done.stderr.contains("not a regular file"),
            "{}",
            done.stderr
        );
    }
    assert_eq!(emulator.runs().len(), 0);
}

#[test]
fn a_whole_record_without_its_newline_counts() {
    let emulator = Emulator::builder().start_blocking().unwrap();
    for zeros in [0, 100] {
        let folder = Folder::with("items.jsonl", TWO);
        let whole = [starting(1, "one"), ended(1, "COMPLETED")].concat();
        let mut cut = whole.trim_end().as_bytes().to_vec();
        cut.extend(vec![0; zeros]);
        fs::write(folder.path("results"), cut).unwrap();
        let resume = ["--resume", &folder.name("results")];
        let done = batch(&emulator, &folder.path("items.jsonl"), &resume);
        assert_eq!(done.code(), 0, "{}", done.stderr);
        assert_eq!(messages(&emulator).pop().as_deref(), Some("two"));
        let kept = folder.read("results");
        assert!(kept.starts_with(whole.trim_end()), "{kept}");
        assert_eq!(events(&kept.replace('\0', "")).len(), 5, "{kept}");
    }
    assert_eq!(messages(&emulator), ["two", "two"]);
}

#[test]
fn results_are_for_their_owner_alone() {
    let emulator = Emulator::builder().start_blocking().unwrap();
    let folder = Folder::with("items.jsonl", TWO);
    let results = folder.path("results");
    let resume = ["--resume", results.to_str().unwrap()];
    let mode = || fs::metadata(&results).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        batch(&emulator, &folder.path("items.jsonl"), &resume).code(),
        0
    );
    assert_eq!(mode(), 0o600);
    fs::set_permissions(&results, fs::Permissions::from_mode(0o664)).unwrap();
    assert_eq!(
        batch(&emulator, &folder.path("items.jsonl"), &resume).code(),
        0
    );
    assert_eq!(mode(), 0o600);
}

#[test]
fn a_finished_batch_says_so_and_prints_its_results_again() {
    let emulator = Emulator::builder()
        .scenario("broken", Scenario::failed())
        .start_blocking()
        .unwrap();
    let items = "{\"message\": \"one\"}\n{\"agent\": \"broken\"}\n";
    let folder = Folder::with("items.jsonl", items);
    let resume = ["--resume", &folder.name("results")];
    let first = batch(&emulator, &folder.path("items.jsonl"), &resume);
    assert_eq!(first.code(), 1, "{}", first.stderr);
    let kept = folder.read("results");
    let again = batch(&emulator, &folder.path("items.jsonl"), &resume);
    assert_eq!(again.code(), 1, "{}", again.stderr);
    assert!(
        again.stderr.contains("has already finished"),
        "{}",
        again.stderr
    );
    let results: Vec<_> = events(&again.stdout);
    assert_eq!(results, [(1, "ended".to_owned()), (2, "ended".to_owned())]);
    for line in again.stdout.lines() {
        assert!(kept.contains(line), "{line}");
    }
    let json = [&resume[..], &["--output", "json"]].concat();
    let said = batch(&emulator, &folder.path("items.jsonl"), &json).stderr;
    let first: Value = serde_json::from_str(said.lines().next().unwrap()).unwrap();
    assert_eq!(first["kind"], "finished", "{said}");
    assert_eq!(folder.read("results"), kept);
    assert_eq!(emulator.runs().len(), 2);
}

#[test]
fn an_item_that_may_have_started_and_was_edited_since_is_refused_by_name() {
    let emulator = Emulator::builder().start_blocking().unwrap();
    let id = "{\"item\":2,\"event\":\"started\",\"agentSessionId\":\"aaaaaaaaaaaaaaaa\"}\n";
    let whole =
        ended(2, "COMPLETED").replacen("\"run\"", "\"request\":{\"message\":\"two\"},\"run\"", 1);
    for records in [
        starting(2, "two"),
        [starting(2, "two"), id.to_owned()].concat(),
        [starting(2, "two"), ended(2, "COMPLETED")].concat(),
        [starting(2, "two"), ended(2, "FAILED")].concat(),
        // All that is left of the item.
        ended(2, "COMPLETED"),
        whole,
    ] {
        let folder = Folder::with("items.jsonl", TWO.replace("two", "edited"));
        fs::write(folder.path("results"), &records).unwrap();
        let resume = ["--resume", &folder.name("results")];
        let done = batch(&emulator, &folder.path("items.jsonl"), &resume);
        assert_eq!(done.code(), 2, "{records} {}", done.stderr);
        assert!(done.stderr.contains("item 2"), "{records} {}", done.stderr);
        assert!(
            done.stderr.contains("nothing was started"),
            "{}",
            done.stderr
        );
        assert_eq!(folder.read("results"), records);
    }
    assert_eq!(emulator.runs().len(), 0);
}

#[test]
fn an_item_that_certainly_never_started_may_be_edited_and_others_added() {
    let emulator = Emulator::builder().start_blocking().unwrap();
    let items = "{\"message\": \"one\"}\n{\"message\": \"edited\"}\n{\"message\": \"three\"}\n";
    let folder = Folder::with("items.jsonl", items);
    // Of the items that were removed none has started.
    let records = [
        starting(1, "one"),
        ended(1, "COMPLETED"),
        starting(2, "two"),
        refused(2),
        starting(4, "four"),
        refused(4),
    ];
    fs::write(folder.path("results"), records.concat()).unwrap();
    let resume = ["--resume", &folder.name("results"), "--concurrency", "1"];
    let done = batch(&emulator, &folder.path("items.jsonl"), &resume);
    assert_eq!(done.code(), 0, "{}", done.stderr);
    assert_eq!(messages(&emulator), ["edited", "three"]);
}

#[test]
fn an_item_that_started_and_was_removed_is_refused_by_name() {
    let emulator = Emulator::builder().start_blocking().unwrap();
    let folder = Folder::with("items.jsonl", TWO);
    let records = [starting(3, "three"), ended(3, "COMPLETED")].concat();
    fs::write(folder.path("results"), records).unwrap();
    let resume = ["--resume", &folder.name("results")];
    let done = batch(&emulator, &folder.path("items.jsonl"), &resume);
    assert_eq!(done.code(), 2, "{}", done.stderr);
    assert!(done.stderr.contains("item 3"), "{}", done.stderr);
    assert_eq!(emulator.runs().len(), 0);
}

#[test]
fn unknown_items_are_started_again_by_their_numbers() {
    let emulator = Emulator::builder().start_blocking().unwrap();
    let items =
        ["one", "two", "three", "four"].map(|message| format!("{{\"message\": \"{message}\"}}\n"));
    let folder = Folder::with("items.jsonl", items.concat());
    let records = [
        starting(1, "one"),
        starting(2, "two"),
        starting(3, "three"),
        starting(4, "four"),
        ended(4, "COMPLETED"),
    ];
    fs::write(folder.path("results"), records.concat()).unwrap();
    let results = folder.name("results");
    let retry = |more: &[&str]| {
        let more = [&["--resume", &results, "--concurrency", "1"], more].concat();
        batch(&emulator, &folder.path("items.jsonl"), &more)
    };
    // One that is not unknown, one that is not there, and no number: nothing is started.
    for (wrong, problem) in [
        ("4", "item 4"),
        ("5", "item 5"),
        ("0", "0"),
        ("items", "items"),
    ] {
        let done = retry(&["--retry-unknown", wrong]);
        assert_eq!(done.code(), 2, "{}", done.stderr);
        assert!(done.stderr.contains(problem), "{}", done.stderr);
    }
    assert_eq!(emulator.runs().len(), 0);
    let done = retry(&["--retry-unknown", "3", "1"]);
    assert_eq!(done.code(), 6, "{}", done.stderr);
    assert_eq!(messages(&emulator), ["one", "three"]);
    assert!(done.stderr.contains("item 2"), "{}", done.stderr);
    let done = retry(&["--retry-unknown"]);
    assert_eq!(done.code(), 0, "{}", done.stderr);
    assert_eq!(messages(&emulator), ["one", "three", "two"]);
}

#[test]
fn failed_items_are_started_again_only_if_asked_for() {
    let emulator = Emulator::builder().start_blocking().unwrap();
    let items = ["one", "two", "three", "four", "five"]
        .map(|message| format!("{{\"message\": \"{message}\"}}\n"));
    let folder = Folder::with("items.jsonl", items.concat());
    let records = [
        starting(1, "one"),
        ended(1, "FAILED"),
        starting(2, "two"),
        ended(2, "EXPIRED"),
        starting(3, "three"),
        ended(3, "STOPPED"),
        starting(4, "four"),
        ended(4, "COMPLETED"),
        // Unknown: no failure.
        starting(5, "five"),
    ];
    fs::write(folder.path("results"), records.concat()).unwrap();
    let resume = ["--resume", &folder.name("results"), "--concurrency", "1"];
    let done = batch(&emulator, &folder.path("items.jsonl"), &resume);
    assert_eq!(done.code(), 6, "{}", done.stderr);
    assert_eq!(emulator.runs().len(), 0);
    let retry = [&resume[..], &["--retry-failed"]].concat();
    let done = batch(&emulator, &folder.path("items.jsonl"), &retry);
    assert_eq!(done.code(), 6, "{}", done.stderr);
    assert_eq!(messages(&emulator), ["one", "two", "three"]);
    assert_eq!(
        batch(&emulator, &folder.path("items.jsonl"), &retry).code(),
        6
    );
    assert_eq!(emulator.runs().len(), 3);
}

#[test]
fn an_item_that_is_started_again_may_have_been_edited() {
    let emulator = Emulator::builder().start_blocking().unwrap();
    let items = "{\"message\": \"better\"}\n{\"message\": \"changed\"}\n";
    let folder = Folder::with("items.jsonl", items);
    let records = [starting(1, "one"), ended(1, "FAILED"), starting(2, "two")];
    fs::write(folder.path("results"), records.concat()).unwrap();
    let resume = ["--resume", &folder.name("results"), "--concurrency", "1"];
    let with = |more: &[&str]| {
        let more = [&resume[..], more].concat();
        batch(&emulator, &folder.path("items.jsonl"), &more)
    };
    let done = with(&["--retry-failed"]);
    assert_eq!(done.code(), 2, "{}", done.stderr);
    assert!(done.stderr.contains("item 2"), "{}", done.stderr);
    let done = with(&["--retry-failed", "--retry-unknown", "2"]);
    assert_eq!(done.code(), 0, "{}", done.stderr);
    assert_eq!(messages(&emulator), ["better", "changed"]);
    // From now on they are what the results are about.
    let done = with(&[]);
    assert_eq!(done.code(), 0, "{}", done.stderr);
    assert_eq!(emulator.runs().len(), 2);
}

#[test]
fn every_batch_ends_with_a_summary() {
    let emulator = Emulator::builder()
        .scenario("broken", Scenario::failed())
        .fault(Fault::pass().on("triggerDinoaiAgentRun").times(2))
        .fault(Fault::reset().after_execution().on("triggerDinoaiAgentRun"))
        .start_blocking()
        .unwrap();
    let items = "agent,message\n,one\nbroken,two\n,three\nno-such,four\n";
    let folder = Folder::with("items.csv", items);
    let resume = ["--resume", &folder.name("results"), "--concurrency", "1"];
    let with = |more: &[&str]| {
        let more = [&resume[..], more].concat();
        batch(&emulator, &folder.path("items.csv"), &more)
    };
    let done = with(&[]);
    assert_eq!(done.code(), 6, "{}", done.stderr);
    let last = done.stderr.lines().last().unwrap();
    assert_eq!(last, "4 items: 2 completed, 1 failed, 1 unknown");
    for format in ["json", "jsonl"] {
        let done = with(&["--output", format]);
        let summary: Value = serde_json::from_str(done.stderr.lines().last().unwrap()).unwrap();
        let expected = serde_json::json!({
            "kind": "summary", "items": 4, "completed": 2, "failed": 1, "inProgress": 0,
            "unknown": 1, "notStarted": 0
        });
        assert_eq!(summary, expected);
    }
    let done = with(&["-q"]);
    assert!(!done.stderr.contains("items:"), "{}", done.stderr);
}
