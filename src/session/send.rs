//! Sends a follow-up: reads the run for a baseline, opens a turn, sends, and keeps the turn unless the
//! message certainly was not sent.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::{Either, select};

use super::handle::Handle;
use super::seen_messages::SeenMessages;
use super::turn::TurnProgress;
use super::turn_end::OpenTurn;
use crate::error::{Error, Result};
use crate::model::{Accepted, RunSteps, StepOptions};
use crate::operations::Digest;
use crate::operations::documents::SendDinoaiAgentMessage;
use crate::transport::Operation;
use crate::transport::{BodyLeft, CallOptions};

/// Held while a follow-up is on its way.
pub(crate) type Sending = tokio::sync::OwnedMutexGuard<()>;

impl Handle {
    /// Reads the run and sends a follow-up, until the deadline if there is one.
    pub(crate) async fn send(&self, message: String, options: CallOptions) -> Result<Accepted> {
        if message.trim().is_empty() {
            return Err(Error::blank("message"));
        }
        let call = options.for_run(self.id.clone());
        let retry = call.retry.as_ref().unwrap_or(self.api.retry());
        let now = self.api.clock().now();
        let call_deadline = now.saturating_add(retry.call_timeout());
        let deadline = call
            .deadline
            .map_or(call_deadline, |deadline| deadline.min(call_deadline));
        let prepared = async {
            let Some(sending) = self.begin_to_send(deadline).await else {
                return Ok::<_, Error>(None);
            };
            let digest = self.api.read_digest(call.clone()).await?;
            Ok(Some((digest, sending)))
        };
        let Some(prepared) = self.api.closed().run_until_cancelled(prepared).await else {
            return Err(self.closed());
        };
        let Some((digest, sending)) = prepared? else {
            // No time is left, as the call says.
            let call = CallOptions {
                deadline: Some(deadline),
                ..call
            };
            return self.api.send(message, call).await;
        };
        let (accepted, _) = self.send_after(digest, message, call, sending).await?;
        Ok(accepted)
    }

    /// The error of a follow-up that was not sent, since the client is closed.
    pub(crate) fn closed(&self) -> Error {
        let mut call = SendDinoaiAgentMessage::INFO.call();
        call.session_id = Some(self.id.clone());
        Error::closed(call)
    }

    /// Waits until no other follow-up of this session is on its way; `None` if that takes until
    /// the deadline.
    pub(crate) async fn begin_to_send(&self, deadline: Duration) -> Option<Sending> {
        let lock = std::pin::pin!(self.sends.clone().lock_owned());
        match select(lock, self.api.clock().alarm(deadline)).await {
            Either::Left((sending, _)) => Some(sending),
            Either::Right(_) => None,
        }
    }

    /// How many follow-ups this session has begun to send.
    pub(crate) fn turns(&self) -> u32 {
        self.turns.load(Ordering::Relaxed)
    }

    /// Sends a follow-up to a run that read like `digest` just before. From then on its turn
    /// counts as open, and stays so unless the message certainly was not sent.
    pub(crate) async fn send_after(
        &self,
        digest: Digest,
        message: String,
        call: CallOptions,
        _sending: Sending,
    ) -> Result<(Accepted, OpenTurn)> {
        self.has_read.store(true, Ordering::Relaxed);
        let steps = self.steps_so_far(call.deadline);
        let steps = self.api.closed().run_until_cancelled(steps).await.flatten();
        let unsent = UnsentTurn::new(self, digest, steps);
        let call = CallOptions {
            body_left: Some(unsent.body_left.clone()),
            ..call
        };
        match self.api.send(message, call).await {
            Ok(accepted) => {
                self.is_proven.store(true, Ordering::Relaxed);
                Ok((accepted, unsent.accepted()))
            }
            Err(error) => {
                if error.may_have_started() {
                    unsent.keep();
                } else {
                    // Even if it has left, it was certainly not carried out.
                    unsent.body_left.reset();
                }
                Err(error)
            }
        }
    }

    /// The steps of earlier turns, if this session has emitted nothing yet: without them a watch
    /// with steps would emit them again. `None` if they cannot be read soon: a backend need not
    /// know them, and what is optional must not delay the message.
    async fn steps_so_far(&self, deadline: Option<Duration>) -> Option<RunSteps> {
        const SOON: Duration = Duration::from_secs(1);
        if self.state().is_used {
            return None;
        }
        let soon = self.api.clock().now().saturating_add(SOON);
        let call = CallOptions {
            deadline: Some(deadline.map_or(soon, |deadline| deadline.min(soon))),
            once: true,
            ..self.call_options()
        };
        let options = StepOptions::default().with_max_chars(1);
        self.api.read_steps(options, call).await.ok()
    }
}

/// A turn that is being opened. Unless it is kept, dropping it leaves the session as it was
/// before, if the message certainly has not left.
struct UnsentTurn<'a> {
    handle: &'a Handle,
    turn: TurnProgress,
    body_left: BodyLeft,
    /// The turn that was open before.
    before: Option<TurnProgress>,
    /// What the session takes for known once the message has left.
    baseline: Option<(Digest, Option<RunSteps>)>,
    is_kept: bool,
}

impl<'a> UnsentTurn<'a> {
    fn new(handle: &'a Handle, digest: Digest, steps: Option<RunSteps>) -> Self {
        let number = handle.turns.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        let turn = TurnProgress::since(number, &digest);
        Self {
            handle,
            before: handle.state().turn.replace(turn.clone()),
            turn,
            body_left: BodyLeft::default(),
            baseline: Some((digest, steps)),
            is_kept: false,
        }
    }

    /// The message was accepted.
    fn accepted(mut self) -> OpenTurn {
        self.keep_turn();
        self.turn.is_accepted = true;
        let mut state = self.handle.state();
        if let Some(open) = &mut state.turn
            && open.is_same(&self.turn)
        {
            open.is_accepted = true;
        }
        drop(state);
        OpenTurn::new(self.handle.clone(), self.turn.clone())
    }

    /// What came of the message is unknown.
    fn keep(mut self) {
        self.keep_turn();
    }

    /// Keeps the turn, and takes the conversation so far for known if nothing was emitted yet.
    fn keep_turn(&mut self) {
        self.is_kept = true;
        let mut state = self.handle.state();
        let Some((digest, steps)) = self.baseline.take().filter(|_| !state.is_used) else {
            return;
        };
        state.is_used = true;
        state.messages = SeenMessages::baseline(&digest.messages);
        state.children = digest.child_session_ids.into_iter().collect();
        state.status = Some(digest.status);
        if let Some(steps) = steps {
            let steps_so_far = steps.steps.unwrap_or_default();
            state.step = steps_so_far.iter().map(|step| step.index).max();
            let startup = steps.startup_steps.unwrap_or_default().into_iter();
            state.startup = startup.map(|step| (step.label, step.done)).collect();
        }
    }
}

impl Drop for UnsentTurn<'_> {
    fn drop(&mut self) {
        if self.is_kept {
            return;
        }
        // Dropped without a result, the message has left or it has not.
        if self.body_left.get() {
            return self.keep_turn();
        }
        let mut state = self.handle.state();
        let is_open = |open: &TurnProgress| open.is_same(&self.turn);
        if state.turn.as_ref().is_some_and(is_open) {
            state.turn = self.before.take();
        }
    }
}
