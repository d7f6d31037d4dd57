//! The runs of a batch that are in progress at the same time are polled together.

use dinoai_emulator::{Emulator, Scenario, Stage};

use crate::support::program::{dinoai, run};
use crate::support::runs::Folder;

const ITEMS: usize = 200;
const POLLS: u64 = 20;

/// How many statuses each poll has read.
fn polls(emulator: &Emulator) -> Vec<usize> {
    let requests = emulator.requests().into_iter();
    let polls = requests.filter_map(|request| match request.operation_name.as_deref()? {
        "DinoaiAgentRunStatus" | "DinoaiAgentRunDigest" => Some(1),
        "DinoaiAgentRunStatuses" => Some(request.query.matches("dinoaiAgentRun(").count()),
        _ => None,
    });
    polls.collect()
}

#[test]
fn a_poll_of_a_batch_reads_forty_statuses_while_a_hundred_runs_are_in_progress() {
    let scenario = Scenario::new()
        .stage(Stage::new("RUNNING").reads(POLLS))
        .stage(Stage::new("COMPLETED"));
    let emulator = Emulator::builder()
        .default_scenario(scenario)
        .start_blocking()
        .unwrap();
    let items = (1..=ITEMS).map(|item| format!("{{\"message\": \"item {item}\"}}\n"));
    let folder = Folder::with("items.jsonl", items.collect::<String>());
    let arguments = [
        "batch",
        &folder.name("items.jsonl"),
        "--resume",
        &folder.name("results"),
        "--poll-interval",
        "100ms",
        "--concurrency",
        "100",
    ];
    let done = run(dinoai(&emulator), &arguments);
    assert_eq!(done.code(), 0, "{}", done.stderr);
    assert_eq!(emulator.runs().len(), ITEMS);
    let polls = polls(&emulator);
    let statuses: usize = polls.iter().sum();
    assert!(statuses > ITEMS * POLLS as usize);
    assert!(
        statuses >= 40 * polls.len(),
        "{statuses} statuses: {polls:?}"
    );
}
