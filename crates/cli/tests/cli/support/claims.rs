//! A key whose run is being started by another program.

use std::path::Path;

use dinoai::journal::{Entry, FileJournal, Hold, Journal, Stored, Version, Written};
use serde_json::{Value, json};
use tokio::runtime::{self, Runtime};

/// The claim of another program that is alive, over what the journal says of the key.
///
/// Its lease is over, so that nobody waits for it.
pub(crate) struct Claim {
    runtime: Runtime,
    journal: FileJournal,
    key: String,
    before: Entry,
    version: Version,
    _hold: Hold,
}

impl Claim {
    pub(crate) fn over(journal: &Path, key: &str) -> Self {
        let runtime = runtime::Builder::new_current_thread().build().unwrap();
        let journal = FileJournal::open(journal).unwrap();
        let stored: Option<Stored> = runtime.block_on(journal.load(key)).unwrap();
        let stored = stored.unwrap();
        let mut claim = serde_json::to_value(&stored.entry).unwrap();
        for (name, value) in [
            ("state", json!("claimed")),
            ("owner", json!("another")),
            ("leaseSeconds", json!(0)),
            ("agentSessionId", Value::Null),
        ] {
            claim[name] = value;
        }
        let claim = serde_json::from_value(claim).unwrap();
        let written = runtime.block_on(journal.store(key, &claim, Some(&stored.version)));
        let written = match written.unwrap() {
            Written::Done { version, hold, .. } => Some((version, hold)),
            _ => None,
        };
        // The key has not changed meanwhile.
        let (version, hold) = written.unwrap();
        Self {
            runtime,
            journal,
            key: key.to_owned(),
            before: stored.entry,
            version,
            _hold: hold,
        }
    }

    /// Lets go of the key, which is as it was before.
    pub(crate) fn give_back(self) {
        let store = self
            .journal
            .store(&self.key, &self.before, Some(&self.version));
        let written = self.runtime.block_on(store).unwrap();
        assert!(matches!(written, Written::Done { .. }), "{written:?}");
    }
}
