//! A [`Run`] with its [`RunStatus`] and [`Message`]s, and what the API [`Accepted`].

use std::cmp::Ordering;
use std::fmt;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::session_id::SessionId;

/// The status of a run: the API's `DinoAiAgentRunStatus`.
///
/// `Queued`, `Running`, `Completed` and `Failed` are on the vendor's page; `Expired` and
/// `Stopped` were observed. A word that this version does not know is kept in `Unknown`, and is
/// not terminal. It is read in any case, as the vendor's clients read it, and shown, and
/// serialised, as the API's word (`COMPLETED`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
#[non_exhaustive]
pub enum RunStatus {
    /// `QUEUED`: accepted, not started yet.
    Queued,
    /// `RUNNING`: the agent is working.
    Running,
    /// `COMPLETED`: the agent finished its turn. Terminal.
    Completed,
    /// `FAILED`: the run failed. Terminal.
    Failed,
    /// `EXPIRED`: the agent's pod never started. Terminal.
    Expired,
    /// `STOPPED`: stopped before it finished. Terminal.
    Stopped,
    /// A status that this version does not know. Not terminal.
    Unknown(UnknownStatus),
}

/// A status that this version does not know, as the API said it.
///
/// A later version may name it, so compare [`RunStatus::as_str`], not this.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UnknownStatus(String);

impl UnknownStatus {
    /// The API's word.
    ///
    /// ```
    /// use dinoai::RunStatus;
    ///
    /// let status = RunStatus::from("PAUSED".to_owned());
    /// assert!(matches!(&status, RunStatus::Unknown(word) if word.as_str() == "PAUSED"));
    /// ```
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl RunStatus {
    /// Whether the run has ended, for better or worse: completed, failed, expired or stopped.
    ///
    /// A follow-up message can wake a run that has ended.
    ///
    /// ```
    /// use dinoai::RunStatus;
    ///
    /// assert!(RunStatus::Failed.is_terminal());
    /// assert!(!RunStatus::Running.is_terminal());
    /// ```
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        matches!(
            self,
            Self::Completed | Self::Failed | Self::Expired | Self::Stopped
        )
    }

    /// The API's word for it.
    ///
    /// ```
    /// assert_eq!(dinoai::RunStatus::Completed.as_str(), "COMPLETED");
    /// ```
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Queued => "QUEUED",
            Self::Running => "RUNNING",
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
            Self::Expired => "EXPIRED",
            Self::Stopped => "STOPPED",
            Self::Unknown(UnknownStatus(word)) => word,
        }
    }
}

impl fmt::Display for RunStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl From<String> for RunStatus {
    fn from(word: String) -> Self {
        match word.to_ascii_uppercase().as_str() {
            "QUEUED" => Self::Queued,
            "RUNNING" => Self::Running,
            "COMPLETED" => Self::Completed,
            "FAILED" => Self::Failed,
            "EXPIRED" => Self::Expired,
            "STOPPED" => Self::Stopped,
            _ => Self::Unknown(UnknownStatus(word)),
        }
    }
}

impl From<RunStatus> for String {
    fn from(status: RunStatus) -> Self {
        match status {
            RunStatus::Unknown(UnknownStatus(word)) => word,
            known => known.as_str().to_owned(),
        }
    }
}

/// One message of a run's transcript: the API's `DinoAiAgentMessage`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Message {
    /// When it was sent, as a Unix timestamp in seconds with a fraction. It identifies the
    /// message within its run (observed: the API may repeat and re-order messages).
    pub ts: f64,
    /// Who wrote it: `user` for the caller's own messages; the agent's have been seen as
    /// `assistant` and as `agent`.
    pub role: String,
    /// The text, usually Markdown.
    pub content: String,
}

impl Message {
    /// A message for a test.
    ///
    /// ```
    /// let message = dinoai::Message::new(1714142436.0, "agent", "All good.");
    /// assert!(!message.is_from_user());
    /// ```
    #[cfg(any(test, feature = "test-util"))]
    #[must_use]
    pub fn new(ts: f64, role: impl Into<String>, content: impl Into<String>) -> Self {
        Self {
            ts,
            role: role.into(),
            content: content.into(),
        }
    }

    /// Whether the caller wrote it, and not the agent.
    ///
    /// ```
    /// # fn example(run: dinoai::Run) {
    /// for message in run.messages.iter().filter(|message| !message.is_from_user()) {
    ///     println!("{}", message.content);
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn is_from_user(&self) -> bool {
        is_user(&self.role)
    }

    /// [`ts`](Self::ts) as a point in time; `None` if it is none (negative, or too large).
    ///
    /// ```
    /// # fn example(message: dinoai::Message) {
    /// if let Some(age) = message.sent_at().and_then(|sent_at| sent_at.elapsed().ok()) {
    ///     println!("{} s ago: {}", age.as_secs(), message.content);
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn sent_at(&self) -> Option<SystemTime> {
        let since_epoch = Duration::try_from_secs_f64(self.ts).ok()?;
        SystemTime::UNIX_EPOCH.checked_add(since_epoch)
    }
}

/// What identifies a message, or a group of messages, within its run: its timestamp, bit by bit,
/// and whether the caller wrote it. The role itself does not: the agent's has been seen as
/// `agent` and as `assistant`. Later ones are greater.
///
/// As JSON it is a text, `1714142436.0012 agent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct MessageKey {
    ts: u64,
    pub(crate) is_from_user: bool,
}

impl MessageKey {
    pub(crate) fn new(ts: f64, role: &str) -> Self {
        Self {
            ts: ts.to_bits(),
            is_from_user: is_user(role),
        }
    }

    pub(crate) fn of(message: &Message) -> Self {
        Self::new(message.ts, &message.role)
    }

    pub(crate) fn ts(self) -> f64 {
        f64::from_bits(self.ts)
    }
}

impl Ord for MessageKey {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_time = self.ts().total_cmp(&other.ts());
        by_time.then(self.is_from_user.cmp(&other.is_from_user))
    }
}

impl PartialOrd for MessageKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl From<MessageKey> for String {
    fn from(key: MessageKey) -> Self {
        let author = if key.is_from_user { "user" } else { "agent" };
        format!("{:?} {author}", key.ts())
    }
}

impl TryFrom<String> for MessageKey {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let parts = text.split_once(' ');
        let key = parts.and_then(|(ts, author)| Some(Self::new(ts.parse().ok()?, author)));
        key.ok_or_else(|| format!("no timestamp and author: {text:?}"))
    }
}

/// Whether a role is the caller's.
fn is_user(role: &str) -> bool {
    role.eq_ignore_ascii_case("user")
}

/// The state of a run at one moment, with its whole transcript: the API's `DinoAiAgentRun`.
///
/// It serialises with the API's own field names, so what one program stored another can read, or
/// a `jq` in a pipeline.
///
/// ```
/// use dinoai::{Run, RunStatus};
///
/// let run: Run = serde_json::from_str(
///     r#"{
///         "agentSessionId": "xwzdneft6emspe0f",
///         "status": "COMPLETED",
///         "messages": [{ "ts": 1714142436.0012, "role": "assistant", "content": "All good." }],
///         "childSessionIds": [],
///         "workspaceUid": "w1"
///     }"#,
/// )?;
/// assert_eq!(run.status, RunStatus::Completed);
/// assert_eq!(run.answer(), Some("All good."));
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// The API's `ok` is not a field: where it is false the call fails with
/// [`Error::NotAccepted`](crate::Error::NotAccepted).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Run {
    /// The run's session id.
    #[serde(rename = "agentSessionId")]
    pub session_id: SessionId,
    /// Where it stands.
    pub status: RunStatus,
    /// The whole conversation, as the API ordered it.
    pub messages: Vec<Message>,
    /// The runs that this run started (sub-agents). Each can be read like any other run.
    pub child_session_ids: Vec<SessionId>,
    /// The workspace that the run belongs to; empty if the API did not say it (observed).
    pub workspace_uid: String,
}

impl Run {
    /// A run for a test: without messages, children or a workspace.
    ///
    /// Set its fields as you need them.
    ///
    /// ```
    /// use dinoai::{Message, Run, RunStatus};
    ///
    /// let mut run = Run::new("xwzdneft6emspe0f", RunStatus::Completed);
    /// run.messages.push(Message::new(1714142436.0, "agent", "All good."));
    /// assert_eq!(run.answer(), Some("All good."));
    /// ```
    ///
    /// # Panics
    ///
    /// If the id is blank.
    #[cfg(any(test, feature = "test-util"))]
    #[must_use]
    #[track_caller]
    pub fn new(session_id: impl AsRef<str>, status: RunStatus) -> Self {
        Self {
            session_id: SessionId::for_test(session_id),
            status,
            messages: vec![],
            child_session_ids: vec![],
            workspace_uid: String::new(),
        }
    }

    /// The last message that the agent wrote, by its `ts`: usually what the caller asked for.
    ///
    /// `None` if the agent has not written anything.
    ///
    /// ```
    /// # fn example(run: dinoai::Run) {
    /// println!("{}", run.answer().unwrap_or("no answer"));
    /// # }
    /// ```
    #[must_use]
    pub fn answer(&self) -> Option<&str> {
        self.messages
            .iter()
            .filter(|message| !message.is_from_user())
            .max_by(|a, b| a.ts.total_cmp(&b.ts))
            .map(|message| message.content.as_str())
    }
}

/// The API's response to a trigger, a follow-up or a stop that it has accepted.
///
/// The API's `ok` is not a field: where it is false the call fails with
/// [`Error::NotAccepted`](crate::Error::NotAccepted).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Accepted {
    /// The run it is about. After a trigger: the new run's session id; keep it.
    #[serde(rename = "agentSessionId")]
    pub session_id: SessionId,
    /// The API's word. After a trigger or a follow-up it always is `queued`, in lower case: it
    /// says that the request was accepted, and is not the run's [`RunStatus`].
    pub status: String,
    /// What the API changed about the request: where
    /// [`with_model_family`](crate::TriggerRun::with_model_family) named a family that the
    /// workspace does not have, the run goes on with the default family and this says so
    /// (observed, not on the vendor's page).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
}

impl Accepted {
    /// What the API says to a trigger or a follow-up, for a test.
    ///
    /// ```
    /// let accepted = dinoai::Accepted::new("xwzdneft6emspe0f");
    /// assert_eq!(accepted.status, "queued");
    /// ```
    ///
    /// # Panics
    ///
    /// If the id is blank.
    #[cfg(any(test, feature = "test-util"))]
    #[must_use]
    #[track_caller]
    pub fn new(session_id: impl AsRef<str>) -> Self {
        Self {
            session_id: SessionId::for_test(session_id),
            status: "queued".to_owned(),
            warning: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_goes_through_json_and_back_unchanged() {
        for word in [
            "QUEUED",
            "RUNNING",
            "COMPLETED",
            "FAILED",
            "EXPIRED",
            "STOPPED",
            "PAUSED",
        ] {
            let json = format!("\"{word}\"");
            let status: RunStatus = serde_json::from_str(&json).unwrap();
            assert_eq!(status.to_string(), word);
            assert_eq!(serde_json::to_string(&status).unwrap(), json);
        }
    }

    #[test]
    fn only_the_four_ends_are_terminal() {
        let terminal: Vec<_> = [
            "QUEUED",
            "RUNNING",
            "COMPLETED",
            "FAILED",
            "EXPIRED",
            "STOPPED",
            "PAUSED",
        ]
        .into_iter()
        .filter(|word| RunStatus::from((*word).to_owned()).is_terminal())
        .collect();
        assert_eq!(terminal, ["COMPLETED", "FAILED", "EXPIRED", "STOPPED"]);
    }

    #[test]
    fn a_timestamp_that_is_none_gives_no_time_and_no_panic() {
        let at = |ts| Message::new(ts, "agent", "").sent_at();
        assert_eq!(
            at(1.5),
            Some(SystemTime::UNIX_EPOCH + Duration::from_millis(1500))
        );
        for none in [-1.0, 1e300, f64::NAN, f64::INFINITY] {
            assert_eq!(at(none), None);
        }
    }

    #[test]
    fn the_answer_is_the_agents_latest_message_however_they_are_ordered() {
        let mut run = Run::new("s", RunStatus::Completed);
        run.messages = vec![
            Message::new(3.0, "assistant", "second"),
            Message::new(2.0, "agent", "first"),
            Message::new(4.0, "USER", "thanks"),
        ];
        assert_eq!(run.answer(), Some("second"));
    }
}
