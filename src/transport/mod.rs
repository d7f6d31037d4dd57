//! GraphQL over HTTP: sends a request, decides what its response means and when it is sent again.
//! It knows a session id and the name of an agent, as parts of a call, but no run.
//!
//! [`Executor`] makes a call: [`attempts`] as [`retry`] says, each one request over [`http`], whose response
//! [`response`] reads.

mod attempts;
mod body;
mod call_options;
mod connections;
mod decode;
mod duplicate_names;
mod envelope;
mod exchange;
mod executor;
mod gzip;
mod headers;
mod http;
mod lost;
mod operation;
mod proof;
mod reader;
mod redact;
mod repair;
mod request_body;
mod response;
mod retry;
mod runtimes;
mod strict;
mod value_at;

pub use retry::Retry;

pub(crate) use body::BodyLeft;
pub(crate) use call_options::CallOptions;
pub(crate) use connections::Settings;
pub(crate) use decode::without_values;
pub(crate) use executor::Executor;
pub(crate) use http::HttpTransport;
pub(crate) use operation::{Operation, OperationInfo, Refusal, Safety};
pub(crate) use reader::Reader;
pub(crate) use repair::{parsed, repaired};
pub(crate) use request_body::{Document, after_variables, request_body};
pub(crate) use response::{Response, ResponseContext};
pub(crate) use runtimes::{current_runtime, until_moved};
pub(crate) use value_at::{has_accepted, values_after};
