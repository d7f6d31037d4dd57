//! What proves that a trigger or a follow-up was not carried out, although the server answered.
//!
//! Besides a body that never left, there are three proofs and no others:
//!
//! - an HTTP status that servers give before they execute anything, without a GraphQL response; 401,
//!   403 and 429 also beside GraphQL errors, if these have no path, and nothing names a run;
//! - GraphQL errors that a server can only give before execution: by code, or by a message of
//!   graphql-js or graphql-core about the document or its variables;
//! - the API's own refusal: `ok: false` without a session id, or one error at exactly the
//!   mutation's path whose code or message says that what was asked for does not exist. Which do is
//!   for the operation to say.
//!
//! Everything else leaves the outcome unknown.

use super::operation::OperationInfo;
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

/// Whether errors are the API's own refusal of this mutation. `agent` is the name that was sent.
pub(crate) fn is_own_refusal(
    errors: &[GraphQlError],
    mutation: &OperationInfo,
    agent: Option<&str>,
    status: u16,
) -> bool {
    let [error] = errors else {
        return false;
    };
    let is_at_the_mutation = matches!(&error.path[..], [PathSegment::Field(name)] if Some(name.as_str()) == mutation.root);
    is_at_the_mutation
        && matches!(status, 200..300 | 400..500)
        && (mutation.is_refusal)(error, agent)
}
