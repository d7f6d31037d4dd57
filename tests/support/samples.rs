//! Requests, ids and responses as any test may need them.

use std::time::Duration;

use dinoai::{Client, Session, SessionId, TriggerRun};
use serde_json::{Value, json};

use crate::support::fault_server::{Reply, SESSION};

pub(crate) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn request() -> TriggerRun {
    TriggerRun::agent("data-quality-checker")
}

/// So many requests, each with a message of its own.
pub(crate) fn messages(count: usize) -> Vec<TriggerRun> {
    (0..count)
        .map(|number| TriggerRun::message(format!("message-{number}")))
        .collect()
}

/// The session of the run that a [`FaultServer`](crate::support::fault_server::FaultServer) has.
pub(crate) fn session(client: &Client) -> Session {
    client.session(SESSION).unwrap()
}

pub(crate) fn id(number: usize) -> SessionId {
    SessionId::new(format!("run-{number}")).unwrap()
}

pub(crate) fn ids(count: usize) -> Vec<SessionId> {
    (0..count).map(id).collect()
}

/// The response to a read of a run that the API does not know.
pub(crate) fn no_such_run() -> Reply {
    let error = json!({ "message": "No such run.", "path": ["dinoaiAgentRun"] });
    Reply::json(
        200,
        &json!({ "data": { "dinoaiAgentRun": null }, "errors": [error] }),
    )
}

/// The errors of a server that says no more than that.
pub(crate) fn try_again() -> Value {
    json!([{ "message": "Try again later" }])
}

/// An error as a gateway writes it: with a code, without a path.
pub(crate) fn with_code(code: &str) -> Value {
    json!({ "message": "It was not to be.", "extensions": { "code": code } })
}

/// The same as all errors of a response.
pub(crate) fn errors_with_code(code: &str) -> Value {
    json!([with_code(code)])
}
