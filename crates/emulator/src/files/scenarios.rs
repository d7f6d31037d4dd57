//! Scenarios as a file: the builder's model, written in YAML.
//!
//! The types here are what a file may say. The JSON schema is made of them, and a file is held
//! to them when it is read, so the two cannot differ.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use schemars::{JsonSchema, schema_for};
use serde::Deserialize;

use super::yaml::{Document, LineError, child_pointer};
use crate::error::{Diagnostic, Error};
use crate::json::Seconds;
use crate::scenario::{Child, Scenario, Stage, Step};

/// How runs go: those of some agents, and all others.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(title = "Scenarios of dinoai-emulator")]
struct File {
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
    children: Vec<ChildText>,
    /// What the run goes through, in order; the last stage stays. Without stages it stays QUEUED.
    stages: Vec<StageText>,
    /// How each follow-up is answered, in order. Those beyond get a default answer.
    follow_ups: Vec<Vec<StageText>>,
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
    /// After how many reads of the run the stage ends; 1 where neither this nor `seconds` is set.
    reads: Option<u64>,
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
    children: Vec<ChildText>,
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
    callback: Option<Vec<StageText>>,
}

/// The JSON schema of scenario files.
///
/// ```
/// let schema = dinoai_emulator::scenario_schema();
/// assert_eq!(schema["title"], "Scenarios of dinoai-emulator");
/// ```
pub fn scenario_schema() -> serde_json::Value {
    schema_for!(File).to_value()
}

/// The scenarios that a file says, by agent; that of all others has no name.
pub(crate) fn read(file: &Path) -> Result<Vec<(Option<String>, Scenario)>, Error> {
    let text = fs::read_to_string(file).map_err(|source| Error::File {
        file: file.to_owned(),
        source,
    })?;
    parse(&text).map_err(|wrong| refusal(file, wrong))
}

/// The error that says what is wrong with a file.
pub(crate) fn refusal(file: &Path, (line, message): LineError) -> Error {
    Error::Files(vec![Diagnostic {
        file: file.to_owned(),
        line,
        message,
    }])
}

/// As [`read`], of the text of a file.
pub(crate) fn parse(text: &str) -> Result<Vec<(Option<String>, Scenario)>, LineError> {
    let document = Document::parse(text)?;
    let file = if document.value.is_null() {
        File::default()
    } else {
        document.read()?
    };
    let at = |place: At| (document.line(&place.0), place.1);
    let mut scenarios = Vec::new();
    if let Some(text) = file.default {
        scenarios.push((None, text.scenario("/default").map_err(at)?));
    }
    for (agent, text) in file.agents {
        let scenario = text
            .scenario(&child_pointer("/agents", &agent))
            .map_err(at)?;
        scenarios.push((Some(agent), scenario));
    }
    Ok(scenarios)
}

/// What is wrong where, as a JSON pointer.
struct At(String, String);

impl ScenarioText {
    fn scenario(self, place: &str) -> Result<Scenario, At> {
        let mut scenario = Scenario::new();
        for message in self.messages {
            scenario = scenario.message(message.role, message.content);
        }
        for step in self.steps {
            scenario = scenario.step(step.step());
        }
        for step in self.startup_steps {
            scenario = scenario.startup_step(step.label, step.done);
        }
        for (number, text) in self.children.into_iter().enumerate() {
            scenario = scenario.child(text.child(&format!("{place}/children/{number}"))?);
        }
        for stage in stages(self.stages, &child_pointer(place, "stages"))? {
            scenario = scenario.stage(stage);
        }
        for (number, answer) in self.follow_ups.into_iter().enumerate() {
            let place = format!("{place}/follow_ups/{number}");
            scenario = scenario.follow_up(stages(answer, &place)?);
        }
        Ok(if self.unreadable_steps {
            scenario.without_readable_steps()
        } else {
            scenario
        })
    }
}

fn stages(texts: Vec<StageText>, place: &str) -> Result<Vec<Stage>, At> {
    let numbered = texts.into_iter().enumerate();
    numbered
        .map(|(number, text)| text.stage(&format!("{place}/{number}")))
        .collect()
}

impl StageText {
    fn stage(self, place: &str) -> Result<Stage, At> {
        let mut stage = Stage::new(self.status);
        stage = match (self.reads, self.seconds) {
            (None, None) => stage,
            (Some(reads), None) => stage.reads(reads),
            (None, Some(Seconds(time))) => stage.lasts(time),
            (Some(_), Some(_)) => {
                let message = "a stage ends after 'reads' or after 'seconds', not both";
                return Err(At(place.to_owned(), message.to_owned()));
            }
        };
        for message in self.messages {
            stage = stage.message(message.role, message.content);
        }
        for step in self.steps {
            stage = stage.step(step.step());
        }
        for step in self.startup_steps {
            stage = stage.startup_step(step.label, step.done);
        }
        for (number, text) in self.children.into_iter().enumerate() {
            stage = stage.child(text.child(&format!("{place}/children/{number}"))?);
        }
        Ok(stage)
    }
}

impl ChildText {
    fn child(self, place: &str) -> Result<Child, At> {
        let run = match (self.agent, self.scenario) {
            (Some(agent), None) => Child::from(agent),
            (None, Some(text)) => Child::from(text.scenario(&child_pointer(place, "scenario"))?),
            _ => {
                let message = "a child has an 'agent' or a 'scenario', one of them";
                return Err(At(place.to_owned(), message.to_owned()));
            }
        };
        match self.callback {
            None => Ok(run),
            Some(answer) => {
                Ok(run.with_callback(stages(answer, &child_pointer(place, "callback"))?))
            }
        }
    }
}

impl StepText {
    fn step(self) -> Step {
        match self {
            Self::Agent(content) => Step::agent(content),
            Self::User(content) => Step::user(content),
            Self::Tool(tool) => {
                let mut step = Step::tool(tool.name);
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
