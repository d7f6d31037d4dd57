//! [`Claims`]: claims a key, or says what was found under it.

use std::pin::pin;
use std::time::{Duration, SystemTime};

use futures_util::future::{Either, select};

use super::claim::Claim;
use super::entry::{Entry, RequestDigest, State};
use super::once::{Keyed, Once, Reply};
use super::pauses::Pauses;
use super::record::record_end;
use super::restart::{EarlierRun, Restart};
use super::rules::{self, Found, after_death, check_owner, found};
use super::store::{Stored, Written};
use crate::error::{Error, JournalError, Result};
use crate::model::{RunStatus, SessionId};
use crate::operations::Api;
use crate::time::BootTime;
use crate::transport::CallOptions;

/// How long a claim's request may take to leave, at most.
const TRIGGER: Duration = Duration::from_secs(120);
/// How much longer than that a claim holds.
const MARGIN: Duration = Duration::from_secs(30);
/// How long a journal that does not work is tried again, before anything was sent.
const PATIENCE: Duration = Duration::from_secs(10);
/// What came of looking for a claim.
pub(super) enum Claimed {
    Now(Box<Claim>),
    /// The key is not to be claimed.
    No(Once),
}

/// What a look at the run of a key says.
enum Look {
    Is(Once),
    /// It has ended like this, and is to be started again.
    Failed(RunStatus),
}

/// Claims a key.
pub(super) struct Claims<'a> {
    pub(super) account: String,
    pub(super) digest: RequestDigest,
    pub(super) api: &'a Api,
    pub(super) start: &'a Keyed,
    /// A claim that failed, and that the journal may have all the same.
    pub(super) unsettled: Option<Claim>,
}

impl Claims<'_> {
    /// Claims the key, or says what was found.
    pub(super) async fn claim(&mut self, reply: &mut Reply) -> Result<Claimed> {
        let key = &self.start.key;
        // Most likely there is nothing: if there is, the claim itself says so.
        let mut stored: Option<Stored> = None;
        let mut pauses = Pauses::new();
        loop {
            check_owner(stored.as_ref(), key, &self.account, &self.digest)?;
            let failed = match found(stored.as_ref()) {
                Found::Free => None,
                Found::InFlight { lapses_in } => {
                    let is_over = lapses_in.is_zero() || self.time_left().is_zero();
                    if is_over || reply.is_closed() {
                        return Ok(Claimed::No(in_flight(stored.as_ref())));
                    }
                    self.pause(pauses.next(), reply).await;
                    stored = self.load(reply).await?;
                    continue;
                }
                Found::Dead { .. } => {
                    stored = self.bury(stored, reply).await?;
                    continue;
                }
                Found::Unknown { since, reason } => {
                    return Ok(Claimed::No(Once::Unknown { since, reason }));
                }
                Found::Run(id, status) => match self.look(&id, status).await {
                    Look::Is(once) => return Ok(Claimed::No(once)),
                    Look::Failed(status) => Some(EarlierRun {
                        session_id: id,
                        status,
                    }),
                },
            };
            match self.try_to_claim(stored.as_ref(), failed, reply).await? {
                Ok(claim) => return Ok(Claimed::Now(Box::new(claim))),
                Err(other) => stored = other,
            }
            // Another was faster, or has not let go of the key yet.
            self.pause(pauses.next(), reply).await;
        }
    }

    fn time_left(&self) -> Duration {
        let now = self.api.clock().now();
        let deadline = self.start.deadline.unwrap_or(Duration::MAX);
        deadline.saturating_sub(now)
    }

    /// Pauses, until the deadline or until the call is dropped at the longest.
    async fn pause(&self, pause: Duration, reply: &mut Reply) {
        let paused = self.api.clock().sleep(pause.min(self.time_left()));
        match select(paused, pin!(reply.closed())).await {
            Either::Left(_) | Either::Right(_) => {}
        }
    }

    /// Pauses after a failure of the journal, or gives it back if trying again is not worth it.
    async fn pause_after(
        &self,
        error: JournalError,
        pauses: &mut Pauses,
        reply: &mut Reply,
    ) -> Result<()> {
        let is_final = !error.is_transient() || pauses.total() > PATIENCE;
        if is_final || self.time_left().is_zero() || reply.is_closed() {
            return Err(Error::Journal {
                key: self.start.key.clone(),
                source: error,
            });
        }
        tracing::debug!(%error, "the journal failed; trying again");
        self.pause(pauses.next(), reply).await;
        Ok(())
    }

    async fn load(&self, reply: &mut Reply) -> Result<Option<Stored>> {
        let mut pauses = Pauses::new();
        loop {
            match self.start.journal.load(&self.start.key).await {
                Ok(stored) => return Ok(stored),
                Err(error) => self.pause_after(error, &mut pauses, reply).await?,
            }
        }
    }

    /// Makes a dead claim unknown.
    async fn bury(&self, dead: Option<Stored>, reply: &mut Reply) -> Result<Option<Stored>> {
        let Some((dead, next)) = dead.and_then(|dead| {
            let next = after_death(&dead)?;
            Some((dead, next))
        }) else {
            return Ok(None);
        };
        let (journal, key) = (&self.start.journal, &self.start.key);
        let mut pauses = Pauses::new();
        loop {
            match journal.store(key, &next, Some(&dead.version)).await {
                Ok(Written::Done { version, .. }) => {
                    return Ok(Some(Stored::new(next, version, dead.at, Duration::ZERO)));
                }
                Ok(Written::Conflict(other)) => return Ok(other.map(|other| *other)),
                Err(error) => self.pause_after(error, &mut pauses, reply).await?,
            }
        }
    }

    /// Stores a claim, or gives what is stored instead.
    async fn try_to_claim(
        &mut self,
        stored: Option<&Stored>,
        failed: Option<EarlierRun>,
        reply: &mut Reply,
    ) -> Result<Result<Claim, Option<Stored>>> {
        let retry = self.start.retry.as_ref().unwrap_or(self.api.retry());
        let limit = TRIGGER.min(retry.call_timeout()).min(self.time_left());
        let owner = format!("{}-{:016x}", std::process::id(), fastrand::u64(..));
        let claim = Entry {
            state: State::Claimed {
                owner: owner.clone(),
                lease: limit + MARGIN,
            },
            other_runs: vec![],
            account: self.account.clone(),
            request: self.digest.clone(),
        };
        let mut claim = Claim {
            entry: rules::claim(stored, claim),
            owner: owner.clone(),
            version: None,
            since: SystemTime::now(),
            leaves_before: BootTime::now().after(limit),
            limit,
            failed,
            hold: None,
        };
        let (journal, key) = (&self.start.journal, &self.start.key);
        let mut expected = stored.map(|stored| stored.version.clone());
        let mut pauses = Pauses::new();
        loop {
            let error = match journal.store(key, &claim.entry, expected.as_ref()).await {
                Ok(Written::Done { version, hold }) => {
                    claim.version = Some(version);
                    claim.hold = Some(hold);
                    return Ok(Ok(claim));
                }
                Ok(Written::Conflict(Some(other))) if is_of(&other.entry, &owner) => {
                    // By a try whose response was lost. It counts, unless a lock is to be taken.
                    if other.is_held.is_none() {
                        claim.version = Some(other.version);
                        return Ok(Ok(claim));
                    }
                    expected = Some(other.version);
                    JournalError::unavailable("the key could not be locked")
                }
                Ok(Written::Conflict(other)) => return Ok(Err(other.map(|other| *other))),
                Err(error) => error,
            };
            if let Err(error) = self.pause_after(error, &mut pauses, reply).await {
                // The journal may have it all the same.
                self.unsettled = Some(claim);
                return Err(error);
            }
        }
    }

    /// Looks how the run of a key is. `recorded`: how it has ended, as the journal says.
    async fn look(&self, id: &SessionId, recorded: Option<RunStatus>) -> Look {
        let call = || {
            CallOptions {
                deadline: self.start.deadline,
                retry: self.start.retry.clone(),
                ..CallOptions::default()
            }
            .for_run(id.clone())
        };
        // One that cannot be read is attached to: whoever waits for it learns why.
        let attached = || Look::Is(Once::Attached(id.clone()));
        let read = self.api.read_status(call()).await;
        let status = match (read, &recorded) {
            (Ok(status), _) if status.is_terminal() => status,
            (Err(_), Some(status)) => status.clone(),
            _ => return attached(),
        };
        if status != RunStatus::Completed && self.start.restart == Restart::Failed {
            return Look::Failed(status);
        }
        let Ok(run) = self.api.read_run(call()).await else {
            return attached();
        };
        if !run.status.is_terminal() {
            return attached();
        }
        if recorded.as_ref() != Some(&run.status) {
            let (journal, key) = (&*self.start.journal, &*self.start.key);
            record_end(self.api, journal, key, None, id, &run.status).await;
        }
        Look::Is(Once::Ended(Box::new(run)))
    }
}

/// Whether it is the claim of this owner.
fn is_of(entry: &Entry, name: &str) -> bool {
    matches!(&entry.state, State::Claimed { owner, .. } if owner == name)
}

/// What is returned of a key that somebody else is starting.
fn in_flight(stored: Option<&Stored>) -> Once {
    Once::Unknown {
        since: stored.map_or_else(SystemTime::now, |stored| stored.at),
        reason: "another program is starting the run, and has not said yet what came of it".into(),
    }
}
