//! How long things take: a pod that boots, an agent's steps one after the other, its answer.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use serde_json::json;

use crate::scenario::{Child, Scenario, Stage, Status, Step};

/// The longest time that the first thought takes.
const THOUGHT: Duration = Duration::from_secs(1);

/// How long an answer takes to write: longer than the shortest interval of those who follow a run,
/// so that they see the last step before.
const WRITING: Duration = Duration::from_millis(1_300);

/// How long a line of the checklist takes.
const BOOT: Duration = Duration::from_secs(1);

/// What the pods of all agents do before they load their agent.
const CHECKLIST: [&str; 2] = ["Start a pod", "Clone the dbt repository"];

/// The stages of that. All runs share them, since there can be very many runs.
static BOOTING: LazyLock<[Arc<Stage>; 3]> = LazyLock::new(|| {
    let [pod, clone] = CHECKLIST.map(|label| boot(Some(label)));
    [boot(None), pod, clone]
});

/// What an agent does from the moment that its pod is there.
pub(super) struct Work {
    stages: Vec<Stage>,
    /// How long each piece takes.
    pace: Duration,
}

impl Work {
    /// Begins with a thought, a stage of its own: whoever follows the run sees `RUNNING` before the
    /// first tool is called.
    pub(super) fn begin(pace: Duration, thought: impl Into<String>) -> Self {
        let stage = Stage::new(Status::Running).lasts(pace.min(THOUGHT));
        Self {
            stages: vec![stage.step(Step::agent(thought))],
            pace,
        }
    }

    /// One call of a tool after the other.
    pub(super) fn steps(mut self, steps: impl IntoIterator<Item = Step>) -> Self {
        let pace = self.pace;
        let stages = steps
            .into_iter()
            .map(|step| Stage::new(Status::Running).lasts(pace).step(step));
        self.stages.extend(stages);
        self
    }

    /// Another run, of this agent with this message, whose end is waited for. The call comes before
    /// the run does.
    pub(super) fn starts(mut self, agent: &str, message: &str) -> Self {
        let order = json!({ "agent": agent, "message": message });
        let call = Step::tool("invoke_agent").input(order.to_string());
        let started = Stage::new(Status::Running).lasts(self.pace);
        self = self.steps([call]);
        self.stages
            .push(started.child(Child::from(agent).with_callback([])));
        self
    }

    /// The answer to a follow-up: the pod is there already.
    pub(super) fn ends(mut self, status: Status, answer: impl Into<String>) -> Vec<Stage> {
        self.stages.extend(ending(status, answer.into()));
        self.stages
    }

    /// A run from its start.
    pub(super) fn run(
        mut self,
        agent: Option<&str>,
        status: Status,
        answer: impl Into<String>,
    ) -> Scenario {
        self.stages.extend(ending(status, answer.into()));
        self.begins(agent)
    }

    /// A run from its start, whose end its children lead to.
    pub(super) fn begins(self, agent: Option<&str>) -> Scenario {
        let load = match agent {
            Some(agent) => format!("Load the agent {}", super::words::short(agent)),
            None => "Load the workspace's agent".to_owned(),
        };
        let mut scenario = Scenario::new();
        for label in CHECKLIST.into_iter().chain([&*load]) {
            scenario = scenario.startup_step(label, false);
        }
        scenario.stages.extend(BOOTING.iter().cloned());
        scenario.stages.push(boot(Some(&load)));
        self.stages.into_iter().fold(scenario, Scenario::stage)
    }
}

/// A moment before the agent's work begins, in which a line of the checklist may be done.
fn boot(label: Option<&str>) -> Arc<Stage> {
    let stage = Stage::new(Status::Queued).lasts(BOOT);
    match label {
        Some(label) => stage.startup_step(label, true),
        None => stage,
    }
    .into_kept()
}

fn ending(status: Status, answer: String) -> [Stage; 2] {
    [
        Stage::new(Status::Running).lasts(WRITING),
        Stage::new(status).message("assistant", answer),
    ]
}
