//! The rules of the states: what a call finds under a key, and which entry follows from what has
//! happened. Nothing here reads or writes.

use std::time::{Duration, SystemTime};

use super::entry::{Entry, RequestDigest, State};
use super::restart::{Before, EarlierRun};
use super::store::Stored;
use crate::error::{Error, Result};
use crate::model::{RunStatus, SessionId};

/// The longest key, in bytes.
const LONGEST_KEY: usize = 512;

/// What a call finds under a key.
#[derive(Debug, PartialEq)]
pub(super) enum Found {
    /// Nothing was started, or nothing that is still kept: it may be claimed.
    Free,
    /// Somebody is starting the run, and the claim lapses in this time at the latest.
    InFlight { lapses_in: Duration },
    /// Somebody was starting the run, and is gone.
    Dead { since: SystemTime },
    /// It has started a run, which was seen to end if there is a status.
    Run(SessionId, Option<RunStatus>),
    /// Nobody knows.
    Unknown { since: SystemTime, reason: String },
}

/// What became of a claim's request.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Outcome {
    Started(SessionId),
    /// For certain.
    NotStarted(String),
    Unknown(String),
}

pub(super) fn check_key(key: &str) -> Result<()> {
    let refuse = |problem: &str| {
        Err(Error::InvalidRequest {
            field: "key",
            problem: problem.to_owned(),
        })
    };
    if key.trim().is_empty() {
        return refuse("is blank");
    }
    if key.len() > LONGEST_KEY {
        return refuse("is longer than 512 bytes");
    }
    if key.chars().any(char::is_control) {
        return refuse("has a control character in it");
    }
    Ok(())
}

/// Refuses a key that belongs to another account, or to another request.
pub(super) fn check_owner(
    stored: Option<&Stored>,
    key: &str,
    account: &str,
    request: &RequestDigest,
) -> Result<()> {
    let Some(entry) = stored.filter(|stored| is_bound(stored)).map(|it| &it.entry) else {
        return Ok(());
    };
    let refuse = |problem: String| {
        Err(Error::InvalidRequest {
            field: "key",
            problem,
        })
    };
    if entry.account != account {
        return refuse(format!(
            "{key:?} belongs to another account (endpoint or workspace): use another key"
        ));
    }
    if entry.request != *request {
        let differences = entry.request.differences(request);
        return refuse(format!(
            "{key:?} belongs to another request ({}): {differences} was different; use another key",
            entry.request
        ));
    }
    Ok(())
}

/// Whether a key belongs to its request: not if nothing was ever started for it.
fn is_bound(stored: &Stored) -> bool {
    let entry = &stored.entry;
    let is_free = match entry.state {
        State::Free { retried, .. } => !retried && entry.other_runs.is_empty(),
        _ => false,
    };
    !is_free && !entry.is_over(stored.age)
}

pub(super) fn found(stored: Option<&Stored>) -> Found {
    let Some(stored) = stored.filter(|stored| !stored.entry.is_over(stored.age)) else {
        return Found::Free;
    };
    match &stored.entry.state {
        State::Free { .. } => Found::Free,
        State::Claimed { lease, .. } => {
            let lapses_in = lease.saturating_sub(stored.age);
            let is_alive = stored.is_held.unwrap_or(!lapses_in.is_zero());
            match is_alive {
                true => Found::InFlight { lapses_in },
                false => Found::Dead { since: stored.at },
            }
        }
        State::Started { session_id } => Found::Run(session_id.clone(), None),
        State::Ended { session_id, status } => Found::Run(session_id.clone(), Some(status.clone())),
        State::Unknown { since, reason, .. } => Found::Unknown {
            since: *since,
            reason: reason.clone(),
        },
    }
}

impl Stored {
    /// Whether the run of the key is being started right now: a claim whose owner is alive, as far as is known.
    ///
    /// A claim whose owner is gone is of a key of which nobody knows.
    ///
    /// ```
    /// # fn example(stored: dinoai::journal::Stored) {
    /// if stored.is_in_flight() {
    ///     println!("wait until that is over");
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn is_in_flight(&self) -> bool {
        matches!(found(Some(self)), Found::InFlight { .. })
    }

    /// Whether the key belongs to its request and its account.
    ///
    /// Not if nothing was ever started for it, and not once its [time is over](Entry::is_over).
    ///
    /// ```
    /// # fn example(stored: dinoai::journal::Stored) {
    /// if stored.is_bound() {
    ///     println!("the key is of {}", stored.entry.request);
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn is_bound(&self) -> bool {
        is_bound(self)
    }
}

/// The claim of a key, over what is stored, if anything is. A run that it stood for is kept among the
/// other runs.
pub(super) fn claim(stored: Option<&Stored>, claim: Entry) -> Entry {
    let Some(before) = stored.filter(|stored| is_bound(stored)).map(|it| &it.entry) else {
        return claim;
    };
    let claim = Entry {
        other_runs: before.other_runs.clone(),
        ..claim
    };
    match before.session_id() {
        Some(id) => claim.with_other_run(id),
        None => claim,
    }
}

/// A claim whose owner is gone: nobody knows. `None` if it is none.
pub(super) fn after_death(stored: &Stored) -> Option<Entry> {
    let State::Claimed { owner, .. } = &stored.entry.state else {
        return None;
    };
    Some(stored.entry.with_state(State::Unknown {
        owner: owner.clone(),
        since: stored.at,
        reason: "the program that was starting the run ended before it knew its session id".into(),
    }))
}

/// Whether what is stored still is the owner's to settle.
pub(super) fn is_owners(entry: &Entry, name: &str) -> bool {
    match &entry.state {
        State::Claimed { owner, .. } | State::Unknown { owner, .. } => owner == name,
        State::Started { .. } | State::Ended { .. } | State::Free { .. } => false,
    }
}

/// The entry that follows once it is known what became of the request of a claim; `None`: none. `claim` is
/// the claim, `since` when it was made, and `before` what the key was, if it is started again.
///
/// The owner's word counts also where its claim has lapsed. An id is never dropped: where the key has gone on
/// without it, it is another run.
pub(super) fn after_request(
    stored: Option<&Entry>,
    claim: &Entry,
    since: SystemTime,
    before: Option<&Before>,
    outcome: &Outcome,
) -> Option<Entry> {
    let State::Claimed { owner, .. } = &claim.state else {
        return None;
    };
    let entry = stored.unwrap_or(claim);
    let is_ours = stored.is_none() || is_owners(entry, owner);
    match outcome {
        Outcome::Started(id) => with_run(entry, is_ours, id, |session_id| State::Started {
            session_id,
        }),
        // What it was before, it is again.
        Outcome::NotStarted(reason) if is_ours && stored.is_some() => match before {
            Some(Before::Was(state)) => Some(match late_run(entry, claim) {
                // Since then it is known what the attempt before has started.
                Some(id) => with_run(entry, true, &id, |session_id| State::Started { session_id })?,
                None => entry.with_state(state.clone()),
            }),
            Some(Before::Failed(EarlierRun { session_id, status })) => {
                with_run(entry, true, session_id, |session_id| State::Ended {
                    session_id,
                    status: status.clone(),
                })
            }
            None => Some(entry.with_state(State::Free {
                reason: reason.clone(),
                retried: false,
            })),
        },
        Outcome::Unknown(reason) if is_ours && !matches!(entry.state, State::Unknown { .. }) => {
            Some(entry.with_state(State::Unknown {
                owner: owner.clone(),
                since,
                reason: reason.clone(),
            }))
        }
        Outcome::NotStarted(_) | Outcome::Unknown(_) => None,
    }
}

/// A run that has come to be known since a claim was made.
fn late_run(entry: &Entry, claim: &Entry) -> Option<SessionId> {
    let mut late = entry.other_runs.iter().rev();
    late.find(|run| !claim.other_runs.contains(run)).cloned()
}

/// The entry that follows once a run of a key has ended. `owner`: of the claim that has started it, if that is
/// known.
pub(super) fn after_end(
    entry: &Entry,
    owner: Option<&str>,
    id: &SessionId,
    status: &RunStatus,
) -> Option<Entry> {
    let is_its =
        entry.session_id() == Some(id) || owner.is_some_and(|owner| is_owners(entry, owner));
    let next = with_run(entry, is_its, id, |session_id| State::Ended {
        session_id,
        status: status.clone(),
    });
    next.filter(|next| next != entry)
}

/// The entry with a run: as the one that it stands for, if it is, or else stands for none; else beside
/// that. `None` if it is there.
fn with_run(
    entry: &Entry,
    is_its: bool,
    id: &SessionId,
    state: impl FnOnce(SessionId) -> State,
) -> Option<Entry> {
    let is_free = matches!(entry.state, State::Free { .. });
    if is_its || is_free {
        let mut entry = entry.with_state(state(id.clone()));
        entry.other_runs.retain(|other| other != id);
        return Some(entry);
    }
    let next = entry.clone().with_other_run(id);
    (next != *entry).then_some(next)
}

/// The entry after somebody has found the run of an unknown key.
pub(super) fn after_resolve(stored: &Stored, key: &str, id: &SessionId) -> Result<Option<Entry>> {
    let entry = &stored.entry;
    match found(Some(stored)) {
        Found::Unknown { .. } | Found::Dead { .. } | Found::Free => {
            Ok(with_run(entry, true, id, |session_id| State::Started {
                session_id,
            }))
        }
        Found::Run(known, _) if known == *id => Ok(None),
        Found::Run(known, _) => Err(refused(format!("{key:?} has started run {known}"))),
        Found::InFlight { .. } => Err(in_flight(key)),
    }
}

/// The entry after somebody has decided that an unknown key is to be started again.
pub(super) fn after_retry(stored: &Stored, key: &str) -> Result<Option<Entry>> {
    match found(Some(stored)) {
        Found::Unknown { .. } | Found::Dead { .. } => {
            Ok(Some(stored.entry.with_state(State::Free {
                reason: "it was unknown, and was retried".to_owned(),
                retried: true,
            })))
        }
        Found::Free => Ok(None),
        Found::Run(known, _) => Err(refused(format!(
            "{key:?} has started run {known}: wait for that run, or restart a failed one"
        ))),
        Found::InFlight { .. } => Err(in_flight(key)),
    }
}

fn in_flight(key: &str) -> Error {
    refused(format!(
        "{key:?} is being started right now: wait until that is over"
    ))
}

fn refused(problem: String) -> Error {
    Error::InvalidRequest {
        field: "key",
        problem,
    }
}
