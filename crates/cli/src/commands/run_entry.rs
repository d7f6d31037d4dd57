//! [`RunEntry`]: one of the runs of a `wait` or a `stop`, as it is written for programs.

use dinoai::SessionId;
use serde::Serialize;

use crate::output::Output;
use crate::report::Failure;

/// What came of one of several runs: what the API says of it, or its id and why nothing is known.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum RunEntry<T> {
    Done(T),
    Failed {
        #[serde(rename = "agentSessionId")]
        session_id: SessionId,
        error: Failure,
    },
}

impl<T> RunEntry<T> {
    /// With the hint as it is shown on standard error.
    pub(crate) fn failed(id: &SessionId, failure: &Failure, output: &Output) -> Self {
        Self::Failed {
            session_id: id.clone(),
            error: output.for_account(failure),
        }
    }
}
