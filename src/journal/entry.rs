//! [`Entry`]: what a journal says of a key; and [`RequestDigest`], what is kept of its request.

use std::fmt;
use std::time::{Duration, SystemTime};

use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use crate::config::list;
use crate::error::excerpt;
use crate::model::{RunStatus, SessionId, TriggerRun};

/// How long an ended key is kept.
const KEPT: Duration = Duration::from_secs(90 * 24 * 3600);

/// What a [`Journal`](super::Journal) says of a key.
///
/// It holds no message's text, no credential and no endpoint. As JSON it is an object with the field
/// `state`, to be kept as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Entry {
    /// How far the key is.
    #[serde(flatten)]
    pub state: State,
    /// Other runs that were started under this key, oldest first: those before a restart, and those
    /// whose ids came after a retry.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_runs: Vec<SessionId>,
    /// When the run was last about to be started, by the clock of whoever did that.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "optional_time"
    )]
    pub claimed_at: Option<SystemTime>,
    /// To which account the key belongs: a fingerprint of endpoint and workspace.
    pub account: String,
    /// To which request it belongs.
    pub request: RequestDigest,
}

/// How far a key is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "state",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
#[non_exhaustive]
pub enum State {
    /// Somebody is about to start the run.
    #[non_exhaustive]
    Claimed {
        /// Who: a name that no other claim has.
        owner: String,
        /// How long the claim holds, where no lock says whether its owner is alive.
        #[serde(rename = "leaseSeconds", with = "seconds")]
        lease: Duration,
    },
    /// The run has started.
    #[non_exhaustive]
    Started {
        /// The run.
        #[serde(rename = "agentSessionId")]
        session_id: SessionId,
    },
    /// The run has ended.
    #[non_exhaustive]
    Ended {
        /// The run.
        #[serde(rename = "agentSessionId")]
        session_id: SessionId,
        /// How it ended.
        status: RunStatus,
    },
    /// Nothing was started, for certain: the next call claims the key.
    #[non_exhaustive]
    Free {
        /// Why not.
        reason: String,
        /// Whether it was unknown, and somebody has decided to start it again.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        retried: bool,
    },
    /// A run may have been started, and nobody knows.
    #[non_exhaustive]
    Unknown {
        /// Whose claim it was.
        owner: String,
        /// Since when.
        #[serde(with = "time")]
        since: SystemTime,
        /// Why nobody knows.
        reason: String,
    },
}

impl Entry {
    /// Whether a key may be forgotten: nothing goes on, and the entry is older than 90 days.
    ///
    /// Only a key that has ended, or is free again. `age` is [`Stored::age`](super::Stored::age).
    ///
    /// ```
    /// use dinoai::journal::Stored;
    ///
    /// fn keep(stored: &Stored) -> bool {
    ///     !stored.entry.is_over(stored.age)
    /// }
    /// ```
    #[must_use]
    pub fn is_over(&self, age: Duration) -> bool {
        match self.state {
            State::Ended { .. } | State::Free { .. } => age >= KEPT,
            State::Claimed { .. } | State::Started { .. } | State::Unknown { .. } => false,
        }
    }

    /// The run that the key stands for, if it is known.
    ///
    /// ```
    /// # fn example(stored: dinoai::journal::Stored) {
    /// if let Some(id) = stored.entry.session_id() {
    ///     println!("to go on: client.session({:?})", id.as_str());
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn session_id(&self) -> Option<&SessionId> {
        match &self.state {
            State::Started { session_id } | State::Ended { session_id, .. } => Some(session_id),
            State::Claimed { .. } | State::Free { .. } | State::Unknown { .. } => None,
        }
    }

    /// The same, once the run that the key stands for has ended like this.
    ///
    /// For a program that waits for a run by its id, and keeps its journal true. A run that is started by its key has
    /// its end stored by whoever waits for it.
    ///
    /// `None` if nothing is to be stored: the status is no end, the key stands for no run, or says so already.
    ///
    /// ```
    /// use dinoai::Run;
    /// use dinoai::journal::{Journal, JournalError, Stored};
    ///
    /// async fn note(journal: &dyn Journal, key: &str, stored: &Stored, run: &Run) -> Result<(), JournalError> {
    ///     if let Some(next) = stored.entry.ended(&run.status) {
    ///         // A conflict is left: whoever has stored something else knows more.
    ///         journal.store(key, &next, Some(&stored.version)).await?;
    ///     }
    ///     Ok(())
    /// }
    /// ```
    #[must_use]
    pub fn ended(&self, status: &RunStatus) -> Option<Self> {
        let next = self.with_state(State::Ended {
            session_id: self.session_id()?.clone(),
            status: status.clone(),
        });
        (status.is_terminal() && next != *self).then_some(next)
    }

    /// The same with another state.
    pub(super) fn with_state(&self, state: State) -> Self {
        Self {
            state,
            ..self.clone()
        }
    }

    /// The same with one more run beside the one that the key stands for.
    pub(super) fn with_other_run(mut self, id: &SessionId) -> Self {
        if !self.other_runs.contains(id) && self.session_id() != Some(id) {
            self.other_runs.push(id.clone());
        }
        self
    }
}

/// What is kept of a request, to know it again: everything but the message, and that one's length and
/// SHA-256.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RequestDigest {
    /// The agent's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The branch, tag or commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_branch: Option<String>,
    /// The slug of the model family.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_family: Option<String>,
    /// The Slack channel and the timestamp of the thread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slack: Option<(String, String)>,
    /// The length of the message, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_bytes: Option<u64>,
    /// The SHA-256 of the message, in hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_sha256: Option<String>,
}

impl RequestDigest {
    /// What is kept of a request.
    ///
    /// ```
    /// use dinoai::TriggerRun;
    /// use dinoai::journal::RequestDigest;
    ///
    /// let digest = RequestDigest::of(&TriggerRun::agent("checker").with_message("Focus on orders"));
    /// assert_eq!((digest.agent.as_deref(), digest.message_bytes), (Some("checker"), Some(15)));
    /// ```
    #[must_use]
    pub fn of(request: &TriggerRun) -> Self {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let slack = request.slack();
        Self {
            agent: owned(request.agent_name()),
            base_branch: owned(request.base_branch()),
            model_family: owned(request.model_family()),
            slack: slack.map(|(channel, thread)| (channel.to_owned(), thread.to_owned())),
            message_bytes: request.text().map(|text| text.len() as u64),
            message_sha256: request.text().map(|text| sha256(text.as_bytes())),
        }
    }

    /// The SHA-256 of the whole request, in hexadecimal digits: to make a key of.
    ///
    /// It is the same for the same request, in each version of this crate.
    ///
    /// ```
    /// use dinoai::TriggerRun;
    /// use dinoai::journal::RequestDigest;
    ///
    /// let digest = RequestDigest::of(&TriggerRun::agent("checker"));
    /// let key = format!("2026-11-25/{}", digest.fingerprint());
    /// # assert_eq!(digest.fingerprint().len(), 64);
    /// ```
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut text = String::new();
        let bytes = self.message_bytes.map(|bytes| bytes.to_string());
        let slack = self.slack.as_ref();
        for part in [
            self.agent.as_ref(),
            self.base_branch.as_ref(),
            self.model_family.as_ref(),
            slack.map(|(channel, _)| channel),
            slack.map(|(_, thread)| thread),
            bytes.as_ref(),
            self.message_sha256.as_ref(),
        ] {
            // Each with its length, so that no two requests read alike.
            match part {
                Some(part) => text.push_str(&format!("{} {part}\n", part.len())),
                None => text.push_str("-\n"),
            }
        }
        sha256(text.as_bytes())
    }

    /// In which of its parts another request differs, in words.
    pub(super) fn differences(&self, other: &Self) -> String {
        let parts = [
            ("the agent", self.agent != other.agent),
            ("the base branch", self.base_branch != other.base_branch),
            ("the model family", self.model_family != other.model_family),
            ("the Slack target", self.slack != other.slack),
            (
                "the message",
                (self.message_bytes, &self.message_sha256)
                    != (other.message_bytes, &other.message_sha256),
            ),
        ];
        let differ = parts.into_iter().filter(|(_, differs)| *differs);
        let differ: Vec<_> = differ.map(|(part, _)| part).collect();
        list(&differ)
    }
}

impl fmt::Display for RequestDigest {
    /// The agent, or that there is only a message.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.agent {
            Some(agent) => write!(formatter, "agent {}", excerpt(agent)),
            None => formatter.write_str("a message without an agent"),
        }
    }
}

/// The fingerprint of an account.
pub(crate) fn account(account: &str) -> String {
    let mut hash = sha256(account.as_bytes());
    hash.truncate(16);
    hash
}

/// In hexadecimal digits.
pub(super) fn sha256(bytes: &[u8]) -> String {
    use std::fmt::Write;

    let mut text = String::with_capacity(64);
    for byte in digest(&SHA256, bytes).as_ref() {
        // A string takes all that is written.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// A length of time as whole seconds, rounded up.
mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(
        time: &Duration,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let rounded = time.as_secs() + u64::from(time.subsec_nanos() > 0);
        rounded.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_secs)
    }
}

/// The same as [`time`], if there is one.
mod optional_time {
    use std::time::SystemTime;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        time: &Option<SystemTime>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => super::time::serialize(time, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<SystemTime>, D::Error> {
        #[derive(Deserialize)]
        struct Time(#[serde(with = "super::time")] SystemTime);

        let time = Option::<Time>::deserialize(deserializer)?;
        Ok(time.map(|Time(time)| time))
    }
}

/// A time as text, to the millisecond: `2026-11-25T02:00:00.000Z`.
pub(super) mod time {
    use std::time::SystemTime;

    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::model::rfc3339;

    pub(in crate::journal) fn serialize<S: Serializer>(
        time: &SystemTime,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&rfc3339(*time))
    }

    pub(in crate::journal) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<SystemTime, D::Error> {
        let text = String::deserialize(deserializer)?;
        humantime::parse_rfc3339(&text).map_err(D::Error::custom)
    }
}
