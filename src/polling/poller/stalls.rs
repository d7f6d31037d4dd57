//! How a [`Poller`] notices that its run shows no activity any more.

use std::time::Duration;

use super::super::stall::Stall;
use super::Poller;
use crate::error::{Awaited, Error, Result};
use crate::operations::scheduler::LAST_LOOK;
use crate::transport::CallOptions;

impl Poller {
    /// Ends the wait if its run has shown no activity for too long, as at the timeout. To be called after a
    /// poll that was answered. A look that fails says nothing, and is made again after the next poll.
    pub(super) async fn check_stall(&mut self, awaited: Awaited) -> Result<()> {
        let now = self.now();
        let is_held = self
            .shared
            .as_ref()
            .is_some_and(|shared| shared.held_until() > now);
        if now >= self.deadline || is_held {
            return Ok(());
        }
        let Some(mut stall) = self.stall.take_if(|stall| stall.takes_a_look(now)) else {
            return Ok(());
        };
        let lasted = match self.look_for_activity(&mut stall).await {
            Ok(lasted) => lasted,
            Err(error) => {
                tracing::debug!(%error, "a look at the activity of a run failed, the wait goes on");
                stall.look_again();
                None
            }
        };
        self.stall = Some(stall);
        match lasted {
            Some(lasted) => Err(self.end(awaited, Some(lasted)).await),
            None => Ok(()),
        }
    }

    /// For how long the run has shown no activity, once that is too long.
    async fn look_for_activity(&mut self, stall: &mut Stall) -> Result<Option<Duration>> {
        let steps = match stall.has_steps {
            true => {
                let read = self
                    .api
                    .read_steps(stall.steps(), self.optional_call())
                    .await;
                match read {
                    Ok(read) if read.steps.is_none() => {
                        stall.look_again();
                        return Ok(None);
                    }
                    Ok(read) => Some(read),
                    // Messages alone, then.
                    Err(Error::Unsupported { .. }) => {
                        stall.has_steps = false;
                        None
                    }
                    Err(error) => return Err(error),
                }
            }
            false => None,
        };
        // Last, so that its status is the newest.
        let digest = self.api.read_digest(self.optional_call()).await?;
        Ok(stall.note(steps.as_ref(), &digest, self.now()))
    }

    /// The options of a call that delays nothing: one attempt, for a few seconds.
    pub(crate) fn optional_call(&self) -> CallOptions {
        let call = self.call_options();
        let soon = self.now().saturating_add(LAST_LOOK);
        CallOptions {
            deadline: call.deadline.map(|deadline| deadline.min(soon)),
            overrun: Duration::ZERO,
            once: true,
            ..call
        }
    }
}
