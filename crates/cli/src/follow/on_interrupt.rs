//! What happens to a run that is followed when a signal comes: it is left, stopped, or its id
//! awaited.
//!
//! [`Follower::interrupted`] asks [`decide`], which has the rule, up to twice: for what is in flight,
//! and for the run once its id is known.

use std::time::Duration;

use dinoai::{Error, Event, Obstacle, RunStatus, SessionId};
use futures_util::FutureExt;

use super::{Follower, WatchedRun, stopped_status};
use crate::args::OnInterrupt;
use crate::interrupt::{Action, Interrupts, RunStage, decide};
use crate::report::hint::resume_run;
use crate::report::{Failure, Signal, hint};

impl Follower<'_> {
    /// Does with the run what the rule for signals says, and shows what is read meanwhile. A second
    /// signal ends it at once.
    pub(super) async fn interrupted(
        &self,
        watched: &mut WatchedRun,
        signal: Signal,
        interrupts: &mut Interrupts,
        show: &mut dyn FnMut(&Event),
    ) -> Failure {
        let wanted = self.options.on_interrupt;
        self.client.close();
        if let Action::AwaitId(limit) = decide(watched.stage(), wanted) {
            self.output.show_activity("waiting for the session id");
            let started = interrupts.started_runs().clone();
            let (answer, is_again) = tokio::select! {
                answer = watched.next(&started) => (answer, false),
                () = sleep(limit) => (None, false),
                _ = interrupts.next() => (None, true),
            };
            let unknown = match answer {
                Some(Ok(event)) => {
                    show(&event);
                    None
                }
                Some(Err(error)) if watched.stage() == RunStage::NothingBegun => {
                    return not_started(error, signal);
                }
                // It has named the run.
                Some(Err(_)) if watched.stage() == RunStage::InProgress => None,
                Some(Err(error)) => Some(Failure::from(error).after_signal(signal)),
                None => Some(match watched.id() {
                    Some(id) => Failure::interrupted_send(signal, id),
                    None => Failure::interrupted_in_flight(signal),
                }),
            };
            match unknown {
                Some(unknown) if is_again => return unknown,
                Some(unknown) => {
                    return self.stop_if_known(watched, unknown, interrupts, show).await;
                }
                None => {}
            }
        }
        if wanted == OnInterrupt::Stop {
            // What has been read and not shown yet may say that there is nothing to stop.
            while let Some(Some(Ok(event))) = watched.next(interrupts.started_runs()).now_or_never()
            {
                show(&event);
            }
        }
        let Some(id) = watched.id() else {
            return Failure::interrupted_before_start(signal);
        };
        match decide(watched.stage(), wanted) {
            Action::Leave | Action::AwaitId(_) => {
                let unanswered = self.output.outages().summary();
                let status = watched.describe(self.output.left_run_words(), unanswered.as_ref());
                Failure::interrupted_run(signal, id, &status).with_hint(resume_run(id))
            }
            Action::AwaitStop(limit) => {
                self.await_stop(watched, signal, limit, interrupts, show)
                    .await
            }
            Action::Nothing => {
                let failure = Failure::interrupted_run(signal, id, "has ended");
                failure.with_hint(format!("to read it: dinoai get {}", hint::id(id)))
            }
            Action::Stop => match self.stop(id, interrupts, show).await {
                Ok(()) => Failure::interrupted_run(signal, id, "was stopped"),
                Err(problem) => {
                    let hint = format!("to stop it: dinoai stop {}", hint::id(id));
                    Failure::interrupted_run(signal, id, &problem).with_hint(hint)
                }
            },
        }
    }

    /// Waits a while for what comes of the stop at the timeout.
    async fn await_stop(
        &self,
        watched: &mut WatchedRun,
        signal: Signal,
        limit: Duration,
        interrupts: &mut Interrupts,
        show: &mut dyn FnMut(&Event),
    ) -> Failure {
        self.output.show_activity("stopping");
        let started = interrupts.started_runs().clone();
        let last = async {
            loop {
                match watched.next(&started).await {
                    Some(Ok(event)) => {
                        show(&event);
                        if let Event::Ended(run) = event {
                            return Some(Ok(run));
                        }
                    }
                    Some(Err(error)) => return Some(Err(error)),
                    None => return None,
                }
            }
        };
        let last = tokio::select! {
            last = last => last,
            () = tokio::time::sleep(limit) => None,
            _ = interrupts.next() => None,
        };
        let Some(id) = watched.id() else {
            return Failure::interrupted_before_start(signal);
        };
        match last {
            Some(Ok(run)) => {
                let end = format!("ended {}", run.status);
                let failure = Failure::interrupted_run(signal, id, &end);
                failure.with_hint(format!("to read it: dinoai get {}", hint::id(id)))
            }
            Some(Err(error)) => {
                if let Some(stopped) = stopped_status(&error) {
                    show(&stopped);
                }
                let mut failure = Failure::from_wait(error).about(id).after_signal(signal);
                failure.message = format!("interrupted; {}", failure.message);
                failure
            }
            None => Failure::interrupted_stop(signal, id),
        }
    }

    /// If it is unknown what came of what was sent: a run that was there before is stopped all
    /// the same, if that is wanted.
    async fn stop_if_known(
        &self,
        watched: &WatchedRun,
        unknown: Failure,
        interrupts: &mut Interrupts,
        show: &mut dyn FnMut(&Event),
    ) -> Failure {
        let Some(id) = watched.id() else {
            return unknown;
        };
        let mut unknown = unknown.about(id);
        if decide(RunStage::InProgress, self.options.on_interrupt) == Action::Stop {
            let stopped = self.stop(id, interrupts, show).await;
            let end = stopped.map_or_else(|problem| problem, |()| "was stopped".to_owned());
            unknown.message = format!("{}; the run {id} {end}", unknown.message);
        }
        unknown
    }

    /// Stops the run, and shows its status then; what went wrong, as it reads after its name. A
    /// second signal ends it.
    async fn stop(
        &self,
        id: &SessionId,
        interrupts: &mut Interrupts,
        show: &mut dyn FnMut(&Event),
    ) -> Result<(), String> {
        self.output
            .note_unless_live(&format!("stopping the run {id}"));
        self.output.show_activity("stopping");
        let started = interrupts.started_runs().clone();
        tokio::select! {
            stopped = self.client.stop_run(id) => match stopped {
                Ok(accepted) => {
                    started.note_end(id);
                    show(&Event::Status(RunStatus::from(accepted.status)));
                    Ok(())
                }
                Err(error) => Err(format!("could not be stopped: {error}")),
            },
            _ = interrupts.next() => Err("could not be stopped: interrupted again".to_owned()),
        }
    }
}

async fn sleep(limit: Option<Duration>) {
    match limit {
        Some(limit) => tokio::time::sleep(limit).await,
        None => std::future::pending().await,
    }
}

/// What is said of a trigger or a follow-up that failed after the signal.
fn not_started(error: Error, signal: Signal) -> Failure {
    let is_closed = matches!(
        error,
        Error::NotSent {
            obstacle: Obstacle::Closed,
            ..
        }
    );
    let mut failure = match error.may_have_started() {
        true => return Failure::from(error).after_signal(signal),
        false if is_closed => Failure::interrupted_before_start(signal),
        false => {
            let text = format!("interrupted; nothing was started: {error}");
            Failure::by_signal(signal, text)
        }
    };
    failure.session_id = error.session_id().cloned();
    failure
}
