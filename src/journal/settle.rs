//! What people decide about an unknown key: which run it has started, or that it is to be started again.

use std::time::Duration;

use super::bounded::bounded;
use super::entry::{Entry, account};
use super::pauses::Pauses;
use super::rules::{after_resolve, after_retry, check_key};
use super::store::{Journal, Stored, Written};
use crate::error::{Error, Result};
use crate::model::{Run, SessionId};
use crate::operations::Api;
use crate::transport::CallOptions;

/// How long a journal that is out of order is tried again.
const PATIENCE: Duration = Duration::from_secs(10);

/// Says which run a key has started, after reading it.
pub(crate) async fn resolve(
    api: &Api,
    journal: &impl Journal,
    key: &str,
    id: SessionId,
    options: CallOptions,
) -> Result<Run> {
    check_key(key)?;
    // Before the run is read, so that a wrong key is refused before any request.
    after_resolve(&known(api, journal, key).await?, key, &id)?;
    let run = api.read_run(options.for_run(id.clone())).await?;
    change(api, journal, key, |stored| after_resolve(stored, key, &id)).await?;
    Ok(run)
}

/// Frees an unknown key.
pub(crate) async fn retry(api: &Api, journal: &impl Journal, key: &str) -> Result<()> {
    check_key(key)?;
    change(api, journal, key, |stored| after_retry(stored, key)).await
}

/// Changes a key as a rule says, by what is stored.
async fn change(
    api: &Api,
    journal: &impl Journal,
    key: &str,
    rule: impl Fn(&Stored) -> Result<Option<Entry>>,
) -> Result<()> {
    let mut pauses = Pauses::new();
    loop {
        let stored = known(api, journal, key).await?;
        let Some(next) = rule(&stored)? else {
            return Ok(());
        };
        match bounded(api, journal.store(key, &next, Some(&stored.version))).await {
            Ok(Written::Done { .. }) => return Ok(()),
            Ok(Written::Conflict(_)) => {}
            // What has come of it, the next look says.
            Err(error) if error.is_transient() && pauses.total() < PATIENCE => {}
            Err(error) => return Err(failed(key, error)),
        }
        api.clock().sleep(pauses.next()).await;
    }
}

/// What is stored of a key of this account.
async fn known(api: &Api, journal: &impl Journal, key: &str) -> Result<Stored> {
    let mut pauses = Pauses::new();
    let stored = loop {
        match bounded(api, journal.load(key)).await {
            Ok(stored) => break stored,
            Err(error) if error.is_transient() && pauses.total() < PATIENCE => {
                api.clock().sleep(pauses.next()).await;
            }
            Err(error) => return Err(failed(key, error)),
        }
    };
    let refuse = |problem: &str| Error::InvalidRequest {
        field: "key",
        problem: format!("{key:?} {problem}"),
    };
    let stored = stored.ok_or_else(|| refuse("is not in the journal"))?;
    if stored.entry.account != account(&api.account()) {
        return Err(refuse("belongs to another account (endpoint or workspace)"));
    }
    Ok(stored)
}

fn failed(key: &str, source: crate::error::JournalError) -> Error {
    Error::Journal {
        key: key.to_owned(),
        source,
    }
}
