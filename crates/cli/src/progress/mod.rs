//! What a command waits for ([`waiting_for`]), since when ([`heartbeat`]), and whose polls fail
//! ([`outages`]): what the line on a terminal and the notes elsewhere say.

pub(crate) mod heartbeat;
pub(crate) mod outages;
pub(crate) mod waiting_for;

pub(crate) use heartbeat::Heartbeat;
pub(crate) use outages::{OutageSummary, Outages};
pub(crate) use waiting_for::WaitingFor;
