//! A batch that is resumed starts only what has not been started.

use std::fs;

use dinoai_emulator::{Emulator, Fault, Scenario, Stage};

use crate::support::program::{Done, assert_done, dinoai, run};
use crate::support::runs::{Folder, batch};

fn emulator() -> Emulator {
    Emulator::builder()
        .scenario("broken", Scenario::failed())
        .start_blocking()
        .unwrap()
}

#[test]
fn results_are_json_lines_and_the_gravest_end_counts() {
    let emulator = emulator();
    let folder = Folder::with("items.csv", "agent,message\nfine,one\nbroken,two\n");
    let done = batch(
        &emulator,
        &folder.path("items.csv"),
        &["--concurrency", "1"],
    );
    assert_eq!(done.code(), 1);
    assert_done!("batch", done);
    assert_eq!(emulator.runs().len(), 2);
}

#[test]
fn a_resumed_batch_starts_only_what_has_not_been_started() {
    let emulator = emulator();
    let items = "{\"message\": \"one\"}\n{\"message\": \"two\"}\n{\"message\": \"three\"}\n";
    let folder = Folder::with("items.jsonl", items);
    let (items, results) = (folder.path("items.jsonl"), folder.path("results.jsonl"));
    // Of the first, the session id is known; the second was cut off while it was being started;
    // the third was refused, and certainly not started; the last line was cut off.
    run(dinoai(&emulator), &["run", "-m", "one", "--detach"]);
    let id = &emulator.runs()[0].session_id;
    let records = [
        "{\"item\":1,\"event\":\"starting\",\"request\":{\"message\":\"one\"}}",
        &format!("{{\"item\":1,\"event\":\"started\",\"agentSessionId\":\"{id}\"}}"),
        "{\"item\":2,\"event\":\"starting\",\"request\":{\"message\":\"two\"}}",
        "{\"item\":3,\"event\":\"starting\",\"request\":{\"message\":\"three\"}}",
        "{\"item\":3,\"event\":\"failed\",\"error\":{\"kind\":\"not_sent\",\"message\":\"m\",\
         \"agentSessionId\":null},\"mayHaveStarted\":false}",
        "{\"item\":3,\"event\":\"star",
    ];
    fs::write(&results, records.join("\n")).unwrap();

    let resume = ["--resume", results.to_str().unwrap(), "--concurrency", "1"];
    let done = batch(&emulator, &items, &resume);
    assert_eq!(done.code(), 6, "{}", done.stderr);
    assert_done!("batch_resumed", done);
    let messages = || -> Vec<_> {
        let runs = emulator.runs().into_iter();
        runs.map(|run| run.message.unwrap()).collect()
    };
    assert_eq!(messages(), ["one", "three"]);

    let again = batch(&emulator, &items, &resume);
    assert_eq!(again.code(), 6, "{}", again.stderr);
    assert_eq!(messages(), ["one", "three"]);

    let retrying = [&resume[..], &["--retry-unknown"]].concat();
    let done = batch(&emulator, &items, &retrying);
    assert_eq!(done.code(), 0, "{}", done.stderr);
    assert_eq!(messages(), ["one", "three", "two"]);

    let done = batch(&emulator, &items, &resume);
    assert_eq!((done.code(), done.stdout.lines().count()), (0, 3));
    assert_eq!(messages().len(), 3);
}

#[test]
fn a_trigger_whose_answer_is_lost_stays_unknown() {
    let emulator = Emulator::builder()
        .fault(Fault::reset().after_execution())
        .start_blocking()
        .unwrap();
    let folder = Folder::with("items.jsonl", "{\"message\": \"one\"}\n");
    let (items, results) = (folder.path("items.jsonl"), folder.path("results.jsonl"));
    let resume = ["--resume", results.to_str().unwrap()];
    assert_eq!(batch(&emulator, &items, &resume).code(), 6);
    let done = batch(&emulator, &items, &resume);
    assert_eq!(done.code(), 6, "{}", done.stdout);
    assert_eq!(emulator.runs().len(), 1);
}

#[test]
fn nothing_is_started_of_a_batch_that_cannot_be_right() {
    let emulator = emulator();
    let folder = Folder::with(
        "items.jsonl",
        "{\"message\": \"one\"}\n{\"mesage\": \"two\"}\n",
    );
    let items = folder.path("items.jsonl");
    let done = batch(&emulator, &items, &[]);
    assert_eq!(done.code(), 2);
    assert!(done.stderr.contains("line 2"), "{}", done.stderr);

    fs::write(&items, "{\"message\": \"one\"}\n").unwrap();
    let results = folder.path("results.jsonl");
    for (wrong, problem) in [
        (
            "{\"item\":1,\"event\":\"starting\",\"request\":{\"message\":\"other\"}}\n",
            "do not match the batch file: item",
        ),
        (
            "{\"item\":2,\"event\":\"starting\",\"request\":{\"message\":\"one\"}}\n",
            "do not match the batch file: item",
        ),
        ("session xyz\n", "line 1"),
    ] {
        fs::write(&results, wrong).unwrap();
        let done = batch(&emulator, &items, &["--resume", results.to_str().unwrap()]);
        assert_eq!(done.code(), 2, "{}", done.stderr);
        assert!(done.stderr.contains(problem), "{}", done.stderr);
        assert_eq!(fs::read_to_string(&results).unwrap(), wrong);
    }
    assert_eq!(emulator.runs().len(), 0);
}

#[test]
fn results_that_standard_output_writes_over_are_refused() {
    let emulator = emulator();
    let folder = Folder::with("items.jsonl", "{\"message\": \"one\"}\n");
    let results = folder.path("results.jsonl");
    let arguments = [
        "batch",
        folder.path("items.jsonl").to_str().unwrap(),
        "--resume",
        results.to_str().unwrap(),
        "--poll-interval",
        "5ms",
    ]
    .map(str::to_owned);
    let mut command = dinoai(&emulator);
    command.stdout(fs::File::create(&results).unwrap());
    let done = Done::of(command.args(&arguments).spawn().unwrap());
    assert_eq!(done.code(), 2, "{}", done.stderr);
    assert_eq!(emulator.runs().len(), 0);

    let mut command = dinoai(&emulator);
    let appended = fs::OpenOptions::new().append(true).open(&results).unwrap();
    command.stdout(appended);
    let done = Done::of(command.args(&arguments).spawn().unwrap());
    assert_eq!(done.code(), 0, "{}", done.stderr);
    let text = fs::read_to_string(&results).unwrap();
    // The first names the batch.
    assert_eq!(text.lines().count(), 4, "{text}");
}

#[test]
fn two_batches_are_not_at_work_on_the_same_results() {
    use rustix::fs::{FlockOperation, flock};

    let emulator = emulator();
    let folder = Folder::with("items.jsonl", "{\"message\": \"one\"}\n");
    let results = folder.path("results.jsonl");
    let other = fs::File::create(&results).unwrap();
    flock(&other, FlockOperation::LockExclusive).unwrap();
    let resume = ["--resume", results.to_str().unwrap()];
    let done = batch(&emulator, &folder.path("items.jsonl"), &resume);
    assert_eq!(done.code(), 2, "{}", done.stderr);
    assert!(done.stderr.contains("another batch"), "{}", done.stderr);
    assert_eq!(emulator.runs().len(), 0);
    // Closing it is not enough: a program that another test starts right now may have it, too.
    flock(&other, FlockOperation::Unlock).unwrap();
    assert_eq!(
        batch(&emulator, &folder.path("items.jsonl"), &resume).code(),
        0
    );
}

#[test]
fn two_batches_at_work_by_the_same_key_start_each_item_once() {
    let slow = Scenario::new()
        .stage(Stage::new("RUNNING").reads(5))
        .stage(Stage::new("COMPLETED"));
    let emulator = Emulator::builder()
        .default_scenario(slow)
        .start_blocking()
        .unwrap();
    let items: String = (1..=20)
        .map(|item| format!("{{\"message\": \"item {item}\"}}\n"))
        .collect();
    let folder = Folder::with("items.jsonl", items);
    let file = folder.name("items.jsonl");
    let both = [(); 2].map(|()| {
        let mut command = dinoai(&emulator);
        let words = ["batch", &file, "--key", "two", "--poll-interval", "5ms"];
        command.args(words).spawn().unwrap()
    });
    for child in both {
        let done = Done::of(child);
        assert_eq!(done.code(), 0, "{}", done.stderr);
        assert_eq!(done.stdout.matches("\"event\":\"ended\"").count(), 20);
    }
    assert_eq!(emulator.runs().len(), 20);
}

#[test]
fn a_batch_that_times_out_names_what_goes_on_and_says_how_to_go_on() {
    let emulator = Emulator::builder()
        .default_scenario(Scenario::new().stage(Stage::new("RUNNING").reads(u64::MAX)))
        .start_blocking()
        .unwrap();
    let folder = Folder::with("items.csv", "message\none\ntwo\n");
    let (items, results) = (folder.path("items.csv"), folder.path("results.jsonl"));
    let short = ["--timeout", "300ms"];
    let done = batch(&emulator, &items, &short);
    assert_eq!(done.code(), 4, "{}", done.stderr);
    let (_, hint) = done.stderr.split_once("to resume: dinoai wait ").unwrap();
    let mut named: Vec<_> = hint.lines().next().unwrap().split(' ').collect();
    named.sort_unstable();
    let mut ids: Vec<_> = emulator
        .runs()
        .into_iter()
        .map(|run| run.session_id)
        .collect();
    ids.sort_unstable();
    assert_eq!(named, ids);
    for (number, id) in ids.iter().enumerate() {
        let item = format!("item {}: run ", number + 1);
        assert!(done.stderr.contains(&item), "{}", done.stderr);
        assert!(done.stderr.contains(id.as_str()), "{}", done.stderr);
    }

    // Started by an earlier batch or by this one: a run whose id is known may have started.
    let resume = [&short[..], &["--resume", results.to_str().unwrap()]].concat();
    for _ in 0..2 {
        let done = batch(&emulator, &items, &resume);
        assert_eq!(done.code(), 4, "{}", done.stderr);
        assert!(
            done.stderr.contains("to resume: dinoai batch "),
            "{}",
            done.stderr
        );
        let failed = done
            .stdout
            .lines()
            .filter(|line| line.contains("\"failed\""));
        let failed: Vec<_> = failed.collect();
        assert_eq!(failed.len(), 2, "{}", done.stdout);
        assert!(
            failed
                .iter()
                .all(|line| line.contains("\"mayHaveStarted\":true"))
        );
    }
    assert_eq!(emulator.runs().len(), 4);
}

#[test]
fn a_failure_has_one_kind_on_both_streams() {
    let endless = Scenario::new().stage(Stage::new("RUNNING").reads(u64::MAX));
    let emulator = Emulator::builder()
        .default_scenario(endless)
        .scenario("broken", Scenario::failed())
        .start_blocking()
        .unwrap();
    let folder = Folder::with("items.csv", "agent\nbroken\nslow\n");
    let more = ["--timeout", "1s", "--output", "jsonl"];
    let done = batch(&emulator, &folder.path("items.csv"), &more);
    assert_eq!(done.code(), 4, "{}", done.stderr);
    let lines = done.stderr.lines().map(|line| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        line["kind"].as_str().unwrap_or_default().to_owned()
    });
    let kinds: Vec<_> = lines.filter(|kind| kind != "summary").collect();
    assert_eq!(kinds, ["run_failed", "wait_timeout"], "{}", done.stderr);
    let failed = r#""error":{"kind":"wait_timeout""#;
    assert!(done.stdout.contains(failed), "{}", done.stdout);
}
