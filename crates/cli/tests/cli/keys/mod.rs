//! A run with a key is started once; and what was started from here is found again.

mod auto;
mod found_again;
mod journals;
mod once;
#[cfg(feature = "postgres")]
mod postgres;

use std::process::Command;

use dinoai_emulator::{Emulator, Scenario};
use tempfile::TempDir;

use crate::support::program::dinoai;

const FAST: [&str; 2] = ["--poll-interval", "5ms"];
const KEY: &str = "nightly/2026-11-25";

/// An emulator, and a journal of its own for the command.
struct Bench {
    emulator: Emulator,
    folder: TempDir,
}

impl Bench {
    fn start() -> Self {
        Self::of(Scenario::completed())
    }

    fn of(scenario: Scenario) -> Self {
        let emulator = Emulator::builder()
            .default_scenario(scenario)
            .start_blocking();
        Self {
            emulator: emulator.unwrap(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// The file of the journal.
    fn journal(&self) -> String {
        let path = self.folder.path().join("runs.jsonl");
        path.to_str().unwrap().to_owned()
    }

    fn command(&self) -> Command {
        let mut command = dinoai(&self.emulator);
        command.env("DINOAI_JOURNAL", self.journal());
        command
    }

    fn run(&self, arguments: &[&str]) -> crate::support::program::Done {
        let mut command = self.command();
        let child = command.args(arguments).spawn();
        crate::support::program::Done::of(child.unwrap())
    }

    /// `run` with a key.
    fn once(&self, more: &[&str]) -> crate::support::program::Done {
        let arguments = [&["run", "agent", "--key", KEY][..], more, &FAST].concat();
        self.run(&arguments)
    }

    fn started(&self) -> usize {
        self.emulator.runs().len()
    }

    fn id(&self, place: usize) -> String {
        self.emulator.runs()[place].session_id.clone()
    }
}
