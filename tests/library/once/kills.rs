//! Processes are killed while they start runs, and others are started after them: each key has one run, or is
//! unknown.

use std::process::Command;

use dinoai::journal::FileJournal;

use crate::support::kills::{WORKER, kill, work};

/// The journal of the workers, in their environment.
const JOURNAL: &str = "DINOAI_TEST_JOURNAL";

/// What a process does that is started here.
#[tokio::test]
#[ignore = "is started by the other tests"]
async fn worker() {
    let (Ok(endpoint), Ok(path)) = (std::env::var(WORKER), std::env::var(JOURNAL)) else {
        return;
    };
    work(&endpoint, FileJournal::open(path).unwrap()).await;
}

/// `DINOAI_TEST_KILLS` says how many, for .ci/long.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_killed_leaves_one_run_or_an_unknown_key() {
    let kills = std::env::var("DINOAI_TEST_KILLS").map_or(12, |kills| kills.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.jsonl");
    let journal = FileJournal::open(&path).unwrap();
    let worker = || {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["once::kills::worker", "--exact", "--ignored", "--nocapture"]);
        command.env(JOURNAL, &path);
        command
    };
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
