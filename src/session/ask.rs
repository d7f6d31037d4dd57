//! [`Ask`]: sends a follow-up and waits for its turn.

use std::fmt;
use std::time::Duration;

use futures_util::future::{Either, select};
use tracing::Instrument;

use super::handle::Handle;
use super::open_turn::{GRACE_TIME, Tracked};
use super::turn::Turn;
use super::until_ended::{until_at_rest, until_ended};
use crate::error::{Awaited, Error, Result};
use crate::operations::CallFuture;
use crate::polling::{OnTimeout, PollOptions, Schedule};
use crate::transport::CallOptions;

/// A follow-up and the wait for its [`Turn`]. Await it; nothing is sent before.
///
/// It waits until the run is at rest, sends the message (never twice, as
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
/// - [`Error::WaitTimeout`] if the turn is still going; also, with nothing sent and nothing
///   stopped, if the run does not come to rest in time.
/// - [`Error::InvalidRequest`] for a blank message, or a timeout or an interval of zero.
/// - Those of [`Client::send_message`](crate::Client::send_message), and those of failing polls
///   as in a [wait](crate::Wait#failing-polls). Once the API has accepted the message
///   [`Error::may_have_started`] is true for all of them.
#[must_use = "a follow-up is not sent until it is awaited"]
pub struct Ask {
    handle: Handle,
    message: String,
    options: PollOptions,
    grace_time: Duration,
}

impl Ask {
    pub(crate) fn new(handle: Handle, message: String) -> Self {
        Self {
            handle,
            message,
            options: PollOptions::default(),
            grace_time: GRACE_TIME,
        }
    }

    /// How long to wait for the turn's end; waiting for rest and sending count. 3600 s by
    /// default.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.options.timeout = timeout;
        self
    }

    /// Polls at a fixed interval. Without it the interval adapts: see
    /// [`Schedule`](crate::Schedule).
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.options.schedule = Schedule::every(interval);
        self
    }

    /// What to do with a turn that is still going at the timeout: leave it, the default, or stop
    /// the run. A run that has not come to rest before the message is sent is never stopped.
    pub fn on_timeout(mut self, on_timeout: OnTimeout) -> Self {
        self.options.on_timeout = on_timeout;
        self
    }

    /// How long the turn may show no activity. 120 s by default.
    pub fn grace_time(mut self, grace_time: Duration) -> Self {
        self.grace_time = grace_time;
        self
    }

    async fn run(self) -> Result<Turn> {
        self.options.check()?;
        if self.message.trim().is_empty() {
            return Err(Error::blank("message"));
        }
        let handle = self.handle;
        let clock = handle.api.clock().clone();
        let start = clock.now();
        let deadline = start.saturating_add(self.options.timeout);

        let mut polls = handle.polls(start, self.options);
        let prepared = async {
            // One ask at a time, in the order in which they are awaited.
            let queue = std::pin::pin!(handle.asks().lock_owned());
            let turn = match select(queue, clock.alarm(deadline)).await {
                Either::Left((turn, _)) => turn,
                Either::Right(_) => return Err(polls.timeout(Awaited::Rest).await),
            };
            loop {
                let turns = handle.turns();
                let digest = until_at_rest(&mut polls, &handle, self.grace_time).await?;
                let Some(sending) = handle.begin_to_send(deadline).await else {
                    return Err(polls.timeout(Awaited::Rest).await);
                };
                // Unless another follow-up was sent in between.
                if handle.turns() == turns {
                    return Ok((turn, digest, sending));
                }
            }
        };
        let Some(prepared) = handle.api.closing().before(prepared).await else {
            return Err(handle.closed());
        };
        let (_turn, digest, sending) = prepared?;
        let call = CallOptions {
            session_id: Some(handle.id.clone()),
            deadline: Some(deadline),
            ..CallOptions::default()
        };
        let (_, turn) = handle
            .send_after(digest, self.message, call, sending)
            .await?;

        let mut polls = handle.polls(start, self.options).having_started();
        let progress = turn.progress.clone();
        let mut turn = Tracked::only(turn);
        let run = until_ended(&mut polls, &mut turn, self.grace_time).await?;
        Ok(handle.end_turn(run, &progress))
    }
}

impl IntoFuture for Ask {
    type Output = Result<Turn>;
    type IntoFuture = CallFuture<Turn>;

    fn into_future(self) -> CallFuture<Turn> {
        Box::pin(async move {
            let session_id = self.handle.id.as_str();
            let span = tracing::info_span!("dinoai.turn", session_id);
            self.run().instrument(span).await
        })
    }
}

impl fmt::Debug for Ask {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Ask")
            .field("session_id", &self.handle.id)
            .field("options", &self.options)
            .field("grace_time", &self.grace_time)
            .finish_non_exhaustive()
    }
}
