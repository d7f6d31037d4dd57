//! What a wait makes of a run that has ended.

use crate::error::{Error, Result};
use crate::model::{Run, RunStatus};

impl Run {
    /// The run if it has completed, else [`Error::RunFailed`] with it: what a wait returns, for a
    /// run that was read or watched.
    ///
    /// [`Error::into_ended_run`] is the way back.
    ///
    /// ```
    /// # fn example(run: dinoai::Run) -> dinoai::Result<()> {
    /// match run.into_result() {
    ///     Ok(run) => println!("{}", run.answer().unwrap_or("no answer")),
    ///     Err(error) => println!("ended {}", error.into_ended_run()?.status),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::RunFailed`] with every other status, also one that is no end. Its
    /// [`may_have_started`](Error::may_have_started) is false, unless you say
    /// [`with_started`](Error::with_started).
    pub fn into_result(self) -> Result<Self> {
        completed(self, false)
    }
}

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
