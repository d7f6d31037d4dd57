//! [`Scheduler`]: the status polls of all waits of a client. Waits that go on at the same time share
//! requests: one reads up to 50 runs.
//!
//! A wait joins ([`Member`]) and leaves when it is dropped. A wait for one run that is the only one polls
//! by itself. Otherwise it puts each look at a run in a [`queue`], and a task of its own ([`driver`])
//! sends what is due, filled up with what is due soon: so no wait holds up another, however slowly
//! its caller goes on. Each wait decides by itself what it makes of a look, and when the next is due.

mod driver;
mod look;
mod member;
mod queue;
mod shared;

use std::time::Duration;

use super::status_batch::StatusBatch;
pub(crate) use super::status_batch::{Reading, Wanted};
pub(crate) use look::{BatchFailures, Found, Look, Looked, SlotLooked};
pub(crate) use member::{Member, Scheduler, is_lost, on_task};

/// How many runs one request reads at most.
pub(crate) const BATCH: usize = StatusBatch::LARGEST_KEPT;
/// How many requests of the waits of a client are in flight at a time.
pub(crate) const REQUESTS: usize = 8;
/// How many of these read a run whole, so that reads never hold up the polls of others.
pub(crate) const READS: usize = REQUESTS - 1;
/// How many more there may be for runs whose deadline has come.
pub(crate) const LAST_LOOKS: usize = 32;
/// How long the last look may take, which comes at the deadline.
pub(crate) const LAST_LOOK: Duration = Duration::from_secs(5);
/// How long a delay that the server asks for is obeyed at the longest.
pub(crate) const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(60);
/// How long after its beginning a wait among others looks first at the latest, so that it can share
/// a request.
pub(crate) const FIRST_POLL: Duration = Duration::from_secs(1);

/// Whether a response that came then is too old now to be the last look at a run: by more than what is looked
/// at, or read, after it takes as a rule, which is a last look.
pub(crate) fn is_old(answered_at: Duration, now: Duration) -> bool {
    answered_at.saturating_add(LAST_LOOK * 2) < now
}
