//! A key of which a call has found that nobody knows: what can be done about it.

use std::time::Duration;

use dinoai::journal::State;

use super::Ledger;
use crate::report::{Failure, FailureKind, hint};

/// How long the journal may take to say it once more.
const PATIENCE: Duration = Duration::from_secs(5);

impl Ledger {
    /// Whether the same call is to be made again: another program is starting the run right now, or has said
    /// since what came of it.
    ///
    /// Not if somebody has to look for the run, nor where the journal does not answer.
    pub(crate) async fn is_being_started(&self, key: &str) -> bool {
        let stored = tokio::time::timeout(PATIENCE, self.journal.load(key)).await;
        let Ok(Ok(Some(stored))) = stored else {
            return false;
        };
        match &stored.entry.state {
            State::Claimed { .. } => stored.is_in_flight(),
            State::Started { .. } | State::Ended { .. } | State::Free { .. } => true,
            _ => false,
        }
    }

    /// What can be done about a key of which nobody knows, beside what its failure says.
    pub(crate) async fn explain(&self, failure: Failure, key: Option<&str>) -> Failure {
        let (FailureKind::KeyUnknown, Some(key)) = (failure.kind, key) else {
            return failure;
        };
        if self.is_being_started(key).await {
            let message = format!(
                "another program is starting the run of key {key:?}, and had not said yet what came of it; \
                 nothing was sent"
            );
            return Failure { message, ..failure }
                .with_hint("to wait for that run: run the same command again in a moment");
        }
        let (option, key) = (&self.option, hint::quoted(key));
        failure.with_hint(format!(
            "to say which run it is: dinoai resolve{option} {key} SESSION\n  to start it again: dinoai \
             retry{option} {key}"
        ))
    }
}
