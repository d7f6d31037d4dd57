//! A batch of two items with a journal of its own.

use std::fs;

use dinoai_emulator::{Emulator, Fault, Scenario};
use serde_json::Value;

use crate::batch::keeps_results::TWO;
use crate::support::program::{Done, dinoai, run};
use crate::support::runs::{Folder, batch};

pub(crate) const TRIGGER: &str = "triggerDinoaiAgentRun";

/// Two items, and a journal of their own.
pub(crate) struct Bench {
    pub(crate) emulator: Emulator,
    pub(crate) folder: Folder,
}

impl Bench {
    pub(crate) fn of(scenario: Scenario) -> Self {
        let emulator = Emulator::builder().default_scenario(scenario);
        Self {
            emulator: emulator.start_blocking().unwrap(),
            folder: Folder::with("items.jsonl", TWO),
        }
    }

    pub(crate) fn start() -> Self {
        Self::of(Scenario::completed())
    }

    pub(crate) fn edit(&self, items: &str) {
        fs::write(self.folder.path("items.jsonl"), items).unwrap();
    }

    /// The batch, with options that name it.
    pub(crate) fn batch(&self, more: &[&str]) -> Done {
        let journal = self.folder.name("journal");
        let all = [&["--concurrency", "1", "--journal", &journal], more].concat();
        batch(&self.emulator, &self.folder.path("items.jsonl"), &all)
    }

    pub(crate) fn resumed(&self, more: &[&str]) -> Done {
        let results = self.folder.name("results");
        self.batch(&[&["--resume", &results], more].concat())
    }

    /// Another command with the same journal.
    pub(crate) fn command(&self, words: &[&str]) -> Done {
        let journal = self.folder.name("journal");
        run(
            dinoai(&self.emulator),
            &[words, &["--journal", &journal]].concat(),
        )
    }

    /// The keys of which nobody knows.
    pub(crate) fn unknown(&self) -> Vec<String> {
        let done = self.command(&["runs", "--unknown", "--output", "jsonl"]);
        let lines = done.stdout.lines().map(|line| {
            let key: Value = serde_json::from_str(line).unwrap();
            key["key"].as_str().unwrap().to_owned()
        });
        let mut keys: Vec<_> = lines.collect();
        keys.sort();
        keys
    }

    pub(crate) fn id(&self, place: usize) -> String {
        self.emulator.runs()[place].session_id.clone()
    }

    /// The responses to so many triggers are lost.
    pub(crate) fn lose(&self, triggers: u64) {
        let lost = Fault::reset().after_execution().on(TRIGGER);
        self.emulator.add_fault(lost.times(triggers)).unwrap();
    }
}

pub(crate) fn summary(done: &Done) -> &str {
    done.stderr.lines().last().unwrap()
}
