//! How a run is polled: [`PollOptions`] say how long and how often, [`Schedule`] when next,
//! [`tolerance`] which failed polls a wait survives, and [`Poller`] holds them together.

mod completed;
mod options;
mod outage;
mod poller;
mod schedule;
mod shared_polls;
mod stall;
mod tolerance;

pub use options::{OnTimeout, PollOptions};
pub use outage::Outage;
pub use schedule::Schedule;

pub(crate) use completed::completed;
pub(crate) use options::{example, grace_period_setter, outage_setter, poll_setters, stall_setter};
pub(crate) use outage::{FailedPolls, OnOutage};
pub(crate) use poller::Poller;
pub(crate) use tolerance::Tolerance;
