//! The poll loop of a watch: which polls are made, and which events come of them.

use std::collections::VecDeque;
use std::sync::Arc;

use super::super::event::Event;
use super::super::handle::Handle;
use super::super::state::SessionState;
use super::super::turn_end::AwaitedTurn;
use super::transcript_reads::TranscriptReads;
use crate::error::{Error, Result};
use crate::journal::{Journal, record_end};
use crate::model::{Run, RunStatus, SessionId, StepOptions};
use crate::operations::Digest;
use crate::polling::Poller;
use crate::transport::CallOptions;

/// Where the end of a run is recorded that was started by its key.
pub(super) struct Recorded {
    pub(super) journal: Arc<dyn Journal>,
    pub(super) key: String,
    /// Whose claim it was, if the run was started here.
    pub(super) owner: Option<String>,
    /// How it has ended, until that is recorded.
    pub(super) end: Option<(SessionId, RunStatus)>,
}

/// The poll loop of a watch.
pub(super) struct Watcher {
    pub(super) handle: Handle,
    pub(super) recorded: Option<Recorded>,
    polls: Poller,
    turn: AwaitedTurn,
    steps: Option<StepOptions>,
    /// Whether messages and children are left to the end.
    reads_at_end: bool,
    /// What was emitted before, and what stands in the queue.
    pub(super) seen: SessionState,
    reads: TranscriptReads,
    queue: VecDeque<Result<Event>>,
    /// What came of the last poll, until the pause after it.
    outcome: Option<Result<()>>,
    /// Whether this poll has still to look at the steps.
    are_steps_due: bool,
    /// The run that has ended, while its last steps and its end are still to be queued.
    ending: Option<Run>,
    is_finished: bool,
}

impl Watcher {
    pub(super) fn new(
        handle: Handle,
        polls: Poller,
        steps: Option<StepOptions>,
        reads_at_end: bool,
    ) -> Self {
        let seen = handle.state().clone();
        Self {
            seen,
            reads: TranscriptReads::default(),
            turn: AwaitedTurn::of(handle.clone()),
            handle,
            recorded: None,
            polls,
            steps,
            reads_at_end,
            queue: VecDeque::new(),
            outcome: None,
            are_steps_due: false,
            ending: None,
            is_finished: false,
        }
    }

    pub(super) async fn next(&mut self) -> Option<Result<Event>> {
        loop {
            if let Some(event) = self.queue.pop_front() {
                if let Ok(Event::Ended(_)) = event {
                    self.turn.close();
                }
                return Some(event);
            }
            if self.is_finished {
                self.record_end().await;
                return None;
            }
            // After what is required has been emitted, so that it is not delayed.
            if let Some(run) = self.ending.take() {
                self.end(run).await;
                continue;
            }
            if std::mem::take(&mut self.are_steps_due) && !self.polls.is_at_the_deadline() {
                self.look_at_steps().await;
                continue;
            }
            if let Err(error) = self.pause().await {
                self.is_finished = true;
                return Some(Err(error));
            }
            self.turn.refresh(&mut self.polls);
            let looked = self.look().await;
            if looked.is_err() {
                self.turn.failed();
            }
            if looked.is_ok() {
                self.polls.answered();
            }
            self.outcome = Some(looked);
        }
    }

    /// Records how the run has ended, after that was emitted.
    async fn record_end(&mut self) {
        let Some(recorded) = &mut self.recorded else {
            return;
        };
        if let Some((id, status)) = recorded.end.take() {
            let (journal, owner) = (&*recorded.journal, recorded.owner.as_deref());
            record_end(
                &self.handle.api,
                journal,
                &recorded.key,
                owner,
                &id,
                &status,
            )
            .await;
        }
    }

    /// Pauses after a poll, if there was one.
    async fn pause(&mut self) -> Result<()> {
        let Some(outcome) = self.outcome.take() else {
            return Ok(());
        };
        if outcome.is_ok() {
            self.turn.check_grace(&self.polls)?;
        }
        self.polls.pause_after(outcome, self.turn.awaited()).await
    }

    /// Looks once, and queues what is new.
    async fn look(&mut self) -> Result<()> {
        let digest = match self.reads_at_end && !self.turn.needs_messages() {
            true => Digest::of_status(self.polls.read_status_alone().await?),
            false => self.polls.read_digest().await?,
        };
        let now = self.polls.now();
        self.turn.note(&digest.status, &digest.messages, now);
        let has_ended_by_digest = self.turn.has_ended(&digest.status);
        let may_have_ended = self.turn.may_have_ended(&digest.status);
        self.polls.note_look(&digest.status, may_have_ended);
        if !digest.status.is_terminal() {
            self.queue_status(&digest.status);
        }
        if !has_ended_by_digest {
            self.are_steps_due = true;
            if self.reads_at_end {
                return Ok(());
            }
            self.queue_children(&digest.child_session_ids);
            let is_last = self.polls.is_at_the_deadline();
            if self.seen.messages.has_news(&digest.messages)
                && self.reads.is_due(&digest.messages, now, is_last)
            {
                let run = self.read_run(&digest).await?;
                self.reads.keep(run);
            }
            return Ok(());
        }

        let run = match self.reads.take_ended(&digest) {
            Some(run) => run,
            None => self.read_run(&digest).await?,
        };
        // Another follow-up may have woken it in between.
        let has_ended_by_run = self.turn.has_ended(&run.status);
        self.polls.note_status(&run.status);
        self.ending = has_ended_by_run.then_some(run);
        Ok(())
    }

    /// Reads the run after a look, and queues what is new. Returns it without its messages unless
    /// it has ended.
    async fn read_run(&mut self, look: &Digest) -> Result<Run> {
        self.reads.begin(self.polls.now());
        let mut run = self.polls.read_run().await?;
        self.reads.note(&run);
        let messages = if run.status.is_terminal() {
            run.messages.clone()
        } else {
            self.queue_status(&run.status);
            std::mem::take(&mut run.messages)
        };
        self.queue_children(&run.child_session_ids);
        let new = self.seen.messages.take_new(messages);
        self.reads.note_news(&look.messages, !new.is_empty());
        let change = self.seen.messages.take_change();
        let change = change.map(Event::HistoryChanged).into_iter();
        let events = change.chain(new.into_iter().map(Event::Message));
        self.queue.extend(events.map(Ok));
        Ok(run)
    }

    /// Queues the last steps, and the end.
    async fn end(&mut self, run: Run) {
        let missing = self.take_last_steps().await;
        self.queue_status(&run.status);
        if let Some(reason) = missing {
            self.push(Event::StepsMissing(reason));
        }
        if let Some(recorded) = &mut self.recorded {
            recorded.end = Some((run.session_id.clone(), run.status.clone()));
        }
        self.push(Event::Ended(run));
        self.is_finished = true;
    }

    /// Queues new steps. A failure is left to the next poll: what is optional neither ends nor
    /// delays what is required.
    async fn look_at_steps(&mut self) {
        let call = self.polls.optional_call(self.polls.now());
        if let Some(Err(error)) = self.read_steps(call).await {
            if let Error::Unsupported { .. } = error {
                self.steps = None;
                self.push(Event::StepsMissing(error.to_string()));
            } else {
                tracing::debug!(%error, "steps could not be read");
            }
        }
    }

    /// Queues the last steps, tried as any call; or says why they are missing.
    async fn take_last_steps(&mut self) -> Option<String> {
        let call = CallOptions {
            once: false,
            ..self.polls.call_options()
        };
        match self.read_steps(call).await? {
            Ok(true) => None,
            Ok(false) => Some("the API answered without them".to_owned()),
            Err(error) => Some(error.to_string()),
        }
    }

    /// Reads and queues new steps: whether the API could read them. `None` if they are not asked
    /// for.
    async fn read_steps(&mut self, call: CallOptions) -> Option<Result<bool>> {
        let options = self.steps?;
        let after = self.seen.step.or(options.after);
        let options = StepOptions { after, ..options };
        let read = match self.polls.api.read_steps(options, call).await {
            Ok(read) => read,
            Err(error) => return Some(Err(error)),
        };
        for step in read.startup_steps.unwrap_or_default() {
            if self.seen.is_news(&step) {
                self.push(Event::Startup(step));
            }
        }
        let could_be_read = read.steps.is_some();
        let mut steps = read.steps.unwrap_or_default();
        steps.sort_by_key(|step| step.index);
        for step in steps {
            if self.seen.step.is_none_or(|last| step.index > last) {
                self.push(Event::Step(step));
            }
        }
        Some(Ok(could_be_read))
    }

    fn queue_status(&mut self, status: &RunStatus) {
        if self.seen.status.as_ref() != Some(status) {
            self.push(Event::Status(status.clone()));
        }
    }

    fn queue_children(&mut self, ids: &[SessionId]) {
        for id in ids {
            if !self.seen.children.contains(id) {
                self.push(Event::Child(id.clone()));
            }
        }
    }

    /// Queues an event that comes before the first look.
    pub(super) fn queue_first(&mut self, event: Event) {
        self.push(event);
    }

    fn push(&mut self, event: Event) {
        self.seen.note(&event);
        self.queue.push_back(Ok(event));
    }
}
