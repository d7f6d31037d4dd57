//! The statuses of a run, open to words that the API does not know yet.

use std::collections::BTreeSet;
use std::fmt;

/// The status of a run.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Status {
    /// Accepted, not started yet.
    Queued,
    /// The agent works.
    Running,
    /// The agent finished its turn.
    Completed,
    /// The run failed.
    Failed,
    /// The agent's pod never started.
    Expired,
    /// Stopped before it finished.
    Stopped,
    /// Any other text, returned as it is, whether the schema declares it or not.
    Other(String),
}

impl Status {
    /// The API's word for it.
    ///
    /// ```
    /// use dinoai_emulator::Status;
    ///
    /// assert_eq!(Status::from("PAUSED").as_str(), "PAUSED");
    /// assert_eq!(Status::Running.as_str(), "RUNNING");
    /// ```
    pub fn as_str(&self) -> &str {
        match self {
            Self::Queued => "QUEUED",
            Self::Running => "RUNNING",
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
            Self::Expired => "EXPIRED",
            Self::Stopped => "STOPPED",
            Self::Other(text) => text,
        }
    }

    /// Whether a turn has ended with this status, as far as the API's words go.
    pub(crate) fn is_terminal(&self) -> bool {
        matches!(
            self,
            Self::Completed | Self::Failed | Self::Expired | Self::Stopped
        )
    }

    /// The statuses that the emulator itself can give a run, whatever the scenarios say.
    pub(crate) fn built_in() -> BTreeSet<String> {
        [Self::Queued, Self::Running, Self::Completed, Self::Stopped]
            .iter()
            .map(|status| status.as_str().to_owned())
            .collect()
    }
}

impl From<&str> for Status {
    fn from(text: &str) -> Self {
        match text {
            "QUEUED" => Self::Queued,
            "RUNNING" => Self::Running,
            "COMPLETED" => Self::Completed,
            "FAILED" => Self::Failed,
            "EXPIRED" => Self::Expired,
            "STOPPED" => Self::Stopped,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl From<String> for Status {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl fmt::Display for Status {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
