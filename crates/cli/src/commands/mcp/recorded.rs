//! [`Shared::note_end`]: an end that a tool has seen is in the journal, as that of a run that a command waits
//! for by its key.

use std::time::Duration;

use dinoai::journal::JournalError;
use dinoai::{RunStatus, SessionId};

use super::shared::{Conversation, Shared};

/// How long the journal may take, also after a call's deadline: what is still at work then has as long to reply.
/// What is not recorded now is recorded when the run is read again.
const PATIENCE: Duration = Duration::from_secs(3);

impl Shared<'_> {
    /// Notes that a run has ended, and how.
    pub(super) async fn note_end(&self, conversation: &Conversation, status: &RunStatus) {
        let id = conversation.session.id();
        self.started.note_end(id);
        if conversation.recorded.borrow().as_ref() == Some(status) {
            return;
        }
        let record = self.record_end(id, status);
        match tokio::time::timeout(PATIENCE, record).await {
            Ok(Ok(())) => *conversation.recorded.borrow_mut() = Some(status.clone()),
            Ok(Err(error)) => {
                tracing::debug!(session_id = %id, %error, "the journal has not taken how a run ended");
            }
            Err(_) => {
                tracing::debug!(session_id = %id, "the journal has not taken how a run ended in time")
            }
        }
    }

    async fn record_end(&self, id: &SessionId, status: &RunStatus) -> Result<(), JournalError> {
        let Ok(ledger) = &self.ledger else {
            return Ok(());
        };
        for (key, stored) in ledger.journal.list().await? {
            let is_its =
                stored.entry.session_id() == Some(id) && self.client.owns_key(&stored.entry);
            let Some(next) = stored.entry.ended(status).filter(|_| is_its) else {
                continue;
            };
            let store = ledger.journal.store(&key, &next, Some(&stored.version));
            // Where the key has gone on meanwhile, whoever did that knows more.
            store.await?;
        }
        Ok(())
    }
}
