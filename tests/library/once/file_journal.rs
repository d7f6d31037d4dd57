//! A journal in a file keeps what a journal promises.

use std::path::PathBuf;

use dinoai::journal::{FileJournal, conformance};
use tempfile::TempDir;

fn journal() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.jsonl");
    (folder, path)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_keeps_what_a_journal_promises() {
    let (_folder, path) = journal();
    conformance::check(async || FileJournal::open(&path).unwrap()).await;
}
