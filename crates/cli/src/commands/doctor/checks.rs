//! The checks, from what was found to their line in the report.

use std::time::{Duration, SystemTime};

use dinoai::{Access, Error, Features, Support};

use super::endpoint::Reached;
use super::report::{Check, Outcome};
use crate::report::{ExitStatus, Failure};

/// How far two clocks may be apart.
const APART: Duration = Duration::from_secs(60);

/// The endpoint, where it has not answered.
pub(super) fn unreached(origin: &str, reached: &Reached, error: Error) -> Check {
    let is_limited = matches!(error, Error::RateLimited { .. });
    let failure = Failure::from(error);
    if is_limited {
        return Check::failed("endpoint", &failure).with_fix("run `dinoai doctor` again later");
    }
    let text = match reached {
        Reached::Connected { .. } | Reached::Proxied(_) => {
            format!("{origin}: {reached}, but {}", failure.message)
        }
        // The request says the same.
        Reached::Unresolved(_) | Reached::Unconnected { .. } => format!("{origin}: {reached}"),
    };
    Check::new("endpoint", Outcome::Failed, text, failure.exit)
        .with_fix("check PARADIME_API_ENDPOINT (or --endpoint), the network and its proxy")
}

/// The server's clock beside this machine's.
pub(super) fn server_clock(server: SystemTime) -> Check {
    let now = SystemTime::now();
    let (apart, direction) = match now.duration_since(server) {
        Ok(ahead) => (ahead, "ahead of"),
        Err(behind) => (behind.duration(), "behind"),
    };
    if apart <= APART {
        return Check::ok("clock", "as the server's".to_owned());
    }
    let apart = Duration::from_secs(apart.as_secs());
    let text = format!("this machine is {apart:?} {direction} the server");
    Check::warning(
        "clock",
        text,
        "set this machine's clock: certificates depend on it",
    )
}

/// The credentials, by what was refused.
pub(super) fn credentials(sources: &str, probed: &Features) -> Check {
    let is_refused = |support: &Support| {
        matches!(
            support,
            Support::NotChecked {
                error: Error::Unauthorized { .. },
                ..
            }
        )
    };
    let all_refused = probed.iter().all(|feature| is_refused(feature.support));
    if !all_refused {
        return Check::ok("credentials", sources.to_owned());
    }
    let text = format!("{sources}: the server refuses them");
    Check::new("credentials", Outcome::Failed, text, ExitStatus::Refused).with_fix(
        "check that key and secret (or the token) are right for this endpoint and its region, or run \
         `dinoai login`",
    )
}

/// The workspace; `needs_one`: whether the credentials are for several.
pub(super) fn workspace(uid: Option<String>, needs_one: bool) -> Check {
    match uid {
        Some(uid) => Check::ok("workspace", uid),
        None if needs_one => Check::not_tested("workspace", "none is named".to_owned()),
        None => Check::ok("workspace", "that of the credentials".to_owned()),
    }
}

/// The capability to read.
pub(super) fn read(access: &Access) -> Check {
    const NAME: &str = "read";
    match access {
        Access::Granted => Check::ok(NAME, "granted (dinoai:agent:read)".to_owned()),
        Access::Refused { error, .. } => {
            let text = format!("refused (dinoai:agent:read){}", status(error));
            Check::new(NAME, Outcome::Failed, text, ExitStatus::Refused)
                .with_fix("give the key the capability dinoai:agent:read, which Paradime's settings call DinoAI agent API")
        }
        Access::NotChecked { error, .. } => match error {
            Error::InvalidConfig { .. } => {
                let text = "a company token needs a workspace for runs".to_owned();
                Check::new(NAME, Outcome::Failed, text, ExitStatus::Usage)
                    .with_fix("name one with --workspace UID or PARADIME_WORKSPACE_UID; `dinoai workspaces` lists them")
            }
            // Neither a refusal nor a failure: the server executed the read, and says something else.
            Error::GraphQl { executed: true, .. } | Error::NotAccepted { .. }
                if !error.is_retryable() =>
            {
                Check::not_tested(NAME, Failure::from(error.clone()).message)
            }
            error => Check::failed(NAME, &Failure::from(error.clone())),
        },
        other => Check::not_tested(NAME, format!("{other:?}")),
    }
}

fn status(error: &Error) -> String {
    match error {
        Error::Unauthorized { status, .. } => format!(", HTTP {status}"),
        _ => String::new(),
    }
}

/// The capability to start runs, where the backend has executed a mutation that it should have skipped.
pub(super) fn executed(error: Error) -> Check {
    let failure = Failure::from(error);
    let text = format!("the backend does not obey @skip: {}", failure.message);
    let check = Check::new("trigger", Outcome::Failed, text, failure.exit);
    check.with_fix(
        "read the run that it names, or look in the workspace, before you run `dinoai doctor` again",
    )
}

/// The capability to start runs, which nothing but a run shows.
pub(super) fn trigger() -> Check {
    Check::not_tested(
        "trigger",
        "only a run that is started shows whether they may (dinoai:agent:trigger)".to_owned(),
    )
}
