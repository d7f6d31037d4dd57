//! What a wait makes of a run that has ended.

use crate::error::{Error, Result};
use crate::model::{Run, RunStatus};

/// A wait's result: the run if it has completed.
pub(crate) fn completed(run: Run, started: bool) -> Result<Run> {
    match run.status {
        RunStatus::Completed => Ok(run),
        _ => Err(Error::RunFailed {
            run: Box::new(run),
            started,
        }),
    }
}
