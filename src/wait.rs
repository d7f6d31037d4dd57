//! [`Wait`]: waits until a run has ended, and reads it once.
//!
//! It asks for the status alone, as often as its [`Schedule`] says, and for the transcript at
//! the end: a wait of N polls makes N + 1 small requests over one connection, however long the
//! transcript is.
//!
//! Use it to act on a run's result. To see the work while it happens use [`watch`](crate::watch);
//! for the answer to a follow-up, [`Session::ask`](crate::Session::ask); for many runs,
//! [`fleet`](crate::fleet).
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
use std::time::Duration;

use tracing::Instrument;
use tracing::field::Empty;

use crate::call::{CallFuture, Terms};
use crate::client::Client;
use crate::error::{Error, Result};
use crate::poll::{Pace, Polls};
use crate::run::{Run, RunStatus, SessionId};
use crate::schedule::Schedule;
use crate::session::Handle;
use crate::trigger::TriggerRun;
use crate::turn::{GRACE_TIME, until_ended};

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
    pace: Pace,
    on_started: Option<Box<OnStarted>>,
}

/// What a wait does at its timeout with a run that is still going.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OnTimeout {
    /// Leaves it as it is.
    #[default]
    Leave,
    /// Stops it, as [`Client::stop_run`] does; that call comes after the timeout, and takes as
    /// long as any call. [`WaitTimeout::stopped`](crate::error::WaitTimeout::stopped) says what
    /// came of it.
    Stop,
}

type OnStarted = dyn FnOnce(&SessionId) + Send + 'static;

enum Subject {
    New(TriggerRun),
    Run(Handle),
}

impl Wait {
    pub(crate) fn for_new(client: Client, request: TriggerRun) -> Self {
        Self::of(client, Subject::New(request))
    }

    pub(crate) fn for_run(handle: Handle) -> Self {
        Self::of(handle.client.clone(), Subject::Run(handle))
    }

    fn of(client: Client, subject: Subject) -> Self {
        Self {
            client,
            subject,
            pace: Pace::default(),
            on_started: None,
        }
    }

    /// How long to wait, the trigger counted. 3600 s by default, as on the vendor's page. By a
    /// clock that never goes back.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.pace.timeout = timeout;
        self
    }

    /// Polls at a fixed interval; the vendor's page has 10 s. Without it the interval adapts: see
    /// [`schedule`](crate::schedule).
    pub fn poll_interval(self, interval: Duration) -> Self {
        self.schedule(Schedule::every(interval))
    }

    /// When to poll.
    pub fn schedule(mut self, schedule: Schedule) -> Self {
        self.pace.schedule = schedule;
        self
    }

    /// Hands out the session id as soon as it is known: after the trigger, before the first
    /// poll. Store it there, and a restart of your program need not start the run again.
    pub fn on_started(mut self, on_started: impl FnOnce(&SessionId) + Send + 'static) -> Self {
        self.on_started = Some(Box::new(on_started));
        self
    }

    /// What to do with a run that is still going at the timeout: leave it, the default, or stop
    /// it.
    pub fn on_timeout(mut self, on_timeout: OnTimeout) -> Self {
        self.pace.on_timeout = on_timeout;
        self
    }

    async fn run(self) -> Result<Run> {
        self.pace.check()?;
        let start = self.client.clock().now();
        let (mut polls, handle) = match self.subject {
            Subject::Run(handle) => (handle.polls(start, self.pace), Some(handle)),
            Subject::New(request) => {
                let terms = Terms {
                    deadline: Some(start.saturating_add(self.pace.timeout)),
                    ..Terms::default()
                };
                let accepted = self.client.trigger(request, terms).await?;
                let polls = Polls::since(start, self.client, accepted.session_id, self.pace);
                (polls.having_started(), None)
            }
        };
        tracing::Span::current().record("session_id", polls.session_id.as_str());
        if let Some(on_started) = self.on_started {
            on_started(&polls.session_id);
        }
        let mut turn = handle.as_ref().and_then(Handle::open_turn);
        let run = until_ended(&mut polls, turn.as_mut(), GRACE_TIME).await?;
        if let Some(turn) = turn {
            turn.close();
        }
        end(run)
    }
}

impl IntoFuture for Wait {
    type Output = Result<Run>;
    type IntoFuture = CallFuture<Run>;

    fn into_future(self) -> CallFuture<Run> {
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
            Subject::Run(handle) => wait.field("session_id", &handle.id),
        };
        wait.field("pace", &self.pace).finish_non_exhaustive()
    }
}

/// A wait's result: the run where it has completed.
pub(crate) fn end(run: Run) -> Result<Run> {
    match run.status {
        RunStatus::Completed => Ok(run),
        _ => Err(Error::RunFailed { run: Box::new(run) }),
    }
}
