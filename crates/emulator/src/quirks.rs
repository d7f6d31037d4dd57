//! What a client must survive though nothing is broken: quirks of the API, each a switch.

use std::collections::BTreeSet;
use std::time::Duration;

/// How long a session takes follow-ups after its last message.
const SESSION_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// Quirks of the API.
///
/// Every one but the session's lifetime is off unless it is switched on.
///
/// ```
/// use dinoai_emulator::{Quirks, Emulator, RefusalStatus};
///
/// # fn main() -> Result<(), dinoai_emulator::Error> {
/// let emulator = Emulator::builder()
///     .quirks(
///         Quirks::new()
///             .stale_reads(2)
///             .reordered_messages()
///             .refusal_status(RefusalStatus::UnprocessableContent),
///     )
///     .start_blocking()?;
/// # Ok(())
/// # }
/// ```
///
/// More quirks have their place elsewhere: any status at all in [`Stage::new`](crate::Stage::new),
/// one run's unreadable steps in
/// [`Scenario::without_readable_steps`](crate::Scenario::without_readable_steps), known branches
/// and model families in [`Builder::branch`](crate::Builder::branch) and
/// [`Builder::model_family`](crate::Builder::model_family).
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Quirks {
    pub(crate) stale_reads: u64,
    pub(crate) repeated_messages: bool,
    pub(crate) reordered_messages: bool,
    pub(crate) undeclared_status: Option<String>,
    pub(crate) session_lifetime: Duration,
    pub(crate) unreadable_steps: bool,
    pub(crate) lacking: BTreeSet<Capability>,
    pub(crate) refusal_status: RefusalStatus,
    pub(crate) without_introspection: bool,
    /// `None` if every message is later than the one before.
    pub(crate) timestamp_resolution: Option<Duration>,
    pub(crate) compacted_transcript: Option<usize>,
    pub(crate) latency: Duration,
    pub(crate) alternating_status: bool,
    pub(crate) conditions_ignored: bool,
}

/// What a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Capability {
    /// `dinoai:agent:trigger`: starting runs, sending follow-ups, stopping.
    Trigger,
    /// `dinoai:agent:read`: reading runs.
    Read,
}

impl Capability {
    /// The vendor's name for it.
    ///
    /// ```
    /// use dinoai_emulator::Capability;
    ///
    /// assert_eq!(Capability::Trigger.as_str(), "dinoai:agent:trigger");
    /// ```
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trigger => "dinoai:agent:trigger",
            Self::Read => "dinoai:agent:read",
        }
    }

    /// What a root field asks for; `None` for one that everybody may use.
    pub(crate) fn needed_by(root_field: &str) -> Option<Self> {
        match root_field {
            "dinoaiAgentRun" => Some(Self::Read),
            "triggerDinoaiAgentRun" | "sendDinoaiAgentMessage" | "stopDinoaiAgentRun" => {
                Some(Self::Trigger)
            }
            _ => None,
        }
    }
}

/// The HTTP status of a response that refuses a document before execution.
///
/// That is one with a syntax error, a validation error, or a variable of the wrong type.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefusalStatus {
    /// What GraphQL over HTTP says: 200 with `application/json`, 400 with
    /// `application/graphql-response+json`. The default.
    #[default]
    ByMediaType,
    /// 200, whatever the media type.
    Ok,
    /// 400, whatever the media type.
    BadRequest,
    /// 422, whatever the media type.
    UnprocessableContent,
}

impl Default for Quirks {
    fn default() -> Self {
        Self {
            stale_reads: 0,
            repeated_messages: false,
            reordered_messages: false,
            undeclared_status: None,
            session_lifetime: SESSION_LIFETIME,
            unreadable_steps: false,
            lacking: BTreeSet::new(),
            refusal_status: RefusalStatus::default(),
            without_introspection: false,
            timestamp_resolution: None,
            compacted_transcript: None,
            latency: Duration::ZERO,
            alternating_status: false,
            conditions_ignored: false,
        }
    }
}

impl Quirks {
    /// No quirk but the session's lifetime.
    ///
    /// ```
    /// use dinoai_emulator::Quirks;
    ///
    /// assert_eq!(Quirks::new(), Quirks::default());
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// After a follow-up to a run that has ended, this many reads still show the ended turn's
    /// status.
    ///
    /// The user's own message is there at once. The default is 0.
    ///
    /// ```
    /// use dinoai_emulator::Quirks;
    ///
    /// let quirks = Quirks::new().stale_reads(2);
    /// ```
    pub fn stale_reads(mut self, reads: u64) -> Self {
        self.stale_reads = reads;
        self
    }

    /// Every other response with a run's messages lists them all twice, beginning with the second
    /// response.
    ///
    /// One after the other, then again, with the same timestamps.
    ///
    /// ```
    /// use dinoai_emulator::Quirks;
    ///
    /// let quirks = Quirks::new().repeated_messages();
    /// ```
    pub fn repeated_messages(mut self) -> Self {
        self.repeated_messages = true;
        self
    }

    /// Every other response with a run's messages, beginning with the second, lists them newest
    /// first.
    ///
    /// ```
    /// use dinoai_emulator::Quirks;
    ///
    /// let quirks = Quirks::new().reordered_messages();
    /// ```
    pub fn reordered_messages(mut self) -> Self {
        self.reordered_messages = true;
        self
    }

    /// Timestamps of messages are rounded down to whole multiples of this time.
    ///
    /// Counted from the Unix epoch, so that several messages can have the same. They are listed in
    /// the order of their arrival all the same. Anything below a microsecond counts as one. Without
    /// this quirk every message is at least a millisecond later than the one before.
    ///
    /// ```
    /// use std::time::Duration;
    /// use dinoai_emulator::Quirks;
    ///
    /// let quirks = Quirks::new().timestamp_resolution(Duration::from_secs(1));
    /// ```
    pub fn timestamp_resolution(mut self, resolution: Duration) -> Self {
        self.timestamp_resolution = Some(resolution);
        self
    }

    /// A transcript that grows long is compacted to this many latest messages.
    ///
    /// Once a message has been listed in a response, later ones list it only while it is among
    /// these. So every message is listed at least once; with 0, only once. A response that a
    /// [`Fault`](crate::Fault) spoils or loses counts, too, if the request was executed.
    ///
    /// ```
    /// use dinoai_emulator::Quirks;
    ///
    /// let quirks = Quirks::new().compacted_transcript(20);
    /// ```
    pub fn compacted_transcript(mut self, latest: usize) -> Self {
        self.compacted_transcript = Some(latest);
        self
    }

    /// Some reads show the status of the stage before, as a replica that lags behind does.
    ///
    /// One read in three of a run that is past its first stage, beginning with the second. All else
    /// is as it is now, and such reads count towards the end of a stage like any other.
    ///
    /// A follow-up begins anew: no read goes back to a status of the turn before, and its first
    /// stage is shown as it is. Stages that end after 0 reads are not gone back to either; nor does
    /// a run that was stopped by the operation go back.
    ///
    /// ```
    /// use dinoai_emulator::Quirks;
    ///
    /// let quirks = Quirks::new().alternating_status();
    /// ```
    pub fn alternating_status(mut self) -> Self {
        self.alternating_status = true;
        self
    }

    /// Every response of the API leaves this long after the request was executed.
    ///
    /// In real time, not that of the emulator's clock. A client that goes away meanwhile has
    /// started its run all the same. The default is zero. Responses of [`Fault`](crate::Fault)s are
    /// late, too, after their own delay; resets are not.
    ///
    /// ```
    /// use std::time::Duration;
    /// use dinoai_emulator::Quirks;
    ///
    /// let quirks = Quirks::new().latency(Duration::from_millis(50));
    /// ```
    pub fn latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// A run that would be `RUNNING` has this status instead, whether the schema declares it or not.
    ///
    /// ```
    /// use dinoai_emulator::Quirks;
    ///
    /// let quirks = Quirks::new().undeclared_status("PAUSED");
    /// ```
    pub fn undeclared_status(mut self, status: impl Into<String>) -> Self {
        self.undeclared_status = Some(status.into());
        self
    }

    /// How long after its last message a session takes follow-ups, on the emulator's clock.
    ///
    /// A later one is null for that field, with an error. The default is 24 hours;
    /// [`Duration::MAX`] is for ever.
    ///
    /// ```
    /// use std::time::Duration;
    /// use dinoai_emulator::Quirks;
    ///
    /// let quirks = Quirks::new().session_lifetime(Duration::MAX);
    /// ```
    pub fn session_lifetime(mut self, lifetime: Duration) -> Self {
        self.session_lifetime = lifetime;
        self
    }

    /// Nobody's steps can be read: `steps` is null with an error beside it.
    ///
    /// ```
    /// use dinoai_emulator::Quirks;
    ///
    /// let quirks = Quirks::new().unreadable_steps();
    /// ```
    pub fn unreadable_steps(mut self) -> Self {
        self.unreadable_steps = true;
        self
    }

    /// The credentials lack a capability: a document that needs it gets HTTP 403 and
    /// executes nothing.
    ///
    /// ```
    /// use dinoai_emulator::{Capability, Quirks};
    ///
    /// let quirks = Quirks::new().without_capability(Capability::Trigger);
    /// ```
    pub fn without_capability(mut self, capability: Capability) -> Self {
        self.lacking.insert(capability);
        self
    }

    /// Gives refused documents this status.
    ///
    /// ```
    /// use dinoai_emulator::{Quirks, RefusalStatus};
    ///
    /// let quirks = Quirks::new().refusal_status(RefusalStatus::BadRequest);
    /// ```
    pub fn refusal_status(mut self, status: RefusalStatus) -> Self {
        self.refusal_status = status;
        self
    }

    /// Executes what `@skip` and `@include` leave out.
    ///
    /// Both are validated, and then ignored.
    ///
    /// ```
    /// use dinoai_emulator::Quirks;
    ///
    /// let quirks = Quirks::new().ignores_conditions();
    /// ```
    pub fn ignores_conditions(mut self) -> Self {
        self.conditions_ignored = true;
        self
    }

    /// Refuses documents that ask for `__schema` or `__type`.
    ///
    /// ```
    /// use dinoai_emulator::Quirks;
    ///
    /// let quirks = Quirks::new().without_introspection();
    /// ```
    pub fn without_introspection(mut self) -> Self {
        self.without_introspection = true;
        self
    }
}
