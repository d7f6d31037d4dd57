//! `dinoai batch`: many runs from a file, each started at most once, even if the batch is
//! killed and resumed.
//!
//! Each item has a key in the journal, as the run of `dinoai run --key` has: by it the library starts the run
//! once. A batch that was killed between the claim and the session id leaves an item of which nobody knows
//! whether it has started. Such an item is reported as unknown, and started again only when asked to.
//!
//! [`prepare()`] reads the [`items`] and the [`results`] of earlier batches. [`batch`] reads what the journal
//! says of their [`keys`], makes the [`plan`] from each item's [`history`], has the [`runner`] carry it out, each item through its
//! [`item_lifecycle`], and reports each [`outcome`].

mod batch_state;
mod history;
mod item_lifecycle;
mod item_result;
mod items;
mod keys;
mod noted_journal;
mod outcome;
mod plan;
mod prepare;
#[cfg(test)]
mod properties;
mod results;
mod runner;
#[cfg(test)]
mod syncs;

use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::json;
use tokio::sync::Semaphore;

use super::context::Context;
use crate::args::Format;
use crate::progress::waiting_for::OutcomeCounts;
use crate::report::{ExitStatus, Failure, hint};
use batch_state::SharedBatchState;
use outcome::{ItemOutcome, ItemOutcomes, item_numbers};
use plan::{PriorState, Task};
use prepare::{PreparedBatch, ReadyBatch};
use runner::{BatchRunner, TRIGGERS};

pub(super) use prepare::prepare;

/// Starts and waits for what is left of a batch.
pub(crate) async fn batch(
    context: Context<'_>,
    prepared: PreparedBatch,
) -> Result<ExitStatus, Failure> {
    let ready = prepared.ready(context.client, context.is_emulated, context.output);
    let ready = tokio::select! {
        ready = ready => ready?,
        signal = context.interrupts.next() => return Err(Failure::interrupted_idle(signal)),
    };
    Ok(carry_out(context, ready).await)
}

async fn carry_out(context: Context<'_>, ready: ReadyBatch) -> ExitStatus {
    let output = context.output;
    let runner = BatchRunner {
        client: context.client,
        output,
        poll: ready.poll,
        ledger: ready.ledger,
        results: ready.results,
        resume: ready.resume,
        has_file: ready.file.is_some(),
        starts: Arc::new(Semaphore::new(TRIGGERS)),
        state: Arc::new(SharedBatchState::new(
            context.interrupts.started_runs().clone(),
        )),
    };
    let file = ready.file.as_deref();
    let mut exits = vec![];
    let mut outcomes = ItemOutcomes(vec![]);
    let mut counts = OutcomeCounts::default();
    let mut to_do = VecDeque::new();
    let mut is_finished = true;
    // Whether the journal has the keys of all that is unknown.
    let mut knows_all = true;
    for (place, task) in ready.tasks.into_iter().enumerate() {
        let number = place + 1;
        outcomes.0.push(match &task {
            Task::Start(_, prior, _) | Task::Read(_, prior, ..) | Task::Leave(prior) => {
                prior.outcome()
            }
            Task::Resume(..) => ItemOutcome::InProgress,
        });
        runner.note_known(number, &task);
        if let Task::Start(_, prior, _) | Task::Leave(prior) = &task {
            knows_all &= prior.is_known_to_the_journal();
        }
        let Task::Leave(prior) = task else {
            is_finished &= matches!(task, Task::Read(..));
            to_do.push_back((number, task));
            continue;
        };
        exits.push(prior.exit());
        prior.outcome().count(&mut counts);
        let report = prior.report("");
        // Waited for with all the others, at the end.
        drop(match prior {
            PriorState::Unknown {
                is_reported: false, ..
            } => runner.results.write(number, report),
            _ => runner.results.print(number, report),
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
            ready.concurrency,
            &mut outcomes,
            context.interrupts,
        )
        .await;
    output.clear_progress();
    runner.say_refused();
    exits.extend(report.exits);
    if let Some(problem) = runner.results.stdout_problem() {
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
        let why = match runner.results.file_problem() {
            Some(problem) => format!(" ({problem})"),
            None => String::new(),
        };
        let message = match runner.is_by_key_alone() {
            true => format!(
                "these results were not printed{why}; the same command prints them again:\n  {lost}"
            ),
            false => format!("these results are not saved anywhere{why}:\n  {lost}"),
        };
        output.failure(&Failure::results(message));
    }
    let unknown = outcomes.numbers(ItemOutcome::Unknown);
    if !unknown.is_empty() {
        let have = if unknown.len() == 1 { "has" } else { "have" };
        let mut again = String::new();
        if runner.resume.is_some() && !runner.results.has_lost_file() {
            again.push_str("; if it did not start, restart it with --retry-unknown and its number");
            if knows_all {
                let journal = &runner.ledger.option;
                again.push_str(&format!(
                    "; if it did, name its run with dinoai resolve{journal} KEY SESSION and its key from dinoai \
                     runs --unknown{journal}"
                ));
            }
        }
        output.warning(&format!(
            "it is unknown whether {} {have} started; check the workspace (or Slack){again}",
            item_numbers(&unknown),
        ));
    }
    let in_progress = runner.in_progress();
    if report.interrupted.is_none() && !in_progress.is_empty() {
        let command = match &runner.resume {
            Some(resume) if !runner.results.has_lost_file() => resume.to_owned(),
            _ => format!("to resume: dinoai wait {}", hint::ids(&in_progress)),
        };
        output.hint(&command);
    }
    if let Some(interrupted) = report.interrupted {
        let failure = interrupted.failure(file, runner.resume.as_deref());
        exits.push(failure.exit);
        output.failure(&failure);
    }
    outcomes.show(output);
    ExitStatus::worst(exits)
}
