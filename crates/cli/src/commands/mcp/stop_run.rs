//! `stop_run`: stops a run.

use dinoai::RunStatus;
use rmcp::schemars::{self, JsonSchema};
use serde::{Deserialize, Serialize};

use super::deadline::Deadline;
use super::reply::{Reply, result};
use super::shared::Shared;

pub(super) const NAME: &str = "stop_run";

pub(super) const DESCRIPTION: &str = "\
Stops a run that is in progress; what the agent was doing is lost. Only where the user wants that, or where \
the run was started by mistake. A run that has ended is left as it is. Runs that it has started itself go on: \
get_run names them (child_session_ids), and each is stopped by a call of its own. Stopping twice does no harm.";

/// Which run.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    /// The run, as start_agent or list_runs has named it.
    session_id: String,
}

/// The run has been stopped, or had ended before.
#[derive(Serialize, JsonSchema)]
pub(super) struct Stopped {
    session_id: String,
    /// STOPPED, or how the run had ended before.
    status: String,
}

/// What is replied while that is not known.
pub(super) const LATE: &str = "\
No answer has come in time, and the request goes on: get_run shows whether the run has ended. Stopping it \
again does no harm.";

pub(super) async fn stop_run(
    shared: &Shared<'_>,
    arguments: Arguments,
    deadline: Deadline,
) -> Reply {
    let conversation = shared.conversation(&arguments.session_id)?;
    let stop = conversation.session.stop().timeout(deadline.left()).await;
    let accepted = stop.map_err(|error| {
        shared.problem(error, "The run may still be in progress: get_run shows it.")
    })?;
    let status = RunStatus::from(accepted.status);
    shared.note_end(&conversation, &status).await;
    result(&Stopped {
        session_id: accepted.session_id.to_string(),
        status: status.to_string(),
    })
}
