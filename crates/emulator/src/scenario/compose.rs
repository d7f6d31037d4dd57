//! Makes a [`Scenario`] of stages, and of what appears in each.

use std::sync::Arc;

use super::{Child, Effects, Scenario, Stage, Step, StepAccess};

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
        self.stages.push(stage.into_kept());
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
        self.latest().child(child.into());
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
        self.latest().step(step);
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
        self.latest().startup_step(label.into(), done);
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
        self.follow_ups
            .push(stages.into_iter().map(Stage::into_kept).collect());
        self
    }

    /// Makes the run's steps unreadable: `steps` is null with an error beside it, and the rest
    /// of the run is returned.
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
            Some(stage) => &mut Arc::make_mut(stage).effects,
            None => &mut self.opening,
        }
    }
}
