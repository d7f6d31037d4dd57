//! Whether the credentials may read: what the response to the read of no run says of it.

use serde_json::{Value, json};

use super::document::Probe;
use super::features::Access;
use super::refusal::is_refusal;
use super::server::{Data, Server};
use crate::error::{Error, FailedCall, GraphQlError, Result};
use crate::operations::Api;
use crate::operations::documents::{DinoaiAgentRunStatus, dinoai_agent_run_status};
use crate::transport::Operation;

const ROOT: &str = "dinoaiAgentRun";

/// Reads the status of no run. Fails where no further request would fare better.
pub(super) async fn access(api: &Api, server: &Server<'_>) -> Result<Access> {
    if let Err(error) = api.executor().check_workspace(&DinoaiAgentRunStatus::INFO) {
        return Ok(Access::NotChecked { error });
    }
    let document = dinoai_agent_run_status::QUERY;
    let probe = Probe::reading::<DinoaiAgentRunStatus>(document, json!({ "id": "" }));
    let redaction = &api.executor().context().redaction;
    let status = |status: &str| redaction.text(status);
    let read = |call: &FailedCall, data: Data| no_run(call, data, status);
    match server.read(probe, read).await {
        Ok(()) => Ok(Access::Granted),
        Err(error) if server.is_unreached(&error) => Err(error),
        Err(error) => Ok(denied(error)),
    }
}

/// Whether a response says that there is no such run, or gives one: whoever may not read does not get that far.
/// `shown`: a status without what must not be shown.
fn no_run(call: &FailedCall, (data, errors): Data, shown: impl Fn(&str) -> String) -> Result<()> {
    let call = || Box::new(call.clone());
    if !errors.is_empty() {
        return Err(Error::GraphQl {
            call: call(),
            errors,
            data: None,
            executed: true,
        });
    }
    match data.get(ROOT) {
        Some(Value::Null) => Ok(()),
        Some(Value::Object(run)) if run.get("ok") != Some(&json!(false)) => Ok(()),
        Some(Value::Object(run)) => Err(Error::NotAccepted {
            call: call(),
            status: shown(
                run.get("status")
                    .and_then(Value::as_str)
                    .unwrap_or_default(),
            ),
        }),
        other => Err(Error::Decode {
            call: call(),
            path: format!("data.{ROOT}"),
            problem: match other {
                None => "it is missing",
                Some(_) => "it is no object",
            }
            .to_owned(),
        }),
    }
}

/// What an error says of the access.
fn denied(error: Error) -> Access {
    if is_refusal(&error) {
        return Access::Refused { error };
    }
    let says_no_such_run = match &error {
        Error::GraphQl {
            executed, errors, ..
        } => *executed && errors.iter().all(is_of_no_run),
        Error::NotAccepted { status, .. } => says_no_such_run(status, ""),
        _ => false,
    };
    match says_no_such_run && !error.is_retryable() {
        true => Access::Granted,
        false => Access::NotChecked { error },
    }
}

fn is_of_no_run(error: &GraphQlError) -> bool {
    says_no_such_run(error.code().unwrap_or_default(), &error.message)
}

/// Whether a code or a whole message says that there is no such run. Of something else that is not found, a
/// workspace for one, it says nothing.
fn says_no_such_run(code: &str, message: &str) -> bool {
    let (code, message) = (code.to_lowercase(), message.to_lowercase());
    let message = message.trim_end_matches('.');
    match code.strip_suffix("not_found") {
        Some("") => thing(message) != Some(Thing::Other),
        Some(code) => thing(code) == Some(Thing::Run),
        None => {
            let says_no = message.ends_with("not found")
                || message.ends_with("does not exist")
                || message.starts_with("no such ")
                || (message.starts_with("no ") && message.ends_with(" was found"));
            says_no && thing(message) == Some(Thing::Run)
        }
    }
}

/// What an error is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Thing {
    Run,
    Other,
}

/// The thing that a text in lower case names first.
fn thing(text: &str) -> Option<Thing> {
    const OTHERS: [&str; 11] = [
        "account",
        "company",
        "credential",
        "credentials",
        "key",
        "organisation",
        "organization",
        "tenant",
        "token",
        "user",
        "workspace",
    ];
    let mut words = text.split(|character: char| !character.is_alphanumeric());
    words.find_map(|word| match word {
        _ if word.ends_with("session") || word.ends_with("run") => Some(Thing::Run),
        _ if OTHERS.contains(&word) => Some(Thing::Other),
        _ => None,
    })
}
