//! What became of a request, by its result; and why it has started nothing, or nobody knows, as a journal says
//! it: without what a server said, since a message's text could be in it.

use super::rules::Outcome;
use crate::error::{Error, Obstacle, Result};
use crate::model::Accepted;

impl Outcome {
    /// What became of a request that has this result.
    pub(super) fn of(result: &Result<Accepted>) -> Self {
        match result {
            Ok(accepted) => Self::Started(accepted.session_id.clone()),
            Err(error) => match error.session_id() {
                // A response that failed names the run all the same.
                Some(id) => Self::Started(id.clone()),
                None if error.may_have_started() => Self::Unknown(reason(error)),
                None => Self::NotStarted(reason(error)),
            },
        }
    }
}

/// Why, in a few words.
fn reason(error: &Error) -> String {
    let reason = match error {
        Error::NotSent { obstacle, .. } => match obstacle {
            Obstacle::NameResolution => "it was not sent: no such host",
            Obstacle::Connection => "it was not sent: no connection",
            Obstacle::Certificate => "it was not sent: the server's certificate was refused",
            Obstacle::Proxy | Obstacle::ProxyCredentials => "it was not sent: the proxy refused",
            Obstacle::Time => "it was not sent: no time was left",
            Obstacle::Closed => "it was not sent: it was given up before",
        },
        Error::OutcomeUnknown { .. } => "it was sent, and its outcome is unknown",
        Error::Unauthorized { .. } => "the credentials were refused",
        Error::RateLimited { .. } => "it was rate limited",
        Error::Http { .. } => "it was refused with a response that is not GraphQL",
        Error::GraphQl { .. } => "it was refused with GraphQL errors",
        Error::Unsupported { .. } => "the backend does not support what it asks for",
        Error::NotAccepted { .. } => "the API did not accept it",
        Error::Decode { .. } => "its response could not be read",
        Error::InvalidRequest { .. } => "the request is invalid",
        _ => "it failed",
    };
    let Some(call) = error.call() else {
        return reason.to_owned();
    };
    let status = call.http_status.map(|status| format!("HTTP {status}"));
    let request = call.request_id.as_ref().map(|id| format!("request {id}"));
    let details: Vec<_> = status.into_iter().chain(request).collect();
    match details[..] {
        [] => reason.to_owned(),
        _ => format!("{reason} ({})", details.join(", ")),
    }
}
