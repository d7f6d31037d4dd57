//! One item of a batch from its start to its end: the trigger, the wait, and what is written down.
//!
//! [`BatchRunner::run_item`] resumes the item's run, or starts one, once, by the item's key in the journal:
//! that it is about to start is written once the key is claimed, the session id as soon as it is known.
//! What came of it is written in `item_result.rs`.

use std::sync::Arc;

use dinoai::journal::{Journal, Restart};
use dinoai::{Error, Obstacle, Run, RunOnce, SessionId, StartedOnce, TriggerRun};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::items::Item;
use super::noted_journal::NotedJournal;
use super::plan::{Attempt, PriorState, Resume, Start, Task};
use super::results::record::{ItemEvent, not_started};
use super::results::results_writer::Written;
use super::runner::{BatchRunner, ItemResult};
use crate::args::RequestArgs;
use crate::commands::run::trigger_run;
use crate::report::{ExitStatus, Failure};

/// The id of a run that has started, and whether it is written down.
type Noted = oneshot::Sender<(SessionId, Written)>;

impl BatchRunner<'_> {
    /// Sees one item to its end.
    pub(super) async fn run_item(&self, number: usize, task: Task) -> ItemResult {
        match task {
            Task::Start(item, prior, start) => self.start(number, item, prior, start).await,
            Task::Resume(item, id, resume) => {
                self.state.note_started(number, &id);
                let result = self.resume(number, &item, &id, resume).await;
                // It has started, so it is not left where it stood.
                self.write_result(number, item, PriorState::New, result)
                    .await
            }
            Task::Read(item, prior, id, resume) => {
                let result = self.resume(number, &item, &id, resume).await;
                match result {
                    Ok(_) | Err(Error::RunFailed { .. }) => {
                        self.write_result(number, item, prior, result).await
                    }
                    Err(error) => self.leave_unread(number, &prior, error).await,
                }
            }
            // Nothing is left to do for it.
            Task::Leave(prior) => ItemResult::unstarted(number, &prior, ExitStatus::Done),
        }
    }

    /// Waits for a run that has started.
    async fn resume(
        &self,
        number: usize,
        item: &Item,
        id: &SessionId,
        resume: Resume,
    ) -> dinoai::Result<Run> {
        let journal = &self.ledger.journal;
        let key = match resume {
            Resume::ByKey(key) => Some(key),
            // Where that does not work, the results still have it.
            Resume::Unrecorded(key) => {
                let resolved = self.client.resolve_key(&*key, id, journal).await;
                resolved.is_ok().then_some(key)
            }
            Resume::ById => None,
        };
        if let Some(key) = key
            && let Ok(request) = trigger_run(item.clone().into())
        {
            match self.once(&key, request, journal).await {
                // The key is not looked at any more once nothing is to be started.
                Err(Error::NotSent {
                    obstacle: Obstacle::Closed,
                    ..
                }) => {}
                Err(error @ Error::Journal { .. }) => {
                    tracing::debug!(number, %error, "the run is waited for without its key");
                }
                result => return result,
            }
        }
        let wait = self.client.session(id)?.wait();
        let wait = wait
            .timeout(self.poll.timeout)
            .on_outage(self.output.outages().recorder());
        match self.poll.poll_interval {
            Some(interval) => wait.poll_interval(interval).await,
            None => wait.await,
        }
    }

    async fn start(
        &self,
        number: usize,
        item: Item,
        prior: PriorState,
        start: Start,
    ) -> ItemResult {
        let Ok(permit) = Arc::clone(&self.starts).acquire_owned().await else {
            let (exit, reason) = self.why_stopped();
            return self.leave(number, &prior, None, exit, &reason).await;
        };
        let request = match trigger_run(item.clone().into()) {
            Ok(request) => request,
            Err(failure) => {
                let (exit, reason) = (failure.exit, failure.message);
                return self.leave(number, &prior, None, exit, &reason).await;
            }
        };
        self.state.note_intent(number);
        let starting = || ItemEvent::Starting {
            request: item.clone(),
        };
        // Else it is once the key is claimed.
        let is_printed = !self.results.has_file() && self.resume.is_none();
        if is_printed && let Err(lost) = self.results.print(number, starting()).written().await {
            self.state.note_outcome(number, prior.outcome(), None);
            self.state.note_written(number);
            self.stop_unkept(&lost);
            return ItemResult::unstarted(number, &prior, ExitStatus::Done);
        }
        if self.starts.is_closed() {
            let (exit, reason) = self.why_stopped();
            let attempt = Some(not_started(&reason));
            return self.leave(number, &prior, attempt, exit, &reason).await;
        }

        self.state.note_sent(number);
        let (noted, receiver) = oneshot::channel();
        let journal = Arc::new(NotedJournal {
            journal: Arc::clone(&self.ledger.journal),
            results: self.results.clone(),
            number,
            starting: starting(),
            is_printed,
        });
        let started = async {
            let restart = self.restart(number, &start).await?;
            let once = self.once(&start.key, request, &journal).restart(restart);
            once.on_found(self.noter(number, noted, permit)).await
        };
        let (result, ()) = tokio::join!(started, self.report_id_if_unsaved(number, receiver));
        self.write_result(number, item, prior, result).await
    }

    /// Whether a key is started again. Not if another batch has started it again meanwhile.
    async fn restart(&self, number: usize, start: &Start) -> dinoai::Result<Restart> {
        let journal = &self.ledger.journal;
        if let Some(id) = &start.resolved {
            self.client.resolve_key(&*start.key, id, journal).await?;
        }
        if start.restart == Restart::Never {
            return Ok(Restart::Never);
        }
        let stored = match journal.load(&start.key).await {
            Ok(stored) => stored,
            Err(error) => {
                let text = format!("item {number} is not started again: {error}");
                self.output.warning(&text);
                return Ok(Restart::Never);
            }
        };
        let before = stored.map(|stored| Attempt::of(&stored.entry));
        Ok(match before == start.before || start.resolved.is_some() {
            true => start.restart,
            false => Restart::Never,
        })
    }

    fn once<J: Journal + Clone>(&self, key: &str, request: TriggerRun, journal: &J) -> RunOnce {
        let alarm = self.ledger.alarm(key, self.output);
        let once = self.client.run_once(key, request, journal);
        let once = once
            .timeout(self.poll.timeout)
            .on_outage(self.output.outages().recorder())
            .on_unrecorded(alarm);
        match self.poll.poll_interval {
            Some(interval) => once.poll_interval(interval),
            None => once,
        }
    }

    /// What notes that a run has started. From then on the next one may be.
    fn noter(
        &self,
        number: usize,
        noted: Noted,
        permit: OwnedSemaphorePermit,
    ) -> impl FnOnce(&StartedOnce) + Send + 'static {
        let (results, state) = (self.results.clone(), Arc::clone(&self.state));
        move |found| {
            drop(permit);
            let Some(id) = found.session_id() else {
                return;
            };
            let session_id = id.clone();
            let written = results.write(number, ItemEvent::Started { session_id });
            state.note_started(number, id);
            // Whoever would receive it is gone only with the whole item.
            let _ = noted.send((id.clone(), written));
        }
    }

    /// Says an id at once that could not be written down.
    async fn report_id_if_unsaved(
        &self,
        number: usize,
        id: oneshot::Receiver<(SessionId, Written)>,
    ) {
        let Ok((id, written)) = id.await else {
            return;
        };
        if let Err(lost) = written.written().await {
            let message = format!(
                "item {number} started session {id}, but this cannot be saved to the results: \
                 {lost}"
            );
            let failure = Failure::results(message);
            self.output.failure(&failure.about(&id));
            self.stop_unkept(&lost);
        }
    }
}

impl From<Item> for RequestArgs {
    fn from(item: Item) -> Self {
        Self {
            agent: item.agent,
            message: item.message,
            slack_channel: item.slack_channel,
            slack_thread: item.slack_thread,
            base_branch: item.base_branch,
            model_family: item.model_family,
        }
    }
}
