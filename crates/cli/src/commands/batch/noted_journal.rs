//! [`NotedJournal`]: the journal, as an item uses it that is started.

use std::sync::Arc;

use dinoai::journal::{
    Entry, Journal, JournalError, JournalFuture, State, Stored, Version, Written,
};

use super::results::record::ItemEvent;
use super::results::results_writer::ResultsWriter;

/// The journal. Once the item's key is claimed, and before anything is sent, the results say that the item is about
/// to start: where the journal is lost, nobody knows of it.
pub(super) struct NotedJournal {
    pub(super) journal: Arc<dyn Journal>,
    pub(super) results: ResultsWriter,
    pub(super) number: usize,
    pub(super) starting: ItemEvent,
    /// Whether standard output has it already.
    pub(super) is_printed: bool,
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
            let claim = match &entry.state {
                State::Claimed { owner, .. } => Some(owner),
                _ => None,
            };
            let is_claimed = match &written {
                Written::Done { .. } => claim.is_some(),
                // By a try of which it was not known whether the journal has it.
                Written::Conflict(Some(other)) => match &other.entry.state {
                    State::Claimed { owner, .. } => claim == Some(owner),
                    _ => false,
                },
                _ => false,
            };
            if is_claimed {
                let noted = self
                    .results
                    .note(self.number, self.starting.clone(), self.is_printed);
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
