//! [`Scenario`], [`Stage`], [`Effects`] and [`Child`]: one recursive type. A scenario has stages, what
//! appears in a stage has children, and a child has a scenario or stages of its own.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::{Status, Step};

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
    pub(crate) stages: Vec<Arc<Stage>>,
    pub(crate) follow_ups: Vec<Vec<Arc<Stage>>>,
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
    /// Every status that a run of this scenario, or of a child within it, can show.
    pub(crate) fn statuses(&self, found: &mut BTreeSet<String>) {
        for stage in self.stages.iter().chain(self.follow_ups.iter().flatten()) {
            stage.statuses(found);
        }
        self.opening.statuses(found);
    }
}

/// One stage of a run: a status, when it ends, and what appears when it begins.
///
/// The last stage of a run, or of an answer to a follow-up, stays whatever its end.
#[derive(Debug, Clone)]
pub struct Stage {
    pub(crate) status: Status,
    pub(crate) length: StageLength,
    pub(crate) effects: Effects,
}

/// How long a stage stays that is not the last one.
#[derive(Debug, Clone, Copy)]
pub(crate) enum StageLength {
    Reads(u64),
    Lasts(Duration),
}

impl Stage {
    /// A stage that ends after one read.
    ///
    /// A text that is no status of the API is shown as it is: see [`Status::Other`].
    ///
    /// ```
    /// use dinoai_emulator::Stage;
    ///
    /// let stage = Stage::new("RUNNING");
    /// ```
    pub fn new(status: impl Into<Status>) -> Self {
        Self {
            status: status.into(),
            length: StageLength::Reads(1),
            effects: Effects::default(),
        }
    }

    /// Ends the stage after this many reads of the run.
    ///
    /// Each `dinoaiAgentRun` field is a read: a request that asks for the run twice reads it twice.
    /// After 0 reads the stage is never seen.
    ///
    /// ```
    /// use dinoai_emulator::Stage;
    ///
    /// let stage = Stage::new("QUEUED").reads(2);
    /// ```
    #[must_use]
    pub fn reads(mut self, reads: u64) -> Self {
        self.length = StageLength::Reads(reads);
        self
    }

    /// Ends the stage when this time has passed since it began, however often it is read.
    ///
    /// ```
    /// use std::time::Duration;
    /// use dinoai_emulator::Stage;
    ///
    /// let stage = Stage::new("RUNNING").lasts(Duration::from_millis(50));
    /// ```
    #[must_use]
    pub fn lasts(mut self, time: Duration) -> Self {
        self.length = StageLength::Lasts(time);
        self
    }

    /// Adds a message that appears when the stage begins.
    ///
    /// ```
    /// use dinoai_emulator::Stage;
    ///
    /// let stage = Stage::new("COMPLETED").message("assistant", "All tests pass.");
    /// ```
    #[must_use]
    pub fn message(mut self, role: impl Into<String>, content: impl Into<String>) -> Self {
        self.effects.say(role.into(), content.into());
        self
    }

    /// Starts a child run when the stage begins, as [`Scenario::child`](crate::Scenario::child) does.
    ///
    /// ```
    /// use dinoai_emulator::Stage;
    ///
    /// let stage = Stage::new("RUNNING").child("lineage-reader");
    /// ```
    #[must_use]
    pub fn child(mut self, child: impl Into<Child>) -> Self {
        self.effects.child(child.into());
        self
    }

    /// Adds a step of the agent's work that appears when the stage begins.
    ///
    /// ```
    /// use dinoai_emulator::{Stage, Step};
    ///
    /// let stage = Stage::new("RUNNING").step(Step::agent("I look at the models."));
    /// ```
    #[must_use]
    pub fn step(mut self, step: Step) -> Self {
        self.effects.step(step);
        self
    }

    /// Adds or changes a line of the start-up checklist.
    ///
    /// As [`Scenario::startup_step`](crate::Scenario::startup_step) does.
    ///
    /// ```
    /// use dinoai_emulator::Stage;
    ///
    /// let stage = Stage::new("QUEUED").startup_step("Clone the repository", false);
    /// ```
    #[must_use]
    pub fn startup_step(mut self, label: impl Into<String>, done: bool) -> Self {
        self.effects.startup_step(label.into(), done);
        self
    }
}

impl Stage {
    /// Every status that a run can show in this stage, or a child that it starts.
    pub(crate) fn statuses(&self, found: &mut BTreeSet<String>) {
        found.insert(self.status.as_str().to_owned());
        self.effects.statuses(found);
    }

    /// About how much memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>() + self.effects.bytes()
    }

    /// The stage as it is kept: without room for more. Runs share it, or many are kept.
    pub(crate) fn into_kept(mut self) -> Arc<Self> {
        self.effects.0.shrink_to_fit();
        Arc::new(self)
    }
}

/// What appears when a stage begins. Every run of a scenario has the same texts, not copies.
#[derive(Debug, Clone, Default)]
pub(crate) struct Effects(pub(crate) Vec<Effect>);

/// A piece of that.
#[derive(Debug, Clone)]
pub(crate) enum Effect {
    Message { role: Arc<str>, content: Arc<str> },
    Step(Arc<Step>),
    StartupStep { label: Arc<str>, done: bool },
    Child(Box<Child>),
}

impl Effects {
    /// About how much memory they take, children aside.
    pub(crate) fn bytes(&self) -> usize {
        /// What the allocator adds to a piece, about, with its place in a list.
        const OVERHEAD: usize = 96;
        let bytes = self.0.iter().map(|piece| match piece {
            Effect::Message { content, .. } => content.len(),
            Effect::Step(step) => step.bytes(),
            Effect::StartupStep { label, .. } => label.len(),
            Effect::Child(_) => 0,
        });
        bytes.map(|bytes| OVERHEAD + bytes).sum()
    }

    pub(crate) fn say(&mut self, role: String, content: String) {
        self.0.push(Effect::Message {
            role: role.into(),
            content: content.into(),
        });
    }

    pub(crate) fn step(&mut self, step: Step) {
        self.0.push(Effect::Step(Arc::new(step)));
    }

    pub(crate) fn startup_step(&mut self, label: String, done: bool) {
        let label = label.into();
        self.0.push(Effect::StartupStep { label, done });
    }

    pub(crate) fn child(&mut self, child: Child) {
        self.0.push(Effect::Child(Box::new(child)));
    }

    pub(crate) fn statuses(&self, found: &mut BTreeSet<String>) {
        for piece in &self.0 {
            if let Effect::Child(child) = piece {
                child.statuses(found);
            }
        }
    }
}

/// A run that another run starts.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Child {
    /// A run of this agent, which goes as the agent's scenario says.
    Agent(String),
    /// A run that goes as this scenario says.
    Scenario(Box<Scenario>),
    /// A run whose end wakes its parent, see [`Child::with_callback`].
    CallsBack {
        /// The run.
        child: Box<Child>,
        /// What the parent goes through then.
        stages: Vec<Stage>,
    },
}

impl Child {
    /// Wakes the parent when the child has ended: the parent continues with these stages.
    ///
    /// It does so once it has nothing else before it and the stage that it is in has ended. Without
    /// stages it is `RUNNING` for one read, then `COMPLETED` with a message of the assistant's.
    ///
    /// A parent that ends while it waits is only idle: its status says that it has ended, and it wakes
    /// again. One that is stopped stays so.
    ///
    /// ```
    /// use dinoai_emulator::{Child, Scenario, Stage};
    ///
    /// let scenario = Scenario::new()
    ///     .stage(Stage::new("RUNNING"))
    ///     .child(Child::from("lineage-reader").with_callback([
    ///         Stage::new("RUNNING"),
    ///         Stage::new("COMPLETED").message("assistant", "The lineage is known now."),
    ///     ]))
    ///     .stage(Stage::new("COMPLETED"))
    ///     .message("assistant", "I asked the lineage reader.");
    /// ```
    #[must_use]
    pub fn with_callback(self, stages: impl IntoIterator<Item = Stage>) -> Self {
        Self::CallsBack {
            child: Box::new(self),
            stages: stages.into_iter().collect(),
        }
    }

    /// Every status that the child can show, or its parent when it calls back.
    pub(crate) fn statuses(&self, found: &mut BTreeSet<String>) {
        match self {
            Self::Agent(_) => {}
            Self::Scenario(scenario) => scenario.statuses(found),
            Self::CallsBack { child, stages } => {
                child.statuses(found);
                for stage in stages {
                    stage.statuses(found);
                }
            }
        }
    }
}

impl From<&str> for Child {
    fn from(agent: &str) -> Self {
        Self::Agent(agent.to_owned())
    }
}

impl From<String> for Child {
    fn from(agent: String) -> Self {
        Self::Agent(agent)
    }
}

impl From<Scenario> for Child {
    fn from(scenario: Scenario) -> Self {
        Self::Scenario(Box::new(scenario))
    }
}
