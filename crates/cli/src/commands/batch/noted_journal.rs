//! [`NotedJournal`]: the journal, as an item uses it that is started.

use std::sync::Arc;

use dinoai::journal::{
    Entry, Journal, JournalError, JournalFuture, State, Stored, Version, Written,
};

use super::results::record::ItemEvent;
use super::results::results_writer::ResultsWriter;

/// The journal. Once the item's key is claimed, and before anything is sent, the results file says that the item
/// is about to start: where the journal is lost, nobody knows of it.
pub(super) struct NotedJournal {
    pub(super) journal: Arc<dyn Journal>,
    pub(super) results: ResultsWriter,
    pub(super) number: usize,
    pub(super) starting: ItemEvent,
}

impl Journal for NotedJournal {
    fn load<'a>(&'a self, key: &'a str) -> JournalFuture<'a, Option<Stored>> {
        self.journal.load(key)
    }

    fn store<'a>(
        &'a self,
        key: &'a str,
        entry: &'a Entry,
        expected: Option<&'a Version>,
    ) -> JournalFuture<'a, Written> {
        Box::pin(async move {
            let written = self.journal.store(key, entry, expected).await?;
            let is_claim = matches!(entry.state, State::Claimed { .. });
            if is_claim && matches!(written, Written::Done { .. }) {
                let noted = self.results.keep(self.number, self.starting.clone());
                if let Err(lost) = noted.written().await {
                    return Err(JournalError::unusable(format!(
                        "the results cannot be written: {lost}"
                    )));
                }
            }
            Ok(written)
        })
    }

    fn list(&self) -> JournalFuture<'_, Vec<(String, Stored)>> {
        self.journal.list()
    }
}
