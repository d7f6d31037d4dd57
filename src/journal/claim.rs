//! [`Claim`]: a claim that is held.

use std::time::{Duration, SystemTime};

use super::entry::Entry;
use super::restart::Before;
use super::store::{Hold, Version};
use crate::time::BootTime;

/// A claim that is held, until it is dropped.
pub(super) struct Claim {
    pub(super) entry: Entry,
    pub(super) owner: String,
    /// `None` where it is not known whether the journal has it.
    pub(super) version: Option<Version>,
    pub(super) since: SystemTime,
    /// Until when its request may leave, and how long that is at most.
    pub(super) leaves_before: BootTime,
    pub(super) limit: Duration,
    /// What the key was before, if it is started again.
    pub(super) before: Option<Before>,
    /// What others know it by, if anything.
    pub(super) hold: Option<Hold>,
}
