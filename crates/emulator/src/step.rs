//! What a scenario can put into a run beside messages: steps of the agent's work, and children.

use std::collections::BTreeSet;

use crate::scenario::Scenario;
use crate::stage::Stage;

/// One step of an agent's work. Its index is given when it appears: the first of a run is 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub(crate) role: StepRole,
    pub(crate) tool_name: Option<String>,
    pub(crate) input: Option<String>,
    pub(crate) content: Option<String>,
}

impl Step {
    /// About how much memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        let texts = [&self.tool_name, &self.input, &self.content];
        size_of::<Self>() + texts.into_iter().flatten().map(String::len).sum::<usize>()
    }
}

/// Who acted in a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StepRole {
    User,
    Agent,
    Tool,
}

impl StepRole {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::User => "USER",
            Self::Agent => "AGENT",
            Self::Tool => "TOOL",
        }
    }
}

impl Step {
    /// A text of the agent's.
    pub fn agent(content: impl Into<String>) -> Self {
        Self::said(StepRole::Agent, content.into())
    }

    /// A text of the user's.
    pub fn user(content: impl Into<String>) -> Self {
        Self::said(StepRole::User, content.into())
    }

    /// A call of a tool, without input and output.
    pub fn tool(name: impl Into<String>) -> Self {
        Self {
            role: StepRole::Tool,
            tool_name: Some(name.into()),
            input: None,
            content: None,
        }
    }

    /// The tool's input, answered as `toolInput` to those who ask for tool input and output.
    #[must_use]
    pub fn input(mut self, input: impl Into<String>) -> Self {
        self.input = Some(input.into());
        self
    }

    /// The tool's output, answered as `content` to those who ask for tool input and output.
    #[must_use]
    pub fn output(mut self, output: impl Into<String>) -> Self {
        self.content = Some(output.into());
        self
    }

    fn said(role: StepRole, content: String) -> Self {
        Self {
            role,
            tool_name: None,
            input: None,
            content: Some(content),
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
    /// A run whose end wakes its parent, see [`Child::calls_back`].
    CallsBack {
        /// The run.
        child: Box<Child>,
        /// What the parent goes through then.
        stages: Vec<Stage>,
    },
}

impl Child {
    /// Wakes the parent when the child has ended: the parent goes on with these stages, once it
    /// has nothing else before it and the stage that it is in has ended. Without stages it
    /// is `RUNNING` for one read, then `COMPLETED` with a message of the assistant's.
    ///
    /// A parent that ends while it waits is idle, not over: it reads as ended, and wakes again.
    /// One that is stopped stays so.
    ///
    /// ```
    /// use dinoai_emulator::{Child, Scenario, Stage};
    ///
    /// let scenario = Scenario::new()
    ///     .stage(Stage::new("RUNNING"))
    ///     .child(Child::from("lineage-reader").calls_back([
    ///         Stage::new("RUNNING"),
    ///         Stage::new("COMPLETED").message("assistant", "The lineage is known now."),
    ///     ]))
    ///     .stage(Stage::new("COMPLETED"))
    ///     .message("assistant", "I asked the lineage reader.");
    /// ```
    #[must_use]
    pub fn calls_back(self, stages: impl IntoIterator<Item = Stage>) -> Self {
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
