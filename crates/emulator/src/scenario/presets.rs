//! Scenarios that are ready, and the stages of a run that a scenario says nothing about: the default
//! answer to a follow-up, and what comes after a callback.

use std::sync::Arc;

use super::{Scenario, Stage, Status};

impl Scenario {
    /// `QUEUED` for one read, `RUNNING` for one read, then `COMPLETED`.
    ///
    /// With one message of the assistant's. The default of an emulator.
    ///
    /// ```
    /// use dinoai_emulator::{Emulator, Scenario};
    ///
    /// # fn main() -> Result<(), dinoai_emulator::Error> {
    /// let emulator = Emulator::builder().default_scenario(Scenario::completed()).start_blocking()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn completed() -> Self {
        Self::started()
            .stage(Stage::new(Status::Completed))
            .message("assistant", "Done: everything asked for was checked.")
    }

    /// `QUEUED` for one read, `RUNNING` for one read, then `FAILED` with one message of the
    /// assistant's.
    ///
    /// ```
    /// use dinoai_emulator::{Emulator, Scenario};
    ///
    /// # fn main() -> Result<(), dinoai_emulator::Error> {
    /// let emulator = Emulator::builder().default_scenario(Scenario::failed()).start_blocking()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn failed() -> Self {
        Self::started().stage(Stage::new(Status::Failed)).message(
            "assistant",
            "The run failed: the warehouse refused the query.",
        )
    }

    /// `QUEUED` for one read, then `EXPIRED`: the agent's pod never started.
    ///
    /// ```
    /// use dinoai_emulator::{Emulator, Scenario};
    ///
    /// # fn main() -> Result<(), dinoai_emulator::Error> {
    /// let emulator = Emulator::builder().default_scenario(Scenario::expired()).start_blocking()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn expired() -> Self {
        Self::new()
            .stage(Stage::new(Status::Queued))
            .stage(Stage::new(Status::Expired))
    }

    /// `QUEUED` for one read, `RUNNING` for one read, then `STOPPED`.
    ///
    /// As if somebody else had stopped the run, so without a message of the assistant's.
    ///
    /// ```
    /// use dinoai_emulator::{Emulator, Scenario};
    ///
    /// # fn main() -> Result<(), dinoai_emulator::Error> {
    /// let emulator = Emulator::builder().default_scenario(Scenario::stopped()).start_blocking()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn stopped() -> Self {
        Self::started().stage(Stage::new(Status::Stopped))
    }

    fn started() -> Self {
        Self::new()
            .stage(Stage::new(Status::Queued))
            .stage(Stage::new(Status::Running))
    }

    /// The stages that answer the follow-up of this number, from 1.
    pub(crate) fn answer(&self, number: usize) -> Vec<Arc<Stage>> {
        if let Some(stages) = self.follow_ups.get(number.saturating_sub(1)) {
            return stages.clone();
        }
        let answer = format!("Done: this answers follow-up {number}.");
        [
            Stage::new(Status::Queued),
            Stage::new(Status::Running),
            Stage::new(Status::Completed).message("assistant", answer),
        ]
        .map(Stage::into_kept)
        .into()
    }

    /// How a run continues by default when a child calls back.
    pub(crate) fn called_back() -> Vec<Stage> {
        vec![
            Stage::new(Status::Running),
            Stage::new(Status::Completed)
                .message("assistant", "Done: the sub-agent has reported back."),
        ]
    }
}
