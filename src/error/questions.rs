//! What can be asked of an [`Error`] without a `match`.

use std::time::Duration;

use super::retry_class::RetryClass;
use super::{Error, FailedCall, Result};
use crate::model::{Run, SessionId};

/// The call in an error that concerns one, borrowed as the error is.
macro_rules! call_of {
    ($error:expr) => {
        match $error {
            Error::NotSent { call, .. }
            | Error::OutcomeUnknown { call, .. }
            | Error::Transport { call, .. }
            | Error::Unauthorized { call, .. }
            | Error::RateLimited { call }
            | Error::Http { call, .. }
            | Error::GraphQl { call, .. }
            | Error::NotFound { call }
            | Error::Unsupported { call, .. }
            | Error::Decode { call, .. }
            | Error::ResponseTooLarge { call, .. }
            | Error::NotAccepted { call, .. } => Some(call),
            Error::InvalidRequest { .. }
            | Error::InvalidConfig { .. }
            | Error::NotStarted { .. }
            | Error::Journal { .. }
            | Error::KeyUnknown { .. }
            | Error::RunFailed { .. }
            | Error::WrongAnswer(_)
            | Error::WaitTimeout(_)
            | Error::TurnNotStarted { .. } => None,
        }
    };
}

impl Error {
    /// The run that the error is about, if it is about one.
    ///
    /// An id means that the run exists: a [session](crate::Client::session) of it can wait for it,
    /// read it or stop it.
    ///
    /// ```
    /// # fn example(error: dinoai::Error) {
    /// if let Some(id) = error.session_id() {
    ///     eprintln!("read run {id} before you start another one");
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn session_id(&self) -> Option<&SessionId> {
        match self {
            Self::RunFailed { run, .. } => Some(&run.session_id),
            Self::WaitTimeout(timeout) => Some(&timeout.session_id),
            Self::WrongAnswer(wrong) => Some(&wrong.session_id),
            Self::TurnNotStarted { session_id, .. } => Some(session_id),
            _ => self.call()?.session_id.as_ref(),
        }
    }

    /// The run of [`Error::RunFailed`], however it ended; any other error as it is.
    ///
    /// So a report needs no second arm for runs that failed:
    ///
    /// ```no_run
    /// use dinoai::{Client, Error, TriggerRun};
    ///
    /// # async fn example(client: Client) -> dinoai::Result<()> {
    /// let wait = client.trigger_run_and_wait(TriggerRun::agent("data-quality-checker"));
    /// let run = wait.await.or_else(Error::into_ended_run)?;
    /// println!("{}: {}", run.status, run.answer().unwrap_or("no answer"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Every error but [`Error::RunFailed`].
    pub fn into_ended_run(self) -> Result<Run> {
        match self {
            Self::RunFailed { run, .. } => Ok(*run),
            other => Err(other),
        }
    }

    /// The same error of a call that has started the run itself: [`may_have_started`] is true.
    ///
    /// For a program that starts a run in one step, and reports in another what became of it.
    /// Errors that are about no call, such as [`InvalidRequest`](Error::InvalidRequest), stay as
    /// they are.
    ///
    /// ```
    /// # fn example(run: dinoai::Run) {
    /// if let Err(error) = run.into_result() {
    ///     assert!(!error.may_have_started());
    ///     assert!(error.with_started().may_have_started());
    /// }
    /// # }
    /// ```
    ///
    /// [`may_have_started`]: Self::may_have_started
    #[must_use]
    pub fn with_started(mut self) -> Self {
        match &mut self {
            Self::RunFailed { started, .. } | Self::TurnNotStarted { started, .. } => {
                *started = true;
            }
            Self::WaitTimeout(timeout) => timeout.started = true,
            Self::WrongAnswer(wrong) => wrong.started = true,
            other => {
                if let Some(call) = other.call_mut() {
                    call.after_start = true;
                }
            }
        }
        self
    }

    /// The server's id of the request that failed, if it sent one.
    ///
    /// Of a [`WaitTimeout`](Error::WaitTimeout) it is that of the last poll that failed, of a
    /// [`WrongAnswer`](Error::WrongAnswer) that of the follow-up.
    ///
    /// ```
    /// fn report(error: &dinoai::Error) {
    ///     eprintln!("{error} (request {})", error.request_id().unwrap_or("without an id"));
    /// }
    /// ```
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        match self {
            Self::WaitTimeout(timeout) => timeout.last_error.as_ref()?.request_id(),
            Self::WrongAnswer(wrong) => wrong.follow_up.as_ref()?.request_id(),
            _ => self.call()?.request_id.as_deref(),
        }
    }

    /// Whether this very call may have started something: a run, or the turn of a follow-up.
    ///
    /// True means: making the same call again can start a second run, which costs money and
    /// posts to Slack twice. It is true for [`Error::OutcomeUnknown`], for a trigger or
    /// follow-up whose response shows that it was executed, and for every error of a
    /// [`trigger_run_and_wait`](crate::Client::trigger_run_and_wait), a
    /// [`run_all`](crate::Client::run_all) or an [`ask`](crate::Session::ask) after the API has
    /// accepted it.
    ///
    /// False does not mean that there is no run: [`Session::wait`](crate::Session::wait) starts
    /// nothing, so its errors say false, and [`session_id`](Self::session_id) says which run
    /// exists.
    ///
    /// ```
    /// # fn example(error: dinoai::Error) {
    /// if error.may_have_started() {
    ///     eprintln!("look in the workspace before you call again: {error}");
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn may_have_started(&self) -> bool {
        match self {
            Self::OutcomeUnknown { .. } => true,
            Self::RunFailed { started, .. } | Self::TurnNotStarted { started, .. } => *started,
            Self::WaitTimeout(timeout) => timeout.started,
            Self::WrongAnswer(wrong) => wrong.started,
            _ => self
                .call()
                .is_some_and(|call| call.maybe_executed || call.after_start),
        }
    }

    /// Whether the same call, made again later, may succeed and can do no harm.
    ///
    /// True if the failure is transient and this call cannot have started anything: it is never
    /// true together with [`may_have_started`](Self::may_have_started). The client has already
    /// tried as often as its [`Retry`](crate::Retry) says, so leave some time before the next call.
    ///
    /// ```no_run
    /// use std::time::Duration;
    /// use dinoai::{Accepted, Client, TriggerRun};
    ///
    /// # async fn example(client: Client) -> dinoai::Result<Accepted> {
    /// let request = TriggerRun::agent("data-quality-checker");
    /// loop {
    ///     match client.trigger_run(request.clone()).await {
    ///         Err(error) if error.is_retryable() => {
    ///             let pause = error.retry_after().unwrap_or(Duration::from_secs(60));
    ///             tokio::time::sleep(pause).await;
    ///         }
    ///         other => return other,
    ///     }
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        RetryClass::of(self) == RetryClass::Transient && !self.may_have_started()
    }

    /// How long the server asked to wait before the next request, if it did.
    ///
    /// It is the response's `Retry-After`, in seconds or as a date, beside any status. A date is
    /// measured against the response's own `Date`. Of a [`WaitTimeout`](Error::WaitTimeout) it is
    /// that of the last poll that failed.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// fn pause_after(error: &dinoai::Error) -> Duration {
    ///     error.retry_after().unwrap_or(Duration::from_secs(60))
    /// }
    /// ```
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::WaitTimeout(timeout) => timeout.last_error.as_ref()?.retry_after(),
            Self::WrongAnswer(wrong) => wrong.follow_up.as_ref()?.retry_after(),
            _ => self.call()?.retry_after,
        }
    }

    /// Whether an attempt that failed like this may be followed by another one of the same
    /// call, whatever was started before it.
    pub(crate) fn may_be_sent_again(&self) -> bool {
        let is_proven = self.call().is_some_and(|call| !call.maybe_executed);
        is_proven && RetryClass::of(self) == RetryClass::Transient
    }

    pub(crate) fn call(&self) -> Option<&FailedCall> {
        call_of!(self)
    }

    pub(super) fn call_mut(&mut self) -> Option<&mut FailedCall> {
        call_of!(self)
    }
}
