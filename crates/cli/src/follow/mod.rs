//! [`Follower`]: follows one run, or one turn, to its end, as the waiting options say.
//!
//! [`Follower::watch`] makes a [`WatchedRun`]. [`Follower::follow_and_report`] follows it and reports
//! its result: [`Follower::follow`] shows its events up to the end ([`Follower::show`]),
//! [`Follower::result_of`] makes the exit status, [`Follower::wait_until_written`] waits for the
//! reader. [`Follower::start_only`] leaves after the first event. What a signal does is in
//! `on_interrupt.rs`.
//!
//! Where nobody sees the conversation before the end, its texts are read at the end alone, or, if the command
//! ends before the run does, by [`Follower::catch_up`].
//! Time, failing polls and the stop at the timeout are the library's: see
//! [`Client::trigger_run_and_watch`]. This adds what a person sees, and signals.

mod answer;
mod answer_file;
mod conclude;
mod github_step;
mod json_answer;
mod on_interrupt;
mod set_up;
mod watched_run;

use std::time::{Duration, Instant};

use dinoai::{Client, Error, Event, Run, RunStatus, SessionId};

use crate::args::{FollowArgs, Format};
use crate::github::GitHub;
use crate::interrupt::{Interrupts, RunStage, StartedRuns};
use crate::output::Output;
use crate::print::{Audience, EventPrinter};
use crate::report::hint::resume_run;
use crate::report::{ExitStatus, Failure, FailureKind, hint};

use json_answer::JsonAnswer;

pub(crate) use answer::AnswerUse;
pub(crate) use watched_run::WatchedRun;

/// How long the texts of a run that is left are waited for.
const CATCH_UP: Duration = Duration::from_secs(2);

/// How a run is followed.
pub(crate) struct Follower<'a> {
    /// Starts nothing more after a signal.
    pub(crate) client: &'a Client,
    pub(crate) output: &'a Output,
    pub(crate) options: FollowArgs,
    pub(crate) audience: Audience,
    /// Whether somebody sees the conversation while it goes on.
    pub(crate) is_live: bool,
    /// The step of GitHub Actions that the command is, if it is one.
    pub(crate) github: Option<GitHub>,
}

impl Follower<'_> {
    /// Follows the run, shows its result, and waits until that has been written. Of a run that has completed
    /// the answer goes where it was asked for.
    pub(crate) async fn follow_and_report(
        &self,
        mut watched: WatchedRun,
        interrupts: &mut Interrupts,
        answer: AnswerUse,
    ) -> Result<ExitStatus, Failure> {
        if let Some(file) = &answer.file {
            file.clear()?;
        }
        if let Some(github) = &self.github {
            github.begin(self.output);
        }
        let begun = Instant::now();
        let mut printer = EventPrinter::new(self.output, self.audience);
        if watched.is_follow_up() {
            printer = printer.own_turn_only();
        }
        if answer.is_json_alone() {
            printer = printer.without_messages();
        }
        let followed = self.follow(&mut watched, interrupts, &mut printer).await;
        if followed.is_err() && !self.is_live {
            self.catch_up(&watched, interrupts, &mut printer).await;
        }
        let (followed, concluded) = match (followed, &answer.json) {
            (Ok(run), Some(json)) if run.status == RunStatus::Completed => {
                self.conclude(json, run, begun, &mut watched, interrupts, &mut printer)
                    .await
            }
            (followed, _) => (followed, Ok(())),
        };
        printer.finish(watched.id(), self.options.steps);
        let is_json = answer.json.as_ref().is_some_and(JsonAnswer::prints);
        let exit = match &followed {
            Ok(run) => self
                .result_of(run.clone(), &printer)
                .and_then(|exit| concluded.map(|()| exit)),
            Err(_) => Ok(ExitStatus::Done),
        };
        let given =
            self.report_to_github(&watched, &followed, &printer, is_json, exit.as_ref().err());
        let given = given.map_err(|failure| match watched.id() {
            Some(id) => failure.about(id),
            None => failure,
        });
        let exit = exit.and_then(|exit| given.map(|()| exit));
        let run = followed?;
        let end = format!("the run {} ended {}", run.session_id, run.status);
        let answered = match &answer.file {
            Some(file) if run.status == RunStatus::Completed => {
                file.write(&printer.run_of_turn(&run))
            }
            _ => Ok(()),
        };
        let lost = answered.as_ref().err();
        let end = lost.map_or(end, |lost| lost.message.clone());
        let written = self
            .wait_until_written(&mut watched, interrupts, &end)
            .await;
        if written.is_ok() {
            tokio::select! {
                () = watched.until_recorded() => {}
                () = tokio::time::sleep(CATCH_UP) => {}
                _ = interrupts.next() => {}
            }
        }
        match (answered, written) {
            (Err(lost), Err(failure)) => Err(both(failure, lost)),
            (answered, written) => written.and(answered).and(exit),
        }
    }

    /// Shows the run's events up to its end, or does what a signal asks for.
    pub(crate) async fn follow(
        &self,
        watched: &mut WatchedRun,
        interrupts: &mut Interrupts,
        printer: &mut EventPrinter<'_>,
    ) -> Result<Run, Failure> {
        let started = interrupts.started_runs().clone();
        match (watched.id(), watched.stage()) {
            (Some(id), stage) => {
                started.note(id);
                let what = match stage {
                    RunStage::InFlight => "sending",
                    _ => "waiting",
                };
                self.output.show_activity_of(id, what);
            }
            (None, _) => self.output.show_activity("starting"),
        }
        let end = tokio::select! {
            end = self.show(watched, printer, &started) => end,
            signal = interrupts.next() => {
                let mut show = |event: &Event| printer.show(event);
                Err(self.interrupted(watched, signal, interrupts, &mut show).await)
            }
        };
        self.output.clear_progress();
        end
    }

    /// Shows what has been said so far in a run that is left, unless it could not be read before. A
    /// signal ends it.
    async fn catch_up(
        &self,
        watched: &WatchedRun,
        interrupts: &mut Interrupts,
        printer: &mut EventPrinter<'_>,
    ) {
        let Some(session) = watched.session().filter(|_| watched.has_status()) else {
            return;
        };
        let look = async {
            // It looks once.
            let mut events = session.watch().timeout(Duration::from_millis(1)).events();
            while let Some(Ok(event)) = events.next().await {
                if let Event::Child(_) | Event::Message(_) = event {
                    printer.show(&event);
                }
            }
        };
        tokio::select! {
            () = look => {}
            () = tokio::time::sleep(CATCH_UP) => {}
            _ = interrupts.next() => {}
        }
    }

    /// Starts the run without following it, and shows that it has started, even if that came
    /// out only after a signal.
    pub(crate) async fn start_only(
        &self,
        watched: &mut WatchedRun,
        interrupts: &mut Interrupts,
        show: impl Fn(&Event),
    ) -> Result<SessionId, Failure> {
        self.output.show_activity("starting");
        let started = interrupts.started_runs().clone();
        let end = tokio::select! {
            id = first_id(watched, &started, &show) => id,
            signal = interrupts.next() => {
                let mut show = |event: &Event| show(event);
                Err(self.interrupted(watched, signal, interrupts, &mut show).await)
            }
        };
        self.output.clear_progress();
        end
    }

    /// Waits until the result has reached its reader. `what` says what is known of the run, if
    /// it cannot.
    pub(crate) async fn wait_until_written(
        &self,
        watched: &mut WatchedRun,
        interrupts: &mut Interrupts,
        what: &str,
    ) -> Result<(), Failure> {
        tokio::select! {
            () = self.output.until_written() => {}
            signal = interrupts.next() => {
                return Err(self.interrupted(watched, signal, interrupts, &mut |_| {}).await);
            }
        }
        match (self.output.stdout_error(), watched.id()) {
            (None, _) => Ok(()),
            (Some(lost), Some(id)) => Err(lost.failure(what).about(id).with_hint(format!(
                "to print the answer again: dinoai get {}",
                hint::id(id)
            ))),
            (Some(lost), None) => Err(lost.failure(what)),
        }
    }

    /// Shows the run's events up to its end. May be dropped at any time.
    async fn show(
        &self,
        watched: &mut WatchedRun,
        printer: &mut EventPrinter<'_>,
        started: &StartedRuns,
    ) -> Result<Run, Failure> {
        let mut is_lost = false;
        loop {
            let was_in_flight = watched.stage() == RunStage::InFlight;
            let event = match watched.next(started).await {
                Some(Ok(event)) => event,
                Some(Err(error)) if was_in_flight => {
                    let is_unsent =
                        watched.stage() == RunStage::NothingBegun && watched.id().is_some();
                    let mut failure = Failure::from(error);
                    if is_unsent {
                        failure.message += "; the message was not sent";
                    }
                    return Err(match watched.id() {
                        Some(id) => failure.about(id),
                        None => failure,
                    });
                }
                Some(Err(error)) => {
                    if let Some(stopped) = stopped_status(&error) {
                        printer.show(&stopped);
                    }
                    return Err(self.failure(error, watched));
                }
                None => return Err(broken_off()),
            };
            // Nobody waits for the reader here: a wait continues, and ends in time, without one.
            printer.show(&event);
            if let (false, Some(lost)) = (is_lost, self.output.stdout_error()) {
                is_lost = true;
                if let (Some(id), true) = (watched.id(), watched.is_in_progress()) {
                    self.output.warning(&format!(
                        "cannot write to standard output ({}); still waiting for the run {id}",
                        lost.problem
                    ));
                }
            }
            if let Event::Ended(run) = event {
                return Ok(run);
            }
        }
    }

    /// What ended the wait for a run that is known.
    fn failure(&self, error: Error, watched: &WatchedRun) -> Failure {
        let is_timeout = matches!(error, Error::WaitTimeout(_));
        let failure = Failure::from_wait(error);
        let Some(id) = watched.id() else {
            return failure;
        };
        let failure = failure.about(id);
        match (self.audience, &failure.hint) {
            (Audience::Author, None) if !is_timeout => failure.with_hint(resume_run(id)),
            _ => failure,
        }
    }

    /// What the command reports of a run that has ended.
    fn result_of(&self, run: Run, printer: &EventPrinter<'_>) -> Result<ExitStatus, Failure> {
        let shown = match self.output.format {
            Format::Text => without_messages(run),
            Format::Json | Format::Jsonl => printer.run_as_shown(&run),
        };
        match (shown.into_result(), self.audience) {
            (Ok(_), _) => Ok(ExitStatus::Done),
            (Err(error), Audience::Author) => Err(error.with_started().into()),
            (Err(error), _) => Err(error.into()),
        }
    }
}

/// The status of a run that was stopped at the timeout: what was read of it before does not hold any
/// more.
fn stopped_status(error: &Error) -> Option<Event> {
    match error {
        Error::WaitTimeout(timeout) => match &timeout.stopped {
            Some(Ok(status)) => Some(Event::Status(RunStatus::from(status.clone()))),
            _ => None,
        },
        _ => None,
    }
}

/// A run whose messages have been shown, so that its failure does not quote the last of them again.
pub(crate) fn without_messages(run: Run) -> Run {
    let mut run = run;
    run.messages.clear();
    run
}

/// Why the answer is not in its file, beside what has kept the result from its reader.
fn both(mut failure: Failure, lost: Failure) -> Failure {
    if !failure.message.contains(&lost.message) {
        failure.message = format!("{}; {}", failure.message, lost.message);
    }
    failure.hint = failure.hint.or(lost.hint);
    failure
}

/// Shows what a run begins with, up to the event that names it.
async fn first_id(
    watched: &mut WatchedRun,
    started: &StartedRuns,
    show: &impl Fn(&Event),
) -> Result<SessionId, Failure> {
    loop {
        match watched.next(started).await {
            Some(Ok(event)) => {
                show(&event);
                match event {
                    Event::Started(accepted) => return Ok(accepted.session_id),
                    Event::Attached(id) => return Ok(id),
                    _ => {}
                }
            }
            Some(Err(error)) => return Err(Failure::from(error)),
            None => return Err(broken_off()),
        }
    }
}

fn broken_off() -> Failure {
    Failure::new(
        FailureKind::Other,
        ExitStatus::Unavailable,
        "the watch ended unexpectedly",
    )
}
