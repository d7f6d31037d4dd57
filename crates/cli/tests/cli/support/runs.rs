//! Files of a batch, runs that somebody else has started, and what is waited for.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use dinoai_emulator::{Emulator, Scenario, Stage};
use tempfile::TempDir;

use super::program::{Done, dinoai, run};

const FAST: [&str; 2] = ["--poll-interval", "5ms"];

/// A folder with a file of items in it.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn with(name: &str, items: impl AsRef<[u8]>) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        fs::write(folder.path(name), items).unwrap();
        folder
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The same as text, for the command line.
    pub(crate) fn name(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }
}

/// The messages of the runs that have been started, in order.
pub(crate) fn messages(emulator: &Emulator) -> Vec<String> {
    let runs = emulator.runs().into_iter();
    runs.map(|run| run.message.unwrap_or_default()).collect()
}

/// Waits until something is so; the test fails if it does not become so.
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(20), "{what}");
        thread::sleep(Duration::from_millis(2));
    }
}

pub(crate) fn batch(emulator: &Emulator, file: &Path, more: &[&str]) -> Done {
    let mut arguments = vec!["batch", file.to_str().unwrap()];
    arguments.extend(FAST);
    arguments.extend(more);
    run(dinoai(emulator), &arguments)
}

/// An emulator whose runs never end.
pub(crate) fn endless() -> Emulator {
    Emulator::builder()
        .default_scenario(Scenario::new().stage(Stage::new("RUNNING").reads(u64::MAX)))
        .start_blocking()
        .unwrap()
}

/// The id of a run of this agent's that somebody else has started.
pub(crate) fn begun(emulator: &Emulator, agent: &str) -> String {
    let done = run(dinoai(emulator), &["run", agent, "--detach"]);
    assert_eq!(done.code(), 0, "{}", done.stderr);
    done.stdout.trim().to_owned()
}
