//! The checks, from what was found to their line in the report.

use std::time::{Duration, SystemTime};

use dinoai::{Access, Error, Features, Support, Workspace};

use super::advice;
use super::endpoint::Reached;
use super::report::Check;
use super::verdict::Barrier;
use crate::account::WORKSPACES;
use crate::report::{ExitStatus, Failure, hint};

/// How far two clocks may be apart.
const APART: Duration = Duration::from_secs(60);

/// What rustls says where the other side does not speak TLS.
const NO_TLS: &str = "received corrupt message";

const CAPABILITY: &str = "which Paradime's settings call DinoAI agent API";

/// What is known of the account and the way to it.
pub(super) struct Account<'a> {
    pub(super) origin: &'a str,
    pub(super) reached: &'a Reached,
    /// Where endpoint and credentials come from.
    pub(super) sources: &'a str,
    /// The workspace that is named.
    pub(super) uid: Option<String>,
    /// Those that the credentials reach, if they are known.
    pub(super) workspaces: Option<&'a [Workspace]>,
    pub(super) barrier: Option<&'a Barrier>,
}

impl Account<'_> {
    /// The way to the endpoint, and whether the API is there.
    pub(super) fn endpoint(&self) -> Check {
        const NAME: &str = "endpoint";
        let Self {
            origin, reached, ..
        } = self;
        let is_tls = origin.starts_with("https:");
        match self.barrier {
            Some(Barrier::Unreached(error)) => self.unreached(error),
            Some(Barrier::NotTheApi(error)) => {
                let Failure { message, exit, .. } = Failure::from(error.clone());
                let text = format!("{origin}: {reached}, but {message}");
                Check::failed(NAME, text, exit, advice::fix(error))
            }
            _ => {
                let tls = match is_tls {
                    true => "TLS with a certificate that is trusted",
                    false => "plain http",
                };
                Check::ok(NAME, format!("{origin}: {reached}, {tls}"))
            }
        }
    }

    fn unreached(&self, error: &Error) -> Check {
        let Self {
            origin, reached, ..
        } = self;
        let Failure { message, exit, .. } = Failure::from(error.clone());
        let is_plain = origin.starts_with("https:") && message.contains(NO_TLS);
        let (text, fix) = match (reached, error) {
            _ if is_plain => (
                format!("{origin}: {reached}, but the port does not speak TLS"),
                "check the port in PARADIME_API_ENDPOINT (or --endpoint); the URL of an emulator begins \
                 with http://",
            ),
            // The request says the same.
            (Reached::Unresolved(_) | Reached::Unconnected { .. }, Error::NotSent { .. }) => {
                (format!("{origin}: {reached}"), advice::fix(error))
            }
            _ => (
                format!("{origin}: {reached}, but {message}"),
                advice::fix(error),
            ),
        };
        Check::failed("endpoint", text, exit, fix)
    }

    /// The credentials, by what was refused.
    pub(super) fn credentials(&self, probed: Option<&Features>) -> Check {
        const NAME: &str = "credentials";
        let sources = self.sources;
        match self.barrier {
            Some(Barrier::Refused(error)) => {
                let text = format!("{sources}: the server refuses them{}", status(error));
                Check::failed(
                    NAME,
                    text,
                    ExitStatus::Refused,
                    format!(
                        "check that key and secret (or the token) are right for this endpoint and its region \
                         and have the capabilities dinoai:agent:trigger and dinoai:agent:read, {CAPABILITY}; \
                         or run `dinoai login`"
                    ),
                )
            }
            Some(barrier @ (Barrier::Unreached(_) | Barrier::NotTheApi(_))) => {
                Check::not_tested(NAME, format!("{sources}: {}", barrier.see()))
            }
            // No server executes anything without them.
            Some(Barrier::Executed(_)) => Check::ok(NAME, sources.to_owned()),
            Some(Barrier::NoWorkspace | Barrier::WrongWorkspace) | None => {
                match self.workspaces.is_some() || is_read_granted(probed) {
                    true => Check::ok(NAME, sources.to_owned()),
                    false => {
                        let text =
                            format!("{sources}: no response shows whether they are accepted");
                        Check::not_tested(NAME, text)
                    }
                }
            }
        }
    }

    /// The workspace. `complete` makes a hint of commands one for this account.
    pub(super) fn workspace(
        &self,
        probed: Option<&Features>,
        complete: impl Fn(&str) -> Option<String>,
    ) -> Check {
        const NAME: &str = "workspace";
        let name_one = |which: &str| {
            let name = format!("name {which} with --workspace UID or PARADIME_WORKSPACE_UID");
            let is_listed = !probed
                .is_some_and(|it| matches!(it.list_workspaces, Support::NotSupported { .. }));
            match complete(WORKSPACES).filter(|_| is_listed) {
                Some(list) => format!("{name}\n{list}"),
                None => name,
            }
        };
        let named = || match &self.uid {
            Some(uid) => uid.clone(),
            None => "that of the credentials".to_owned(),
        };
        match self.barrier {
            Some(Barrier::NoWorkspace) => Check::failed(
                NAME,
                "none is named, and a company token needs one for runs".to_owned(),
                ExitStatus::Flawed,
                name_one("one"),
            ),
            Some(Barrier::WrongWorkspace) => Check::failed(
                NAME,
                format!("{}: the credentials do not reach it", named()),
                ExitStatus::Refused,
                name_one("one that they reach"),
            ),
            Some(Barrier::Executed(_)) => Check::ok(NAME, named()),
            Some(barrier) => Check::not_tested(NAME, format!("{}: {}", named(), barrier.see())),
            None => {
                // It is one of those that are listed.
                let is_listed = self.uid.is_some() && self.workspaces.is_some();
                match is_listed || is_read_granted(probed) {
                    true => Check::ok(NAME, named()),
                    false => {
                        let text = format!("{}: no response shows whether it is right", named());
                        Check::not_tested(NAME, text)
                    }
                }
            }
        }
    }
}

fn is_read_granted(probed: Option<&Features>) -> bool {
    probed.is_some_and(|it| matches!(it.read, Access::Granted))
}

/// The server's clock beside this machine's, which went from one time to the other while the server said
/// what time it is.
pub(super) fn server_clock(server: SystemTime, begun: SystemTime, ended: SystemTime) -> Check {
    let (apart, direction) = if server < begun {
        (begun.duration_since(server), "ahead of")
    } else {
        (server.duration_since(ended), "behind")
    };
    // Between the two, none is apart.
    let apart = apart.unwrap_or_default();
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

/// The capability to read.
pub(super) fn read(access: Option<&Access>, barrier: Option<&Barrier>) -> Check {
    const NAME: &str = "read";
    match (access, barrier) {
        (Some(Access::NotChecked { error, .. }), Some(barrier)) if !barrier.explains(error) => {
            failed_read(error)
        }
        (_, Some(barrier)) => Check::not_tested(NAME, barrier.see()),
        (Some(Access::Granted), None) => Check::ok(NAME, "granted (dinoai:agent:read)".to_owned()),
        (Some(Access::Refused { error, .. }), None) => Check::failed(
            NAME,
            format!("refused (dinoai:agent:read){}", status(error)),
            ExitStatus::Refused,
            format!("give the key the capability dinoai:agent:read, {CAPABILITY}"),
        ),
        // The read has an id that no run has.
        (Some(Access::NotChecked { error, .. }), None) if is_about_the_id(error) => {
            Check::not_tested(NAME, Failure::from(error.clone()).message)
        }
        (Some(Access::NotChecked { error, .. }), None) => failed_read(error),
        (other, None) => Check::not_tested(NAME, format!("{other:?}")),
    }
}

fn failed_read(error: &Error) -> Check {
    let Failure { message, exit, .. } = Failure::from(error.clone());
    Check::failed("read", message, exit, advice::fix(error))
}

/// Whether the backend takes no empty id, or has not looked the run up: with another id it may fare better.
fn is_about_the_id(error: &Error) -> bool {
    const WORDS: [&str; 7] = [
        "agentsessionid",
        "session id",
        "session_id",
        "run id",
        "invalid id",
        "empty",
        "uuid",
    ];
    match error {
        Error::GraphQl {
            executed: true,
            errors,
            ..
        } if !error.is_retryable() => errors.iter().all(|error| {
            let message = error.message.to_lowercase();
            error.code() == Some("BAD_USER_INPUT")
                || WORDS.iter().any(|words| message.contains(words))
        }),
        Error::NotAccepted { .. } => true,
        _ => false,
    }
}

/// The features that need the capability to start runs.
pub(super) const CHANGES: [&str; 4] =
    ["trigger_run", "trigger_options", "send_message", "stop_run"];

/// The capability to start runs: nothing but a run shows that it is there, and a refusal that it is not.
/// `complete` makes a hint of commands one for this account.
pub(super) fn trigger(
    probed: Option<&Features>,
    barrier: Option<&Barrier>,
    complete: impl Fn(&str) -> Option<String>,
) -> Check {
    const NAME: &str = "trigger";
    match barrier {
        Some(Barrier::Executed(error)) => return executed(error, complete),
        Some(barrier) => return Check::not_tested(NAME, barrier.see()),
        None => {}
    }
    let features = probed.into_iter().flat_map(Features::iter);
    let refused = features.filter_map(|feature| match feature.support {
        Support::Refused { error, .. } if CHANGES.contains(&feature.name) => {
            Some((feature.name, error))
        }
        _ => None,
    });
    let refused: Vec<_> = refused.collect();
    let Some((_, error)) = refused.first() else {
        let text = "only a run that is started shows whether they may (dinoai:agent:trigger)";
        return Check::not_tested(NAME, text.to_owned());
    };
    let names: Vec<_> = refused.iter().map(|(name, _)| *name).collect();
    let which = match names.len() == CHANGES.len() {
        true => String::new(),
        false => format!(": {}", names.join(", ")),
    };
    Check::failed(
        NAME,
        format!("refused (dinoai:agent:trigger){}{which}", status(error)),
        ExitStatus::Refused,
        format!("give the key the capability dinoai:agent:trigger, {CAPABILITY}"),
    )
}

/// A server that has executed what it should have skipped.
fn executed(error: &Error, complete: impl Fn(&str) -> Option<String>) -> Check {
    const SHOWN: usize = 20;
    const LOOK: &str = "look in the workspace (or Slack) for what it has started";

    let Failure { exit, .. } = Failure::from(error.clone());
    let (operation, ids) = match error {
        Error::OutcomeUnknown { call, .. } => {
            let ids = call.session_id.iter().chain(&call.further_ids);
            (call.operation, ids.collect::<Vec<_>>())
        }
        _ => ("a mutation", vec![]),
    };
    let does = format!("the server does not obey @skip: it has executed {operation}");
    let named: Vec<_> = ids.iter().take(SHOWN).map(|id| id.as_str()).collect();
    let more = match ids.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let text = match &named[..] {
        [] => format!("{does}, and names no run"),
        named => format!("{does}, and names run {}{more}", named.join(", ")),
    };
    let commands = ids.iter().take(SHOWN).flat_map(|id| {
        let id = hint::id(id);
        [
            format!("to see what it does: dinoai get {id}"),
            format!("to stop it: dinoai stop {id}"),
        ]
    });
    let commands = commands.collect::<Vec<_>>().join("\n");
    let fix = complete(&commands).filter(|fix| !fix.is_empty());
    Check::failed(
        "trigger",
        text,
        exit,
        fix.unwrap_or_else(|| LOOK.to_owned()),
    )
}

/// The status, where it is the refusal.
fn status(error: &Error) -> String {
    match error {
        Error::Unauthorized {
            status: status @ (401 | 403),
            ..
        } => format!(", HTTP {status}"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_compared_with_the_time_of_the_requests_alone() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        // Requests that hang make no clock wrong.
        let (begun, ended) = (at(10_000), at(10_840));
        let said = |server| serde_json::to_value(server_clock(server, begun, ended)).unwrap();
        for server in [9_940, 10_000, 10_001, 10_840, 10_900] {
            assert_eq!(said(at(server))["outcome"], "ok", "{server}");
        }
        let text = |server| {
            said(at(server))["text"]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        };
        assert_eq!(text(9_900), "this machine is 100s ahead of the server");
        assert_eq!(text(10_940), "this machine is 100s behind the server");
    }
}
