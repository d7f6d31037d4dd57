//! [`AtBest`]: a journal that is written if it can be, for runs whose keys nobody asks for again.

use std::sync::Arc;
use std::time::Duration;

use dinoai::journal::{
    Entry, Journal, JournalError, JournalFuture, MemoryJournal, Stored, Version, Written,
};

/// How long a journal may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// A journal, and memory in its place where it does not work: on a full disk, for one.
///
/// A key stays where it was stored first. Only for keys that no other process has.
pub(super) struct AtBest {
    journal: Arc<dyn Journal>,
    memory: MemoryJournal,
}

impl AtBest {
    pub(super) fn new(journal: Arc<dyn Journal>) -> Self {
        let memory = MemoryJournal::new();
        Self { journal, memory }
    }

    async fn is_in_memory(&self, key: &str) -> Result<bool, JournalError> {
        Ok(self.memory.load(key).await?.is_some())
    }
}

impl Journal for AtBest {
    fn load<'a>(&'a self, key: &'a str) -> JournalFuture<'a, Option<Stored>> {
        Box::pin(async move {
            match self.memory.load(key).await? {
                Some(stored) => Ok(Some(stored)),
                None => self.journal.load(key).await,
            }
        })
    }

    fn store<'a>(
        &'a self,
        key: &'a str,
        entry: &'a Entry,
        expected: Option<&'a Version>,
    ) -> JournalFuture<'a, Written> {
        Box::pin(async move {
            if self.is_in_memory(key).await? {
                return self.memory.store(key, entry, expected).await;
            }
            let store = self.journal.store(key, entry, expected);
            let stored = match tokio::time::timeout(PATIENCE, store).await {
                Ok(stored) => stored,
                Err(_) => Err(JournalError::unavailable("the journal does not respond")),
            };
            match stored {
                Err(error) if expected.is_none() => {
                    tracing::debug!(key, %error, "it is not remembered what is started");
                    self.memory.store(key, entry, None).await
                }
                other => other,
            }
        })
    }

    fn list(&self) -> JournalFuture<'_, Vec<(String, Stored)>> {
        self.journal.list()
    }
}
