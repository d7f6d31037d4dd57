//! What an agent did, step by step, and its start-up checklist.

use serde::{Deserialize, Serialize};

use super::run::RunStatus;

/// Which steps to read, and how much of each.
///
/// Steps show progress that the transcript does not have. They are not on the vendor's pages;
/// observed in the vendor's own client. A backend that does not know them answers
/// [`Error::Unsupported`](crate::Error::Unsupported). To follow a run's steps as they come,
/// [`Session::watch`](crate::Session::watch) with [`steps`](crate::Watch::steps) is the
/// better way: it asks for new ones only.
///
/// ```no_run
/// use dinoai::{Client, StepOptions};
///
/// # async fn example() -> dinoai::Result<()> {
/// let client = Client::from_env()?;
/// let options = StepOptions::default().with_tool_io().with_max_chars(300);
/// let read = client.get_run_steps("xwzdneft6emspe0f", options).await?;
/// for step in read.steps.unwrap_or_default() {
///     println!("{} {}", step.index, step.tool_name.as_deref().unwrap_or("-"));
/// }
/// # Ok(())
/// # }
/// ```
///
/// By default all steps, without the input and output of tools, each text cut where the server
/// cuts it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[must_use = "options read nothing"]
pub struct StepOptions {
    pub(crate) after: Option<i64>,
    pub(crate) tool_io: bool,
    pub(crate) max_chars: Option<u32>,
}

impl StepOptions {
    /// Reads only steps whose [`index`](Step::index) is greater.
    ///
    /// All steps by default. An index beyond 32 bits is
    /// [`Error::InvalidRequest`](crate::Error::InvalidRequest) when they are read.
    ///
    /// ```
    /// let options = dinoai::StepOptions::default().with_after(17);
    /// ```
    pub fn with_after(mut self, index: i64) -> Self {
        self.after = Some(index);
        self
    }

    /// Reads also the input and output of tools.
    ///
    /// They can hold results of queries and contents of files, so they are left out by default.
    ///
    /// ```
    /// let options = dinoai::StepOptions::default().with_tool_io();
    /// ```
    pub fn with_tool_io(mut self) -> Self {
        self.tool_io = true;
        self
    }

    /// Sets the number of characters at which the server cuts each text of a step.
    ///
    /// By default the server decides. A number beyond 31 bits is
    /// [`Error::InvalidRequest`](crate::Error::InvalidRequest) when the steps are read.
    ///
    /// ```
    /// let options = dinoai::StepOptions::default().with_max_chars(300);
    /// ```
    pub fn with_max_chars(mut self, characters: u32) -> Self {
        self.max_chars = Some(characters);
        self
    }
}

/// One step of an agent's work: the API's `DinoAiAgentStep`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Step {
    /// The step's number; it grows within the run.
    pub index: i64,
    /// Who acted: `USER`, `AGENT` or `TOOL`.
    pub role: String,
    /// The tool's name, if a tool acted: `run_sql_query`, `read_file` and many more.
    pub tool_name: Option<String>,
    /// The tool's input, if it was asked for. JSON as a rule, perhaps cut in the middle.
    pub tool_input: Option<String>,
    /// The text; of a tool its output, if it was asked for.
    pub content: Option<String>,
    /// Whether the server cut a text of this step.
    pub truncated: bool,
}

impl Step {
    /// A step for a test, without a tool or a text.
    ///
    /// ```
    /// let step = dinoai::Step::new(3, "AGENT");
    /// assert_eq!((step.index, step.content), (3, None));
    /// ```
    #[cfg(any(test, feature = "test-util"))]
    #[must_use]
    pub fn new(index: i64, role: impl Into<String>) -> Self {
        Self {
            index,
            role: role.into(),
            tool_name: None,
            tool_input: None,
            content: None,
            truncated: false,
        }
    }
}

/// One line of the checklist while an agent's pod boots: the API's `DinoAiAgentStartupStep`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StartupStep {
    /// What is being prepared.
    pub label: String,
    /// Whether it is done.
    pub done: bool,
}

impl StartupStep {
    /// A line for a test.
    ///
    /// ```
    /// assert!(!dinoai::StartupStep::new("Clone the repository", false).done);
    /// ```
    #[cfg(any(test, feature = "test-util"))]
    #[must_use]
    pub fn new(label: impl Into<String>, done: bool) -> Self {
        Self {
            label: label.into(),
            done,
        }
    }
}

/// A run's steps at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RunSteps {
    /// The run's status.
    pub status: RunStatus,
    /// The steps asked for; `None` if the backend could not read them.
    pub steps: Option<Vec<Step>>,
    /// The start-up checklist; `None` if the backend could not read it, or has none.
    pub startup_steps: Option<Vec<StartupStep>>,
}

impl RunSteps {
    /// Steps for a test: none, as of a backend that could not read them.
    ///
    /// ```
    /// use dinoai::{RunStatus, RunSteps, Step};
    ///
    /// let mut read = RunSteps::new(RunStatus::Running);
    /// read.steps = Some(vec![Step::new(1, "AGENT")]);
    /// # let _ = read;
    /// ```
    #[cfg(any(test, feature = "test-util"))]
    #[must_use]
    pub fn new(status: RunStatus) -> Self {
        Self {
            status,
            steps: None,
            startup_steps: None,
        }
    }
}
