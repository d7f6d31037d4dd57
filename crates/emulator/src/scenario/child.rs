//! A run that another run starts, as a scenario writes it.

use std::collections::BTreeSet;

use super::{Scenario, Stage};

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
    /// Wakes the parent when the child has ended: the parent goes on with these stages.
    ///
    /// It does so once it has nothing else before it and the stage that it is in has ended. Without
    /// stages it is `RUNNING` for one read, then `COMPLETED` with a message of the assistant's.
    ///
    /// A parent that ends while it waits is only idle: it reads as ended, and wakes again. One
    /// that is stopped stays so.
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
