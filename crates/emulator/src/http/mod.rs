//! GraphQL over HTTP, and the control path beside it.
//!
//! A connection is accepted by [`server`]. Its requests pass through [`service`]: the [`guard`],
//! which refuses pages of other sites; [`control`] for what has its path; for all else the
//! [`request_log`], the [`parameters`], a fault, credentials and [`media_type`]. A
//! [`buffered_response`] waits for memory and leaves. [`fault_response`] is what leaves in its place.

mod buffered_response;
mod control;
mod fault_response;
mod guard;
mod media_type;
mod parameters;
mod request_log;
mod server;
mod service;

pub(crate) use buffered_response::InFlight;
pub(crate) use guard::Guard;
pub use request_log::Request;
pub(crate) use request_log::{RequestLog, RequestLogLimits};
pub(crate) use server::{Server, Shared, listen};
pub(crate) use service::{HEALTH, router};
