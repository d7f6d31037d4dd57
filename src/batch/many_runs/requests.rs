//! The requests beside the looks: triggers on tasks of their own, reads of a run, stops.

use std::panic::resume_unwind;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::select;

use super::{Answered, InFlight, ManyRuns, ToStart};
use crate::batch::waiting_run::WaitingRun;
use crate::error::{Error, WaitTimeout};
use crate::operations::documents::TriggerDinoaiAgentRun;
use crate::operations::scheduler::LAST_LOOK;
use crate::transport::CallOptions;
use crate::transport::Operation;

impl<K: Clone + Send + 'static> ManyRuns<K> {
    /// Starts a run on a task of its own: its response is read although nobody reads the stream,
    /// or the stream is dropped.
    pub(super) fn starting(&self, item: ToStart<K>, now: Duration) -> InFlight<K> {
        let api = self.api.clone();
        let call = CallOptions {
            deadline: Some(now.saturating_add(self.options.timeout)),
            returns_rate_limits: true,
            ..CallOptions::default()
        };
        let (key, request) = (item.key.clone(), item.request.clone());
        let hooks = self.hooks.clone();
        let task = tokio::spawn(async move {
            let accepted = api.trigger(request, call).await;
            let id = match &accepted {
                Ok(accepted) => Some(&accepted.session_id),
                // A response that failed can name the run all the same.
                Err(error) => error.session_id().filter(|_| error.may_have_started()),
            };
            if let Some(id) = id {
                // Others wait for it without holding up a thread: it may block.
                let mut hooks = hooks.lock().await;
                if let (Some(on_accepted), Ok(accepted)) = (&mut hooks.on_accepted, &accepted) {
                    on_accepted(key.clone(), accepted);
                }
                if let Some(on_started) = &mut hooks.on_started {
                    on_started(key, id);
                }
            }
            accepted
        });
        let triggering = self.member.request();
        Box::pin(async move {
            let _triggering = triggering;
            let accepted = match task.await {
                Ok(accepted) => accepted,
                Err(error) => match error.try_into_panic() {
                    // The caller's own callback's.
                    Ok(panic) => resume_unwind(panic),
                    Err(error) => Err(Error::lost(
                        TriggerDinoaiAgentRun::INFO.call(),
                        format!("the task that was sending it is gone ({error})"),
                    )),
                },
            };
            Answered::Triggered(item, now, accepted)
        })
    }

    /// Reads a run whole.
    pub(super) fn reading(&self, mut run: Box<WaitingRun<K>>) -> InFlight<K> {
        let now = self.clock.now();
        run.asked_at = now;
        let api = self.api.clone();
        let (deadline, after_start) = (self.deadline(&run).max(now), run.started);
        let call = CallOptions {
            session_id: Some(run.id.clone()),
            deadline: Some(deadline.saturating_add(LAST_LOOK)),
            once: true,
            after_start,
            ..CallOptions::default()
        };
        let request = self.member.request();
        let overdue = self.clock.alarm(deadline);
        Box::pin(async move {
            // What hangs does not hold it up beyond the deadline.
            let permit = pin!(request.permit());
            let _permit = select(permit, overdue).await;
            let read = api.read_run(call).await;
            Answered::Read(run, read)
        })
    }

    /// Stops a run that is still in progress at its deadline, as any call does.
    pub(super) fn stopping(
        &self,
        run: Box<WaitingRun<K>>,
        mut timeout: Box<WaitTimeout>,
    ) -> InFlight<K> {
        let api = self.api.clone();
        let call = CallOptions {
            after_start: run.started,
            ..CallOptions::default()
        };
        let request = self.member.request();
        Box::pin(async move {
            let _request = request;
            let stop = api.stop(run.id.clone(), call).await;
            timeout.stopped = Some(stop.map(|accepted| accepted.status).map_err(Box::new));
            Answered::Stopped(run, timeout)
        })
    }
}
