//! What a workspace has: its agents, branches and model families, and which scenario runs follow.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, LazyLock};

use crate::demo::{self, Memory};
use crate::quirks::Quirks;
use crate::scenario::{Scenario, Status};

/// The model families that every workspace has.
const MODEL_FAMILIES: [&str; 2] = ["standard", "fast"];

/// What a run works on without a base branch, or with one that is missing.
const DEFAULT_BRANCH: &str = "main";

/// What a run follows that nothing is said of.
static DEFAULT: LazyLock<Arc<Scenario>> = LazyLock::new(|| Scenario::completed().into());

/// The agents that there are, if the one asked for is not among them.
pub(crate) struct UnknownAgent(pub(crate) Vec<String>);

/// What a workspace has, and how it behaves.
#[derive(Default)]
pub(crate) struct Workspace {
    /// `None` if every agent is there.
    pub(crate) agents: Option<BTreeSet<String>>,
    pub(crate) scenarios: Scenarios,
    pub(crate) model_families: BTreeSet<String>,
    /// Beside the default one. Empty if every branch is there.
    pub(crate) branches: BTreeSet<String>,
    pub(crate) quirks: Arc<Quirks>,
}

impl Workspace {
    pub(super) fn check_agent(&self, agent: Option<&str>) -> Result<(), UnknownAgent> {
        match (&self.agents, agent) {
            (Some(agents), Some(agent)) if !agents.contains(agent) => {
                Err(UnknownAgent(agents.iter().cloned().collect()))
            }
            _ => Ok(()),
        }
    }

    /// What a run that asks for this base branch works on.
    pub(super) fn check_out(&self, base_branch: Option<&str>) -> Cow<'static, str> {
        base_branch
            .filter(|branch| self.branches.is_empty() || self.branches.contains(*branch))
            .map_or(Cow::Borrowed(DEFAULT_BRANCH), |branch| {
                Cow::Owned(branch.to_owned())
            })
    }

    pub(super) fn knows_model_family(&self, slug: &str) -> bool {
        MODEL_FAMILIES.contains(&slug) || self.model_families.contains(slug)
    }
}

/// Which scenario the runs of which agent follow.
#[derive(Default)]
pub(crate) struct Scenarios {
    pub(super) by_agent: HashMap<String, Arc<Scenario>>,
    pub(super) default: Option<Arc<Scenario>>,
    /// Whether all other runs are those of the demo agents.
    pub(crate) has_demo_agents: bool,
}

impl Scenarios {
    /// Every status that some run can show.
    pub(crate) fn statuses(&self) -> BTreeSet<String> {
        let mut found = Status::built_in();
        for scenario in self.by_agent.values().chain(&self.default) {
            scenario.statuses(&mut found);
        }
        if self.has_demo_agents {
            found.insert(Status::Failed.as_str().to_owned());
        }
        found
    }

    /// Lets an agent's runs, or all others, follow a scenario.
    pub(crate) fn add(&mut self, agent: Option<String>, scenario: Scenario) {
        let scenario = Arc::new(scenario);
        match agent {
            Some(agent) => {
                self.by_agent.insert(agent, scenario);
            }
            None => self.default = Some(scenario),
        }
    }

    /// How a run of this agent goes that is asked this.
    pub(super) fn of(&self, agent: Option<&str>, asked: Option<&str>) -> Script {
        let own = agent.and_then(|agent| self.by_agent.get(agent));
        match own.or(self.default.as_ref()) {
            Some(scenario) => Script::from(Arc::clone(scenario)),
            None if self.has_demo_agents => {
                let (scenario, memory) = demo::scenario(agent, asked);
                Script {
                    scenario: Arc::new(scenario),
                    memory: Some(Box::new(memory)),
                }
            }
            None => Script::from(Arc::clone(&DEFAULT)),
        }
    }
}

/// What a run follows: how it goes, and, of a demo agent's, what it remembers.
pub(crate) struct Script {
    pub(super) scenario: Arc<Scenario>,
    pub(super) memory: Option<Box<Memory>>,
}

impl From<Arc<Scenario>> for Script {
    fn from(scenario: Arc<Scenario>) -> Self {
        Self {
            scenario,
            memory: None,
        }
    }
}
