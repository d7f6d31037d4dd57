//! A failure that is the same for several runs, refused credentials above all, is reported once.

use dinoai_emulator::{Capability, Emulator, Fault, Quirks};

use crate::schema_covers_all_json::assert_is;
use crate::support::program::{Done, dinoai, run, run_with_input};
use crate::support::runs::Folder;

const REFUSED: &str = "refused with HTTP 401";
const FORMATS: [&str; 3] = ["text", "json", "jsonl"];

/// Three runs that go on, and their ids; from now on every request is refused.
fn refusing() -> (Emulator, Vec<String>) {
    let emulator = Emulator::builder().start_blocking().unwrap();
    let ids = ["c", "a", "b"].map(|agent| {
        let done = run(dinoai(&emulator), &["run", agent, "--detach"]);
        done.stdout.trim().to_owned()
    });
    emulator.add_fault(Fault::status(401).always()).unwrap();
    (emulator, ids.to_vec())
}

fn assert_said_once(done: &Done) {
    assert_eq!(done.code(), 3, "{}", done.stderr);
    let said = done.stderr.matches(REFUSED).count();
    assert_eq!(said, 1, "{}", done.stderr);
}

#[test]
fn of_several_runs_once_and_all_of_them_are_named() {
    for format in FORMATS {
        for command in [&["wait"][..], &["stop"], &["stop", "--tree"]] {
            let (emulator, ids) = refusing();
            let ids: Vec<_> = ids.iter().map(String::as_str).collect();
            let all = [command, &ids, &["--output", format]].concat();
            let done = run(dinoai(&emulator), &all);
            assert_said_once(&done);
            assert_eq!(done.stderr.lines().count(), 1, "{}", done.stderr);
            // In the order in which they were given.
            let places: Vec<_> = ids.iter().map(|id| done.stderr.find(id)).collect();
            assert!(places.is_sorted() && places[0].is_some(), "{}", done.stderr);
            if format != "text" {
                assert_is("Failure", &done.stderr);
                assert_is(&format!("{}.{format}", command[0]), &done.stdout);
                let results = done.stdout.matches(REFUSED).count();
                assert_eq!(results, 3, "{}", done.stdout);
            }
        }
    }
}

#[test]
fn an_api_that_is_away_is_said_to_be_once() {
    let (emulator, ids) = refusing();
    let endpoint = emulator.endpoint().to_owned();
    let mut command = dinoai(&emulator);
    command.env("PARADIME_API_ENDPOINT", endpoint);
    drop(emulator);
    let done = run(command, &["wait", &ids[0], &ids[1], &ids[2]]);
    assert_eq!(done.code(), 5, "{}", done.stderr);
    let said = done.stderr.matches("error: ").count();
    assert_eq!(said, 1, "{}", done.stderr);
    for id in &ids {
        assert!(done.stderr.contains(id.as_str()), "{}", done.stderr);
    }
}

#[test]
fn of_one_run_as_ever() {
    let (emulator, ids) = refusing();
    let done = run(dinoai(&emulator), &["wait", &ids[0]]);
    assert_said_once(&done);
    assert!(!done.stderr.contains("the same applies"), "{}", done.stderr);
}

#[test]
fn of_a_batch_once_and_its_items_are_named() {
    for format in FORMATS {
        let (emulator, ids) = refusing();
        let folder = Folder::with("items.csv", "agent\nc\na\nb\n");
        let started = ids.iter().enumerate().map(|(place, id)| {
            let item = place + 1;
            let agent = ["c", "a", "b"][place];
            format!(
                "{{\"item\":{item},\"event\":\"starting\",\"request\":{{\"agent\":\"{agent}\"}}}}\n\
                 {{\"item\":{item},\"event\":\"started\",\"agentSessionId\":\"{id}\"}}\n"
            )
        });
        let results = folder.name("results.jsonl");
        std::fs::write(&results, started.collect::<String>()).unwrap();
        let items = folder.name("items.csv");
        let batch = ["batch", &items, "--resume", &results, "--output", format];
        let done = run(dinoai(&emulator), &batch);
        assert_said_once(&done);
        let named = "the credentials were refused for items 1, 2, 3";
        assert!(done.stderr.contains(named), "{}", done.stderr);
        let results = done.stdout.matches(REFUSED).count();
        assert_eq!(results, 3, "{}", done.stdout);
    }
}

#[test]
fn of_a_batch_that_may_start_nothing_once() {
    for format in FORMATS {
        let quirks = Quirks::new().without_capability(Capability::Trigger);
        let emulator = Emulator::builder().quirks(quirks).start_blocking().unwrap();
        let batch = ["batch", "-", "--concurrency", "1", "--output", format];
        let done = run_with_input(dinoai(&emulator), &batch, "message\none\ntwo\nthree\n");
        assert_eq!(done.code(), 3, "{}", done.stderr);
        let said = done.stderr.matches("refused with HTTP 40").count();
        assert_eq!(said, 1, "{}", done.stderr);
        let named = "the credentials were refused for item 1";
        assert!(done.stderr.contains(named), "{}", done.stderr);
    }
}
