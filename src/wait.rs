//! [`Wait`]: waits until a run has ended, and reads it once.
//!
//! It asks for the status alone, as often as its [`Schedule`] says, and for the transcript at
//! the end: a wait of N polls makes N + 1 small requests over one connection, however long the
//! transcript is.
//!
//! Use it to act on a run's result. To see the work while it happens it is the wrong tool.
//!
//! # Failing polls
//!
//! | a poll fails | before any has succeeded | later, or after a trigger of its own |
//! | --- | --- | --- |
//! | temporarily: no connection, 429, 5xx, no GraphQL | is tried as often as any call, then ends the wait | is borne until the timeout |
//! | by a GraphQL error, a null run, `ok: false`, a 4xx | ends the wait | is borne 10 times, until one succeeds |
//! | credentials refused, document not valid | ends the wait | ends the wait |
//!
//! So a wrong host or session id is told at once, and an hour-long wait survives a deployment of
//! the API's. A delay that the server asks for is honoured.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tracing::Instrument;
use tracing::field::Empty;

use crate::client::{Client, Terms};
use crate::clock::Clock;
use crate::error::{Error, GraphQlError, Result, WaitTimeout};
use crate::run::{Run, RunStatus, SessionId};
use crate::schedule::Schedule;
use crate::trigger::TriggerRun;

/// The future of a [`Wait`].
pub type WaitFuture = Pin<Box<dyn Future<Output = Result<Run>> + Send + 'static>>;

/// A wait until a run has ended. Await it; nothing is sent before.
///
/// It gives the whole [`Run`] where the run has completed. It can be spawned, and dropped at any
/// time: the run goes on, nothing is sent twice, and [`Client::session`] waits again. A status
/// that this version does not know is not an end.
///
/// # Errors
///
/// - [`Error::RunFailed`] where the run failed, expired or was stopped; it carries the whole run.
/// - [`Error::WaitTimeout`] where it is still going.
/// - [`Error::InvalidRequest`] for a timeout or an interval of zero.
/// - Those of [`Client::trigger_run`], where the wait starts its run.
/// - Those of [`Client::get_run`], where polls fail as the [room](crate::wait) says. After a
///   trigger of its own [`Error::may_have_started`] is true for all of them.
#[must_use = "a wait does nothing until it is awaited"]
pub struct Wait {
    client: Client,
    subject: Subject,
    timeout: Duration,
    schedule: Schedule,
    on_started: Option<Box<OnStarted>>,
}

type OnStarted = dyn FnOnce(&SessionId) + Send + 'static;

enum Subject {
    New(TriggerRun),
    Run(SessionId),
}

impl Wait {
    pub(crate) fn for_new(client: Client, request: TriggerRun) -> Self {
        Self::of(client, Subject::New(request))
    }

    pub(crate) fn for_run(client: Client, id: SessionId) -> Self {
        Self::of(client, Subject::Run(id))
    }

    fn of(client: Client, subject: Subject) -> Self {
        Self {
            client,
            subject,
            timeout: Duration::from_secs(3600),
            schedule: Schedule::default(),
            on_started: None,
        }
    }

    /// How long to wait, the trigger counted. 3600 s by default, as on the vendor's page. By a
    /// clock that never goes back.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Polls at a fixed interval; the vendor's page has 10 s. Without it the interval adapts: see
    /// [`schedule`](crate::schedule).
    pub fn poll_interval(self, interval: Duration) -> Self {
        self.schedule(Schedule::every(interval))
    }

    /// When to poll.
    pub fn schedule(mut self, schedule: Schedule) -> Self {
        self.schedule = schedule;
        self
    }

    /// Hands out the session id as soon as it is known: after the trigger, before the first
    /// poll. Store it there, and a restart of your program need not start the run again.
    pub fn on_started(mut self, on_started: impl FnOnce(&SessionId) + Send + 'static) -> Self {
        self.on_started = Some(Box::new(on_started));
        self
    }

    async fn run(self) -> Result<Run> {
        if self.timeout.is_zero() {
            return Err(Error::InvalidRequest {
                field: "timeout",
                problem: "is zero".to_owned(),
            });
        }
        if self.schedule.is_endless_loop() {
            return Err(Error::InvalidRequest {
                field: "poll interval",
                problem: "is zero".to_owned(),
            });
        }
        let clock = self.client.clock().clone();
        let start = clock.now();
        let deadline = start.saturating_add(self.timeout);
        let (session_id, started) = match self.subject {
            Subject::Run(id) => (id, false),
            Subject::New(request) => {
                let terms = Terms {
                    deadline: Some(deadline),
                    ..Terms::default()
                };
                let accepted = self.client.trigger(request, terms).await?;
                (accepted.session_id, true)
            }
        };
        tracing::Span::current().record("session_id", session_id.as_str());
        if let Some(on_started) = self.on_started {
            on_started(&session_id);
        }
        let polls = Polls {
            client: self.client,
            clock,
            schedule: self.schedule,
            start,
            deadline,
            started,
            proven: started,
            polls: 0,
            last_status: None,
            session_id,
        };
        polls.until_ended().await
    }
}

impl IntoFuture for Wait {
    type Output = Result<Run>;
    type IntoFuture = WaitFuture;

    fn into_future(self) -> WaitFuture {
        Box::pin(async move {
            let span = tracing::info_span!("dinoai.wait", session_id = Empty);
            self.run().instrument(span).await
        })
    }
}

impl fmt::Debug for Wait {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut wait = formatter.debug_struct("Wait");
        match &self.subject {
            Subject::New(request) => wait.field("request", request),
            Subject::Run(id) => wait.field("session_id", id),
        };
        wait.field("timeout", &self.timeout)
            .field("schedule", &self.schedule)
            .finish_non_exhaustive()
    }
}

/// The poll loop.
struct Polls {
    client: Client,
    clock: Arc<dyn Clock>,
    schedule: Schedule,
    start: Duration,
    deadline: Duration,
    /// Whether the wait has started the run itself.
    started: bool,
    /// Whether the host and the id are known to be right.
    proven: bool,
    polls: u32,
    last_status: Option<RunStatus>,
    session_id: SessionId,
}

impl Polls {
    /// How many failures in a row that may be the API's or the caller's are borne.
    const DOUBTFUL_IN_A_ROW: u32 = 10;

    async fn until_ended(mut self) -> Result<Run> {
        let mut doubtful = 0;
        loop {
            let failure = match self.look().await {
                Ok(Some(run)) => return end(run),
                Ok(None) => {
                    doubtful = 0;
                    None
                }
                Err(error) => {
                    match bearing(&error) {
                        _ if !self.proven => return Err(error),
                        Bearing::Temporary => {}
                        Bearing::Doubtful if doubtful < Self::DOUBTFUL_IN_A_ROW => doubtful += 1,
                        Bearing::Doubtful | Bearing::Final => return Err(error),
                    }
                    tracing::debug!(%error, "a poll failed, the wait goes on");
                    Some(error)
                }
            };

            let now = self.clock.now();
            let asked = failure.as_ref().and_then(Error::retry_after);
            let pause = self
                .schedule
                .pause(now.saturating_sub(self.start))
                .max(asked.unwrap_or_default())
                .min(self.deadline.saturating_sub(now));
            self.clock.sleep(pause).await;
            if self.clock.now() >= self.deadline {
                return Err(self.timeout(failure));
            }
        }
    }

    /// Looks once: the run where it has ended, `None` where it is still going.
    async fn look(&mut self) -> Result<Option<Run>> {
        self.polls += 1;
        let status = self.client.read_status(self.terms()).await?;
        self.proven = true;
        if self.last_status.as_ref() != Some(&status) {
            tracing::info!(%status, "run status");
            self.last_status = Some(status.clone());
        }
        if !status.is_terminal() {
            return Ok(None);
        }
        let run = self.client.read_run(self.terms()).await?;
        // A follow-up may have woken it in between.
        self.last_status = Some(run.status.clone());
        Ok(run.status.is_terminal().then_some(run))
    }

    fn terms(&self) -> Terms {
        Terms {
            session_id: Some(self.session_id.clone()),
            deadline: Some(self.deadline),
            once: self.proven,
            started: self.started,
        }
    }

    fn timeout(self, last_error: Option<Error>) -> Error {
        Error::WaitTimeout(Box::new(WaitTimeout {
            elapsed: self.clock.now().saturating_sub(self.start),
            session_id: self.session_id,
            last_status: self.last_status,
            polls: self.polls,
            last_error: last_error.map(Box::new),
        }))
    }
}

fn end(run: Run) -> Result<Run> {
    match run.status {
        RunStatus::Completed => Ok(run),
        _ => Err(Error::RunFailed { run: Box::new(run) }),
    }
}

/// How a wait bears a failing poll.
enum Bearing {
    /// It has nothing to do with the request: until the timeout.
    Temporary,
    /// It may be the API's fault or the caller's: a few times.
    Doubtful,
    /// It cannot get better.
    Final,
}

fn bearing(error: &Error) -> Bearing {
    match error {
        _ if error.is_temporary() => Bearing::Temporary,
        Error::Unauthorized { .. } | Error::Unsupported { .. } | Error::InvalidRequest { .. } => {
            Bearing::Final
        }
        Error::GraphQl { errors, .. } if errors.iter().any(is_about_the_document) => Bearing::Final,
        _ => Bearing::Doubtful,
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
