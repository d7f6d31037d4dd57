//! Resolves GraphQL requests: what one does to the runs, and what its response says of them.
//!
//! [`execute`] takes a request from its document to its response. [`operations`] are the fields of the
//! root, [`run_fields`] those of a run, [`workspace_fields`] those of the list of workspaces; [`budget`] counts what a response takes while it is made.

mod budget;
mod execution;
mod operations;
mod run_fields;
mod workspace_fields;

pub(crate) use execution::{ExecutionResult, GraphqlRequest, Mutations, RequestOutcome, execute};
pub(crate) use operations::Trace;
