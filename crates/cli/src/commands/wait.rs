//! `dinoai wait`: waits for runs to finish, with few requests.
//!
//! [`WaitProgress::show_each`] shows each run as it ends ([`WaitProgress::show`]), and failures that
//! several have in common whenever nothing more is ready; then come how to resume and, as one
//! document, the results.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use dinoai::{Error, Run, RunResults, SessionId};
use futures_util::FutureExt;

use super::context::Context;
use super::failure_groups::FailureGroups;
use super::run_entry::RunEntry;
use crate::args::{Format, OnInterrupt, WaitArgs};
use crate::interrupt::{Action, RunStage, decide};
use crate::output::Output;
use crate::progress::waiting_for::{MOST_NAMED, NamedRuns, OutcomeCounts, RunCounts, WaitingFor};
use crate::report::{ExitStatus, Failure, FailureKind, Signal, hint};

pub(crate) async fn wait(context: Context<'_>, options: WaitArgs) -> Result<ExitStatus, Failure> {
    let output = context.output;
    let mut progress = WaitProgress {
        output,
        left: RunsLeft::of(&options.sessions),
        left_in_progress: BTreeMap::new(),
        failure_groups: FailureGroups::default(),
        summaries: vec![],
        counts: OutcomeCounts::default(),
        results: vec![],
        exits: vec![],
    };
    let mut wait = context
        .client
        .wait_all(options.sessions)?
        .timeout(options.poll.timeout)
        .on_outage(output.outages().recorder());
    if let Some(interval) = options.poll.poll_interval {
        wait = wait.poll_interval(interval);
    }
    let mut results = wait.results();
    tokio::select! {
        () = progress.show_each(&mut results) => {}
        signal = context.interrupts.next() => {
            progress.failure_groups.report(output);
            progress.write();
            return Err(progress.interrupted(signal));
        }
    }
    output.clear_progress();
    progress.failure_groups.report(output);
    if !progress.left_in_progress.is_empty() {
        output.hint(&resume_hint(progress.left_in_progress.values()));
    }
    progress.write();
    tokio::select! {
        () = output.until_written() => {}
        signal = context.interrupts.next() => return Err(progress.interrupted(signal)),
    }
    match output.stdout_error() {
        Some(lost) => Err(lost.failure(&progress.summaries.join(", "))),
        None => Ok(ExitStatus::worst(progress.exits)),
    }
}

/// What is known of the runs that are waited for.
struct WaitProgress<'a> {
    output: &'a Output,
    left: RunsLeft,
    /// Those that were in progress at the timeout, in the order of the command line.
    left_in_progress: BTreeMap<usize, SessionId>,
    failure_groups: FailureGroups,
    /// What came of each so far, in words: an id and a status, or why it is not known.
    summaries: Vec<String>,
    counts: OutcomeCounts,
    /// What came of each, if that is written at the end.
    results: Vec<RunEntry<Run>>,
    exits: Vec<ExitStatus>,
}

/// The runs that have not ended, in the order of the command line.
struct RunsLeft {
    ids: BTreeMap<usize, SessionId>,
    places: HashMap<SessionId, usize>,
    /// How many there were.
    count: usize,
}

impl RunsLeft {
    fn of(ids: &[SessionId]) -> Self {
        let mut places = HashMap::new();
        for (place, id) in ids.iter().enumerate() {
            places.entry(id.clone()).or_insert(place);
        }
        let ids = places.iter().map(|(id, place)| (*place, id.clone()));
        Self {
            ids: ids.collect(),
            count: places.len(),
            places,
        }
    }

    /// Where it stood.
    fn remove(&mut self, id: &SessionId) -> Option<usize> {
        let place = self.places.remove(id)?;
        self.ids.remove(&place);
        Some(place)
    }
}

impl WaitProgress<'_> {
    /// Waits for all of them, and shows each as it ends. May be dropped at any time.
    async fn show_each(&mut self, results: &mut RunResults<SessionId>) {
        loop {
            self.output.show_waiting_for(self.waiting_for());
            let next = match results.next().now_or_never() {
                Some(next) => next,
                None => {
                    // Failures that are the same come together.
                    self.failure_groups.report(self.output);
                    results.next().await
                }
            };
            let Some((id, result)) = next else {
                return;
            };
            self.show(&id, result);
        }
    }

    fn waiting_for(&self) -> WaitingFor {
        let outcomes = self.counts;
        let in_progress = self.left.ids.len();
        // Somebody else has started them, nobody says when.
        let named: Vec<_> = self.left.ids.values().take(MOST_NAMED).cloned().collect();
        WaitingFor::Many(Arc::new(move || RunCounts {
            outcomes,
            in_progress,
            to_start: 0,
            named: NamedRuns::First(named.clone()),
        }))
    }

    fn show(&mut self, id: &SessionId, result: dinoai::Result<Run>) {
        let place = self.left.remove(id);
        self.output.outages().forget(id);
        let (run, failure) = run_and_failure(id, result);
        *match (&run, &failure) {
            (_, None) => &mut self.counts.completed,
            (Some(_), Some(_)) => &mut self.counts.failed,
            (None, Some(failure)) if failure.kind == FailureKind::WaitTimeout => {
                &mut self.counts.left_in_progress
            }
            (None, Some(_)) => &mut self.counts.unknown,
        } += 1;
        let word = match (&run, &failure) {
            (Some(run), _) => run.status.to_string(),
            (None, Some(failure)) => failure.kind.word().to_owned(),
            (None, None) => String::new(),
        };
        self.summaries.push(format!("{id} {word}"));
        let result = match (run, &failure) {
            (Some(run), _) => Some(RunEntry::Done(run)),
            (None, Some(failure)) => {
                self.say(failure, id, place);
                Some(RunEntry::failed(id, failure, self.output))
            }
            (None, None) => None,
        };
        if let Some(result) = result {
            match (self.output.format, &result) {
                (Format::Text, RunEntry::Done(run)) => {
                    self.output.line(&format!("{id} {}", run.status));
                }
                (Format::Text, RunEntry::Failed { .. }) => {}
                (Format::Jsonl, _) => self.output.json(&result),
                (Format::Json, _) => self.results.push(result),
            }
        }
        let exit = failure.map_or(ExitStatus::Done, |failure| failure.exit);
        self.exits.push(exit);
    }

    /// Says why nothing is known of a run's end. Several that are in progress are resumed by one command,
    /// which is said at the end, and what is the same for several is said once.
    fn say(&mut self, failure: &Failure, id: &SessionId, place: Option<usize>) {
        let is_one_of_several = self.left.count > 1 && self.output.format == Format::Text;
        let mut failure = failure.clone();
        if let (Some(place), FailureKind::WaitTimeout, true) =
            (place, failure.kind, is_one_of_several)
        {
            self.left_in_progress.insert(place, id.clone());
            failure.hint = None;
        }
        match place {
            Some(place) if self.failure_groups.add(place, id, &failure) => {}
            _ => self.output.failure(&failure),
        }
    }

    /// Writes what came of them, if that is one document.
    fn write(&self) {
        if self.output.format == Format::Json {
            self.output.json(&self.results);
        }
    }

    fn interrupted(&self, signal: Signal) -> Failure {
        let stage = match self.left.ids.is_empty() {
            true => RunStage::Ended,
            false => RunStage::InProgress,
        };
        if decide(stage, OnInterrupt::Leave) == Action::Nothing {
            let text = format!(
                "interrupted; all runs have ended: {}",
                self.summaries.join(", ")
            );
            return Failure::by_signal(signal, text);
        }
        // Nothing says whether they have been read, so no more is claimed.
        let unanswered = self.output.outages().summary();
        let why = unanswered.map(|unanswered| format!(" ({unanswered})"));
        let end = format!("not seen to end{}", why.unwrap_or_default());
        let mut left = self.left.ids.values();
        let failure = match (left.next(), left.next()) {
            (Some(id), None) => Failure::interrupted_run(signal, id, &format!("was {end}")),
            _ => {
                let text = format!("interrupted; {} runs were {end}", self.left.ids.len());
                Failure::by_signal(signal, text)
            }
        };
        failure.with_hint(resume_hint(self.left.ids.values()))
    }
}

/// The run if it has ended, well or not; the failure if it has not completed.
fn run_and_failure(id: &SessionId, result: dinoai::Result<Run>) -> (Option<Run>, Option<Failure>) {
    match result {
        Ok(run) => (Some(run), None),
        Err(error) => {
            let run = match &error {
                Error::RunFailed { run, .. } => Some(Run::clone(run)),
                _ => None,
            };
            (run, Some(Failure::from(error).about(id)))
        }
    }
}

fn resume_hint<'a>(left: impl IntoIterator<Item = &'a SessionId>) -> String {
    format!("to resume: dinoai wait {}", hint::ids(left))
}
