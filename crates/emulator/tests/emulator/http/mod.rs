//! What comes over HTTP gets a response, or is refused before anything is executed.

mod any_body;
mod any_bytes;
mod connections;
mod credentials;
mod guard;
mod requests;

/// A document that executes no field of the API.
const NOTHING: &str = "{ __typename }";
