//! The operations of the API as typed calls.
//!
//! [`Api`] has an async function for each: it checks what goes in, `documents` has the documents and
//! their types, and `convert` turns these into the types of `model`. `refusal` knows the words in
//! which the API refuses, `status_batch` is the one document that is made at run time, and
//! `scheduler` sends it for all waits of a client.

mod api;
mod call;
mod check;
mod convert;
pub(crate) mod documents;
mod find_ids;
mod lenient;
mod refusal;
pub(crate) mod scheduler;
pub(crate) mod status_batch;

pub use call::{Call, CallFuture};
pub use documents::DOCUMENTS;

pub(crate) use api::Api;
pub(crate) use check::{check_request, check_step_options};
pub(crate) use convert::Digest;
pub(crate) use find_ids::find_ids;
pub(crate) use lenient::{relax_own_mutation, relax_own_query};
