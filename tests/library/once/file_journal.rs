//! A journal in a file, or in memory, keeps what a journal promises.

use std::path::PathBuf;

use dinoai::journal::{FileJournal, MemoryJournal, conformance};
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_does_one_in_memory() {
    let journal = MemoryJournal::new();
    conformance::check(async || journal.clone()).await;
}
