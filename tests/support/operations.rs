//! The names of the operations, and how often a server has seen one.

use crate::support::fault_server::{FaultServer, Seen};

pub(crate) const TRIGGER: &str = "TriggerDinoaiAgentRun";
pub(crate) const SEND: &str = "SendDinoaiAgentMessage";
pub(crate) const STOP: &str = "StopDinoaiAgentRun";
pub(crate) const READ: &str = "DinoaiAgentRun";
pub(crate) const STATUS: &str = "DinoaiAgentRunStatus";
pub(crate) const STATUSES: &str = "DinoaiAgentRunStatuses";
pub(crate) const DIGEST: &str = "DinoaiAgentRunDigest";
pub(crate) const STEPS: &str = "DinoaiAgentRunSteps";

/// How many requests with this operation have arrived whole.
pub(crate) fn sent(server: &FaultServer, operation: &str) -> usize {
    let operations = server.operations();
    operations.iter().filter(|name| *name == operation).count()
}

/// Whether a request reads statuses alone.
pub(crate) fn is_poll(seen: &Seen) -> bool {
    [STATUSES, STATUS].contains(&seen.operation.as_str())
}
