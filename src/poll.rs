//! The loop under every wait: what failing polls mean, and the pause before the next one.

use std::sync::Arc;
use std::time::Duration;

use crate::call::Terms;
use crate::client::Client;
use crate::clock::Clock;
use crate::error::{Error, Result, WaitTimeout};
use crate::graphql_error::GraphQlError;
use crate::run::{RunStatus, SessionId};
use crate::schedule::Schedule;
use crate::wait::OnTimeout;

/// How long to wait, and how often to look.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    pub(crate) timeout: Duration,
    pub(crate) schedule: Schedule,
    pub(crate) on_timeout: OnTimeout,
}

impl Default for Pace {
    /// An hour, as on the vendor's page.
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(3600),
            schedule: Schedule::default(),
            on_timeout: OnTimeout::default(),
        }
    }
}

impl Pace {
    pub(crate) fn check(&self) -> Result<()> {
        let zero = |field| {
            Err(Error::InvalidRequest {
                field,
                problem: "is zero".to_owned(),
            })
        };
        if self.timeout.is_zero() {
            return zero("timeout");
        }
        if self.schedule.is_endless_loop() {
            return zero("poll interval");
        }
        Ok(())
    }
}

/// The polls of one run.
pub(crate) struct Polls {
    pub(crate) client: Client,
    pub(crate) session_id: SessionId,
    /// Whether the caller has started the run, or the turn, itself.
    started: bool,
    pace: Pace,
    clock: Arc<dyn Clock>,
    start: Duration,
    deadline: Duration,
    /// Whether the host and the id are known to be right.
    proven: bool,
    doubtful: u32,
    polls: u32,
    last_status: Option<RunStatus>,
}

impl Polls {
    /// How many failures in a row that may be the API's or the caller's are borne.
    pub(crate) const DOUBTFUL_IN_A_ROW: u32 = 10;

    /// Polls from now on; `start` is when the waiting began, by the client's clock.
    pub(crate) fn since(
        start: Duration,
        client: Client,
        session_id: SessionId,
        pace: Pace,
    ) -> Self {
        Self {
            clock: client.clock().clone(),
            client,
            session_id,
            started: false,
            pace,
            start,
            deadline: start.saturating_add(pace.timeout),
            proven: false,
            doubtful: 0,
            polls: 0,
            last_status: None,
        }
    }

    /// For a run, or a turn, that the caller has just started: host and id are right, and every
    /// error from here on comes after it.
    pub(crate) fn having_started(mut self) -> Self {
        self.started = true;
        self.proven = true;
        self
    }

    /// The terms of the next call. It is one attempt, since the loop is the retry, but for the
    /// first one.
    pub(crate) fn terms(&self) -> Terms {
        Terms {
            session_id: Some(self.session_id.clone()),
            deadline: Some(self.deadline),
            once: self.proven,
            started: self.started,
        }
    }

    /// Counts a poll that is about to be made.
    pub(crate) fn begin(&mut self) -> Terms {
        self.polls += 1;
        self.terms()
    }

    /// Notes what a poll has read.
    pub(crate) fn read(&mut self, status: &RunStatus) {
        self.proven = true;
        if self.last_status.as_ref() != Some(status) {
            tracing::info!(session_id = %self.session_id, %status, "run status");
            self.last_status = Some(status.clone());
        }
    }

    /// How long the wait has lasted.
    pub(crate) fn elapsed(&self) -> Duration {
        self.clock.now().saturating_sub(self.start)
    }

    /// Pauses before the next poll, or ends the wait: by the failure of this poll where it is
    /// not to be borne, or by its timeout.
    pub(crate) async fn pause_after(&mut self, poll: Result<()>) -> Result<()> {
        let failure = match poll {
            Ok(()) => {
                self.doubtful = 0;
                None
            }
            Err(error) => Some(self.bear(error)?),
        };
        let now = self.clock.now();
        // One that the timeout itself has cut off tells nothing about the API.
        let failure = failure.filter(|_| now < self.deadline);
        let asked = failure.as_ref().and_then(Error::retry_after);
        let pause = self
            .pace
            .schedule
            .pause(self.elapsed())
            .max(asked.unwrap_or_default())
            .min(self.deadline.saturating_sub(now));
        self.clock.sleep(pause).await;
        if self.clock.now() >= self.deadline {
            return Err(self.timeout(failure).await);
        }
        Ok(())
    }

    /// Ends the wait for a turn that has shown no sign of life for too long.
    pub(crate) fn check_grace(&self, waited: Duration, grace_time: Duration) -> Result<()> {
        if waited < grace_time {
            return Ok(());
        }
        Err(Error::TurnNotStarted {
            session_id: self.session_id.clone(),
            waited,
            status: self.last_status.clone(),
        })
    }

    fn bear(&mut self, error: Error) -> Result<Error> {
        match Bearing::of(&error) {
            _ if !self.proven => return Err(error),
            Bearing::Temporary => {}
            Bearing::Doubtful if self.doubtful < Self::DOUBTFUL_IN_A_ROW => self.doubtful += 1,
            Bearing::Doubtful | Bearing::Final => return Err(error),
        }
        tracing::debug!(%error, "a poll failed, the wait goes on");
        Ok(error)
    }

    async fn timeout(&self, last_error: Option<Error>) -> Error {
        let elapsed = self.elapsed();
        let stopped = match self.pace.on_timeout {
            OnTimeout::Leave => None,
            OnTimeout::Stop => {
                let terms = Terms {
                    deadline: None,
                    once: false,
                    ..self.terms()
                };
                Some(self.client.stop(terms).await.map_err(Box::new))
            }
        };
        Error::WaitTimeout(Box::new(WaitTimeout {
            session_id: self.session_id.clone(),
            last_status: self.last_status.clone(),
            elapsed,
            polls: self.polls,
            last_error: last_error.map(Box::new),
            stopped,
        }))
    }
}

/// How a wait bears a failing poll.
pub(crate) enum Bearing {
    /// It has nothing to do with the request: until the timeout.
    Temporary,
    /// It may be the API's fault or the caller's: a few times.
    Doubtful,
    /// It cannot get better.
    Final,
}

impl Bearing {
    pub(crate) fn of(error: &Error) -> Self {
        match error {
            _ if error.is_temporary() => Self::Temporary,
            Error::Unauthorized { .. } | Error::Unsupported { .. } => Self::Final,
            Error::InvalidRequest { .. } | Error::InvalidConfig { .. } => Self::Final,
            Error::GraphQl { errors, .. } if errors.iter().any(is_about_the_document) => {
                Self::Final
            }
            _ => Self::Doubtful,
        }
    }
}

/// Whether the server found the document itself wrong: it will not become valid.
fn is_about_the_document(error: &GraphQlError) -> bool {
    let code = error.extensions.get("code").and_then(|code| code.as_str());
    matches!(
        code,
        Some("GRAPHQL_VALIDATION_FAILED" | "GRAPHQL_PARSE_FAILED")
    )
}
