//! `dinoai doctor`: checks the way to the API, and what it supports, without starting anything.
//!
//! [`open`] takes the account, or reports why there is none; [`doctor`] reaches for the endpoint
//! ([`endpoint`]), probes the backend with the library, finds what stands in the way of everything else
//! ([`verdict`]), asks the backend for its schema ([`moved`]), and makes a [`Report`] of it ([`checks`],
//! [`features`]), in which each failure says what to do ([`advice`]).

mod advice;
mod checks;
mod endpoint;
mod features;
mod moved;
mod report;
mod verdict;

use std::time::SystemTime;

use dinoai::{Client, Features};

use super::context::Context;
use crate::account::{self, Scope};
use crate::args::GlobalArgs;
use crate::output::Output;
use crate::report::hint::AccountOptions;
use crate::report::{ExitStatus, Failure};
use checks::{Account, read, server_clock, trigger};
use endpoint::Reached;
use moved::Moved;
use report::{Check, Report};
use verdict::Barrier;

/// The account to look at. A company token will do without a workspace. If there is none, the report
/// says why, and the exit status is returned in its place.
pub(super) fn open(global: &GlobalArgs, output: &Output) -> Result<account::Account, ExitStatus> {
    let open = |scope| account::Account::open(global, scope, output);
    let opened = open(Scope::Workspace).or_else(|failure| {
        match account::Account::lacks_workspace_alone(&failure) {
            true => open(Scope::Company),
            false => Err(failure),
        }
    });
    opened.map_err(|failure| {
        let fix = failure.hint.unwrap_or_else(|| {
            "check the options, the environment and the credentials file, or run `dinoai login`"
                .to_owned()
        });
        let report = Report {
            checks: vec![Check::failed("account", failure.message, failure.exit, fix)],
            features: vec![],
        };
        report.show(output);
        output.block_until_written(None);
        report.exit_status()
    })
}

pub(super) async fn doctor(
    context: Context<'_>,
    global: &GlobalArgs,
) -> Result<ExitStatus, Failure> {
    let Context {
        client,
        output,
        interrupts,
        is_emulated,
    } = context;
    output.show_activity("checking");
    let found = tokio::select! {
        found = look(client, global) => found,
        signal = interrupts.next() => return Err(Failure::interrupted_idle(signal)),
    };
    output.clear_progress();
    let sources = match is_emulated {
        true => "those of the emulator",
        false => client.sources().unwrap_or("those of the options"),
    };
    let account = Account {
        origin: &client.endpoint_origin(),
        reached: &found.reached,
        sources,
        uid: client.workspace_uid(),
        is_workspace_listed: found.is_workspace_listed,
        barrier: found.barrier.as_ref(),
    };
    let options = AccountOptions::of(global);
    let report = report(&found, &account, |hint| options.complete(hint));
    report.show(output);
    tokio::select! {
        () = output.until_written() => {}
        signal = interrupts.next() => return Err(Failure::interrupted_idle(signal)),
    }
    match output.stdout_error() {
        Some(lost) if !lost.is_closed => Err(lost.failure("")),
        _ => Ok(report.exit_status()),
    }
}

/// What was found.
struct Found {
    reached: Reached,
    /// When the probe began and ended.
    probe_time: (SystemTime, SystemTime),
    /// None if the probe failed: the barrier has its error.
    probed: Option<Features>,
    barrier: Option<Barrier>,
    /// Whether the credentials are known to reach the workspace that is named.
    is_workspace_listed: bool,
    moved: Moved,
}

async fn look(client: &Client, global: &GlobalArgs) -> Found {
    let reached = endpoint::reach(client.endpoint_origin()).await;
    let begun = SystemTime::now();
    let probed = client.probe().await;
    let probe_time = (begun, SystemTime::now());
    let (probed, barrier) = match probed {
        Ok(probed) => {
            let barrier = Barrier::of(&probed);
            (Some(probed), barrier)
        }
        Err(error) => (None, Some(Barrier::of_error(error))),
    };
    let (barrier, is_workspace_listed) = match &probed {
        Some(probed) if verdict::may_be_the_workspace(probed) => {
            look_for_workspace(client, global, barrier).await
        }
        _ => (barrier, false),
    };
    let moved = match (&probed, &barrier) {
        (Some(probed), None) => moved::look(client, probed).await,
        (_, Some(barrier)) => Moved::not_tested(barrier.see()),
        (None, None) => Moved::default(),
    };
    Found {
        reached,
        probe_time,
        probed,
        barrier,
        is_workspace_listed,
        moved,
    }
}

/// What stands in the way, where it may be the workspace that is named: asks which ones the credentials
/// reach, which needs none.
async fn look_for_workspace(
    client: &Client,
    global: &GlobalArgs,
    barrier: Option<Barrier>,
) -> (Option<Barrier>, bool) {
    let Some(uid) = client.workspace_uid() else {
        return (barrier, false);
    };
    let Ok(company) = account::company_client(global) else {
        return (barrier, false);
    };
    match company.list_workspaces().await {
        Ok(known) => {
            let barrier = Barrier::of_workspace(barrier, &uid, &known);
            let is_listed = !matches!(barrier, Some(Barrier::WrongWorkspace));
            (barrier, is_listed)
        }
        Err(_) => (barrier, false),
    }
}

/// The report of what was found. `complete` makes a hint of commands one for this account.
fn report(
    found: &Found,
    account: &Account<'_>,
    complete: impl Fn(&str) -> Option<String>,
) -> Report {
    let probed = found.probed.as_ref();
    let barrier = found.barrier.as_ref();
    let (begun, ended) = found.probe_time;
    let clock = probed.and_then(|it| it.server_time);
    let checks = [
        Some(account.endpoint()),
        clock.map(|server| server_clock(server, begun, ended)),
        Some(account.credentials(probed)),
        Some(account.workspace(probed)),
        Some(read(probed.map(|it| &it.read), barrier)),
        Some(trigger(probed, barrier, complete)),
        found.moved.check.clone(),
    ];
    Report {
        checks: checks.into_iter().flatten().collect(),
        features: match probed {
            Some(probed) => features::rows(probed, barrier, &found.moved),
            None => vec![],
        },
    }
}
