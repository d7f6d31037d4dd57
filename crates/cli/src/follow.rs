//! [`Follow`]: follows one run, or one turn, to its end, as the waiting options say.

use std::time::{Duration, Instant};

use dinoai::{
    Client, Error, Event, Message, Run, RunStatus, Session, StartupStep, Step, StepOptions, Watch,
};
use serde::Serialize;

use crate::exit::Exit;
use crate::failure::{Failure, go_on};
use crate::interrupt::{Interrupts, Signal};
use crate::narration::{Audience, Narration};
use crate::options::{Format, OnInterrupt, Waiting};
use crate::output::Output;
use crate::tool_step;

/// How a run is followed.
pub(crate) struct Follow<'a> {
    pub(crate) client: &'a Client,
    pub(crate) output: &'a Output,
    pub(crate) waiting: Waiting,
    pub(crate) audience: Audience,
}

/// What came of it.
pub(crate) enum Followed {
    Ended(Run),
    /// Nobody reads any more.
    Abandoned,
}

impl Follow<'_> {
    /// Follows the run to its end, and shows its result.
    pub(crate) async fn to_the_end(
        &self,
        session: &Session,
        interrupts: &mut Interrupts,
    ) -> Result<Exit, Failure> {
        let mut narration = Narration::new(self.output, self.audience);
        let followed = self.follow(session, interrupts, &mut narration).await;
        self.output.idle();
        match followed? {
            Followed::Ended(run) => self.conclude(run, narration),
            Followed::Abandoned => Ok(Exit::Done),
        }
    }

    /// Follows the run to its end.
    pub(crate) async fn follow(
        &self,
        session: &Session,
        interrupts: &mut Interrupts,
        narration: &mut Narration<'_>,
    ) -> Result<Followed, Failure> {
        self.output.busy("waiting");
        let start = Instant::now();
        let mut early_failures = 0;
        loop {
            let left = self.waiting.pace.timeout.saturating_sub(start.elapsed());
            let mut events = self.watch(session, left);
            let mut has_begun = false;
            let mut status = RunStatus::Queued;
            let mut last_error = None;
            loop {
                let event = tokio::select! {
                    event = events.next() => event,
                    signal = interrupts.next() => {
                        return Err(self.interrupted(session, signal, &status, interrupts).await);
                    }
                };
                match event {
                    Some(Ok(event)) => {
                        has_begun = true;
                        narration.tell(&event)?;
                        match event {
                            Event::Status(now) => status = now,
                            Event::StepsMissing(reason) => {
                                let text = format!("no steps are shown: {reason}");
                                self.output.warning(&text);
                            }
                            Event::Ended(run) => return Ok(Followed::Ended(run)),
                            _ => {}
                        }
                        if self.output.is_closed() && self.audience == Audience::Visitor {
                            return Ok(Followed::Abandoned);
                        }
                    }
                    Some(Err(error)) => last_error = Some(error),
                    None => break,
                }
            }
            let error = last_error.ok_or_else(|| Failure::system("the watch broke off"))?;
            early_failures += 1;
            if has_begun || !self.is_borne(&error, early_failures) || left.is_zero() {
                return Err(self.failure(error, session));
            }
            tokio::time::sleep(EARLY_PAUSE.min(left)).await;
        }
    }

    fn watch(&self, session: &Session, left: Duration) -> Watch {
        let pace = self.waiting.pace;
        let mut watch = session
            .watch()
            .timeout(left.max(Duration::from_millis(1)))
            .on_timeout(self.waiting.on_timeout.into());
        if let Some(interval) = pace.poll_interval {
            watch = watch.poll_interval(interval);
        }
        if self.waiting.steps {
            let options = StepOptions::default().with_tool_io();
            watch = watch.with_steps(options.with_max_chars(tool_step::ASKED_FOR));
        }
        watch
    }

    /// Whether the first look at a run that this command has started may fail like this: the
    /// run is there, so a failure that may pass is no reason to leave it.
    fn is_borne(&self, error: &Error, failures: u32) -> bool {
        const DOUBTFUL: u32 = 10;
        let may_pass = error.is_retryable();
        let is_doubtful = matches!(error, Error::GraphQl { .. } | Error::NotAccepted { .. });
        self.audience == Audience::Author && (may_pass || (is_doubtful && failures <= DOUBTFUL))
    }

    fn failure(&self, error: Error, session: &Session) -> Failure {
        let is_timeout = matches!(error, Error::WaitTimeout(_));
        let failure = Failure::from(error).about(session.id());
        match (self.audience, &failure.hint) {
            (Audience::Author, None) if !is_timeout => failure.with_hint(go_on(session.id())),
            _ => failure,
        }
    }

    /// Does what is asked for at an interrupt. A second signal ends it at once.
    async fn interrupted(
        &self,
        session: &Session,
        signal: Signal,
        status: &RunStatus,
        interrupts: &mut Interrupts,
    ) -> Failure {
        let id = session.id();
        if self.waiting.on_interrupt == OnInterrupt::Leave || status.is_terminal() {
            let status = format!("goes on ({status})");
            return Failure::interrupted(signal, id, &status).with_hint(go_on(id));
        }
        self.output.busy("stopping");
        let stopped = tokio::select! {
            stopped = self.client.stop_run(id) => stopped.map_err(|error| error.to_string()),
            _ = interrupts.next() => Err("interrupted again".to_owned()),
        };
        match stopped {
            Ok(_) => Failure::interrupted(signal, id, "was stopped"),
            Err(error) => {
                let status = format!("could not be stopped: {error}");
                let hint = format!("stop it with: dinoai stop {id}");
                Failure::interrupted(signal, id, &status).with_hint(hint)
            }
        }
    }

    /// Shows the result: as JSON the whole of it, as text what has not been shown yet.
    fn conclude(&self, mut run: Run, narration: Narration<'_>) -> Result<Exit, Failure> {
        if self.output.format == Format::Json {
            // After a follow-up: those of its turn alone.
            let is_new = |message: &Message| narration.messages.contains(message);
            run.messages.retain(is_new);
            self.output.json(&Whole {
                run: &run,
                steps: self.waiting.steps.then_some(narration.steps),
                startup_steps: self.waiting.steps.then_some(narration.startup_steps),
            })?;
        }
        if run.status == RunStatus::Completed {
            return Ok(Exit::Done);
        }
        let run = Box::new(run);
        let started = self.audience == Audience::Author;
        Err(Error::RunFailed { run, started }.into())
    }
}

/// The pause after a first look that failed.
const EARLY_PAUSE: Duration = Duration::from_secs(1);

/// The run, with its steps where they were asked for.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Whole<'a> {
    #[serde(flatten)]
    run: &'a Run,
    #[serde(skip_serializing_if = "Option::is_none")]
    steps: Option<Vec<Step>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    startup_steps: Option<Vec<StartupStep>>,
}
