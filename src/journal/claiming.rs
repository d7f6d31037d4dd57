//! [`Claims`]: claims a key, or says what was found under it.

use std::time::{Duration, SystemTime};

use super::bounded::bounded;
use super::claim::Claim;
use super::entry::{Entry, RequestDigest, State};
use super::once::{Keyed, Once};
use super::pauses::Pauses;
use super::record::record_end;
use super::restart::{Before, EarlierRun, Restart};
use super::rules::{self, Found, after_death, check_owner, found, is_owners};
use super::store::{Stored, Written};
use crate::error::{Error, JournalError, Result};
use crate::model::{RunStatus, SessionId};
use crate::operations::Api;
use crate::operations::documents::TriggerDinoaiAgentRun;
use crate::time::BootTime;
use crate::transport::{CallOptions, Operation};

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

/// How long the journal has been tried.
struct Tries {
    since: Duration,
    pauses: Pauses,
}

/// Claims a key.
pub(super) struct Claims<'a> {
    pub(super) account: String,
    pub(super) digest: RequestDigest,
    pub(super) api: &'a Api,
    pub(super) start: &'a Keyed,
    /// The name of this call in its claims, which no other has.
    pub(super) owner: String,
    /// A claim that failed, and that the journal may have all the same.
    pub(super) unsettled: Option<Claim>,
}

impl Claims<'_> {
    /// Claims the key, or says what was found.
    pub(super) async fn claim(&mut self) -> Result<Claimed> {
        let key = &self.start.key;
        // Most likely there is nothing: if there is, the claim itself says so.
        let mut stored: Option<Stored> = None;
        let mut pauses = Pauses::new();
        let mut has_waited = false;
        let mut first = None;
        loop {
            check_owner(stored.as_ref(), key, &self.account, &self.digest)?;
            if self.is_given_up() {
                return Err(Error::closed(TriggerDinoaiAgentRun::INFO.call()));
            }
            let state = stored.as_ref().map(|stored| stored.entry.state.clone());
            let before = match found(stored.as_ref()) {
                Found::Free => match state {
                    Some(State::Free { retried: true, .. }) => state.map(Before::Was),
                    _ => None,
                },
                // By a try of this call's whose response was lost: nothing was sent.
                _ if stored
                    .as_ref()
                    .is_some_and(|it| is_owners(&it.entry, &self.owner)) =>
                {
                    None
                }
                Found::InFlight { lapses_in } => {
                    // Also where the store's clock stands still.
                    let is_over = pauses.total() > TRIGGER + MARGIN;
                    if lapses_in.is_zero() || is_over || self.time_left().is_zero() {
                        return Ok(Claimed::No(in_flight(stored.as_ref())));
                    }
                    has_waited = true;
                    self.pause(pauses.next()).await;
                    stored = self.load().await?;
                    continue;
                }
                Found::Dead { .. } => {
                    // Nobody else has tried it.
                    has_waited = false;
                    stored = self.bury(stored).await?;
                    continue;
                }
                Found::Unknown { since, reason } => {
                    // Of another owner by now: it has been tried meanwhile.
                    let is_first = *first.get_or_insert_with(|| state.clone()) == state;
                    let is_restarted =
                        self.start.restart == Restart::Unknown && is_first && !has_waited;
                    match state.filter(|_| is_restarted) {
                        Some(state) => Some(Before::Was(state)),
                        None => return Ok(Claimed::No(Once::Unknown { since, reason })),
                    }
                }
                Found::Run(id, status) => match self.look(&id, status).await {
                    Look::Is(once) => return Ok(Claimed::No(once)),
                    Look::Failed(status) => Some(Before::Failed(EarlierRun {
                        session_id: id,
                        status,
                    })),
                },
            };
            match self.try_to_claim(stored.as_ref(), before).await? {
                Ok(claim) => return Ok(Claimed::Now(Box::new(claim))),
                Err(other) => stored = other,
            }
            // Another was faster, or has not let go of the key yet.
            if self.time_left().is_zero() {
                return Ok(Claimed::No(in_flight(stored.as_ref())));
            }
            self.pause(pauses.next()).await;
        }
    }

    fn time_left(&self) -> Duration {
        let now = self.api.clock().now();
        let deadline = self.start.deadline.unwrap_or(Duration::MAX);
        deadline.saturating_sub(now)
    }

    /// Whether the call was dropped, or the client closed.
    fn is_given_up(&self) -> bool {
        self.api.closed().is_cancelled() || self.start.given_up.is_cancelled()
    }

    /// Pauses, until the deadline or until the call is given up at the longest.
    async fn pause(&self, pause: Duration) {
        let paused = self.api.clock().sleep(pause.min(self.time_left()));
        let paused = self.api.closed().run_until_cancelled(paused);
        self.start.given_up.run_until_cancelled(paused).await;
    }

    /// Pauses after a failure of the journal, or gives it back if trying again is not worth it.
    async fn pause_after(&self, error: JournalError, tries: &mut Tries) -> Result<()> {
        let lasted = self.api.clock().now().saturating_sub(tries.since);
        let is_final = !error.is_transient() || lasted > PATIENCE;
        if is_final || self.time_left().is_zero() || self.is_given_up() {
            return Err(Error::Journal {
                key: self.start.key.clone(),
                source: error,
            });
        }
        tracing::debug!(%error, "the journal failed; trying again");
        self.pause(tries.pauses.next()).await;
        Ok(())
    }

    fn tries(&self) -> Tries {
        Tries {
            since: self.api.clock().now(),
            pauses: Pauses::new(),
        }
    }

    async fn load(&self) -> Result<Option<Stored>> {
        let (journal, key) = (&self.start.journal, &self.start.key);
        let mut tries = self.tries();
        loop {
            match bounded(self.api, journal.load(key)).await {
                Ok(stored) => return Ok(stored),
                Err(error) => self.pause_after(error, &mut tries).await?,
            }
        }
    }

    /// Makes a dead claim unknown.
    async fn bury(&self, dead: Option<Stored>) -> Result<Option<Stored>> {
        let Some((dead, next)) = dead.and_then(|dead| {
            let next = after_death(&dead)?;
            Some((dead, next))
        }) else {
            return Ok(None);
        };
        let (journal, key) = (&self.start.journal, &self.start.key);
        let mut tries = self.tries();
        loop {
            match bounded(self.api, journal.store(key, &next, Some(&dead.version))).await {
                Ok(Written::Done { version, .. }) => {
                    return Ok(Some(Stored::new(next, version, dead.at, Duration::ZERO)));
                }
                Ok(Written::Conflict(other)) => return Ok(other.map(|other| *other)),
                Err(error) => self.pause_after(error, &mut tries).await?,
            }
        }
    }

    /// Stores a claim, or gives what is stored instead.
    async fn try_to_claim(
        &mut self,
        stored: Option<&Stored>,
        before: Option<Before>,
    ) -> Result<Result<Claim, Option<Stored>>> {
        let retry = self.start.retry.as_ref().unwrap_or(self.api.retry());
        let limit = TRIGGER.min(retry.call_timeout()).min(self.time_left());
        let owner = &self.owner;
        let now = SystemTime::now();
        let claim = Entry {
            state: State::Claimed {
                owner: owner.clone(),
                lease: limit + MARGIN,
            },
            other_runs: vec![],
            claimed_at: Some(now),
            account: self.account.clone(),
            request: self.digest.clone(),
        };
        let mut claim = Claim {
            entry: rules::claim(stored, claim),
            owner: owner.clone(),
            version: None,
            since: now,
            leaves_before: BootTime::now().after(limit),
            limit,
            before,
            hold: None,
        };
        let (journal, key) = (&self.start.journal, &self.start.key);
        let mut expected = stored.map(|stored| stored.version.clone());
        let mut tries = self.tries();
        loop {
            let store = journal.store(key, &claim.entry, expected.as_ref());
            let error = match bounded(self.api, store).await {
                Ok(Written::Done { version, hold }) => {
                    claim.version = Some(version);
                    claim.hold = Some(hold);
                    return Ok(Ok(claim));
                }
                Ok(Written::Conflict(Some(other))) if is_of(&other.entry, owner) => {
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
            if let Err(error) = self.pause_after(error, &mut tries).await {
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

/// A name that no other call has, also where this machine's memory was copied.
pub(super) fn new_owner() -> String {
    let mut bytes = [0; 8];
    // Where the system has no random numbers, there is no TLS either.
    let number = match aws_lc_rs::rand::fill(&mut bytes) {
        Ok(()) => u64::from_ne_bytes(bytes),
        Err(_) => fastrand::u64(..),
    };
    format!("{}-{number:016x}", std::process::id())
}

/// What is returned of a key that somebody else is starting.
fn in_flight(stored: Option<&Stored>) -> Once {
    Once::Unknown {
        since: stored.map_or_else(SystemTime::now, |stored| stored.at),
        reason: "another program is starting the run, and has not said yet what came of it".into(),
    }
}
