//! A key starts one run, also if the process dies.

mod dead_claims;
mod drops;
mod failing_journals;
mod file_damage;
mod file_journal;
mod keys;
mod kills;
mod late_ids;
mod many_runs;
mod waits;

use crate::support::fault_server::FaultServer;

const KEY: &str = "nightly/2026-11-25";

/// How often a run was started.
fn triggers(server: &FaultServer) -> usize {
    let operations = server.operations();
    let is_trigger = |operation: &&String| operation.starts_with("Trigger");
    operations.iter().filter(is_trigger).count()
}
