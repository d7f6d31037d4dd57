//! `dinoai batch`: many runs from a file, each started at most once, even if the batch is
//! killed and resumed.
//!
//! Before a run is started, that it will be is on disk; once it has started, its session id is.
//! So a batch that was killed in between leaves an item of which nobody knows whether it has
//! started. Such an item is reported as unknown, and started again only when asked to.
//!
//! [`prepare()`] reads the [`items`] and the [`results`] of earlier batches, and makes the [`plan`];
//! then [`batch`] has the [`runner`] carry it out, each item through its [`item_lifecycle`], and reports each
//! [`outcome`].

mod batch_state;
mod item_lifecycle;
mod items;
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

use serde_json::json;

use super::context::Context;
use crate::args::Format;
use crate::progress::waiting_for::OutcomeCounts;
use crate::report::{ExitStatus, Failure, hint};
use outcome::{ItemOutcome, ItemOutcomes, item_numbers};
use plan::{PriorState, Task};
use prepare::PreparedBatch;
use runner::BatchRunner;

pub(super) use prepare::prepare;

/// Starts and waits for what is left of a batch.
pub(crate) async fn batch(
    context: Context<'_>,
    prepared: PreparedBatch,
) -> Result<ExitStatus, Failure> {
    let PreparedBatch {
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
            Task::Resume(..) => ItemOutcome::InProgress,
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
    let in_progress = runner.in_progress();
    if report.interrupted.is_none() && !in_progress.is_empty() {
        let command = match &results {
            Some((_, resume)) if !runner.journal.has_lost_file() => resume.clone(),
            _ => format!("to resume: dinoai wait {}", hint::ids(&in_progress)),
        };
        output.hint(&command);
    }
    if let Some(interrupted) = report.interrupted {
        let results = results.as_ref();
        let failure = interrupted.failure(results.map(|(file, resume)| (&**file, &**resume)));
        exits.push(failure.exit);
        output.failure(&failure);
    }
    outcomes.show(output);
    Ok(ExitStatus::worst(exits))
}

#[cfg(test)]
mod tests {
    #[cfg(target_os = "linux")]
    use super::*;

    /// Shown with a file that takes what is written, and has no disk that it could be on.
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn nothing_is_sent_unless_its_intent_is_on_disk() {
        use std::fs::OpenOptions;
        use std::time::Duration;

        use dinoai::{Client, Credentials};
        use dinoai_emulator::Emulator;

        use super::items::Item;
        use super::results::journal::Journal;
        use crate::args::PollArgs;
        use crate::interrupt::Listener;
        use crate::output::Output;

        let emulator = Emulator::builder().start().await.unwrap();
        let credentials = Credentials::key_and_secret(emulator.key(), emulator.secret());
        let client = Client::new(emulator.endpoint(), credentials).unwrap();
        let output = Output::plain(Format::Text);
        let nowhere = OpenOptions::new().append(true).open("/dev/null").unwrap();
        let items = ["one", "two"].map(|message| Item {
            message: Some(message.to_owned()),
            ..Item::default()
        });
        let prepared = PreparedBatch {
            tasks: items.map(|item| Task::Start(item, PriorState::New)).into(),
            journal: Journal::new(Some(nowhere.into()), None, Format::Text).unwrap(),
            poll: PollArgs {
                timeout: Duration::from_secs(10),
                poll_interval: Some(Duration::from_millis(5)),
            },
            concurrency: 1,
            results: None,
        };
        let mut interrupts = Listener::start(&output).unwrap();
        let context = Context {
            client: &client,
            output: &output,
            interrupts: &mut interrupts,
            is_emulated: true,
        };
        let exit = batch(context, prepared).await.unwrap();
        assert_eq!(exit, ExitStatus::Unavailable);
        assert_eq!(emulator.requests().len(), 0);
    }
}
