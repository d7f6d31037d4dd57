//! What a command waits for ([`waiting_for`]), since when ([`heartbeat`]), and whose polls fail
//! ([`outages`]). It shows none of it: that is done in `output/live_line.rs`.

pub(crate) mod heartbeat;
pub(crate) mod outages;
pub(crate) mod waiting_for;

pub(crate) use heartbeat::Heartbeat;
pub(crate) use outages::{OutageSummary, Outages};
pub(crate) use waiting_for::WaitingFor;
