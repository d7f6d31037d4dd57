//! `dinoai stop`: stops runs, each as if it were the only one.
//!
//! [`Stopping::stop_one`] sends a stop ([`Stopping::carry_out`]) and shows what came of it. With
//! `--tree`, [`Stopping::stop_tree`] does so for a run and its descendants, until none is in progress.
//! [`Stopping::finish`] reports all of them.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use dinoai::{Accepted, Error, Run, RunStatus, SessionId, Tree};
use serde::Serialize;

use super::context::Context;
use super::failure_groups::FailureGroups;
use super::run_entry::RunEntry;
use crate::args::{Format, OnInterrupt, StopArgs};
use crate::interrupt::{Action, RunStage, decide};
use crate::output::Output;
use crate::report::{ExitStatus, Failure, FailureKind, hint};

/// How often what is in progress is stopped: what was started just before a stop is found only after it.
const TRIES: usize = 10;

/// The pause before the next look: what was stopped takes a moment to end, and the end of a child
/// wakes the run that has started it.
const PAUSE: Duration = Duration::from_secs(1);

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
    /// What came of each, if that is written at the end.
    results: Vec<RunEntry<StoppedRun>>,
    /// What came of each, in words.
    summaries: Vec<String>,
    exits: Vec<ExitStatus>,
    failure_groups: FailureGroups,
    /// The runs that are known to be stopped.
    shown: BTreeSet<SessionId>,
    /// The options of the command to resume with.
    options: &'static str,
}

/// A run that was to be stopped, and its status.
#[derive(Debug, Serialize)]
struct StoppedRun {
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

    /// Stops a run, and shows it if that is done. At a signal its response is waited for a while,
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
                    return Err(Failure::interrupted_run(signal, id, "was stopped"));
                }
                Err(error) => {
                    let problem = format!("could not be stopped: {error}");
                    Failure::interrupted_run(signal, id, &problem)
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
        let done = StoppedRun {
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
        let is_alike = failure.kind == FailureKind::Unauthorized;
        if !is_alike || !self.failure_groups.add(self.exits.len(), id, failure) {
            self.output.failure(failure);
        }
        self.result(RunEntry::failed(id, failure, self.output));
        self.exits.push(failure.exit);
    }

    /// Notes a result, and shows it if programs read it at once.
    fn result(&mut self, result: RunEntry<StoppedRun>) {
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

    /// Shows what is shown at the end, and waits for its reader. If the results cannot reach
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
                let command = format!("dinoai stop {}{}", self.options, hint::ids(left));
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

impl Stopping<'_> {
    /// Stops a run, so that it starts nothing more, then its descendants, each before what it has
    /// started, until a look finds none of them in progress. What has ended is left as it is. Fails only
    /// if it was interrupted.
    async fn stop_tree(
        &mut self,
        context: &mut Context<'_>,
        first: &SessionId,
    ) -> Result<(), Failure> {
        let stopped = self.until_at_rest(context, first).await;
        stopped.map_err(|failure| {
            failure
                .about(first)
                .with_hint(again("to stop the rest", first))
        })
    }

    async fn until_at_rest(
        &mut self,
        context: &mut Context<'_>,
        first: &SessionId,
    ) -> Result<(), Failure> {
        let mut failed = BTreeSet::new();
        for tried in 0..=TRIES {
            let tree = match look(context, first).await? {
                Ok(tree) => tree,
                Err(failure) => {
                    self.failed(first, &failure);
                    return Ok(());
                }
            };
            let in_progress = tree.runs().filter(|run| !run.status.is_terminal());
            let in_progress: Vec<_> = in_progress
                .map(|run| run.session_id.clone())
                .filter(|id| !failed.contains(id))
                .collect();
            if in_progress.is_empty() {
                if let (0, Ok(root)) = (tried, &tree.run) {
                    self.at_rest(root);
                }
                self.name_unread(&tree);
                return Ok(());
            }
            if tried == TRIES {
                self.failed(first, &endless(&in_progress, first));
                self.name_unread(&tree);
                return Ok(());
            }
            for id in in_progress {
                // One that is still in progress, or has woken, is stopped again.
                if let Err(failure) = self.carry_out(context, &id).await? {
                    self.failed(&id, &failure);
                    failed.insert(id);
                }
            }
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                signal = context.interrupts.next() => return Err(Failure::interrupted_idle(signal)),
            }
        }
        Ok(())
    }

    /// Shows that nothing of a tree was in progress.
    fn at_rest(&mut self, root: &Run) {
        let id = &root.session_id;
        self.output.note(&format!(
            "no run in the tree of {id} is in progress; nothing to stop"
        ));
        self.result(RunEntry::Done(StoppedRun {
            session_id: id.clone(),
            status: root.status.clone(),
        }));
        self.exits.push(ExitStatus::Done);
    }

    /// Names the runs of a tree that may still be in progress.
    fn name_unread(&mut self, tree: &Tree) {
        let failures = tree
            .failures()
            .map(|(id, error)| (id, error.to_string(), error.is_retryable()));
        let beyond = unread(tree).into_iter();
        let beyond = beyond.map(|id| {
            let why = "the tree is too deep or too large".to_owned();
            (id, why, true)
        });
        for (id, why, may_help) in failures.chain(beyond) {
            let text = format!(
                "cannot read the run {id}, so it and its descendants may still be in progress: {why}"
            );
            let failure =
                Failure::new(FailureKind::Unread, ExitStatus::Unavailable, text).about(id);
            let failure = match may_help {
                true => failure.with_hint(again("to stop it", id)),
                false => failure,
            };
            self.failed(id, &failure);
        }
    }
}

/// The tree as it is now, or why its first run cannot be read. Fails only if it was interrupted.
async fn look(
    context: &mut Context<'_>,
    first: &SessionId,
) -> Result<Result<Tree, Failure>, Failure> {
    context.output.show_activity_of(first, "reading");
    let read = async { context.client.session(first)?.tree().await };
    tokio::select! {
        tree = read => Ok(tree.map_err(|error| unreadable(error, first))),
        signal = context.interrupts.next() => Err(Failure::interrupted_idle(signal)),
    }
}

/// The runs that were beyond what is read of a tree.
fn unread(tree: &Tree) -> Vec<&SessionId> {
    let below = tree.children.iter().flat_map(unread);
    tree.unread.iter().chain(below).collect()
}

fn endless(in_progress: &[SessionId], first: &SessionId) -> Failure {
    let ids: Vec<_> = in_progress.iter().map(SessionId::as_str).collect();
    let ids = ids.join(", ");
    let text = format!("some runs of the tree are still in progress after {TRIES} attempts: {ids}");
    let failure = Failure::new(FailureKind::InProgress, ExitStatus::InProgress, text).about(first);
    failure.with_hint(again("to try again", first))
}

/// Why a tree cannot be read, and how to try again if that may help.
fn unreadable(error: Error, first: &SessionId) -> Failure {
    let may_help = error.is_retryable();
    let failure = Failure::from(error).about(first);
    match may_help {
        true => failure.with_hint(again("to try again", first)),
        false => failure,
    }
}

fn again(what: &str, id: &SessionId) -> String {
    format!("{what}: dinoai stop --tree {}", hint::id(id))
}
