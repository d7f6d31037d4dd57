//! Entries, and short names for what is done with them.

use dinoai::journal::{Entry, Journal, JournalError, Stored, Version, Written};
use dinoai_postgres::PostgresJournal;
use serde_json::{Value, json};

fn entry(mut state: Value) -> Entry {
    state["account"] = json!("0123456789abcdef");
    state["request"] = json!({ "agent": "checker" });
    serde_json::from_value(state).unwrap()
}

pub(crate) fn started(id: &str) -> Entry {
    entry(json!({ "state": "started", "agentSessionId": id }))
}

pub(crate) fn ended(id: &str) -> Entry {
    entry(json!({ "state": "ended", "agentSessionId": id, "status": "COMPLETED" }))
}

pub(crate) fn free() -> Entry {
    entry(json!({ "state": "free", "reason": "it was refused" }))
}

/// The version of what was stored.
#[track_caller]
pub(crate) fn done(written: Result<Written, JournalError>) -> Version {
    match written {
        Ok(Written::Done { version, .. }) => version,
        other => panic!("nothing was stored: {other:?}"),
    }
}

pub(crate) async fn store(journal: &PostgresJournal, key: &str, entry: &Entry) -> Version {
    done(journal.store(key, entry, None).await)
}

pub(crate) async fn find(journal: &PostgresJournal, key: &str) -> Option<Stored> {
    journal.load(key).await.unwrap()
}

/// The error of a URL that is refused: its text, and whether it may pass.
pub(crate) async fn error_of(url: &str) -> (String, bool) {
    let error = PostgresJournal::connect(url).await.expect_err(url);
    (error.to_string(), error.is_transient())
}
