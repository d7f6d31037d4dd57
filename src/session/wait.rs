//! [`Wait`]: waits until a run has ended, and reads it once.

use std::fmt;
use std::time::Duration;

use tracing::field::Empty;
use tracing::{Instrument, Span};

use super::handle::Handle;
use super::hooks::{OnAccepted, OnStarted};
use super::poll_loops::until_ended;
use super::turn_end::AwaitedTurn;
#[cfg(doc)]
use crate::error::Error;
use crate::error::Result;
use crate::model::{Accepted, Run, SessionId, TriggerRun};
use crate::operations::{Api, CallFuture};
use crate::polling::{
    OnOutage, PollOptions, Poller, completed, grace_period_setter, outage_setter, poll_setters,
    stall_setter,
};
use crate::transport::CallOptions;

/// A wait until a run has ended.
///
/// Await it; nothing is sent before.
///
/// It asks for the status alone, as often as its [`Schedule`](crate::Schedule) says, and for the
/// transcript at the end: a wait of N polls makes N + 1 small requests over one connection, however
/// long the transcript is. Waits that go on at the same time share requests: see
/// [`Waits`](crate::Waits). To see the work while it happens use a [`Watch`](crate::Watch).
///
/// It returns the whole [`Run`] if the run has completed. It can be spawned, and dropped at any
/// time (see below): nothing is sent twice, and [`Client::session`](crate::Client::session) waits again. A status that
/// this version does not know is not an end.
///
/// # Errors
///
/// - [`Error::RunFailed`] if the run failed, expired or was stopped; it carries the whole run.
/// - [`Error::WaitTimeout`] if it has not ended at the deadline, or could not be read.
/// - [`Error::TurnNotStarted`] if a follow-up through this session shows no activity.
/// - [`Error::InvalidRequest`] for a timeout or an interval of zero.
/// - Those of [`Client::trigger_run`](crate::Client::trigger_run), if the wait starts its run.
/// - Those of [`Client::get_run`](crate::Client::get_run), if polls fail as [described](crate::Wait#failing-polls).
///
/// After a trigger of its own [`Error::may_have_started`] is true for all of them; a wait that
/// starts nothing says false, and [`Error::session_id`] says which run exists.
///
/// # Dropping
///
/// Dropped before the trigger has left, nothing is started, then or later. Dropped while the
/// trigger's response is awaited, the run may start, and nobody learns its id: spawn the wait if
/// that matters. Dropped after that, the run goes on, and
/// [`on_started`](Wait::on_started) has had the id.
///
/// # Failing polls
///
/// A poll that fails does not end a wait at once. What it means follows from the error, here as
/// in a [watch](crate::Watch), an [ask](crate::Session::ask), a [tree](crate::WaitTree) and in
/// [many runs](crate::WaitAll):
///
/// | a poll fails | before any poll has succeeded | after that, or after a trigger of its own |
/// | --- | --- | --- |
/// | transiently: no connection, 408, 425, 429, 5xx with any body, a transient code, a success that is not GraphQL | is tried as often as any call, then ends the wait | is tolerated until the deadline |
/// | perhaps for good: GraphQL errors, no such run, `ok: false`, a response that cannot be decoded, any other 3xx or 4xx, a certificate that is refused, a proxy that asks for credentials | ends the wait | is tolerated until it has lasted two minutes and five polls without a success |
/// | credentials refused: 401, 403 | ends the wait | the same, if a *read* has succeeded before; else it ends the wait |
/// | for good: a document that is not valid, a response over the limit | ends the wait | ends the wait |
///
/// Waits that share requests ([`Waits`](crate::Waits)) learn from each other that host and credentials
/// are right. A shared request that the server refuses, or whose response is over the limit, is sent
/// again for fewer runs first.
///
/// So a wrong host or session id is reported at once, and an hour-long wait survives a deployment
/// of the API and a key that is rotated. A delay that the server asks for is obeyed, for 60 s at
/// the longest. [`on_outage`](Self::on_outage) shows the failures while the wait goes on.
///
/// # The deadline
///
/// At the timeout the run is looked at once more, for at most 5 s, and read if it has ended. So a run
/// that ended between the last poll and the deadline is not reported as still in progress, nor is it
/// stopped. A poll that is in flight at the timeout is that look. If this future is then not polled for so
/// long that what the look has shown is more than 10 s old, one more follows; of a poll that no other wait
/// shares, when it came is not known, but only when it had to be over.
#[must_use = "a wait does nothing until it is awaited"]
pub struct Wait {
    api: Api,
    subject: WaitSubject,
    options: PollOptions,
    /// When it has begun, if not when it is awaited.
    start: Option<Duration>,
    pub(super) on_started: Option<Box<OnStarted>>,
    pub(super) on_accepted: Option<Box<OnAccepted>>,
    on_outage: Option<Box<OnOutage>>,
}

enum WaitSubject {
    New(TriggerRun),
    Run(Handle),
}

impl Wait {
    pub(crate) fn for_new(api: Api, request: TriggerRun) -> Self {
        Self::of(api, WaitSubject::New(request))
    }

    pub(crate) fn for_run(handle: Handle) -> Self {
        Self::of(handle.api.clone(), WaitSubject::Run(handle))
    }

    fn of(api: Api, subject: WaitSubject) -> Self {
        Self {
            api,
            subject,
            options: PollOptions::default(),
            start: None,
            on_started: None,
            on_accepted: None,
            on_outage: None,
        }
    }

    /// A wait that has begun before it is awaited.
    pub(crate) fn since(self, start: Duration) -> Self {
        Self {
            start: Some(start),
            ..self
        }
    }

    /// Shows polls that fail while the wait goes on.
    pub(crate) fn with_outages(self, on_outage: Option<Box<OnOutage>>) -> Self {
        Self { on_outage, ..self }
    }

    poll_setters!(
        " until the run has ended",
        "client.trigger_run_and_wait(TriggerRun::agent(\"checker\"))"
    );
    grace_period_setter!("session.wait()");
    stall_setter!("session.wait()");
    outage_setter!(on_outage, "session.wait()");

    /// Calls `on_started` with the session id as soon as the run is accepted, before the first
    /// poll.
    ///
    /// Store it there, and a restart of your program need not start the run again. A wait for a run
    /// that was started before calls it at once.
    ///
    /// ```no_run
    /// # async fn example(client: dinoai::Client) -> dinoai::Result<()> {
    /// let request = dinoai::TriggerRun::agent("data-quality-checker");
    /// let wait = client.trigger_run_and_wait(request);
    /// let run = wait.on_started(|id| eprintln!("started {id}")).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_started(mut self, on_started: impl FnOnce(&SessionId) + Send + 'static) -> Self {
        self.on_started = Some(Box::new(on_started));
        self
    }

    /// Calls `on_accepted` with the API's response to the trigger, if this starts a run.
    ///
    /// Before the first poll; for [`Accepted::warning`], for one.
    ///
    /// ```no_run
    /// # async fn example(client: dinoai::Client) -> dinoai::Result<()> {
    /// let request = dinoai::TriggerRun::agent("checker").with_model_family("fast");
    /// let wait = client.trigger_run_and_wait(request);
    /// let run = wait.on_accepted(|accepted| eprintln!("{:?}", accepted.warning)).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_accepted(mut self, on_accepted: impl FnOnce(&Accepted) + Send + 'static) -> Self {
        self.on_accepted = Some(Box::new(on_accepted));
        self
    }

    async fn run(self, span: &Span) -> Result<Run> {
        self.options.check()?;
        let start = self.start.unwrap_or_else(|| self.api.clock().now());
        let (polls, mut turn, started) = match self.subject {
            WaitSubject::Run(handle) => (
                handle.polls(start, self.options),
                AwaitedTurn::of(handle),
                false,
            ),
            WaitSubject::New(request) => {
                let call = CallOptions {
                    deadline: Some(start.saturating_add(self.options.timeout)),
                    ..CallOptions::default()
                };
                let accepted = self.api.trigger(request, call).await?;
                if let Some(on_accepted) = self.on_accepted {
                    on_accepted(&accepted);
                }
                let polls = Poller::since(start, self.api, accepted.session_id, self.options);
                (polls.having_started(), AwaitedTurn::none(), true)
            }
        };
        let mut polls = polls.with_outages(self.on_outage);
        span.record("session_id", polls.session_id.as_str());
        span.record("gen_ai.conversation.id", polls.session_id.as_str());
        if let Some(on_started) = self.on_started {
            on_started(&polls.session_id);
        }
        let run = until_ended(&mut polls, &mut turn).await?;
        turn.close();
        completed(run, started)
    }
}

impl IntoFuture for Wait {
    type Output = Result<Run>;
    type IntoFuture = CallFuture<Run>;

    fn into_future(self) -> CallFuture<Run> {
        Box::pin(async move {
            let span = match &self.subject {
                WaitSubject::New(request) => tracing::info_span!(
                    "dinoai.wait",
                    session_id = Empty,
                    gen_ai.operation.name = "invoke_agent",
                    gen_ai.agent.name = request.agent_name(),
                    gen_ai.conversation.id = Empty,
                ),
                WaitSubject::Run(_) => tracing::info_span!(
                    "dinoai.wait",
                    session_id = Empty,
                    gen_ai.conversation.id = Empty,
                ),
            };
            self.run(&span).instrument(span.clone()).await
        })
    }
}

impl fmt::Debug for Wait {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut wait = formatter.debug_struct("Wait");
        match &self.subject {
            WaitSubject::New(request) => wait.field("request", request),
            WaitSubject::Run(handle) => wait.field("session_id", &handle.id),
        };
        wait.field("options", &self.options).finish_non_exhaustive()
    }
}
