//! What a command waits for, since when, and what keeps it waiting: what the line on a terminal and
//! the notes elsewhere say.

pub(crate) mod heartbeat;
pub(crate) mod outages;
pub(crate) mod waiting_for;

pub(crate) use heartbeat::Heartbeat;
pub(crate) use outages::{OutageSummary, Outages};
pub(crate) use waiting_for::WaitingFor;
