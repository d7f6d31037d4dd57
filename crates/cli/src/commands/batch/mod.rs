//! `dinoai batch`: many runs from a file, each started at most once, even where the batch is
//! killed and resumed.
//!
//! Before a run is started, that it will be is on disk; once it has started, its session id is.
//! So a batch that was killed in between leaves an item of which nobody knows whether it has
//! started. Such an item is reported as unknown, and started again only when asked to.
//!
//! [`prepare`] reads the [`items`] and the [`results`] of earlier batches, and makes the [`plan`];
//! then [`batch`] has the [`runner`] carry it out, and reports each [`outcome`].

mod input;
mod items;
mod open_file_limit;
mod outcome;
mod plan;
#[cfg(test)]
mod properties;
mod results;
mod resume_hint;
mod runner;
#[cfg(all(test, target_os = "linux"))]
mod tests;

use std::collections::VecDeque;

use serde_json::json;

use super::Context;
use crate::args::{BatchArgs, Format, PollArgs, RequestArgs};
use crate::output::Output;
use crate::progress::waiting_for::OutcomeCounts;
use crate::report::{ExitStatus, Failure, shell};
use items::Item;
use outcome::{ItemOutcome, ItemOutcomes, item_numbers};
use plan::{Histories, PriorState, Retry, Task};
use results::file::OpenedResults;
use results::journal::Journal;
use results::record::FailureRecord;
use runner::BatchRunner;

/// A batch of which all is known that can be known before anything is sent.
pub(crate) struct Prepared {
    /// What is left to do for each item, in their order.
    tasks: Vec<Task>,
    journal: Journal,
    poll: PollArgs,
    concurrency: usize,
    /// The results file's name, and the command that goes on from it.
    results: Option<(String, String)>,
}

/// Reads the items and the results of earlier batches, and refuses what cannot be right.
///
/// Sends nothing. May wait for as long as whoever writes the items does, so call it while a
/// signal still ends the process.
pub(crate) fn prepare(options: &BatchArgs, output: &Output) -> Result<Prepared, Failure> {
    let input = input::read(&options.file)?;
    let opened = options
        .resume
        .as_ref()
        .map(|path| OpenedResults::open(path, input.identity.as_ref()))
        .transpose()?;
    let (opened, records) = opened.unzip();
    let retry = Retry {
        unknown: options.retry_unknown.clone(),
        failed: options.retry_failed,
    };
    let histories = Histories::from_records(records.unwrap_or_default());
    let several_runs = histories.several_runs();
    let tasks = histories.plan(input.items, &retry)?;
    for said in several_runs {
        output.warning(&output.complete_hint(&said));
    }
    // Only now the file is known to be this batch's.
    let is_stdout = opened.as_ref().is_some_and(|opened| opened.is_stdout);
    let file = opened.map(|opened| opened.ready(output)).transpose()?;
    let journal = Journal::new(file, (!is_stdout).then(|| output.spinner()), output.format)
        .map_err(|error| Failure::system(format!("cannot write results: {error}")))?;
    let wanted = tasks.len().min(options.concurrency.into());
    let (concurrency, limit) = open_file_limit::concurrency(wanted);
    if let Some(limit) = limit {
        output.warning(&format!(
            "at most {concurrency} runs are in progress at a time, since the limit on open files is \
             {limit}; raise it with ulimit -n"
        ));
    }
    let results = options.resume.as_ref();
    Ok(Prepared {
        tasks,
        journal,
        poll: options.poll,
        concurrency,
        results: results.map(|path| {
            (
                path.display().to_string(),
                resume_hint::command(options, path),
            )
        }),
    })
}

/// Starts and waits for what is left of a batch.
pub(crate) async fn batch(context: Context<'_>, prepared: Prepared) -> Result<ExitStatus, Failure> {
    let Prepared {
        tasks,
        journal,
        poll,
        concurrency,
        results,
    } = prepared;
    let output = context.output;
    let runner = BatchRunner::new(
        context.client,
        output,
        poll,
        journal,
        context.interrupts.started_runs(),
    );
    let mut exits = vec![];
    let mut outcomes = ItemOutcomes(vec![]);
    let mut counts = OutcomeCounts::default();
    let mut to_do = VecDeque::new();
    let mut is_finished = true;
    for (place, task) in tasks.into_iter().enumerate() {
        let number = place + 1;
        outcomes.0.push(match &task {
            Task::Start(_, prior) | Task::Leave(prior) => prior.outcome(),
            Task::Resume(..) => ItemOutcome::Going,
        });
        runner.note_known(number, &task);
        let Task::Leave(prior) = task else {
            is_finished = false;
            to_do.push_back((number, task));
            continue;
        };
        exits.push(prior.exit());
        prior.outcome().count(&mut counts);
        let report = prior.report("");
        // Waited for with all the others, at the end.
        drop(match prior {
            PriorState::Unknown { is_reported: false } => runner.journal.write(number, report),
            _ => runner.journal.print(number, report),
        });
        is_finished &= !matches!(prior, PriorState::Unknown { .. });
    }
    if is_finished {
        let text = "this batch has already finished; nothing is started, printing its results";
        match output.format {
            Format::Text => output.note(text),
            Format::Json | Format::Jsonl => {
                output.json_note(&json!({ "kind": "finished", "message": text }));
            }
        }
    }

    let report = runner
        .run_all(
            counts,
            to_do,
            concurrency,
            &mut outcomes,
            context.interrupts,
        )
        .await;
    output.clear_progress();
    runner.say_refused();
    exits.extend(report.exits);
    if let Some(problem) = runner.journal.stdout_problem() {
        exits.push(ExitStatus::Unavailable);
        let message =
            format!("not all results were printed: {problem}; all of them are in the results file");
        output.failure(&Failure::results(message));
    }
    if runner.has_lost_results() || !report.lost.is_empty() {
        exits.push(ExitStatus::Unavailable);
    }
    if !report.lost.is_empty() {
        let lost = report.lost.join("\n  ");
        let why = match runner.journal.file_problem() {
            Some(problem) => format!(" ({problem})"),
            None => String::new(),
        };
        let message = format!("these results are not saved anywhere{why}:\n  {lost}");
        output.failure(&Failure::results(message));
    }
    let unknown = outcomes.numbers(ItemOutcome::Unknown);
    if !unknown.is_empty() {
        let have = if unknown.len() == 1 { "has" } else { "have" };
        let again = match &results {
            Some(_) if !runner.journal.has_lost_file() => {
                "; if it did not start, restart it with --retry-unknown and its number"
            }
            _ => "",
        };
        output.warning(&format!(
            "it is unknown whether {} {have} started; check the workspace (or Slack){again}",
            item_numbers(&unknown),
        ));
    }
    let going = runner.going();
    if report.interrupted.is_none() && !going.is_empty() {
        let command = match &results {
            Some((_, go_on)) if !runner.journal.has_lost_file() => go_on.clone(),
            _ => format!("to resume: dinoai wait {}", shell::ids(&going)),
        };
        output.hint(&command);
    }
    if let Some(interrupted) = report.interrupted {
        let results = results.as_ref();
        let failure = interrupted.failure(results.map(|(file, go_on)| (&**file, &**go_on)));
        exits.push(failure.exit);
        output.failure(&failure);
    }
    outcomes.show(output);
    Ok(ExitStatus::worst(exits))
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

impl From<Failure> for FailureRecord {
    fn from(failure: Failure) -> Self {
        Self {
            kind: failure.kind.word().to_owned(),
            message: failure.message,
            session_id: failure.session_id,
        }
    }
}
