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

use dinoai::{Access, Client, Features, Retry, Support, Workspace};

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
    let opened = account::Account::open(global, Scope::Workspace, output).or_else(|failure| {
        match account::Account::lacks_workspace_alone(&failure) {
            true => account::Account::without_workspace(global),
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
        workspaces: found.workspaces.as_deref(),
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
    /// Those that the credentials reach, if they were asked for and are known.
    workspaces: Option<Vec<Workspace>>,
    barrier: Option<Barrier>,
    moved: Moved,
}

async fn look(client: &Client, global: &GlobalArgs) -> Found {
    let reached = endpoint::reach(client.endpoint_origin()).await;
    let begun = SystemTime::now();
    let probed = client.probe().retry(once_more()).await;
    let probe_time = (begun, SystemTime::now());
    let (probed, workspaces, barrier) = match probed {
        Ok(probed) => {
            let listed = workspaces(client, global, &probed).await;
            let uid = client.workspace_uid();
            let barrier = Barrier::of(&probed, uid.as_deref(), listed.as_ref());
            (Some(probed), listed.and_then(Result::ok), barrier)
        }
        Err(error) => (None, None, Some(Barrier::of_error(error))),
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
        workspaces,
        barrier,
        moved,
    }
}

/// Somebody waits for the report, and what fails twice is worth reporting.
fn once_more() -> Retry {
    Retry::default().with_attempts(2)
}

/// The workspaces that the credentials reach. Asks for them, which needs none, if the probe leaves open whether
/// the credentials are accepted, or reach the one that is named.
async fn workspaces(
    client: &Client,
    global: &GlobalArgs,
    probed: &Features,
) -> Option<dinoai::Result<Vec<Workspace>>> {
    let uid = client.workspace_uid();
    let is_open = uid.is_some() || !matches!(probed.read, Access::Granted);
    let may_list = matches!(
        probed.list_workspaces,
        Support::Supported | Support::Refused { .. }
    );
    if !is_open || !may_list {
        return None;
    }
    let company = match uid {
        Some(_) => account::company_client(global).ok()?,
        None => client.clone(),
    };
    Some(company.list_workspaces().retry(once_more()).await)
}

/// The report of what was found. `complete` makes a hint of commands one for this account.
fn report(
    found: &Found,
    account: &Account<'_>,
    complete: impl Fn(&str) -> Option<String> + Copy,
) -> Report {
    let probed = found.probed.as_ref();
    let barrier = found.barrier.as_ref();
    let (begun, ended) = found.probe_time;
    let clock = probed.and_then(|it| it.server_time);
    let checks = [
        Some(account.endpoint()),
        clock.map(|server| server_clock(server, begun, ended)),
        Some(account.credentials(probed)),
        Some(account.workspace(probed, complete)),
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
