//! What goes over the wire for each call, and what its response becomes.

mod api;
mod documents;
mod exact_requests;
mod results;
mod schema;
mod texts_and_headers;
