//! [`MemoryJournal`]: a journal that ends with the process.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Instant, SystemTime};

use super::entry::{Entry, State};
use super::store::{Journal, JournalFuture, Stored, Version, Written};

/// A journal in memory: for tests, and where nothing has to outlast the process.
///
/// Clones share everything; it may be dropped at any time.
#[derive(Clone, Default)]
pub struct MemoryJournal {
    keys: Arc<Mutex<BTreeMap<String, Kept>>>,
}

struct Kept {
    entry: Entry,
    version: u64,
    at: SystemTime,
    since: Instant,
    /// Whether a claim is held.
    hold: Weak<()>,
}

impl Kept {
    fn stored(&self) -> Stored {
        let version = Version::new(self.version.to_string());
        let age = self.since.elapsed();
        let stored = Stored::new(self.entry.clone(), version, self.at, age);
        match self.entry.state {
            State::Claimed { .. } => stored.held(self.hold.strong_count() > 0),
            _ => stored,
        }
    }
}

impl MemoryJournal {
    /// An empty journal.
    ///
    /// ```
    /// use dinoai::journal::MemoryJournal;
    ///
    /// let journal = MemoryJournal::new();
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Kept>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Journal for MemoryJournal {
    fn load<'a>(&'a self, key: &'a str) -> JournalFuture<'a, Option<Stored>> {
        Box::pin(async move { Ok(self.lock().get(key).map(Kept::stored)) })
    }

    fn store<'a>(
        &'a self,
        key: &'a str,
        entry: &'a Entry,
        expected: Option<&'a Version>,
    ) -> JournalFuture<'a, Written> {
        Box::pin(async move {
            let mut keys = self.lock();
            let stored = keys.get(key).map(Kept::stored);
            if stored.as_ref().map(|stored| &stored.version) != expected {
                return Ok(Written::conflict(stored));
            }
            // None is ever removed, so that none comes again.
            let version = keys.get(key).map_or(1, |kept| kept.version + 1);
            let hold = Arc::new(());
            let kept = Kept {
                entry: entry.clone(),
                version,
                at: SystemTime::now(),
                since: Instant::now(),
                hold: Arc::downgrade(&hold),
            };
            keys.insert(key.to_owned(), kept);
            let version = Version::new(version.to_string());
            Ok(match entry.state {
                State::Claimed { .. } => Written::claimed(version, hold),
                _ => Written::done(version),
            })
        })
    }

    fn list(&self) -> JournalFuture<'_, Vec<(String, Stored)>> {
        Box::pin(async move {
            let keys = self.lock();
            let listed = keys.iter().map(|(key, kept)| (key.clone(), kept.stored()));
            Ok(listed.collect())
        })
    }
}

impl fmt::Debug for MemoryJournal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("MemoryJournal")
            .field("keys", &self.lock().len())
            .finish()
    }
}
