//! How a run goes: the stages it passes through, and what appears in each.
//!
//! A scenario is a plan, not a state: any number of runs can follow the same one. It is made of stages,
//! stages start children, and a child can have a scenario of its own: the three types hold each other.

mod stage;
mod status;

use std::collections::BTreeSet;
use std::sync::Arc;

pub use stage::{Child, Stage, Step};
pub(crate) use stage::{Effects, StageLength, StepRole};
pub use status::Status;

/// How a run goes.
///
/// A run enters its first stage when it is triggered. A trigger's message, if it has one, is the
/// run's first message, with the role `user`.
///
/// ```
/// use std::time::Duration;
/// use dinoai_emulator::{Scenario, Stage, Step};
///
/// let scenario = Scenario::new()
///     .stage(Stage::new("QUEUED").reads(2))
///     .startup_step("Clone the repository", false)
///     .stage(Stage::new("RUNNING").lasts(Duration::from_millis(50)))
///     .startup_step("Clone the repository", true)
///     .step(Step::tool("run_sql_query").input("select 1").output("1"))
///     .child("lineage-reader")
///     .stage(Stage::new("COMPLETED"))
///     .message("assistant", "All tests pass.");
/// ```
#[derive(Debug, Clone, Default)]
pub struct Scenario {
    pub(crate) opening: Effects,
    pub(crate) stages: Vec<Stage>,
    pub(crate) follow_ups: Vec<Vec<Stage>>,
    pub(crate) steps: StepAccess,
}

/// Whether the backend can read a run's steps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum StepAccess {
    #[default]
    Readable,
    Unreadable,
}

impl Scenario {
    /// A scenario without stages: its run stays `QUEUED`.
    ///
    /// ```
    /// use dinoai_emulator::{Scenario, Stage};
    ///
    /// let scenario = Scenario::new().stage(Stage::new("RUNNING")).stage(Stage::new("COMPLETED"));
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

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

    /// Adds a stage after those that are there.
    ///
    /// What is added next ([`message`](Self::message), [`child`](Self::child),
    /// [`step`](Self::step), [`startup_step`](Self::startup_step)) appears when this stage begins;
    /// what is added before the first stage, when the run does.
    ///
    /// ```
    /// use dinoai_emulator::{Scenario, Stage};
    ///
    /// let scenario = Scenario::new().stage(Stage::new("QUEUED").reads(2)).stage(Stage::new("RUNNING"));
    /// ```
    #[must_use]
    pub fn stage(mut self, stage: Stage) -> Self {
        self.stages.push(stage);
        self
    }

    /// Adds a message to the latest stage.
    ///
    /// The vendor's agents have been seen with the roles `assistant` and `agent`.
    ///
    /// ```
    /// use dinoai_emulator::{Scenario, Stage};
    ///
    /// let scenario = Scenario::new()
    ///     .stage(Stage::new("COMPLETED"))
    ///     .message("assistant", "All tests pass.");
    /// ```
    #[must_use]
    pub fn message(mut self, role: impl Into<String>, content: impl Into<String>) -> Self {
        self.latest().say(role.into(), content.into());
        self
    }

    /// Starts a child run when the latest stage begins.
    ///
    /// A text names an agent, whose scenario the child follows.
    ///
    /// Children that start children end at the eighth generation.
    ///
    /// ```
    /// use dinoai_emulator::{Scenario, Stage};
    ///
    /// let scenario = Scenario::new().stage(Stage::new("RUNNING")).child("lineage-reader");
    /// ```
    #[must_use]
    pub fn child(mut self, child: impl Into<Child>) -> Self {
        let child = child.into();
        self.latest().children.push(child);
        self
    }

    /// Adds a step of the agent's work to the latest stage.
    ///
    /// ```
    /// use dinoai_emulator::{Scenario, Stage, Step};
    ///
    /// let scenario = Scenario::new()
    ///     .stage(Stage::new("RUNNING"))
    ///     .step(Step::tool("run_sql_query").input("select 1").output("1"));
    /// ```
    #[must_use]
    pub fn step(mut self, step: Step) -> Self {
        self.latest().steps.push(Arc::new(step));
        self
    }

    /// Adds a line to the start-up checklist, or changes whether it is done.
    ///
    /// A line is known by its label. It appears, or changes, when the latest stage begins.
    ///
    /// ```
    /// use dinoai_emulator::{Scenario, Stage};
    ///
    /// let scenario = Scenario::new()
    ///     .stage(Stage::new("QUEUED"))
    ///     .startup_step("Clone the repository", false)
    ///     .stage(Stage::new("RUNNING"))
    ///     .startup_step("Clone the repository", true);
    /// ```
    #[must_use]
    pub fn startup_step(mut self, label: impl Into<String>, done: bool) -> Self {
        let step = (label.into(), done);
        self.latest().startup_steps.push(step);
        self
    }

    /// Says how the run answers the next follow-up.
    ///
    /// The first call says how it answers the first one, the second call the second. A follow-up
    /// beyond them gets the default answer: `QUEUED` for one read, `RUNNING` for one read, then
    /// `COMPLETED` with a message of the assistant's.
    ///
    /// A follow-up is the run's next message, with the role `user`. One that comes before the
    /// current stages have ended ends them: what they hold appears, their statuses do not. (A
    /// [demo agent](crate#the-demo-agents) ends its turn first.)
    ///
    /// ```
    /// use dinoai_emulator::{Scenario, Stage};
    ///
    /// let scenario = Scenario::completed().follow_up([
    ///     Stage::new("RUNNING"),
    ///     Stage::new("COMPLETED").message("assistant", "Fixed."),
    /// ]);
    /// ```
    #[must_use]
    pub fn follow_up(mut self, stages: impl IntoIterator<Item = Stage>) -> Self {
        self.follow_ups.push(stages.into_iter().collect());
        self
    }

    /// Makes the run's steps unreadable: `steps` is null with an error beside it, and the rest
    /// of the run is answered.
    ///
    /// ```
    /// use dinoai_emulator::Scenario;
    ///
    /// let scenario = Scenario::completed().without_readable_steps();
    /// ```
    #[must_use]
    pub fn without_readable_steps(mut self) -> Self {
        self.steps = StepAccess::Unreadable;
        self
    }

    fn latest(&mut self) -> &mut Effects {
        match self.stages.last_mut() {
            Some(stage) => &mut stage.effects,
            None => &mut self.opening,
        }
    }

    /// About how much memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        let stages = self.stages.iter().map(Stage::bytes);
        self.opening.bytes() + stages.sum::<usize>()
    }

    /// The stages that answer the follow-up of this number, from 1.
    pub(crate) fn answer(&self, number: usize) -> Vec<Stage> {
        if let Some(stages) = self.follow_ups.get(number.saturating_sub(1)) {
            return stages.clone();
        }
        vec![
            Stage::new(Status::Queued),
            Stage::new(Status::Running),
            Stage::new(Status::Completed).message(
                "assistant",
                format!("Done: this answers follow-up {number}."),
            ),
        ]
    }

    /// How a run continues by default when a child calls back.
    pub(crate) fn called_back() -> Vec<Stage> {
        vec![
            Stage::new(Status::Running),
            Stage::new(Status::Completed)
                .message("assistant", "Done: the sub-agent has reported back."),
        ]
    }

    /// Every status that a run of this scenario, or of a child within it, can show.
    pub(crate) fn statuses(&self, found: &mut BTreeSet<String>) {
        for stage in self.stages.iter().chain(self.follow_ups.iter().flatten()) {
            stage.statuses(found);
        }
        self.opening.statuses(found);
    }
}
