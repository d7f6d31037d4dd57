//! [`Ask`]: sends a follow-up and waits for its turn.

use std::fmt;
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::sync::OwnedMutexGuard;
use tracing::Instrument;

use super::handle::Handle;
use super::hooks::OnAccepted;
use super::poll_loops::{until_ended, until_idle};
use super::turn::{Turn, TurnMessages, TurnProgress};
use super::turn_end::AwaitedTurn;
use crate::error::{Awaited, Error, Result};
use crate::model::{Accepted, Run};
use crate::operations::CallFuture;
use crate::polling::{
    OnOutage, PollOptions, grace_period_setter, outage_setter, poll_setters, stall_setter,
};
use crate::transport::CallOptions;

/// A follow-up and the wait for its [`Turn`].
///
/// Await it; nothing is sent before.
///
/// It waits until the run is idle, sends the message (never twice, as
/// [`Client::send_message`](crate::Client::send_message)), then waits for its turn, all within
/// one timeout. Asks on one session queue in the order in which they are awaited: each gets its own
/// answer. Dropped before the message has left, nothing was sent and the session is as
/// before; dropped later, the turn goes on, and [`Session::wait`](crate::Session::wait) waits for
/// its end.
///
/// # Errors
///
/// - [`Error::TurnNotStarted`] if the turn shows no activity within the grace period; also, with
///   nothing sent, if that happens to an earlier follow-up that is still open.
/// - [`Error::WaitTimeout`] if the turn has not ended at the deadline, or could not be read; also,
///   with nothing sent and nothing stopped, if the run is not idle in time.
/// - [`Error::InvalidRequest`] for a blank message, or a timeout or an interval of zero.
/// - Those of [`Client::send_message`](crate::Client::send_message), and those of failing polls
///   as in a [wait](crate::Wait#failing-polls). Once the API has accepted the message
///   [`Error::may_have_started`] is true for all of them.
#[must_use = "a follow-up is not sent until it is awaited"]
pub struct Ask {
    handle: Handle,
    message: String,
    options: PollOptions,
    on_accepted: Option<Box<OnAccepted>>,
    on_outage: Option<Box<OnOutage>>,
    /// Whether [`AskedTurn::answered`] is asked for.
    keeps_messages: bool,
}

/// A follow-up whose turn has ended.
pub(super) struct AskedTurn {
    handle: Handle,
    progress: TurnProgress,
    run: Run,
    messages: Option<TurnMessages>,
    asks: OwnedMutexGuard<()>,
}

impl AskedTurn {
    /// What the session has not emitted yet.
    fn turn(self) -> Turn {
        self.handle.take_turn(self.run, &self.progress)
    }

    /// The whole run, and what the agent has said last in the turn, whoever has read that already. No other
    /// ask of the session comes before the guard is dropped.
    pub(super) fn answered(self) -> (Run, Option<String>, OwnedMutexGuard<()>) {
        let messages = self.messages.as_ref();
        let answer = messages.and_then(|messages| messages.answer_in(&self.run));
        let answer = answer.map(str::to_owned);
        self.handle.take_turn(self.run.clone(), &self.progress);
        (self.run, answer, self.asks)
    }
}

impl Ask {
    pub(crate) fn new(handle: Handle, message: String) -> Self {
        Self {
            handle,
            message,
            options: PollOptions::default(),
            on_accepted: None,
            on_outage: None,
            keeps_messages: false,
        }
    }

    poll_setters!(
        " for the turn's end, including the wait until the run is idle, and the sending",
        "session.ask(\"Go on.\")"
    );
    grace_period_setter!("session.ask(\"Go on.\")");
    stall_setter!("session.ask(\"Go on.\")");
    outage_setter!(on_outage, "session.ask(\"Go on.\")");

    /// Calls `on_accepted` as soon as the API has accepted the message, before the turn is waited
    /// for.
    ///
    /// ```no_run
    /// # async fn example(session: dinoai::Session) -> dinoai::Result<()> {
    /// let ask = session.ask("Now fix the first one");
    /// let turn = ask.on_accepted(|accepted| eprintln!("{}", accepted.status)).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_accepted(mut self, on_accepted: impl FnOnce(&Accepted) + Send + 'static) -> Self {
        self.on_accepted = Some(Box::new(on_accepted));
        self
    }

    /// Shows polls that fail while the wait goes on.
    pub(super) fn with_outages(self, on_outage: Option<Box<OnOutage>>) -> Self {
        Self { on_outage, ..self }
    }

    /// The ask as one of two that belong together and began at `start`: no other ask of the session comes
    /// in between, as long as the guard that comes of one is given to the next, or kept.
    pub(super) async fn answered_among(
        self,
        start: Duration,
        asks: Option<OwnedMutexGuard<()>>,
    ) -> Result<(Run, Option<String>, OwnedMutexGuard<()>)> {
        let ask = Self {
            keeps_messages: true,
            ..self
        };
        Ok(ask.run_in_span(start, asks).await?.answered())
    }

    async fn run_in_span(
        self,
        start: Duration,
        asks: Option<OwnedMutexGuard<()>>,
    ) -> Result<AskedTurn> {
        let session_id = self.handle.id.as_str();
        let span = tracing::info_span!(
            "dinoai.turn",
            session_id,
            gen_ai.operation.name = "invoke_agent",
            gen_ai.conversation.id = session_id,
        );
        self.run(start, asks).instrument(span).await
    }

    async fn run(self, start: Duration, asks: Option<OwnedMutexGuard<()>>) -> Result<AskedTurn> {
        self.options.check()?;
        if self.message.trim().is_empty() {
            return Err(Error::blank("message"));
        }
        let handle = self.handle;
        let clock = handle.api.clock().clone();
        let deadline = start.saturating_add(self.options.timeout);

        let mut polls = handle
            .polls(start, self.options)
            .with_outages(self.on_outage);
        let prepared = async {
            // One ask at a time, in the order in which they are awaited.
            let turn = match asks {
                Some(turn) => turn,
                None => {
                    let queue = std::pin::pin!(handle.asks().lock_owned());
                    match select(queue, clock.alarm(deadline)).await {
                        Either::Left((turn, _)) => turn,
                        Either::Right(_) => return Err(polls.end_at_deadline(Awaited::Idle).await),
                    }
                }
            };
            loop {
                let turns = handle.turns();
                let digest = until_idle(&mut polls, &handle).await?;
                let Some(sending) = handle.begin_to_send(deadline).await else {
                    return Err(polls.end_at_deadline(Awaited::Idle).await);
                };
                // Unless another follow-up was sent in between.
                if handle.turns() == turns {
                    return Ok((turn, digest, sending));
                }
            }
        };
        let Some(prepared) = handle.api.closed().run_until_cancelled(prepared).await else {
            return Err(handle.closed());
        };
        let (asks, digest, sending) = prepared?;
        let messages = self.keeps_messages.then(|| TurnMessages {
            question: self.message.clone(),
            known: digest.messages.iter().copied().collect(),
        });
        let call = CallOptions {
            session_id: Some(handle.id.clone()),
            deadline: Some(deadline),
            ..CallOptions::default()
        };
        let (accepted, turn) = handle
            .send_after(digest, self.message, call, sending)
            .await?;

        if let Some(on_accepted) = self.on_accepted {
            on_accepted(&accepted);
        }
        let mut polls = handle
            .polls(start, self.options)
            .having_started()
            .with_outages(polls.take_outages());
        let progress = turn.progress.clone();
        let mut turn = AwaitedTurn::only(turn);
        let run = until_ended(&mut polls, &mut turn).await?;
        Ok(AskedTurn {
            handle,
            progress,
            run,
            messages,
            asks,
        })
    }
}

impl IntoFuture for Ask {
    type Output = Result<Turn>;
    type IntoFuture = CallFuture<Turn>;

    fn into_future(self) -> CallFuture<Turn> {
        Box::pin(async move {
            let start = self.handle.api.clock().now();
            Ok(self.run_in_span(start, None).await?.turn())
        })
    }
}

impl fmt::Debug for Ask {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Ask")
            .field("session_id", &self.handle.id)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
