//! Errors that a program has to tell apart, for its tests.

use std::sync::Arc;
use std::time::Duration;

use super::{
    Awaited, Error, FailedCall, GraphQlError, JournalError, Obstacle, Purpose, WaitTimeout,
};
use crate::model::{RunStatus, SessionId};

/// A read of a run that was answered with this HTTP status, if one came.
fn read(session_id: SessionId, http_status: Option<u16>) -> Box<FailedCall> {
    Box::new(FailedCall {
        session_id: Some(session_id),
        http_status,
        ..FailedCall::new("DinoaiAgentRun", Purpose::Read)
    })
}

/// A trigger that was answered with this HTTP status, if one came.
fn trigger(http_status: Option<u16>) -> Box<FailedCall> {
    Box::new(FailedCall {
        http_status,
        ..FailedCall::trigger()
    })
}

impl Error {
    /// An [`Error::OutcomeUnknown`] of a trigger, for a test.
    ///
    /// ```
    /// let error = dinoai::Error::new_outcome_unknown("connection reset");
    /// assert!(error.may_have_started() && !error.is_retryable());
    /// ```
    #[must_use]
    pub fn new_outcome_unknown(reason: impl Into<String>) -> Self {
        Self::lost(FailedCall::trigger(), reason.into())
    }

    /// An [`Error::Journal`], for a test.
    ///
    /// ```
    /// use dinoai::Error;
    /// use dinoai::journal::JournalError;
    ///
    /// let error = Error::new_journal("nightly", JournalError::unavailable("no connection"));
    /// assert!(error.is_retryable());
    /// ```
    #[must_use]
    pub fn new_journal(key: impl Into<String>, source: JournalError) -> Self {
        let key = key.into();
        Self::Journal { key, source }
    }

    /// An [`Error::KeyUnknown`] since the start of 1970, for a test.
    ///
    /// ```
    /// let error = dinoai::Error::new_key_unknown("nightly", "the program was killed");
    /// assert!(!error.may_have_started() && !error.is_retryable());
    /// ```
    #[must_use]
    pub fn new_key_unknown(key: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::KeyUnknown {
            key: key.into(),
            since: std::time::UNIX_EPOCH,
            reason: reason.into(),
        }
    }

    /// An [`Error::WaitTimeout`] of a wait that had not started its run, for a test.
    ///
    /// ```
    /// use dinoai::{Error, RunStatus};
    ///
    /// let error = Error::new_wait_timeout("xwzdneft6emspe0f", RunStatus::Running);
    /// assert!(error.session_id().is_some() && !error.may_have_started());
    /// ```
    ///
    /// # Panics
    ///
    /// If the id is blank.
    #[must_use]
    #[track_caller]
    pub fn new_wait_timeout(session_id: impl AsRef<str>, last_status: RunStatus) -> Self {
        Self::WaitTimeout(Box::new(WaitTimeout {
            session_id: SessionId::for_test(session_id),
            last_status: Some(last_status),
            elapsed: Duration::from_secs(3600),
            polls: 1,
            last_error: None,
            stopped: None,
            stalled: None,
            awaited: Awaited::Run,
            started: false,
        }))
    }

    /// An [`Error::TurnNotStarted`] of a follow-up that was accepted, for a test.
    ///
    /// ```
    /// let error = dinoai::Error::new_turn_not_started("xwzdneft6emspe0f");
    /// assert!(error.may_have_started());
    /// ```
    ///
    /// # Panics
    ///
    /// If the id is blank.
    #[must_use]
    #[track_caller]
    pub fn new_turn_not_started(session_id: impl AsRef<str>) -> Self {
        Self::TurnNotStarted {
            session_id: SessionId::for_test(session_id),
            waited: Duration::from_secs(120),
            status: None,
            accepted: true,
            started: true,
        }
    }

    /// An [`Error::NotSent`] of a trigger, for a test.
    ///
    /// ```
    /// use dinoai::{Error, Obstacle};
    ///
    /// assert!(Error::new_not_sent(Obstacle::Connection).is_retryable());
    /// ```
    #[must_use]
    pub fn new_not_sent(obstacle: Obstacle) -> Self {
        Self::NotSent {
            call: trigger(None),
            obstacle,
            source: Arc::new(std::io::Error::other("for a test")),
        }
    }

    /// An [`Error::Transport`] of a read, for a test.
    ///
    /// ```
    /// assert!(dinoai::Error::new_transport("xwzdneft6emspe0f").is_retryable());
    /// ```
    ///
    /// # Panics
    ///
    /// If the id is blank.
    #[must_use]
    #[track_caller]
    pub fn new_transport(session_id: impl AsRef<str>) -> Self {
        Self::Transport {
            call: read(SessionId::for_test(session_id), None),
            source: Arc::new(std::io::Error::other("for a test")),
        }
    }

    /// An [`Error::Unauthorized`] of a trigger (HTTP 401), for a test.
    ///
    /// ```
    /// assert!(!dinoai::Error::new_unauthorized().is_retryable());
    /// ```
    #[must_use]
    pub fn new_unauthorized() -> Self {
        Self::Unauthorized {
            call: trigger(Some(401)),
            status: 401,
            text: String::new(),
            sources: None,
        }
    }

    /// An [`Error::RateLimited`] of a trigger (HTTP 429), with the delay that the server asks for, for a
    /// test.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let error = dinoai::Error::new_rate_limited(Some(Duration::from_secs(30)));
    /// assert_eq!(error.retry_after(), Some(Duration::from_secs(30)));
    /// ```
    #[must_use]
    pub fn new_rate_limited(retry_after: Option<Duration>) -> Self {
        let mut call = trigger(Some(429));
        call.retry_after = retry_after;
        Self::RateLimited { call }
    }

    /// An [`Error::Http`] of a read, for a test.
    ///
    /// ```
    /// assert!(dinoai::Error::new_http("xwzdneft6emspe0f", 503).is_retryable());
    /// ```
    ///
    /// # Panics
    ///
    /// If the id is blank.
    #[must_use]
    #[track_caller]
    pub fn new_http(session_id: impl AsRef<str>, status: u16) -> Self {
        Self::Http {
            call: read(SessionId::for_test(session_id), Some(status)),
            status,
            content_type: None,
            text: String::new(),
        }
    }

    /// An [`Error::GraphQl`] of a trigger that was not carried out, for a test.
    ///
    /// ```
    /// # fn main() -> Result<(), serde_json::Error> {
    /// let error = serde_json::from_str(r#"{ "message": "No agent named x was found" }"#)?;
    /// assert!(!dinoai::Error::new_graphql(vec![error]).may_have_started());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn new_graphql(errors: Vec<GraphQlError>) -> Self {
        Self::GraphQl {
            call: trigger(Some(200)),
            errors,
            data: None,
            executed: false,
        }
    }

    /// An [`Error::NotFound`] of a read, for a test.
    ///
    /// ```
    /// let error = dinoai::Error::new_not_found("xwzdneft6emspe0f");
    /// assert!(error.session_id().is_some());
    /// ```
    ///
    /// # Panics
    ///
    /// If the id is blank.
    #[must_use]
    #[track_caller]
    pub fn new_not_found(session_id: impl AsRef<str>) -> Self {
        Self::NotFound {
            call: read(SessionId::for_test(session_id), Some(200)),
        }
    }

    /// An [`Error::NotAccepted`] of a trigger, for a test.
    ///
    /// ```
    /// assert!(!dinoai::Error::new_not_accepted("REJECTED").may_have_started());
    /// ```
    #[must_use]
    pub fn new_not_accepted(status: impl Into<String>) -> Self {
        Self::NotAccepted {
            call: trigger(Some(200)),
            status: status.into(),
        }
    }

    /// An [`Error::Unsupported`] of a trigger, for a test.
    ///
    /// ```
    /// let error = dinoai::Error::new_unsupported("the base branch");
    /// assert!(error.to_string().contains("the base branch"));
    /// ```
    #[must_use]
    pub fn new_unsupported(feature: impl Into<String>) -> Self {
        Self::Unsupported {
            call: trigger(Some(400)),
            feature: feature.into(),
            fields: vec![],
            errors: vec![],
        }
    }

    /// An [`Error::Decode`] of a read, for a test.
    ///
    /// ```
    /// let error = dinoai::Error::new_decode("xwzdneft6emspe0f", "is missing");
    /// assert!(!error.is_retryable());
    /// ```
    ///
    /// # Panics
    ///
    /// If the id is blank.
    #[must_use]
    #[track_caller]
    pub fn new_decode(session_id: impl AsRef<str>, problem: impl Into<String>) -> Self {
        Self::Decode {
            call: read(SessionId::for_test(session_id), Some(200)),
            path: "data.dinoaiAgentRun.status".to_owned(),
            problem: problem.into(),
        }
    }

    /// An [`Error::NotStarted`] of a run of [`run_all`](crate::Client::run_all), for a test.
    ///
    /// ```
    /// use dinoai::Error;
    ///
    /// assert!(!Error::new_not_started(Error::new_unauthorized()).may_have_started());
    /// ```
    #[must_use]
    pub fn new_not_started(cause: Error) -> Self {
        Self::NotStarted {
            cause: Box::new(cause),
        }
    }
}
