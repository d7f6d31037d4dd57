//! What proves that a trigger or a follow-up was not carried out, although the server answered.
//!
//! Besides a body that never left, there are three proofs and no others:
//!
//! - an HTTP status that servers give before they execute anything, without a GraphQL response;
//! - GraphQL errors that a server can only give before execution: by code, or by a message of
//!   graphql-js or graphql-core about the document or its variables;
//! - the API's own refusal: `ok: false` without a session id, or one error at exactly the
//!   mutation's path that says that what was asked for does not exist.
//!
//! Everything else leaves the outcome unknown.

use crate::error::{GraphQlError, PathSegment};

/// Whether a status proves it, if the body is no GraphQL response. 408, 409, 425, 499 and 5xx in
/// particular come from servers and gateways that have handed the request on.
pub(crate) fn is_status_before_execution(status: u16) -> bool {
    matches!(
        status,
        301 | 302 | 307 | 308 | 400 | 401 | 403..=406 | 410 | 411 | 413..=415 | 421 | 422 | 426
            | 429 | 431
    )
}

/// Whether a status leaves open what came of a request, whatever stands in the body.
pub(crate) fn is_open_status(status: u16) -> bool {
    matches!(status, 408 | 409 | 425 | 499 | 500..)
}

/// Whether errors are the API's own refusal of the mutation with this name. `agent` is the name
/// that was sent.
pub(crate) fn is_own_refusal(
    errors: &[GraphQlError],
    mutation: &str,
    agent: Option<&str>,
    status: u16,
) -> bool {
    let [error] = errors else {
        return false;
    };
    let is_at_the_mutation =
        matches!(&error.path[..], [PathSegment::Field(name)] if name == mutation);
    if !is_at_the_mutation || !(matches!(status, 200..300 | 400..500)) {
        return false;
    }
    match error.code() {
        Some("BAD_USER_INPUT" | "NOT_FOUND" | "AGENT_NOT_FOUND") => true,
        _ => agent.is_some_and(|agent| says_that_there_is_no(&error.message, agent)),
    }
}

/// Whether a message says that there is no agent of exactly this name.
fn says_that_there_is_no(message: &str, agent: &str) -> bool {
    const QUOTES: [char; 3] = ['"', '\'', '`'];
    for (start, ends) in [
        (
            "No agent ",
            &["was found", "not found", "was not found", "does not exist"][..],
        ),
        (
            "No DinoAI agent ",
            &["was found", "not found", "was not found", "does not exist"],
        ),
        // "Agent x was found …" would be no refusal.
        ("Agent ", &["was not found", "not found", "does not exist"]),
    ] {
        let Some(rest) = message.strip_prefix(start) else {
            continue;
        };
        let rest = rest.strip_prefix("named ").unwrap_or(rest);
        let rest = rest.strip_prefix(QUOTES).unwrap_or(rest);
        let Some(rest) = rest.strip_prefix(agent) else {
            continue;
        };
        let rest = rest.strip_prefix(QUOTES).unwrap_or(rest);
        let Some(rest) = rest.strip_prefix(' ') else {
            continue;
        };
        return ends.iter().any(|end| {
            rest.strip_prefix(end)
                .is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
        });
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_name_that_was_sent_counts() {
        for message in [
            "No agent named nope was found",
            "No agent named \"nope\" was found.",
            "No DinoAI agent 'nope' was found in the repository",
            "Agent nope not found",
            "Agent `nope` does not exist",
            "Agent named nope was not found",
        ] {
            assert!(says_that_there_is_no(message, "nope"), "{message}");
        }
        for message in [
            "No agent named nope2 was found",
            "No agent was found",
            "Agent nope was found, but its pod was not",
            "Agent nope not foundational",
            "The agent nope was not found",
            "Agent nope failed: the file nope was not found",
        ] {
            assert!(!says_that_there_is_no(message, "nope"), "{message}");
        }
    }
}
