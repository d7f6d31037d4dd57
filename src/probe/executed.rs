//! The error of a mutation that was executed and should have been skipped.

use crate::error::{Error, FailedCall, Purpose};
use crate::model::SessionId;

/// The error of a mutation that should have been skipped, and has a value or names a run.
pub(super) fn executed(call: &FailedCall, ids: Vec<SessionId>) -> Error {
    let mut call = FailedCall {
        maybe_executed: true,
        // Which names the runs in the error's text.
        purpose: Purpose::Mutation,
        ..call.clone()
    };
    call.is_about(ids);
    Error::OutcomeUnknown {
        call: Box::new(call),
        reason: "the server has executed a field that has @skip(if: true), without anything that it needs"
            .to_owned(),
        errors: vec![],
        source: None,
    }
}
