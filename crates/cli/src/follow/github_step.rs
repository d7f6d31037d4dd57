//! [`Follower::report_to_github`]: what a step of GitHub Actions gets of a run that was followed.

use dinoai::{Run, RunStatus};

use super::{Follower, WatchedRun};
use crate::github::Outcome;
use crate::print::EventPrinter;
use crate::report::Failure;

impl Follower<'_> {
    /// Gives a step of GitHub Actions what came of the run.
    pub(super) fn report_to_github(
        &self,
        watched: &WatchedRun,
        followed: &Result<Run, Failure>,
        printer: &EventPrinter<'_>,
        is_json: bool,
        problem: Option<&Failure>,
    ) -> Result<(), Failure> {
        let Some(github) = &self.github else {
            return Ok(());
        };
        let run = followed.as_ref().ok().map(|run| printer.run_of_turn(run));
        let outcome = Outcome {
            session_id: watched.id(),
            status: printer.status().map(RunStatus::as_str),
            run: run.as_ref(),
            is_json,
            failure: followed.as_ref().err().or(problem),
        };
        github.conclude(&outcome, self.output)
    }
}
