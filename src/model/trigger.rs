//! [`TriggerRun`]: the request to start a run.

/// The request to start a run: which agent, with which message, and where it reports.
///
/// It starts from an agent or from a message, since the API needs at least one of them; the rest
/// is added with the `with_…` methods.
///
/// ```
/// use dinoai::TriggerRun;
///
/// let by_agent = TriggerRun::agent("data-quality-checker").with_message("Focus on stg_orders");
/// let ad_hoc = TriggerRun::message("Which tests fail?").with_slack("C0123456789", "1714142436.001200");
/// ```
///
/// Nothing is checked until it is given to a [`Client`](crate::Client); a blank text is then
/// refused by name, before any request.
///
/// Agent, message and Slack routing are on the vendor's page, and every backend knows them. The
/// base branch and the model family were observed; a backend that does not know them answers
/// [`Error::Unsupported`](crate::Error::Unsupported).
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a request starts nothing until it is given to a client"]
pub struct TriggerRun {
    pub(crate) agent: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) slack: Option<Slack>,
    pub(crate) base_branch: Option<String>,
    pub(crate) model_family: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Slack {
    pub(crate) channel: String,
    pub(crate) thread_ts: String,
}

impl TriggerRun {
    /// A run of the agent that `.dinoai/agents/<name>.yml` in the dbt repository defines; the
    /// name is given without `.yml`. Without a message the run starts with the agent's role,
    /// goal and backstory.
    pub fn agent(name: impl Into<String>) -> Self {
        Self {
            agent: Some(name.into()),
            ..Self::empty()
        }
    }

    /// A run from a message alone, without an agent of the repository's.
    pub fn message(text: impl Into<String>) -> Self {
        Self {
            message: Some(text.into()),
            ..Self::empty()
        }
    }

    /// The message that is appended to the agent's context. Replaces an earlier one.
    pub fn with_message(mut self, text: impl Into<String>) -> Self {
        self.message = Some(text.into());
        self
    }

    /// Where in Slack the run posts: the channel's id (`C0123456789`) and the timestamp of the
    /// thread that it replies in (`1714142436.001200`). Without it the agent's YAML decides.
    pub fn with_slack(mut self, channel: impl Into<String>, thread_ts: impl Into<String>) -> Self {
        self.slack = Some(Slack {
            channel: channel.into(),
            thread_ts: thread_ts.into(),
        });
        self
    }

    /// The branch, tag or commit SHA that the agent checks out. One that does not exist falls
    /// back to the default branch, silently (observed, not on the vendor's page).
    pub fn with_base_branch(mut self, reference: impl Into<String>) -> Self {
        self.base_branch = Some(reference.into());
        self
    }

    /// The slug of the model family to run on. An unknown one does not fail the run: it runs on
    /// the workspace's default, and [`Accepted::warning`](crate::Accepted::warning) says so
    /// (observed, not on the vendor's page).
    pub fn with_model_family(mut self, slug: impl Into<String>) -> Self {
        self.model_family = Some(slug.into());
        self
    }

    /// Whether it uses only what the vendor's page documents.
    pub(crate) fn is_on_the_page(&self) -> bool {
        self.base_branch.is_none() && self.model_family.is_none()
    }

    fn empty() -> Self {
        Self {
            agent: None,
            message: None,
            slack: None,
            base_branch: None,
            model_family: None,
        }
    }
}
