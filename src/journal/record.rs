//! Records what came of a request, and how a run has ended.

use std::time::Duration;

use super::bounded::bounded;
use super::claim::Claim;
use super::entry::Entry;
use super::pauses::Pauses;
use super::rules::{Outcome, after_end, after_request};
use super::store::{Journal, Stored, Version, Written};
use crate::error::JournalError;
use crate::model::{RunStatus, SessionId};
use crate::operations::Api;

/// The longest pause before an id is given to a journal again that has not taken it.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How often something else may be stored meanwhile, before that is a failure.
const MOST_CONFLICTS: u32 = 20;
/// For how long the end of a run is given to a journal that does not take it.
const FOR_AN_END: Duration = Duration::from_secs(5);
/// For how long it is tried to give back a claim of which nobody knows whether the journal has it: after
/// that it has lapsed.
const TO_GIVE_BACK: Duration = Duration::from_secs(150);

/// Records what came of a claim's request, whatever is stored by now.
pub(super) async fn record_once(
    api: &Api,
    journal: &dyn Journal,
    key: &str,
    claim: &Claim,
    outcome: &Outcome,
) -> Result<(), JournalError> {
    let mut stored = match &claim.version {
        Some(version) => Some((claim.entry.clone(), version.clone())),
        None => parts(bounded(api, journal.load(key)).await?),
    };
    for _ in 0..MOST_CONFLICTS {
        let (entry, version) = stored.as_ref().map_or((None, None), |(entry, version)| {
            (Some(entry), Some(version))
        });
        let before = claim.before.as_ref();
        let Some(next) = after_request(entry, &claim.entry, claim.since, before, outcome) else {
            return Ok(());
        };
        match bounded(api, journal.store(key, &next, version)).await? {
            Written::Done { .. } => return Ok(()),
            Written::Conflict(Some(other)) => stored = parts(Some(*other)),
            // It is gone, or it could not be said.
            Written::Conflict(None) => stored = parts(bounded(api, journal.load(key)).await?),
        }
    }
    Err(JournalError::unavailable(
        "the journal says each time that something else is stored",
    ))
}

/// The same until it is recorded, since an id is not given up; what is no id is, once the claim has
/// lapsed.
pub(super) async fn record_outcome(
    api: &Api,
    journal: &dyn Journal,
    key: &str,
    claim: &Claim,
    outcome: &Outcome,
    mut failed: Option<JournalError>,
) {
    let mut pauses = Pauses::up_to(LONGEST_PAUSE);
    let is_id = matches!(outcome, Outcome::Started(_));
    while is_id || pauses.total() < TO_GIVE_BACK {
        if let Some(error) = failed.take() {
            tracing::debug!(key, %error, "the journal failed; trying again");
            api.clock().sleep(pauses.next()).await;
        }
        match record_once(api, journal, key, claim, outcome).await {
            Ok(()) => return,
            Err(error) => failed = Some(error),
        }
    }
}

/// Records how a run has ended, if the journal takes it: else the next call for the key asks the API.
/// `owner`: of the claim that has started it here. Its id may not be recorded yet, so that this is tried for a
/// while.
pub(crate) async fn record_end(
    api: &Api,
    journal: &dyn Journal,
    key: &str,
    owner: Option<&str>,
    id: &SessionId,
    status: &RunStatus,
) {
    let mut pauses = Pauses::new();
    let start = api.clock().now();
    while let Err(error) = try_to_record_end(api, journal, key, owner, id, status).await {
        tracing::debug!(session_id = %id, %error, "the journal has not taken how a run ended");
        let lasted = api.clock().now().saturating_sub(start);
        if owner.is_none() || !error.is_transient() || lasted > FOR_AN_END {
            return;
        }
        api.clock().sleep(pauses.next()).await;
    }
}

async fn try_to_record_end(
    api: &Api,
    journal: &dyn Journal,
    key: &str,
    owner: Option<&str>,
    id: &SessionId,
    status: &RunStatus,
) -> Result<(), JournalError> {
    for _ in 0..MOST_CONFLICTS {
        let stored = parts(bounded(api, journal.load(key)).await?);
        let Some((entry, version)) = stored else {
            break;
        };
        let Some(next) = after_end(&entry, owner, id, status) else {
            break;
        };
        let store = journal.store(key, &next, Some(&version));
        if let Written::Done { .. } = bounded(api, store).await? {
            break;
        }
    }
    Ok(())
}

fn parts(stored: Option<Stored>) -> Option<(Entry, Version)> {
    stored.map(|stored| (stored.entry, stored.version))
}
