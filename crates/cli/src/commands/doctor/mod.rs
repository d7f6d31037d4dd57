//! `dinoai doctor`: checks the way to the API, and what it supports, without starting anything.
//!
//! [`open`] takes the account, or reports why there is none; [`doctor`] reaches for the endpoint
//! ([`endpoint`]), probes the backend with the library, asks it for its schema ([`moved`]), and makes a
//! [`Report`] of it ([`checks`], [`features`]).

mod checks;
mod endpoint;
mod features;
mod moved;
mod report;

use dinoai::{Access, Error};

use super::context::Context;
use crate::account::{Account, Scope};
use crate::args::GlobalArgs;
use crate::output::Output;
use crate::report::{ExitStatus, Failure};
use checks::{credentials, executed, read, server_clock, trigger, unreached, workspace};
use endpoint::Reached;
use moved::Moved;
use report::{Check, Report};

/// The account to look at. A company token will do without a workspace. If there is none, the report
/// says why, and the exit status is returned in its place.
pub(super) fn open(global: &GlobalArgs, output: &Output) -> Result<Account, ExitStatus> {
    let opened = Account::open(global, Scope::Workspace, output).or_else(|failure| {
        match Account::lacks_workspace_alone(&failure) {
            true => Account::open(global, Scope::Company, output),
            false => Err(failure),
        }
    });
    opened.map_err(|failure| {
        let report = Report {
            checks: vec![Check::failed("account", &failure)],
            features: vec![],
        };
        report.show(output);
        output.block_until_written(None);
        report.exit_status()
    })
}

pub(super) async fn doctor(context: Context<'_>) -> Result<ExitStatus, Failure> {
    let Context {
        client,
        output,
        interrupts,
        is_emulated,
    } = context;
    output.show_activity("checking");
    let looked = async {
        let reached = endpoint::reach(client.endpoint_origin()).await;
        let probed = client.probe().await;
        let moved = match probed {
            Ok(_) => moved::look(client).await,
            Err(_) => Moved::default(),
        };
        (reached, probed, moved)
    };
    let (reached, probed, moved) = tokio::select! {
        looked = looked => looked,
        signal = interrupts.next() => return Err(Failure::interrupted_idle(signal)),
    };
    output.clear_progress();
    let origin = client.endpoint_origin();
    let sources = match is_emulated {
        true => "those of the emulator",
        false => client.sources().unwrap_or("those of the options"),
    };
    let needs_one = match &probed {
        Ok(features) => matches!(
            features.read,
            Access::NotChecked {
                error: Error::InvalidConfig { .. },
                ..
            }
        ),
        Err(_) => false,
    };
    let workspace = workspace(client.workspace_uid(), needs_one);
    let report = match probed {
        Ok(probed) => Report {
            checks: [
                Some(reached_check(&origin, &reached)),
                probed.server_time.map(server_clock),
                Some(credentials(sources, &probed)),
                Some(workspace),
                Some(read(&probed.read)),
                Some(trigger()),
                moved.check.clone(),
            ]
            .into_iter()
            .flatten()
            .collect(),
            features: probed
                .iter()
                .map(|feature| features::row(feature, &moved))
                .collect(),
        },
        Err(error) if error.may_have_started() => Report {
            checks: vec![
                reached_check(&origin, &reached),
                Check::not_tested("credentials", sources.to_owned()),
                workspace,
                Check::not_tested("read", "nothing more was asked".to_owned()),
                executed(error),
            ],
            features: vec![],
        },
        Err(error) => Report {
            checks: unreached_checks(&origin, &reached, error, sources, workspace),
            features: vec![],
        },
    };
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

/// The endpoint, once it has answered.
fn reached_check(origin: &str, reached: &Reached) -> Check {
    let tls = match origin.starts_with("https:") {
        true => "TLS with a certificate that is trusted",
        false => "plain http",
    };
    Check::ok("endpoint", format!("{origin}: {reached}, {tls}"))
}

/// What is known where the endpoint has not answered.
fn unreached_checks(
    origin: &str,
    reached: &Reached,
    error: Error,
    sources: &str,
    workspace: Check,
) -> Vec<Check> {
    vec![
        unreached(origin, reached, error),
        Check::not_tested("credentials", sources.to_owned()),
        workspace,
        Check::not_tested("read", "the endpoint has not answered".to_owned()),
        trigger(),
    ]
}
