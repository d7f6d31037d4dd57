//! Processes are killed while they start runs, and others are started after them: each key has one run, or is
//! unknown.

use std::process::Command;

use dinoai::journal::{FileJournal, Journal};
use tempfile::TempDir;

use crate::support::kills::workers::{WORKER, work};
use crate::support::kills::{flood, kill};

/// The journal of the workers, in their environment.
const JOURNAL: &str = "DINOAI_TEST_JOURNAL";
const FILE: &str = "runs.jsonl";

/// What a process does that is started here.
#[tokio::test]
#[ignore = "is started by the other tests"]
async fn worker() {
    let (Ok(endpoint), Ok(path)) = (std::env::var(WORKER), std::env::var(JOURNAL)) else {
        return;
    };
    work(&endpoint, FileJournal::open(path).unwrap()).await;
}

/// Where the journal of the workers is, and how they are started.
fn workers() -> (TempDir, impl Fn() -> Command) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE);
    let worker = move || {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["once::kills::worker", "--exact", "--ignored", "--nocapture"]);
        command.env(JOURNAL, &path);
        command
    };
    (folder, worker)
}

/// `DINOAI_TEST_KILLS` says how many, for .ci/long.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_killed_leaves_one_run_or_an_unknown_key() {
    let kills = std::env::var("DINOAI_TEST_KILLS").map_or(12, |kills| kills.parse().unwrap());
    let (folder, worker) = workers();
    let journal = FileJournal::open(folder.path().join(FILE)).unwrap();
    let outcomes = kill(&journal, kills, worker, async |_| {}).await;
    assert_eq!(outcomes.ended + outcomes.unknown, kills, "{outcomes:?}");
    // Neither is rare, or the wrong moments were chosen.
    let least = kills / 6;
    assert!(
        outcomes.unknown >= least && outcomes.ended >= least,
        "{outcomes:?}"
    );
    assert!(
        outcomes.killed_while_claimed >= outcomes.unknown,
        "{outcomes:?}"
    );
    println!("{outcomes:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_thousand_keys_that_four_processes_want_each_is_started_once() {
    let (folder, worker) = workers();
    flood(1000, worker).await;
    let path = folder.path().join(FILE);
    let journal = FileJournal::open(&path).unwrap();
    assert_eq!(journal.list().await.unwrap().len(), 1000);
    let length = std::fs::metadata(&path).unwrap().len();
    assert!(length < 1_000_000, "{length} bytes");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(!text.contains("Focus on"), "a message's text");
}
