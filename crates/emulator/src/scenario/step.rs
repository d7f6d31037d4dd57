//! [`Step`]: one step of an agent's work.

/// One step of an agent's work.
///
/// Its index is given when it appears: the first of a run is 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub(crate) role: StepRole,
    pub(crate) tool_name: Option<Box<str>>,
    pub(crate) input: Option<Box<str>>,
    pub(crate) content: Option<Box<str>>,
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
    /// A text by the agent.
    ///
    /// ```
    /// use dinoai_emulator::Step;
    ///
    /// let step = Step::agent("I look at the models.");
    /// ```
    pub fn agent(content: impl Into<String>) -> Self {
        Self::said(StepRole::Agent, content.into())
    }

    /// A text by the user.
    ///
    /// ```
    /// use dinoai_emulator::Step;
    ///
    /// let step = Step::user("Which tests fail?");
    /// ```
    pub fn user(content: impl Into<String>) -> Self {
        Self::said(StepRole::User, content.into())
    }

    /// A call of a tool, without input and output.
    ///
    /// ```
    /// use dinoai_emulator::Step;
    ///
    /// let step = Step::tool("run_sql_query");
    /// ```
    pub fn tool(name: impl Into<String>) -> Self {
        Self {
            role: StepRole::Tool,
            tool_name: Some(name.into().into()),
            input: None,
            content: None,
        }
    }

    /// The tool's input, returned as `toolInput` to those who ask for tool input and output.
    ///
    /// ```
    /// use dinoai_emulator::Step;
    ///
    /// let step = Step::tool("run_sql_query").input("select 1");
    /// ```
    #[must_use]
    pub fn input(mut self, input: impl Into<String>) -> Self {
        self.input = Some(input.into().into());
        self
    }

    /// The tool's output, returned as `content` to those who ask for tool input and output.
    ///
    /// ```
    /// use dinoai_emulator::Step;
    ///
    /// let step = Step::tool("run_sql_query").input("select 1").output("1");
    /// ```
    #[must_use]
    pub fn output(mut self, output: impl Into<String>) -> Self {
        self.content = Some(output.into().into());
        self
    }

    /// About how much memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        /// What the allocator adds to a text.
        const OVERHEAD: usize = 16;
        let texts = [&self.tool_name, &self.input, &self.content];
        let texts = texts.into_iter().flatten();
        size_of::<Self>() + texts.map(|text| OVERHEAD + text.len()).sum::<usize>()
    }

    fn said(role: StepRole, content: String) -> Self {
        Self {
            role,
            tool_name: None,
            input: None,
            content: Some(content.into()),
        }
    }
}
