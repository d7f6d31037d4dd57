//! The requests beside the looks: triggers on tasks of their own, reads of a run, stops.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use super::outcomes::{At, ReadRun, Started, Stop};
use super::{ManyRuns, Reading, StartHooks, Stopping, ToStart, ToStop, Triggering};
use crate::batch::waiting_run::WaitingRun;
use crate::error::{Error, JournalError, Result};
use crate::journal::{Keyed, Once, record_end};
use crate::model::{RunStatus, SessionId};
use crate::operations::documents::{StopDinoaiAgentRun, TriggerDinoaiAgentRun};
use crate::operations::scheduler::{LAST_LOOK, on_task};
use crate::transport::CallOptions;
use crate::transport::Operation;

impl<K: Clone + Send + 'static> ManyRuns<K> {
    /// Starts a run on a task of its own: its response is read although nobody reads the stream,
    /// or the stream is dropped.
    pub(super) fn starting(&self, item: ToStart<K>, now: Duration) -> Triggering<K> {
        let api = self.api.clone();
        let call = CallOptions {
            deadline: Some(now.saturating_add(self.options.timeout)),
            returns_rate_limits: true,
            ..CallOptions::default()
        };
        let (key, request) = (item.key.clone(), item.request.clone());
        let hooks = self.hooks.clone();
        let triggering = self.member.request();
        let keyed = self.keyed(&item, &call);
        let task = tokio::spawn(async move {
            let _triggering = triggering;
            let started = match keyed {
                Some(keyed) => start_once(keyed, key.clone(), hooks.clone()).await,
                None => api.trigger(request, call).await.map(Started::Here),
            };
            let id = match &started {
                Ok(Started::Here(accepted)) => Some(&accepted.session_id),
                Ok(Started::Before(id)) => Some(id),
                Ok(Started::Ended(run)) => Some(&run.session_id),
                // A response that failed can name the run all the same.
                Err(error) => error.session_id().filter(|_| error.may_have_started()),
            };
            if let Some(id) = id {
                // Others wait for it without holding up a thread: it may block.
                let mut hooks = hooks.lock().await;
                if let (Some(on_accepted), Ok(Started::Here(accepted))) =
                    (&mut hooks.on_accepted, &started)
                {
                    on_accepted(key.clone(), accepted);
                }
                if let Some(on_started) = &mut hooks.on_started {
                    on_started(key, id);
                }
            }
            started
        });
        Box::pin(async move {
            let started = match task.await {
                Ok(started) => started,
                Err(error) => match error.try_into_panic() {
                    // The caller's own callback's.
                    Ok(panic) => resume_unwind(panic),
                    Err(error) => Err(Error::lost(
                        TriggerDinoaiAgentRun::INFO.call(),
                        format!("the task that was sending it is gone ({error})"),
                    )),
                },
            };
            (Box::new(item), now, started)
        })
    }

    /// The request of an item that is started once.
    fn keyed(&self, item: &ToStart<K>, call: &CallOptions) -> Option<Keyed> {
        Some(Keyed {
            api: self.api.clone(),
            journal: self.journal.clone()?,
            key: item.once.as_deref()?.to_owned(),
            request: item.request.clone(),
            restart: self.restart,
            deadline: call.deadline,
            retry: call.retry.clone(),
            returns_rate_limits: call.returns_rate_limits,
            given_up: self.given_up.clone(),
        })
    }

    /// Reads a run whole.
    pub(super) fn reading(&self, run: &WaitingRun<K>, number: u64) -> Reading {
        let now = self.clock.now();
        let deadline = self.deadline(run).max(now);
        let call = CallOptions {
            session_id: Some(run.id.clone()),
            deadline: Some(deadline.saturating_add(LAST_LOOK)),
            once: true,
            after_start: run.started,
            ..CallOptions::default()
        };
        let reads = self.api.read_run_among(&self.member, call, deadline);
        let (api, journal, key) = (self.api.clone(), self.journal.clone(), run.once.clone());
        Box::pin(async move {
            let (answered_at, read) = reads.await;
            if let (Some(journal), Some(key), Ok(run)) = (journal, key, &read)
                && run.status.is_terminal()
            {
                record_end(&api, &*journal, &key, None, &run.session_id, &run.status).await;
            }
            let at = At {
                asked: now,
                answered: answered_at,
            };
            ReadRun { number, at, read }
        })
    }

    /// Stops a run that is still in progress at its deadline, as any call does, on a task of its own: at
    /// once, however late the stream is read again. One that has waited until others were stopped may have
    /// ended: it is looked at once more.
    pub(super) fn stopping(&self, to_stop: &ToStop<K>, number: u64) -> Stopping {
        let ToStop {
            run,
            since,
            may_be_sent,
            ..
        } = to_stop;
        let (api, id) = (self.api.clone(), run.id.clone());
        // That it was stopped may be the doing of the stop before.
        let may_be_sent = *may_be_sent;
        let call = CallOptions {
            after_start: run.started,
            ..CallOptions::default()
        };
        let now = self.clock.now();
        let has_waited = since.saturating_add(LAST_LOOK) < now;
        let look = has_waited.then(|| CallOptions {
            deadline: Some(now.saturating_add(LAST_LOOK)),
            once: true,
            ..call.clone().for_run(id.clone())
        });
        let stops = on_task(StopDinoaiAgentRun::INFO, async move {
            if let Some(look) = look
                && let Ok(status) = api.read_status(look).await
                && status.is_terminal()
                && !(may_be_sent && status == RunStatus::Stopped)
            {
                return Stop::HadEnded(status);
            }
            Stop::Made(api.stop(id, call).await)
        });
        let (id, started) = (run.id.clone(), run.started);
        Box::pin(async move {
            let stop = stops.await;
            (
                number,
                stop.unwrap_or_else(|error| Stop::Made(Err(error.for_run(&id, started)))),
            )
        })
    }
}

/// Starts the run of a key once.
async fn start_once<K: Send + 'static>(
    keyed: Keyed,
    key: K,
    hooks: Arc<Mutex<StartHooks<K>>>,
) -> Result<Started> {
    let name = keyed.key.clone();
    let on_unrecorded = move |id: &SessionId, error: &JournalError| {
        let (id, error) = (id.clone(), error.clone());
        tokio::spawn(async move {
            if let Some(on_unrecorded) = &mut hooks.lock().await.on_unrecorded {
                on_unrecorded(key, &id, &error);
            }
        });
    };
    match keyed.start(Some(Box::new(on_unrecorded))).await? {
        Once::Started { accepted, .. } => Ok(Started::Here(accepted)),
        Once::Attached(id) => Ok(Started::Before(id)),
        Once::Ended(run) => Ok(Started::Ended(run)),
        Once::Unknown { since, reason } => Err(Error::KeyUnknown {
            key: name,
            since,
            reason,
        }),
    }
}
