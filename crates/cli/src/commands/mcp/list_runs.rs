//! `list_runs`: what the journal knows.

use rmcp::schemars::{self, JsonSchema};
use serde::{Deserialize, Serialize};

use super::reply::{Problem, Reply, result};
use super::shared::Shared;
use crate::commands::keys::KeyEntry;

pub(super) const NAME: &str = "list_runs";

pub(super) const DESCRIPTION: &str = "\
Lists the runs in the journal of this server, newest first, with their keys: what this server and the command \
`dinoai` have started with that journal, by default on this machine, in the user's account. It is no list of \
all runs of the workspace: what was started elsewhere (in Paradime's app, Slack, on other machines) is not in \
it. Sends nothing: `state` and `status` are what was recorded last, and an end is recorded when wait_run, \
get_run or the command sees it. A run that is listed as `started` may have ended since, and one that has ended \
may have been woken by a message: get_run reads how a run is now. Use it to find a session_id again, or to see \
which keys are taken.";

/// How many.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    /// How many runs to list at most, 20 by default. More than 200 counts as 200.
    limit: Option<u32>,
}

/// What was started from here.
#[derive(Serialize, JsonSchema)]
pub(super) struct Listed {
    /// Newest first.
    runs: Vec<Run>,
    /// How many older ones are left out: a larger `limit` shows them.
    left_out: usize,
    /// How many of other accounts or workspaces are left out. They cannot be read here.
    of_other_accounts: usize,
}

/// A key, and its run.
#[derive(Serialize, JsonSchema)]
struct Run {
    /// The key that the run was started by; the command makes one for a run without.
    key: String,
    /// As recorded last: `started`; `ended`; `claimed`: somebody is starting it now; `free`: nothing was started; `unknown`: a
    /// run may have been started, and nobody knows.
    state: &'static str,
    agent: Option<String>,
    session_id: Option<String>,
    /// How it had ended when that was recorded last; null if no end was.
    status: Option<String>,
    /// Why nothing was started, or nobody knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// When its run was started, or was to be.
    at: String,
    age_seconds: u64,
    /// Other runs that were started by the key.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    other_session_ids: Vec<String>,
}

impl Run {
    fn of(entry: &KeyEntry<'_>) -> Self {
        let other_session_ids = entry.other_session_ids.iter().map(ToString::to_string);
        Self {
            key: entry.key.to_owned(),
            state: entry.state,
            agent: entry.agent.map(str::to_owned),
            session_id: entry.session_id.map(ToString::to_string),
            status: entry.status.map(ToString::to_string),
            reason: entry.reason.map(str::to_owned),
            at: entry.at.clone(),
            age_seconds: entry.age_seconds,
            other_session_ids: other_session_ids.collect(),
        }
    }
}

pub(super) async fn list_runs(shared: &Shared<'_>, arguments: Arguments) -> Reply {
    const DEFAULT: u32 = 20;
    const MOST: u32 = 200;

    let ledger = shared.ledger.as_ref();
    let ledger = ledger.map_err(|failure| Problem::new(&failure.message))?;
    let mut all = ledger
        .all()
        .await
        .map_err(|failure| Problem::new(failure.message))?;
    let count = all.len();
    all.retain(|(_, stored)| shared.client.owns_key(&stored.entry));
    let limit = arguments.limit.unwrap_or(DEFAULT).min(MOST);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let shown = all.iter().take(limit);
    let shown = shown.map(|(key, stored)| Run::of(&KeyEntry::of(key, stored)));
    result(&Listed {
        runs: shown.collect(),
        left_out: all.len().saturating_sub(limit),
        of_other_accounts: count - all.len(),
    })
}
