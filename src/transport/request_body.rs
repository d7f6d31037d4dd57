//! The body of a request: the variables, then the document and its name, which are the same each
//! time and are escaped once.

use std::fmt::Write;
use std::sync::OnceLock;

use graphql_client::GraphQLQuery;
use serde::Serialize;
use serde_json::Value;

use crate::error::{Error, Result};

const START: &[u8] = b"{\"variables\":";

/// A document, and where what follows the variables in its requests is kept.
pub(crate) trait Document: GraphQLQuery {
    /// What [`after_variables`] says, once the first request was written.
    fn kept() -> &'static OnceLock<String>;
}

/// What follows the variables in a request: the document and the operation's name, escaped.
pub(crate) fn after_variables(document: &str, name: &str) -> String {
    let mut rest = String::with_capacity(document.len() + document.len() / 4 + 64);
    let (document, name) = (Value::from(document), Value::from(name));
    // A string takes all that is written.
    let _ = write!(rest, ",\"query\":{document},\"operationName\":{name}}}");
    rest
}

/// The body of a request with these variables. `rest`: [`after_variables`].
pub(crate) fn request_body(variables: &impl Serialize, rest: &str) -> Result<Vec<u8>> {
    // Enough for the ids of a look-up, so that the body is one allocation.
    let mut body = Vec::with_capacity(START.len() + 2 * rest.len());
    body.extend_from_slice(START);
    serde_json::to_writer(&mut body, variables).map_err(|error| Error::InvalidRequest {
        field: "request",
        problem: format!("cannot be written as JSON: {error}"),
    })?;
    body.extend_from_slice(rest.as_bytes());
    Ok(body)
}

/// The body of a request of a document.
pub(super) fn document_body<D: Document>(variables: D::Variables) -> Result<Vec<u8>> {
    let request = D::build_query(variables);
    let kept = D::kept();
    let rest = kept.get_or_init(|| after_variables(request.query, request.operation_name));
    request_body(&request.variables, rest)
}
