//! [`Failure`]: why a command did not do what it was asked for, as it is shown to people and to
//! programs; [`FailureKind`]: what kind of failure that is, in a word for programs.
//!
//! [`FailureKind::of`] says which kind an error of the library is, [`Failure::from`] makes a failure
//! of it; the exit status comes from `exit_status.rs`, the hint from `hint.rs`.

use std::fmt;

use dinoai::{Error, SessionId};
use serde::Serialize;

use super::{ExitStatus, Signal, hint};

/// Why a command did not do what it was asked for.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Failure {
    pub(crate) kind: FailureKind,
    pub(crate) message: String,
    #[serde(rename = "agentSessionId")]
    pub(crate) session_id: Option<SessionId>,
    /// What to do next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hint: Option<String>,
    #[serde(skip)]
    pub(crate) exit: ExitStatus,
}

impl Failure {
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Usage, ExitStatus::Usage, message)
    }

    /// Something of this machine's that is needed and does not work: a file, a signal.
    pub(crate) fn system(message: impl Into<String>) -> Self {
        Self::new(FailureKind::System, ExitStatus::Usage, message)
    }

    /// A result, or a file with the answer, that could not be written.
    pub(crate) fn output(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Output, ExitStatus::Unavailable, message)
    }

    /// Documents that are wrong, so that nothing can be said of them.
    #[cfg(feature = "emulator")]
    pub(crate) fn documents(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Documents, ExitStatus::Flawed, message)
    }

    /// The results of a batch could not be kept or printed.
    pub(crate) fn results(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Results, ExitStatus::Unavailable, message)
    }

    /// Interrupted by a signal, and what is known.
    pub(crate) fn by_signal(signal: Signal, message: impl Into<String>) -> Self {
        Self::new(
            FailureKind::Interrupted,
            ExitStatus::Interrupted(signal),
            message,
        )
    }

    /// Interrupted while nothing was started, stopped or waited for.
    pub(crate) fn interrupted_idle(signal: Signal) -> Self {
        Self::by_signal(signal, "interrupted")
    }

    /// Interrupted while a run that was waited for is in progress.
    pub(crate) fn interrupted_run(signal: Signal, session_id: &SessionId, status: &str) -> Self {
        Self {
            session_id: Some(session_id.clone()),
            ..Self::by_signal(
                signal,
                format!("interrupted; the run {session_id} {status}"),
            )
        }
    }

    /// Interrupted while nothing was known of what had been sent.
    pub(crate) fn interrupted_in_flight(signal: Signal) -> Self {
        Self {
            hint: Some("check the workspace (or Slack) before sending it again".to_owned()),
            ..Self::by_signal(
                signal,
                "interrupted before the API responded; the run may have started",
            )
        }
    }

    /// The same of a follow-up.
    pub(crate) fn interrupted_send(signal: Signal, session_id: &SessionId) -> Self {
        let text = "interrupted before the API responded; the message may have been sent";
        let hint = format!(
            "before sending it again, check what the run did: dinoai get {}",
            hint::id(session_id)
        );
        Self::by_signal(signal, text)
            .about(session_id)
            .with_hint(hint)
    }

    /// Interrupted while a stop was in flight.
    pub(crate) fn interrupted_stop(signal: Signal, session_id: &SessionId) -> Self {
        let failure = Self::interrupted_run(signal, session_id, "may have been stopped");
        failure.with_hint(format!(
            "to check its status: dinoai get {}",
            hint::id(session_id)
        ))
    }

    /// Interrupted before anything was sent that starts something.
    pub(crate) fn interrupted_before_start(signal: Signal) -> Self {
        Self::by_signal(signal, "interrupted; nothing was started")
    }

    /// The same failure, if the command was interrupted before it came.
    pub(crate) fn after_signal(mut self, signal: Signal) -> Self {
        self.exit = ExitStatus::Interrupted(signal);
        self
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// A hint below those that it has.
    pub(crate) fn with_further_hint(mut self, hint: &str) -> Self {
        self.hint = Some(match self.hint {
            Some(first) => format!("{first}\n  {hint}"),
            None => hint.to_owned(),
        });
        self
    }

    /// The same failure with its run, which the caller knows if the error does not.
    pub(crate) fn about(mut self, session_id: &SessionId) -> Self {
        if self.session_id.is_none() {
            self.session_id = Some(session_id.clone());
        }
        self
    }

    /// What ended a wait that has started its run: if the run is known, so is what came of the
    /// trigger.
    pub(crate) fn from_wait(error: Error) -> Self {
        let exit = ExitStatus::of_wait(&error);
        Self {
            exit,
            ..Self::from(error)
        }
    }

    pub(crate) fn new(kind: FailureKind, exit: ExitStatus, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            session_id: None,
            hint: None,
            exit,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)?;
        if let Some(hint) = &self.hint {
            write!(formatter, "\n  {hint}")?;
        }
        // Nobody but this line may know it.
        let is_named = |id: &SessionId| {
            let hint = self.hint.as_deref().unwrap_or_default();
            self.message.contains(id.as_str()) || hint.contains(id.as_str())
        };
        match &self.session_id {
            Some(id) if !is_named(id) => write!(formatter, "\n  session {id}"),
            _ => Ok(()),
        }
    }
}

/// What the library advises, and a command has no option for.
const BUILDER_ADVICE: &str = ", or allow_plain_http on the client's builder";

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let session_id = error.session_id().cloned();
        let hint = session_id
            .as_ref()
            .and_then(|id| hint::of_error(&error, id));
        Self {
            kind: FailureKind::of(&error),
            message: error.to_string().replace(BUILDER_ADVICE, ""),
            session_id,
            hint,
            exit: ExitStatus::of(&error),
        }
    }
}

/// Defines the kinds once: each with its word, and the list of all of them.
macro_rules! kinds {
    ($($(#[$attribute:meta])* $kind:ident = $word:literal,)*) => {
        /// What kind of failure it is. The words do not change between versions, and stand in the
        /// JSON schema of the output.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum FailureKind {
            $($(#[$attribute])* $kind,)*
        }

        impl FailureKind {
            #[cfg(test)]
            const ALL: &[Self] = &[$($(#[$attribute])* Self::$kind,)*];

            pub(crate) fn word(self) -> &'static str {
                match self {
                    $($(#[$attribute])* Self::$kind => $word,)*
                }
            }
        }
    };
}

kinds! {
    // What the library's errors say.
    InvalidRequest = "invalid_request",
    InvalidConfig = "invalid_config",
    NotSent = "not_sent",
    NotStarted = "not_started",
    Journal = "journal",
    KeyUnknown = "key_unknown",
    NotFound = "not_found",
    OutcomeUnknown = "outcome_unknown",
    Transport = "transport",
    Unauthorized = "unauthorized",
    RateLimited = "rate_limited",
    Http = "http",
    GraphQl = "graphql",
    Unsupported = "unsupported",
    Decode = "decode",
    ResponseTooLarge = "response_too_large",
    NotAccepted = "not_accepted",
    RunFailed = "run_failed",
    WaitTimeout = "wait_timeout",
    WrongAnswer = "wrong_answer",
    TurnNotStarted = "turn_not_started",
    // What the command itself says.
    Usage = "usage",
    System = "system",
    Interrupted = "interrupted",
    Output = "output",
    Results = "results",
    InProgress = "in_progress",
    FailIf = "fail_if",
    Unread = "unread",
    // What checks documents is a part of the emulator.
    #[cfg(feature = "emulator")]
    Documents = "documents",
    Other = "other",
}

impl FailureKind {
    pub(crate) fn of(error: &Error) -> Self {
        match error {
            Error::InvalidRequest { .. } => Self::InvalidRequest,
            Error::InvalidConfig { .. } => Self::InvalidConfig,
            Error::NotSent { .. } => Self::NotSent,
            Error::NotStarted { .. } => Self::NotStarted,
            Error::Journal { .. } => Self::Journal,
            Error::KeyUnknown { .. } => Self::KeyUnknown,
            Error::NotFound { .. } => Self::NotFound,
            Error::OutcomeUnknown { .. } => Self::OutcomeUnknown,
            Error::Transport { .. } => Self::Transport,
            Error::Unauthorized { .. } => Self::Unauthorized,
            Error::RateLimited { .. } => Self::RateLimited,
            Error::Http { .. } => Self::Http,
            Error::GraphQl { .. } => Self::GraphQl,
            Error::Unsupported { .. } => Self::Unsupported,
            Error::Decode { .. } => Self::Decode,
            Error::ResponseTooLarge { .. } => Self::ResponseTooLarge,
            Error::NotAccepted { .. } => Self::NotAccepted,
            Error::RunFailed { .. } => Self::RunFailed,
            Error::WaitTimeout(_) => Self::WaitTimeout,
            Error::WrongAnswer(_) => Self::WrongAnswer,
            Error::TurnNotStarted { .. } => Self::TurnNotStarted,
            _ => Self::Other,
        }
    }
}

impl Serialize for FailureKind {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use dinoai::journal::JournalError;
    use dinoai::{Client, Credentials, Obstacle, Run, RunStatus, TriggerRun};
    use dinoai_emulator::Emulator;
    use serde_json::{Value, json};

    use super::*;

    /// The names of the variants of the library's error, as its source lists them: the lines of the
    /// enum that begin with a name.
    fn variants() -> BTreeSet<String> {
        let source = include_str!("../../../../src/error/mod.rs");
        let (_, from_first) = source.split_once("\npub enum Error {\n").unwrap();
        let (variants, _) = from_first.split_once("\n}\n").unwrap();
        let lines = variants
            .lines()
            .filter_map(|line| line.strip_prefix("    "));
        let named = lines.filter(|line| line.starts_with(|first: char| first.is_ascii_uppercase()));
        named.map(name).collect()
    }

    /// The name that a text begins with.
    fn name(text: &str) -> String {
        text.chars()
            .take_while(char::is_ascii_alphanumeric)
            .collect()
    }

    /// An error of each variant: most from the library's constructors for tests, the others as they
    /// occur.
    async fn samples() -> Vec<Error> {
        let id = || SessionId::new("abc").unwrap();
        let emulator = Emulator::builder().start().await.unwrap();
        let credentials = Credentials::key_and_secret(emulator.key(), emulator.secret());
        let builder = Client::builder().endpoint(emulator.endpoint());
        let builder = builder.credentials(credentials.clone()).response_limit(1);
        let client = builder.build().unwrap();
        vec![
            client
                .trigger_run(TriggerRun::message(" "))
                .await
                .unwrap_err(),
            Client::new("no endpoint", credentials).unwrap_err(),
            Error::new_not_sent(Obstacle::Connection),
            Error::new_outcome_unknown("connection reset"),
            Error::new_not_started(Error::new_unauthorized()),
            Error::new_journal("nightly", JournalError::unusable("is no journal")),
            Error::new_key_unknown("nightly", "it was killed"),
            Error::new_transport(id()),
            Error::new_unauthorized(),
            Error::new_rate_limited(None),
            Error::new_http(id(), 503),
            Error::new_graphql(vec![]),
            Error::new_not_found(id()),
            Error::new_unsupported("the base branch"),
            Error::new_decode(id(), "is missing"),
            client.get_run("abc").await.unwrap_err(),
            Error::new_not_accepted("REJECTED"),
            Run::new(id(), RunStatus::Failed).into_result().unwrap_err(),
            Error::new_wait_timeout(id(), RunStatus::Running),
            Run::new(id(), RunStatus::Completed)
                .answer_json::<Value>()
                .unwrap_err(),
            Error::new_turn_not_started(id()),
        ]
    }

    /// The library's error is non-exhaustive, so the compiler does not ask for a new variant's kind.
    #[tokio::test]
    async fn each_variant_of_the_librarys_error_has_a_kind_of_its_own() {
        let samples = samples().await;
        let sampled: BTreeSet<_> = samples
            .iter()
            .map(|error| name(&format!("{error:?}")))
            .collect();
        assert_eq!(
            sampled,
            variants(),
            "a sample of each variant, and its kind"
        );
        let words: BTreeSet<_> = samples
            .iter()
            .map(|error| FailureKind::of(error).word())
            .collect();
        assert_eq!(words.len(), samples.len(), "{words:?}");
        assert!(!words.contains(FailureKind::Other.word()), "{words:?}");
    }

    #[test]
    fn the_schema_has_each_kind() {
        let schema: Value =
            serde_json::from_str(include_str!("../commands/schema/output.json")).unwrap();
        assert_eq!(schema["$defs"]["Kind"]["enum"], json!(FailureKind::ALL));
    }

    #[test]
    fn a_turn_that_has_not_started_is_in_progress() {
        let session_id = SessionId::new("abc").unwrap();
        let failure = Failure::from(Error::new_turn_not_started(session_id.clone()));
        assert_eq!(failure.exit, ExitStatus::InProgress);
        assert_eq!(failure.kind, FailureKind::TurnNotStarted);
        assert_eq!(failure.session_id, Some(session_id));
        assert!(failure.to_string().ends_with("to resume: dinoai watch abc"));
    }
}
