//! `dinoai stop`: stops runs, each as if it were the only one.
//!
//! [`Stopping::stop_one`] sends a stop ([`Stopping::carry_out`]) and shows what came of it, or
//! `Stopping::stop_tree` (`tree.rs`) does so for a run and its descendants; [`Stopping::finish`] reports
//! all of them.

mod tree;

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use dinoai::{Accepted, RunStatus, SessionId};
use serde::Serialize;

use super::Context;
use super::failure_groups::FailureGroups;
use super::run_entry::RunEntry;
use crate::args::{Format, OnInterrupt, StopArgs};
use crate::interrupt::{Action, RunStage, decide};
use crate::output::Output;
use crate::report::{ExitStatus, Failure, Kind, shell};

pub(crate) async fn stop(
    mut context: Context<'_>,
    options: StopArgs,
) -> Result<ExitStatus, Failure> {
    let mut stopping = Stopping {
        output: context.output,
        results: vec![],
        summaries: vec![],
        exits: vec![],
        failure_groups: FailureGroups::default(),
        shown: BTreeSet::new(),
        options: if options.tree { "--tree " } else { "" },
    };
    let mut given = BTreeSet::new();
    let once = options.sessions.into_iter();
    let mut left: VecDeque<_> = once.filter(|id| given.insert(id.clone())).collect();
    let mut interruption = Ok(());
    while interruption.is_ok()
        && let Some(id) = left.pop_front()
    {
        interruption = match options.tree {
            true => stopping.stop_tree(&mut context, &id).await,
            false => stopping.stop_one(&mut context, &id).await,
        };
    }
    stopping.finish(&mut context, interruption, &left).await
}

/// What came of the stops so far.
struct Stopping<'a> {
    output: &'a Output,
    /// What came of each, where that is written at the end.
    results: Vec<RunEntry<Done>>,
    /// What came of each, in words.
    summaries: Vec<String>,
    exits: Vec<ExitStatus>,
    failure_groups: FailureGroups,
    /// The runs that are known to be stopped.
    shown: BTreeSet<SessionId>,
    /// What the command to go on with is to be given.
    options: &'static str,
}

/// How a run stands that is not to go on.
#[derive(Debug, Serialize)]
struct Done {
    #[serde(rename = "agentSessionId")]
    session_id: SessionId,
    /// As `get` spells it, and not the word in which the API accepts a stop.
    status: RunStatus,
}

impl Stopping<'_> {
    /// Stops a run, and shows what came of it. Fails only if it was interrupted.
    async fn stop_one(&mut self, context: &mut Context<'_>, id: &SessionId) -> Result<(), Failure> {
        if let Err(failure) = self.carry_out(context, id).await? {
            self.failed(id, &failure);
        }
        Ok(())
    }

    /// Stops a run, and shows it where that is done. At a signal its answer is waited for a while,
    /// and the signal is the failure.
    async fn carry_out(
        &mut self,
        context: &mut Context<'_>,
        id: &SessionId,
    ) -> Result<Result<(), Failure>, Failure> {
        context.output.show_activity_of(id, "stopping");
        let mut stop = context.client.stop_run(id).into_future();
        let signal = tokio::select! {
            stopped = &mut stop => {
                let stopped = stopped.map_err(|error| Failure::from(error).about(id));
                return Ok(stopped.map(|accepted| self.stopped(accepted)));
            }
            signal = context.interrupts.next() => signal,
        };
        let limit = match decide(RunStage::Stopping, OnInterrupt::Leave) {
            Action::AwaitStop(limit) => limit,
            _ => Duration::ZERO,
        };
        let failure = tokio::select! {
            stopped = stop => match stopped {
                Ok(accepted) => {
                    self.stopped(accepted);
                    return Err(Failure::interrupted(signal, id, "was stopped"));
                }
                Err(error) => {
                    let problem = format!("could not be stopped: {error}");
                    Failure::interrupted(signal, id, &problem)
                }
            },
            () = tokio::time::sleep(limit) => Failure::interrupted_stop(signal, id),
            _ = context.interrupts.next() => Failure::interrupted_stop(signal, id),
        };
        // Why it has no other result is said at the end.
        self.result(RunEntry::failed(id, &failure, self.output));
        Err(failure)
    }

    /// Shows a run that was stopped: once, however often that was.
    fn stopped(&mut self, accepted: Accepted) {
        if !self.shown.insert(accepted.session_id.clone()) {
            return;
        }
        let done = Done {
            session_id: accepted.session_id,
            status: RunStatus::from(accepted.status),
        };
        if self.output.format == Format::Text {
            let line = format!("{} {}", done.session_id, done.status);
            self.output.line(&line);
        }
        self.result(RunEntry::Done(done));
        self.exits.push(ExitStatus::Done);
    }

    fn failed(&mut self, id: &SessionId, failure: &Failure) {
        // An API that is away is said to be at once: each try takes a while.
        let is_alike = failure.kind == Kind::Unauthorized;
        if !is_alike || !self.failure_groups.add(self.exits.len(), id, failure) {
            self.output.failure(failure);
        }
        self.result(RunEntry::failed(id, failure, self.output));
        self.exits.push(failure.exit);
    }

    /// Notes a result, and shows it where programs read it at once.
    fn result(&mut self, result: RunEntry<Done>) {
        self.summaries.push(match &result {
            RunEntry::Done(done) => format!("{} {}", done.session_id, done.status),
            RunEntry::Failed { session_id, error } => {
                format!("{session_id} {}", error.kind.word())
            }
        });
        match self.output.format {
            Format::Text => {}
            Format::Jsonl => self.output.json(&result),
            Format::Json => self.results.push(result),
        }
    }

    /// Shows what is shown at the end, and waits for its reader. Where the results cannot reach
    /// one, the failure has them.
    async fn finish(
        mut self,
        context: &mut Context<'_>,
        interruption: Result<(), Failure>,
        left: &VecDeque<SessionId>,
    ) -> Result<ExitStatus, Failure> {
        context.output.clear_progress();
        self.failure_groups.report(context.output);
        if context.output.format == Format::Json {
            context.output.json(&self.results);
        }
        if let Err(mut failure) = interruption {
            if !left.is_empty() {
                let command = format!("dinoai stop {}{}", self.options, shell::ids(left));
                let hint = format!("to stop the others: {command}");
                failure.hint = Some(match failure.hint {
                    Some(known) => format!("{known}\n  {hint}"),
                    None => hint,
                });
            }
            return Err(failure);
        }
        tokio::select! {
            () = context.output.until_written() => {}
            signal = context.interrupts.next() => {
                let mut failure = Failure::interrupted_idle(signal);
                failure.message = format!("{}; {}", failure.message, self.summaries.join(", "));
                return Err(failure);
            }
        }
        match context.output.stdout_error() {
            Some(lost) => Err(lost.failure(&self.summaries.join(", "))),
            None => Ok(ExitStatus::worst(self.exits)),
        }
    }
}
