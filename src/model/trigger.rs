//! [`TriggerRun`]: the request to start a run.

use serde::{Deserialize, Serialize};

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
/// It serialises with the API's field names, so a queue can store it:
///
/// ```
/// use dinoai::TriggerRun;
///
/// let request = TriggerRun::agent("data-quality-checker").with_base_branch("main");
/// let stored = serde_json::to_string(&request)?;
/// assert_eq!(stored, r#"{"agent":"data-quality-checker","baseBranch":"main"}"#);
/// assert_eq!(serde_json::from_str::<TriggerRun>(&stored)?, request);
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// Reading one refuses a name that it does not know, and a request with neither an agent nor a
/// message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", try_from = "StoredTriggerRun")]
#[must_use = "a request starts nothing until it is given to a client"]
pub struct TriggerRun {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) agent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) slack: Option<Slack>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) base_branch: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) model_family: Option<String>,
}

/// A request as it was stored.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct StoredTriggerRun {
    agent: Option<String>,
    message: Option<String>,
    slack: Option<Slack>,
    base_branch: Option<String>,
    model_family: Option<String>,
}

impl TryFrom<StoredTriggerRun> for TriggerRun {
    type Error = &'static str;

    fn try_from(stored: StoredTriggerRun) -> Result<Self, Self::Error> {
        if stored.agent.is_none() && stored.message.is_none() {
            return Err("a request needs an agent or a message");
        }
        Ok(Self {
            agent: stored.agent,
            message: stored.message,
            slack: stored.slack,
            base_branch: stored.base_branch,
            model_family: stored.model_family,
        })
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Slack {
    pub(crate) channel: String,
    pub(crate) thread_ts: String,
}

impl TriggerRun {
    /// A run of the agent that `.dinoai/agents/<name>.yml` in the dbt repository defines.
    ///
    /// The name is given without `.yml`. Without a message the run starts with the agent's role,
    /// goal and backstory. A blank name is [`Error::InvalidRequest`](crate::Error::InvalidRequest)
    /// when the request is sent.
    ///
    /// ```
    /// let request = dinoai::TriggerRun::agent("data-quality-checker");
    /// ```
    pub fn agent(name: impl Into<String>) -> Self {
        Self {
            agent: Some(name.into()),
            ..Self::empty()
        }
    }

    /// A run from a message alone, without an agent of the repository.
    ///
    /// A blank one is [`Error::InvalidRequest`](crate::Error::InvalidRequest) when the request is
    /// sent.
    ///
    /// ```
    /// let request = dinoai::TriggerRun::message("Which tests fail?");
    /// ```
    pub fn message(text: impl Into<String>) -> Self {
        Self {
            message: Some(text.into()),
            ..Self::empty()
        }
    }

    /// Sets the message that is appended to the agent's context.
    ///
    /// It replaces an earlier one.
    ///
    /// ```
    /// use dinoai::TriggerRun;
    ///
    /// let request = TriggerRun::agent("data-quality-checker").with_message("Focus on stg_orders");
    /// ```
    pub fn with_message(mut self, text: impl Into<String>) -> Self {
        self.message = Some(text.into());
        self
    }

    /// Sets where in Slack the run posts: a channel, and a thread in it.
    ///
    /// The channel is given by its id (`C0123456789`), the thread by its timestamp
    /// (`1714142436.001200`). Without them the agent's YAML decides.
    ///
    /// ```
    /// use dinoai::TriggerRun;
    ///
    /// let request = TriggerRun::agent("data-quality-checker")
    ///     .with_slack("C0123456789", "1714142436.001200");
    /// ```
    pub fn with_slack(mut self, channel: impl Into<String>, thread_ts: impl Into<String>) -> Self {
        self.slack = Some(Slack {
            channel: channel.into(),
            thread_ts: thread_ts.into(),
        });
        self
    }

    /// Sets the branch, tag or commit SHA that the agent checks out.
    ///
    /// One that does not exist falls back to the default branch, silently (observed, not on the
    /// vendor's page). A backend that does not know base branches refuses the trigger with
    /// [`Error::Unsupported`](crate::Error::Unsupported).
    ///
    /// ```
    /// use dinoai::TriggerRun;
    ///
    /// let request = TriggerRun::agent("data-quality-checker").with_base_branch("release");
    /// ```
    pub fn with_base_branch(mut self, reference: impl Into<String>) -> Self {
        self.base_branch = Some(reference.into());
        self
    }

    /// Sets the model family to run on, by its slug.
    ///
    /// An unknown one does not fail the run: it runs on the workspace's default, and
    /// [`Accepted::warning`](crate::Accepted::warning) says so (observed, not on the vendor's
    /// page). A backend that does not know model families refuses the trigger with
    /// [`Error::Unsupported`](crate::Error::Unsupported).
    ///
    /// ```
    /// use dinoai::TriggerRun;
    ///
    /// let request = TriggerRun::agent("data-quality-checker").with_model_family("fast");
    /// ```
    pub fn with_model_family(mut self, slug: impl Into<String>) -> Self {
        self.model_family = Some(slug.into());
        self
    }

    /// The agent's name; `None` for a run from a message alone.
    ///
    /// ```
    /// let request = dinoai::TriggerRun::agent("data-quality-checker");
    /// assert_eq!(request.agent_name(), Some("data-quality-checker"));
    /// ```
    #[must_use]
    pub fn agent_name(&self) -> Option<&str> {
        self.agent.as_deref()
    }

    /// The message.
    ///
    /// ```
    /// let request = dinoai::TriggerRun::message("Which tests fail?");
    /// assert_eq!(request.text(), Some("Which tests fail?"));
    /// ```
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.message.as_deref()
    }

    /// The Slack channel and the timestamp of the thread.
    ///
    /// ```
    /// let request = dinoai::TriggerRun::message("Go").with_slack("C0123456789", "1714142436.0012");
    /// assert_eq!(request.slack(), Some(("C0123456789", "1714142436.0012")));
    /// ```
    #[must_use]
    pub fn slack(&self) -> Option<(&str, &str)> {
        let slack = self.slack.as_ref()?;
        Some((&slack.channel, &slack.thread_ts))
    }

    /// The branch, tag or commit that the agent checks out.
    ///
    /// ```
    /// let request = dinoai::TriggerRun::message("Go").with_base_branch("main");
    /// assert_eq!(request.base_branch(), Some("main"));
    /// ```
    #[must_use]
    pub fn base_branch(&self) -> Option<&str> {
        self.base_branch.as_deref()
    }

    /// The slug of the model family.
    ///
    /// ```
    /// let request = dinoai::TriggerRun::message("Go").with_model_family("fast");
    /// assert_eq!(request.model_family(), Some("fast"));
    /// ```
    #[must_use]
    pub fn model_family(&self) -> Option<&str> {
        self.model_family.as_deref()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_request_reads_back_and_a_wrong_one_is_refused() {
        let request = TriggerRun::agent("checker")
            .with_message("Go")
            .with_slack("C1", "1.2")
            .with_base_branch("main")
            .with_model_family("fast");
        let stored = serde_json::to_string(&request).unwrap();
        assert_eq!(
            serde_json::from_str::<TriggerRun>(&stored).unwrap(),
            request
        );
        let refused = |json: &str| {
            serde_json::from_str::<TriggerRun>(json)
                .unwrap_err()
                .to_string()
        };
        assert!(refused("{}").contains("needs an agent or a message"));
        assert!(refused(r#"{"agent":"a","baseBranche":"b"}"#).contains("baseBranche"));
        assert!(refused(r#"{"agent":"a","slack":{"channel":"C1"}}"#).contains("threadTs"));
    }
}
