//! How long things take: a pod that boots, an agent's steps one after the other, its answer.

use std::time::Duration;

use crate::scenario::{Answers, Scenario};
use crate::stage::Stage;
use crate::status::Status;
use crate::step::Step;

/// How long a follow-up is in the queue.
const QUEUE: Duration = Duration::from_millis(500);

/// How long an answer takes to write: longer than the shortest interval of those who follow a run,
/// so that they see the last step before.
const WRITING: Duration = Duration::from_millis(1_300);

/// How long a line of the checklist takes.
const BOOT: Duration = Duration::from_secs(1);

/// What an agent does from the moment that its pod is there.
pub(super) struct Work {
    stages: Vec<Stage>,
    /// How long each piece takes.
    pace: Duration,
}

impl Work {
    pub(super) fn paced(pace: Duration) -> Self {
        Self {
            stages: Vec::new(),
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

    /// What the agent thinks before it goes on.
    pub(super) fn thinks(mut self, text: impl Into<String>) -> Self {
        let pace = self.pace;
        let stage = Stage::new(Status::Running).lasts(pace);
        self.stages.push(stage.step(Step::agent(text)));
        self
    }

    pub(super) fn stage(mut self, stage: Stage) -> Self {
        self.stages.push(stage);
        self
    }

    /// The answer to a follow-up: the pod is there already.
    pub(super) fn ends(self, status: Status, answer: impl Into<String>) -> Vec<Stage> {
        let mut stages = vec![Stage::new(Status::Queued).lasts(QUEUE)];
        stages.extend(self.stages);
        stages.extend(ending(status, answer.into()));
        stages
    }

    /// A run from its start, which answers follow-ups in this way.
    pub(super) fn run(
        self,
        agent: Option<&str>,
        status: Status,
        answer: impl Into<String>,
        answers: Answers,
    ) -> Scenario {
        let load = match agent {
            Some(agent) => format!("Load the agent {}", super::words::short(agent)),
            None => "Load the workspace's agent".to_owned(),
        };
        // The last line is done when the agent begins.
        let checklist = [
            ("Start a pod", BOOT),
            ("Clone the dbt repository", BOOT),
            (load.as_str(), Duration::ZERO),
        ];
        let mut scenario = Scenario::new();
        for (label, _) in checklist {
            scenario = scenario.startup_step(label, false);
        }
        let mut stages = vec![Stage::new(Status::Queued).lasts(BOOT)];
        stages.extend(checklist.map(|(label, time)| {
            let stage = Stage::new(Status::Queued).lasts(time);
            stage.startup_step(label, true)
        }));
        stages.extend(self.stages);
        stages.extend(ending(status, answer.into()));
        let scenario = stages.into_iter().fold(scenario, Scenario::stage);
        scenario.answering(answers)
    }
}

fn ending(status: Status, answer: String) -> [Stage; 2] {
    [
        Stage::new(Status::Running).lasts(WRITING),
        Stage::new(status).message("assistant", answer),
    ]
}
