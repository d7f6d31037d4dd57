//! How a [`Poller`] notices that its run shows no activity any more.

use std::time::Duration;

use super::super::stall::Stall;
use super::Poller;
use crate::error::{Awaited, Error, Result};
use crate::operations::scheduler::{LAST_LOOK, LONGEST_RETRY_AFTER};
use crate::transport::CallOptions;

impl Poller {
    /// Ends the wait if its run has shown no activity for too long, as at the timeout. To be called after a
    /// poll that was answered. A look that fails says nothing.
    pub(super) async fn check_stall(&mut self, awaited: Awaited) -> Result<()> {
        let now = self.now();
        let shared = self.shared.as_ref();
        let is_held = shared.is_some_and(|shared| shared.held_until() > now);
        if now >= self.deadline || is_held {
            return Ok(());
        }
        let Some(mut stall) = self.stall.take_if(|stall| stall.is_due(now)) else {
            return Ok(());
        };
        let lasted = match self.look_for_activity(&mut stall, now).await {
            Ok(lasted) => lasted,
            Err(error) => {
                tracing::debug!(%error, "a look at the activity of a run failed, the wait goes on");
                let asked = error.retry_after().unwrap_or_default();
                stall.look_again(self.now(), asked.min(LONGEST_RETRY_AFTER));
                None
            }
        };
        self.stall = Some(stall);
        match lasted {
            None => Ok(()),
            Some(lasted) => Err(self.end(awaited, Some(lasted)).await),
        }
    }

    /// Looks at the run, for a few seconds, and no longer than to the deadline.
    async fn look_for_activity(
        &mut self,
        stall: &mut Stall,
        began: Duration,
    ) -> Result<Option<Duration>> {
        let steps = match stall.has_steps {
            true => {
                let call = self.optional_call(began);
                match self.api.read_steps(stall.steps(), call).await {
                    Ok(read) if read.steps.is_none() => {
                        stall.look_again(self.now(), Duration::ZERO);
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
        let digest = self.api.read_digest(self.optional_call(began)).await?;
        Ok(stall.note(steps.as_ref(), &digest, began, self.now()))
    }

    /// The options of a call for what is optional, which began then: one attempt, for a few seconds.
    pub(crate) fn optional_call(&self, began: Duration) -> CallOptions {
        let soon = began.saturating_add(LAST_LOOK).min(self.deadline);
        CallOptions {
            deadline: Some(soon),
            overrun: Duration::ZERO,
            once: true,
            ..self.call_options()
        }
    }
}
