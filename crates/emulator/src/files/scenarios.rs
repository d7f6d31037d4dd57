//! Scenarios as a file: the builder's model, written in YAML.
//!
//! The types here are what a file may say. The JSON schema is made of them, and a file is held
//! to them when it is read, so the two cannot differ.

use std::collections::BTreeMap;
use std::path::Path;

use schemars::{JsonSchema, schema_for};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::{Flaw, read_yaml};
use crate::clock::Seconds;
use crate::error::{Error, Level};
use crate::scenario::{Child, Scenario, Stage, Step};
use crate::snippet::Lines;
use crate::text_file::{LARGEST, text_of};

/// How runs go: those of some agents, and all others.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(title = "Scenarios of dinoai-emulator")]
struct ScenarioFile {
    /// How a run goes whose agent is not named below, or that a message alone started.
    default: Option<ScenarioText>,
    /// How the runs of an agent go, by the agent's name.
    agents: BTreeMap<String, ScenarioText>,
}

/// How a run goes. What it says outside of its stages appears when the run is triggered.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Scenario")]
struct ScenarioText {
    /// Messages that are there from the start.
    messages: Vec<MessageText>,
    /// Steps of the agent's work that are there from the start.
    steps: Vec<StepText>,
    /// The start-up checklist as it is at the start.
    startup_steps: Vec<StartupStepText>,
    /// Runs that are started with this one.
    #[schemars(with = "Vec<ChildText>")]
    children: Vec<ReadChild>,
    /// What the run goes through, in order; the last stage stays. Without stages it stays QUEUED.
    #[schemars(with = "Vec<StageText>")]
    stages: Vec<ReadStage>,
    /// How each follow-up is answered, in order. Those beyond get a default answer.
    #[schemars(with = "Vec<Vec<StageText>>")]
    follow_ups: Vec<Vec<ReadStage>>,
    /// Whether `steps` is null, with an error beside it.
    unreadable_steps: bool,
}

/// A status, when it ends, and what appears when it begins.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Stage", extend("not" = { "required": ["reads", "seconds"] }))]
struct StageText {
    /// QUEUED, RUNNING, COMPLETED, FAILED, EXPIRED, STOPPED, or any other text.
    status: String,
    /// After how many reads of the run the stage ends; 1 if neither this nor `seconds` is set.
    #[schemars(with = "Option<u64>")]
    reads: Option<Reads>,
    /// After how many seconds the stage ends, however often it is read.
    seconds: Option<Seconds>,
    /// Messages that appear.
    #[serde(default)]
    messages: Vec<MessageText>,
    /// Steps of the agent's work that appear.
    #[serde(default)]
    steps: Vec<StepText>,
    /// Lines of the start-up checklist that appear or change.
    #[serde(default)]
    startup_steps: Vec<StartupStepText>,
    /// Runs that are started.
    #[serde(default)]
    #[schemars(with = "Vec<ChildText>")]
    children: Vec<ReadChild>,
}

/// A number of reads. Its own type, so that a message names what stands there.
#[derive(Debug, Clone, Copy)]
struct Reads(u64);

impl<'de> Deserialize<'de> for Reads {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let reads = i64::deserialize(deserializer)?;
        let number = u64::try_from(reads).map(Self);
        number.map_err(|_| D::Error::custom(format!("{reads} is not a number of reads")))
    }
}

/// One message of the transcript.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Message")]
struct MessageText {
    /// The author's role; the vendor's agents have been seen as `assistant` and as `agent`.
    #[serde(default = "assistant")]
    role: String,
    /// The text.
    content: String,
}

fn assistant() -> String {
    "assistant".to_owned()
}

/// One step of the agent's work.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[schemars(rename = "Step")]
enum StepText {
    /// A text of the agent's.
    Agent(String),
    /// A text of the user's.
    User(String),
    /// A call of a tool.
    Tool(ToolText),
}

/// A call of a tool.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Tool")]
struct ToolText {
    /// The tool's name.
    name: String,
    /// Its input, most often JSON.
    input: Option<String>,
    /// Its output.
    output: Option<String>,
}

/// One line of the start-up checklist. A label that is there already is changed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "StartupStep")]
struct StartupStepText {
    /// What is done.
    label: String,
    /// Whether it is.
    #[serde(default)]
    done: bool,
}

/// A run that this one starts: of an agent, or with a scenario of its own.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(
    rename = "Child",
    extend("oneOf" = [{ "required": ["agent"] }, { "required": ["scenario"] }])
)]
struct ChildText {
    /// The agent's name.
    agent: Option<String>,
    /// How the child's run goes.
    scenario: Option<Box<ScenarioText>>,
    /// What the parent goes through when the child has ended; an empty list is a default answer.
    /// Without it the parent is not woken.
    #[schemars(with = "Option<Vec<StageText>>")]
    callback: Option<Vec<ReadStage>>,
}

/// The JSON schema of scenario files.
///
/// ```
/// let schema = dinoai_emulator::scenario_schema();
/// assert_eq!(schema["title"], "Scenarios of dinoai-emulator");
/// ```
pub fn scenario_schema() -> serde_json::Value {
    schema_for!(ScenarioFile).to_value()
}

/// The scenarios that a file says, by agent; that of all others has no name.
pub(crate) fn read(file: &Path) -> Result<Vec<(Option<String>, Scenario)>, Error> {
    let text = text_of(file, LARGEST).map_err(|source| Error::File {
        file: file.to_owned(),
        source,
    })?;
    parse(&text).map_err(|wrong| refusal(file, &text, wrong))
}

/// The error that says what is wrong with a file of this text.
pub(crate) fn refusal(file: &Path, text: &str, wrong: Flaw) -> Error {
    Error::Files(vec![wrong.diagnostic(Level::Error, file, &Lines::of(text))])
}

/// As [`read`], of the text of a file.
pub(crate) fn parse(text: &str) -> Result<Vec<(Option<String>, Scenario)>, Flaw> {
    let file: Option<ScenarioFile> = read_yaml(text)?;
    let ScenarioFile { default, agents } = file.unwrap_or_default();
    let default = default.map(|scenario| (None, scenario));
    let agents = agents
        .into_iter()
        .map(|(agent, scenario)| (Some(agent), scenario));
    let scenarios = default.into_iter().chain(agents);
    Ok(scenarios
        .map(|(agent, text)| (agent, text.into()))
        .collect())
}

impl From<ScenarioText> for Scenario {
    fn from(text: ScenarioText) -> Self {
        let mut scenario = Self::new();
        for message in text.messages {
            scenario = scenario.message(message.role, message.content);
        }
        for step in text.steps {
            scenario = scenario.step(step.into());
        }
        for step in text.startup_steps {
            scenario = scenario.startup_step(step.label, step.done);
        }
        for ReadChild(child) in text.children {
            scenario = scenario.child(child);
        }
        for ReadStage(stage) in text.stages {
            scenario = scenario.stage(stage);
        }
        for answer in text.follow_ups {
            scenario = scenario.follow_up(stages(answer));
        }
        if text.unreadable_steps {
            scenario = scenario.without_readable_steps();
        }
        scenario
    }
}

fn stages(read: Vec<ReadStage>) -> impl Iterator<Item = Stage> {
    read.into_iter().map(|ReadStage(stage)| stage)
}

/// A stage that has been read and checked, so that what is wrong has its line.
#[derive(Debug, Deserialize)]
#[serde(try_from = "StageText")]
struct ReadStage(Stage);

impl TryFrom<StageText> for ReadStage {
    type Error = &'static str;

    fn try_from(text: StageText) -> Result<Self, Self::Error> {
        let mut stage = Stage::new(text.status);
        stage = match (text.reads, text.seconds) {
            (None, None) => stage,
            (Some(Reads(reads)), None) => stage.reads(reads),
            (None, Some(Seconds(time))) => stage.lasts(time),
            (Some(_), Some(_)) => {
                return Err("a stage ends after 'reads' or after 'seconds', not both");
            }
        };
        for message in text.messages {
            stage = stage.message(message.role, message.content);
        }
        for step in text.steps {
            stage = stage.step(step.into());
        }
        for step in text.startup_steps {
            stage = stage.startup_step(step.label, step.done);
        }
        for ReadChild(child) in text.children {
            stage = stage.child(child);
        }
        Ok(Self(stage))
    }
}

/// A child that has been read and checked.
#[derive(Debug, Deserialize)]
#[serde(try_from = "ChildText")]
struct ReadChild(Child);

impl TryFrom<ChildText> for ReadChild {
    type Error = &'static str;

    fn try_from(text: ChildText) -> Result<Self, Self::Error> {
        let run = match (text.agent, text.scenario) {
            (Some(agent), None) => Child::from(agent),
            (None, Some(scenario)) => Child::from(Scenario::from(*scenario)),
            _ => return Err("a child has an 'agent' or a 'scenario', one of them"),
        };
        Ok(Self(match text.callback {
            None => run,
            Some(answer) => run.with_callback(stages(answer)),
        }))
    }
}

impl From<StepText> for Step {
    fn from(text: StepText) -> Self {
        match text {
            StepText::Agent(content) => Self::agent(content),
            StepText::User(content) => Self::user(content),
            StepText::Tool(tool) => {
                let mut step = Self::tool(tool.name);
                if let Some(input) = tool.input {
                    step = step.input(input);
                }
                if let Some(output) = tool.output {
                    step = step.output(output);
                }
                step
            }
        }
    }
}
