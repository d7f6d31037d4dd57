//! [`Follow`]: follows one run, or one turn, to its end, as the waiting options say.
//!
//! Time, failing polls and the stop at the timeout are the library's: see
//! [`Client::trigger_run_and_watch`]. This adds what a person sees, and signals.

mod course;

use std::time::{Duration, Instant};

use dinoai::{
    Accepted, Client, Error, Event, Obstacle, OnTimeout, Run, RunStatus, SessionId, StepOptions,
    Watch,
};
use futures_util::FutureExt;

use crate::answer_file::AnswerFile;
use crate::exit::Exit;
use crate::failure::{Failure, Kind, go_on};
use crate::interrupt::{Fate, Interrupts, Signal, Stage, Started, fate};
use crate::narration::{Audience, Narration};
use crate::options::{AtTimeout, Format, OnInterrupt, Waiting};
use crate::output::Output;
use crate::shell;
use crate::tool_step;

pub(crate) use course::Course;

/// How a run is followed.
pub(crate) struct Follow<'a> {
    /// Starts nothing more after a signal.
    pub(crate) client: &'a Client,
    pub(crate) output: &'a Output,
    pub(crate) waiting: Waiting,
    pub(crate) audience: Audience,
}

impl Follow<'_> {
    /// The course of a run, watched as the options say. `starts`: whether the watch starts the
    /// run, or sends a follow-up.
    pub(crate) fn course(&self, watch: Watch, starts: bool) -> Course {
        let pace = self.waiting.pace;
        let mut watch = watch
            .timeout(pace.timeout)
            .on_outage(self.output.outages().noter())
            .on_timeout(OnTimeout::from(self.waiting.on_timeout));
        if let Some(interval) = pace.poll_interval {
            watch = watch.poll_interval(interval);
        }
        if self.waiting.steps {
            let options = StepOptions::default().with_tool_io();
            watch = watch.with_steps(options.with_max_chars(tool_step::ASKED_FOR));
        }
        let stops_at = match self.waiting.on_timeout {
            AtTimeout::Stop => Instant::now().checked_add(pace.timeout),
            AtTimeout::Leave => None,
        };
        Course::new(watch, starts, stops_at)
    }

    /// Follows the run to its end, and shows its result. Its answer, if it has completed, goes into
    /// a file, too.
    pub(crate) async fn to_the_end(
        &self,
        mut course: Course,
        interrupts: &mut Interrupts,
        answer_file: Option<AnswerFile>,
    ) -> Result<Exit, Failure> {
        if let Some(file) = &answer_file {
            file.clear()?;
        }
        let mut narration = Narration::new(self.output, self.audience);
        if course.is_follow_up() {
            narration = narration.of_own_turn();
        }
        let followed = self.follow(&mut course, interrupts, &mut narration).await;
        narration.conclude(course.id(), self.waiting.steps);
        let run = followed?;
        let end = format!("the run {} ended {}", run.session_id, run.status);
        let answered = match &answer_file {
            Some(file) if run.status == RunStatus::Completed => {
                file.write(&narration.shown_of(&run))
            }
            _ => Ok(()),
        };
        let exit = self.exit(run, &narration);
        let lost = answered.as_ref().err();
        let end = lost.map_or(end, |lost| lost.message.clone());
        let written = self.written(&mut course, interrupts, &end).await;
        match (answered, written) {
            (Err(lost), Err(failure)) => Err(both(failure, lost)),
            (answered, written) => written.and(answered).and(exit),
        }
    }

    /// Follows the run to its end.
    pub(crate) async fn follow(
        &self,
        course: &mut Course,
        interrupts: &mut Interrupts,
        narration: &mut Narration<'_>,
    ) -> Result<Run, Failure> {
        let started = interrupts.started().clone();
        match (course.id(), course.stage()) {
            (Some(id), stage) => {
                started.note(id);
                let what = match stage {
                    Stage::InFlight => "sending",
                    _ => "waiting",
                };
                self.output.busy_with(id, what);
            }
            (None, _) => self.output.busy("starting"),
        }
        let end = tokio::select! {
            end = self.show(course, narration, &started) => end,
            signal = interrupts.next() => {
                let mut show = |event: &Event| narration.show(event);
                Err(self.interrupted(course, signal, interrupts, &mut show).await)
            }
        };
        self.output.idle();
        end
    }

    /// Starts the run without following it, and shows that it has started, also where that came
    /// out only after a signal.
    pub(crate) async fn start(
        &self,
        course: &mut Course,
        interrupts: &mut Interrupts,
        show: impl Fn(&Accepted),
    ) -> Result<Accepted, Failure> {
        self.output.busy("starting");
        let started = interrupts.started().clone();
        let end = tokio::select! {
            event = course.next(&started) => match event {
                Some(Ok(Event::Started(accepted))) => {
                    show(&accepted);
                    Ok(accepted)
                }
                Some(Err(error)) => Err(Failure::from(error)),
                _ => Err(broken_off()),
            },
            signal = interrupts.next() => {
                let mut show = |event: &Event| {
                    if let Event::Started(accepted) = event {
                        show(accepted);
                    }
                };
                Err(self.interrupted(course, signal, interrupts, &mut show).await)
            }
        };
        self.output.idle();
        end
    }

    /// Waits until the result has reached its reader. `what` says what is known of the run, where
    /// it cannot.
    pub(crate) async fn written(
        &self,
        course: &mut Course,
        interrupts: &mut Interrupts,
        what: &str,
    ) -> Result<(), Failure> {
        tokio::select! {
            () = self.output.settled() => {}
            signal = interrupts.next() => {
                return Err(self.interrupted(course, signal, interrupts, &mut |_| {}).await);
            }
        }
        match (self.output.lost(), course.id()) {
            (None, _) => Ok(()),
            (Some(lost), Some(id)) => Err(Failure::unwritten(lost, what).about(id).with_hint(
                format!("print the answer again with: dinoai get {}", shell::id(id)),
            )),
            (Some(lost), None) => Err(Failure::unwritten(lost, what)),
        }
    }

    /// Shows the run's events up to its end. May be dropped at any time.
    async fn show(
        &self,
        course: &mut Course,
        narration: &mut Narration<'_>,
        started: &Started,
    ) -> Result<Run, Failure> {
        let mut is_lost = false;
        loop {
            let was_in_flight = course.stage() == Stage::InFlight;
            let event = match course.next(started).await {
                Some(Ok(event)) => event,
                Some(Err(error)) if was_in_flight => {
                    let is_unsent = course.stage() == Stage::NothingBegun && course.id().is_some();
                    let mut failure = Failure::from(error);
                    if is_unsent {
                        failure.message += "; the message was not sent";
                    }
                    return Err(match course.id() {
                        Some(id) => failure.about(id),
                        None => failure,
                    });
                }
                Some(Err(error)) => return Err(self.failure(error, course)),
                None => return Err(broken_off()),
            };
            // Nobody waits for the reader here: a wait goes on, and ends in time, without one.
            narration.show(&event);
            if let (false, Some(lost)) = (is_lost, self.output.lost()) {
                is_lost = true;
                if let (Some(id), true) = (course.id(), course.is_going()) {
                    self.output.warning(&format!(
                        "standard output cannot be written ({}); still waiting for the run {id}",
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
    fn failure(&self, error: Error, course: &Course) -> Failure {
        let is_timeout = matches!(error, Error::WaitTimeout(_));
        let failure = Failure::of_a_wait(error);
        let Some(id) = course.id() else {
            return failure;
        };
        let failure = failure.about(id);
        match (self.audience, &failure.hint) {
            (Audience::Author, None) if !is_timeout => failure.with_hint(go_on(id)),
            _ => failure,
        }
    }

    /// Does with the run what the rule for signals says, and shows what is read meanwhile. A second
    /// signal ends it at once.
    async fn interrupted(
        &self,
        course: &mut Course,
        signal: Signal,
        interrupts: &mut Interrupts,
        show: &mut dyn FnMut(&Event),
    ) -> Failure {
        let wanted = self.waiting.on_interrupt;
        self.client.start_nothing_more();
        if let Fate::AwaitId(limit) = fate(course.stage(), wanted) {
            self.output.busy("waiting for the session id");
            let started = interrupts.started().clone();
            let (answer, is_again) = tokio::select! {
                answer = course.next(&started) => (answer, false),
                () = sleep(limit) => (None, false),
                _ = interrupts.next() => (None, true),
            };
            let unknown = match answer {
                Some(Ok(event)) => {
                    show(&event);
                    None
                }
                Some(Err(error)) if course.stage() == Stage::NothingBegun => {
                    return not_started(error, signal);
                }
                // It has named the run.
                Some(Err(_)) if course.stage() == Stage::Going => None,
                Some(Err(error)) => Some(Failure::from(error).interrupted_by(signal)),
                None => Some(match course.id() {
                    Some(id) => Failure::interrupted_send(signal, id),
                    None => Failure::interrupted_in_flight(signal),
                }),
            };
            match unknown {
                Some(unknown) if is_again => return unknown,
                Some(unknown) => return self.unanswered(course, unknown, interrupts).await,
                None => {}
            }
        }
        if wanted == OnInterrupt::Stop {
            // What has been read and not shown yet may say that there is nothing to stop.
            while let Some(Some(Ok(event))) = course.next(interrupts.started()).now_or_never() {
                show(&event);
            }
        }
        let Some(id) = course.id() else {
            return Failure::interrupted_before(signal);
        };
        match fate(course.stage(), wanted) {
            Fate::Leave | Fate::AwaitId(_) => {
                let unanswered = self.output.outages().now();
                let standing = course.standing(self.output.left(), unanswered.as_ref());
                Failure::interrupted(signal, id, &standing).with_hint(go_on(id))
            }
            Fate::AwaitStop(limit) => self.stopped(course, signal, limit, interrupts, show).await,
            Fate::Nothing => {
                let failure = Failure::interrupted(signal, id, "has ended");
                failure.with_hint(format!("read it with: dinoai get {}", shell::id(id)))
            }
            Fate::Stop => match self.stop(id, interrupts).await {
                Ok(()) => Failure::interrupted(signal, id, "was stopped"),
                Err(problem) => {
                    let hint = format!("stop it with: dinoai stop {}", shell::id(id));
                    Failure::interrupted(signal, id, &problem).with_hint(hint)
                }
            },
        }
    }

    /// Waits a while for what comes of the stop at the timeout.
    async fn stopped(
        &self,
        course: &mut Course,
        signal: Signal,
        limit: Duration,
        interrupts: &mut Interrupts,
        show: &mut dyn FnMut(&Event),
    ) -> Failure {
        self.output.busy("stopping");
        let started = interrupts.started().clone();
        let last = async {
            loop {
                match course.next(&started).await {
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
        let Some(id) = course.id() else {
            return Failure::interrupted_before(signal);
        };
        match last {
            Some(Ok(run)) => {
                let end = format!("ended {}", run.status);
                let failure = Failure::interrupted(signal, id, &end);
                failure.with_hint(format!("read it with: dinoai get {}", shell::id(id)))
            }
            Some(Err(error)) => {
                let mut failure = Failure::of_a_wait(error).about(id).interrupted_by(signal);
                failure.message = format!("interrupted; {}", failure.message);
                failure
            }
            None => Failure::interrupted_stop(signal, id),
        }
    }

    /// Where it is unknown what came of what was sent: a run that was there before is stopped all
    /// the same, if that is wanted.
    async fn unanswered(
        &self,
        course: &Course,
        unknown: Failure,
        interrupts: &mut Interrupts,
    ) -> Failure {
        let Some(id) = course.id() else {
            return unknown;
        };
        let mut unknown = unknown.about(id);
        if fate(Stage::Going, self.waiting.on_interrupt) == Fate::Stop {
            let stopped = self.stop(id, interrupts).await;
            let end = stopped.map_or_else(|problem| problem, |()| "was stopped".to_owned());
            unknown.message = format!("{}; the run {id} {end}", unknown.message);
        }
        unknown
    }

    /// Stops the run; what went wrong, as it reads after its name. A second signal ends it.
    async fn stop(&self, id: &SessionId, interrupts: &mut Interrupts) -> Result<(), String> {
        self.output.plain_note(&format!("stopping the run {id}"));
        self.output.busy("stopping");
        let started = interrupts.started().clone();
        tokio::select! {
            stopped = self.client.stop_run(id) => match stopped {
                Ok(_) => {
                    started.has_ended(id);
                    Ok(())
                }
                Err(error) => Err(format!("could not be stopped: {error}")),
            },
            _ = interrupts.next() => Err("could not be stopped: interrupted again".to_owned()),
        }
    }

    /// How a run that has ended is reported.
    fn exit(&self, run: Run, narration: &Narration<'_>) -> Result<Exit, Failure> {
        if run.status == RunStatus::Completed {
            return Ok(Exit::Done);
        }
        let run = Box::new(match self.output.format {
            Format::Text => without_messages(run),
            Format::Json | Format::Jsonl => narration.shown_of(&run),
        });
        let started = self.audience == Audience::Author;
        Err(Error::RunFailed { run, started }.into())
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
        true => return Failure::from(error).interrupted_by(signal),
        false if is_closed => Failure::interrupted_before(signal),
        false => {
            let text = format!("interrupted; nothing was started: {error}");
            Failure::new(Kind::Interrupted, Exit::Interrupted(signal), text)
        }
    };
    failure.session_id = error.session_id().cloned();
    failure
}

fn broken_off() -> Failure {
    Failure::new(Kind::Other, Exit::Unavailable, "the watch broke off")
}
