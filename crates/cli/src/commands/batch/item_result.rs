//! What came of one item of a batch: [`BatchRunner::write_result`] writes it, after
//! [`BatchRunner::result_of_error`] if the run was not seen to end. An item of which nothing was started is
//! left as it was ([`BatchRunner::leave`]).

use dinoai::{Error, Obstacle, Run, SessionId};

use super::items::Item;
use super::outcome::ItemOutcome;
use super::plan::PriorState;
use super::results::record::{FailureRecord, ItemEvent};
use super::runner::{BatchRunner, ItemResult, Unsynced};
use crate::report::{ExitStatus, Failure, FailureKind};

/// After so many outcomes in a row that are unknown nothing more is started.
const UNKNOWN_IN_A_ROW: u32 = 3;

impl BatchRunner<'_> {
    /// Says on standard error why an item has not completed. That credentials were refused is said
    /// at the end, once.
    fn explain(
        &self,
        number: usize,
        what: &ItemEvent,
        exit: ExitStatus,
        kind: FailureKind,
        why: String,
    ) {
        let (text, id) = match what {
            ItemEvent::Ended { run, .. } => (why, Some(&run.session_id)),
            ItemEvent::Failed { error, .. } if error.kind == FailureKind::Unauthorized.word() => {
                return self.state.note_refused(number, &error.message);
            }
            ItemEvent::Failed { error, .. } => (error.message.clone(), error.session_id.as_ref()),
            _ => return,
        };
        let failure = Failure::new(kind, exit, format!("item {number}: {text}"));
        self.output.failure(&match id {
            Some(id) => failure.about(id),
            None => failure,
        });
    }

    /// Writes down what came of an item.
    pub(super) async fn write_result(
        &self,
        number: usize,
        item: Item,
        prior: PriorState,
        result: dinoai::Result<Run>,
    ) -> ItemResult {
        let id = self.state.id(number);
        if let Some(id) = &id {
            self.output.outages().forget(id);
        }
        let failed = result.as_ref().err();
        let failed = failed.map(|error| (FailureKind::of(error), error.to_string()));
        let (what, outcome, exit, known) = match result {
            Ok(run) => {
                let known = Some(format!("session {} {}", run.session_id, run.status));
                let request = Some(item);
                let what = ItemEvent::Ended { request, run };
                (what, ItemOutcome::Completed, ExitStatus::Done, known)
            }
            Err(Error::RunFailed { run, .. }) => {
                let known = Some(format!("session {} {}", run.session_id, run.status));
                let what = ItemEvent::Ended {
                    request: Some(item),
                    run: *run,
                };
                (what, ItemOutcome::Failed, ExitStatus::RunFailed, known)
            }
            Err(error) => self.result_of_error(number, error, id.clone()),
        };
        if let Some((kind, why)) = failed {
            self.explain(number, &what, exit, kind, why);
        }
        if outcome == ItemOutcome::NotStarted {
            return self.leave(number, &prior, Some(what), exit, "").await;
        }
        let written = self.results.write(number, what);
        let known = known.map(|known| format!("item {number}: {known}"));
        self.state.note_outcome(number, outcome, known.clone());
        if matches!(outcome, ItemOutcome::Completed | ItemOutcome::Failed)
            && let Some(id) = &id
        {
            self.state.note_end(id);
        }
        let (unsynced, lost) = match written.taken().await {
            Ok(taken) => {
                let unsynced = Unsynced {
                    number,
                    known,
                    taken,
                };
                (Some(unsynced), None)
            }
            Err(lost) => {
                self.stop_unkept(&lost);
                self.state.note_written(number);
                (None, known)
            }
        };
        ItemResult {
            number,
            outcome,
            exit,
            unsynced,
            lost,
        }
    }

    /// What came of an item that has not been seen to end. Some of it stops the batch.
    fn result_of_error(
        &self,
        number: usize,
        error: Error,
        started: Option<SessionId>,
    ) -> (ItemEvent, ItemOutcome, ExitStatus, Option<String>) {
        // By an earlier batch, or by another process.
        let is_known_unknown = matches!(error, Error::KeyUnknown { .. });
        let may_have_started = error.may_have_started() || is_known_unknown;
        let is_unusable = matches!(error, Error::Journal { .. });
        let is_refused = matches!(error, Error::Unauthorized { .. });
        // Not sent, or not again, since the batch has stopped for another reason.
        let is_held_back = matches!(
            error,
            Error::NotSent {
                obstacle: Obstacle::Closed,
                ..
            } | Error::RateLimited { .. }
        );
        let id = error.session_id().cloned().or_else(|| started.clone());
        // Of the item: one whose run is known has started, whichever batch has started it.
        let may_have_started = may_have_started || id.is_some();
        // Named by a response that failed: it is in progress, whether anybody waits for it or not.
        if let (Some(id), None) = (&id, &started) {
            self.state.note_started(number, id);
        }
        let failure = match &started {
            Some(_) => Failure::from_wait(error),
            None => Failure::from(error),
        };
        let failure = match &id {
            Some(id) => failure.about(id),
            // Of this item nothing was sent; others may have been started.
            None if is_unusable && !self.state.known_items().is_empty() => {
                Failure::new(failure.kind, ExitStatus::Unavailable, failure.message)
            }
            None => failure,
        };
        let (outcome, known) = match &id {
            Some(id) => (
                ItemOutcome::InProgress,
                Some(format!("session {id}, in progress")),
            ),
            None if may_have_started => (
                ItemOutcome::Unknown,
                Some("it is unknown whether it has started".to_owned()),
            ),
            None => (ItemOutcome::NotStarted, None),
        };
        let in_a_row = match &id {
            // It was counted when it started, here or before.
            Some(_) => 0,
            None if is_known_unknown => 0,
            None => self.state.unknown_in_a_row(outcome == ItemOutcome::Unknown),
        };
        if is_refused {
            let reason = format!("no more runs are started: {}", failure.message);
            self.stop(Failure::new(failure.kind, ExitStatus::Refused, reason));
        } else if is_unusable && let Some(lost) = self.results.file_problem() {
            self.stop_unkept(&lost);
        } else if is_unusable {
            let reason = format!("no more runs are started: {}", failure.message);
            self.stop(Failure::new(failure.kind, failure.exit, reason));
        } else if in_a_row >= UNKNOWN_IN_A_ROW {
            let reason = format!(
                "no more runs are started: the outcome of {in_a_row} items in a row is unknown; the \
                 last one: {}",
                failure.message
            );
            self.stop(Failure::new(failure.kind, ExitStatus::Unknown, reason));
        }
        let exit = match self.state.stopped() {
            // Not the journal's, but the results'.
            Some((exit, _))
                if is_held_back || (is_unusable && self.results.file_problem().is_some()) =>
            {
                exit
            }
            _ => failure.exit,
        };
        let what = ItemEvent::Failed {
            error: failure.into(),
            may_have_started,
        };
        (what, outcome, exit, known)
    }

    /// Leaves an item whose run has ended and could not be read again.
    pub(super) async fn leave_unread(
        &self,
        number: usize,
        prior: &PriorState,
        error: Error,
    ) -> ItemResult {
        let failure = Failure::from_wait(error);
        let exit = failure.exit;
        match failure.kind {
            FailureKind::Unauthorized => self.state.note_refused(number, &failure.message),
            kind => {
                let text = format!("item {number}: {}", failure.message);
                self.output.failure(&Failure::new(kind, exit, text));
            }
        }
        self.leave(number, prior, None, exit, "").await
    }

    /// Leaves an item where it stands, since nothing of it was started. `attempt` is what is
    /// written of an intent that is in the results.
    pub(super) async fn leave(
        &self,
        number: usize,
        prior: &PriorState,
        attempt: Option<ItemEvent>,
        exit: ExitStatus,
        reason: &str,
    ) -> ItemResult {
        let is_said = attempt.is_some() && matches!(prior, PriorState::New);
        let written = attempt.map(|what| self.results.write(number, what));
        let printed = (!is_said).then(|| self.results.print(number, prior.report(reason)));
        self.state.note_outcome(number, prior.outcome(), None);
        for record in written.into_iter().chain(printed) {
            // Kept or not, it has not started.
            if let Err(lost) = record.taken().await
                && !self.starts.is_closed()
            {
                self.stop_unkept(&lost);
            }
        }
        self.state.note_written(number);
        ItemResult::unstarted(number, prior, exit)
    }

    /// Why nothing more is started, and the exit status of what was not.
    pub(super) fn why_stopped(&self) -> (ExitStatus, String) {
        let stopped = self.state.stopped();
        stopped.unwrap_or_else(|| (ExitStatus::Done, "interrupted".to_owned()))
    }
}

impl From<Failure> for FailureRecord {
    fn from(failure: Failure) -> Self {
        Self {
            kind: failure.kind.word().to_owned(),
            message: failure.message,
            session_id: failure.session_id,
        }
    }
}
