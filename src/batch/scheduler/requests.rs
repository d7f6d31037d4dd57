//! The requests of a batch: triggers on tasks of their own, polls of many runs, reads of one.

use std::panic::resume_unwind;
use std::time::Duration;

use super::{Answered, InFlight, Scheduler, ToStart, is_common};
use crate::batch::waiting_run::WaitingRun;
use crate::error::{Error, WaitTimeout};
use crate::operations::documents::TriggerDinoaiAgentRun;
use crate::polling::LAST_LOOK;
use crate::transport::CallOptions;
use crate::transport::Operation;

impl<K: Clone + Send + 'static> Scheduler<K> {
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
        Box::pin(async move {
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

    pub(super) fn reading(&self, mut run: WaitingRun<K>) -> InFlight<K> {
        run.asked_at = self.clock.now();
        let api = self.api.clone();
        let call = CallOptions {
            session_id: Some(run.id.clone()),
            ..self.call_options(std::slice::from_ref(&run))
        };
        Box::pin(async move {
            let read = api.read_run(call).await;
            Answered::Read(run, read)
        })
    }

    /// Stops a run that is still in progress at its deadline, as any call does.
    pub(super) fn stopping(
        &self,
        run: WaitingRun<K>,
        mut timeout: Box<WaitTimeout>,
    ) -> InFlight<K> {
        let api = self.api.clone();
        let call = CallOptions {
            after_start: run.started,
            ..CallOptions::default()
        };
        Box::pin(async move {
            let stop = api.stop(run.id.clone(), call).await;
            timeout.stopped = Some(stop.map(|accepted| accepted.status).map_err(Box::new));
            Answered::Stopped(run, timeout)
        })
    }

    pub(super) fn polling(&self, mut runs: Vec<WaitingRun<K>>) -> InFlight<K> {
        let now = self.clock.now();
        for run in &mut runs {
            run.asked_at = now;
        }
        let api = self.api.clone();
        let call = self.call_options(&runs);
        Box::pin(async move {
            let ids: Vec<_> = runs.iter().map(|run| run.id.clone()).collect();
            let statuses = match &ids[..] {
                [id] => match api.read_status(call.clone().for_run(id.clone())).await {
                    Ok(status) => Ok(vec![Ok(status)]),
                    // What has nothing to do with the run.
                    Err(error) if is_common(&error) => Err(error),
                    Err(error) => Ok(vec![Err(error)]),
                },
                _ => api.read_statuses(&ids, call).await,
            };
            Answered::Polled(runs, statuses)
        })
    }

    /// The options of a poll or a read. One that is in flight at the first run's deadline is its
    /// last look.
    fn call_options(&self, runs: &[WaitingRun<K>]) -> CallOptions {
        let now = self.clock.now();
        let deadline = runs.iter().map(|run| self.deadline(run)).min();
        let deadline = deadline.filter(|deadline| *deadline > now);
        let (deadline, overrun) = match deadline {
            // One attempt begins at once: only its end is bounded.
            Some(deadline) if self.is_proven => {
                (deadline.saturating_add(LAST_LOOK), Duration::ZERO)
            }
            Some(deadline) => (deadline, LAST_LOOK),
            None => (now.saturating_add(LAST_LOOK), Duration::ZERO),
        };
        let is_last = overrun.is_zero();
        CallOptions {
            deadline: Some(deadline),
            overrun,
            once: self.is_proven || is_last,
            after_start: runs.iter().all(|run| run.started),
            ..CallOptions::default()
        }
    }
}
