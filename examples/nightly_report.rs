//! A nightly report: runs many agents, and writes one Markdown report, however each run ended.
//!
//! Shows how `run_all` starts a few at a time, how a result is taken as
//! a run however it ended, and what to do about those without one. The report is on standard
//! output; the exit status is 0 if all runs completed, else 1.
//!
//! ```sh
//! cargo run --example nightly_report
//! ```
//!
//! With agents that take their time, one of which fails: `cargo run -p dinoai-emulator` in another
//! terminal; then, with the `export` lines that it prints,
//!
//! ```sh
//! cargo run --example nightly_report -- data-quality-checker warehouse-cost-reporter > report.md
//! ```

mod api;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use dinoai::{Error, Run, RunStatus, TriggerRun};
use dinoai_emulator::Scenario;

const AGENTS: [&str; 3] = ["data-quality-checker", "lineage-reader", "docs-writer"];
const AT_A_TIME: usize = 4;

/// What became of one agent's run.
struct Row {
    agent: String,
    result: dinoai::Result<Run>,
    /// From its start to its end, as seen from here. `None` if no start was seen.
    took: Option<Duration>,
}

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let api = api::Api::connect(Scenario::completed()).await?;
    let mut agents: Vec<String> = std::env::args().skip(1).collect();
    if agents.is_empty() {
        agents = AGENTS.map(str::to_owned).into();
    }

    // The hook is called on the task that starts a run, so it sends the time over a channel.
    let (starts, seen_starts) = std::sync::mpsc::channel();
    let mut results = api
        .client
        .run_all(agents.iter().map(TriggerRun::agent), AT_A_TIME)
        .timeout(Duration::from_secs(3600))
        .on_started(move |place, id| {
            eprintln!("started {id}");
            let _ = starts.send((place, Instant::now()));
        })
        .results();
    let mut started_at = vec![None; agents.len()];
    let mut rows: Vec<Option<Row>> = agents.iter().map(|_| None).collect();
    while let Some((place, result)) = results.next().await {
        for (place, start) in seen_starts.try_iter() {
            started_at[place] = Some(start);
        }
        rows[place] = Some(Row {
            agent: agents[place].clone(),
            // A run that failed is a run: only what has no end to report stays an error.
            result: result.or_else(Error::into_ended_run),
            took: started_at[place].map(|start| start.elapsed()),
        });
    }

    // In the order of the agents, whichever ended first.
    let rows: Vec<Row> = rows.into_iter().flatten().collect();
    print!("{}", report(&rows));
    let have_all_completed = rows.iter().all(|row| advice(row).is_none());
    Ok(ExitCode::from(u8::from(!have_all_completed)))
}

fn report(rows: &[Row]) -> String {
    let failures: Vec<_> = rows
        .iter()
        .filter_map(|row| Some((row, advice(row)?)))
        .collect();
    let completed = rows.len() - failures.len();
    let mut report = format!("# Agents: {completed} of {} completed\n\n", rows.len());
    report += "| agent | status | duration | run |\n| --- | --- | --- | --- |\n";
    for row in rows {
        let status = match &row.result {
            Ok(run) => run.status.as_str(),
            Err(Error::WaitTimeout(_)) => "still in progress",
            Err(Error::OutcomeUnknown { .. }) => "unknown",
            Err(error) if error.session_id().is_some() => "not seen to end",
            Err(_) => "not started",
        };
        let took = row.took.map(|took| format!("{:.0} s", took.as_secs_f64()));
        let id = match &row.result {
            Ok(run) => Some(&run.session_id),
            Err(error) => error.session_id(),
        };
        report += &format!(
            "| {} | {status} | {} | {} |\n",
            row.agent,
            took.as_deref().unwrap_or("–"),
            id.map_or("–", |id| id.as_str())
        );
    }
    if !failures.is_empty() {
        report += "\n## What to do\n\n";
    }
    for (row, advice) in failures {
        report += &format!("- **{}**: {advice}\n", row.agent);
    }
    for row in rows {
        // Quoted, since an answer has headings of its own.
        let Ok(run) = &row.result else { continue };
        report += &format!("\n## {}\n\n", row.agent);
        for line in run.answer().unwrap_or("No answer.").lines() {
            report += format!("> {line}").trim_end();
            report += "\n";
        }
    }
    report
}

/// What to do about a run; `None` if it has completed.
fn advice(row: &Row) -> Option<String> {
    let error = match &row.result {
        Ok(run) => {
            return match run.status {
                RunStatus::Completed => None,
                RunStatus::Expired => Some("its pod never started; run it again".to_owned()),
                RunStatus::Stopped => {
                    Some("it was stopped; run it again if nobody meant to".to_owned())
                }
                _ => Some("read its answer below, then run it again".to_owned()),
            };
        }
        Err(error) => error,
    };
    let todo = match (error.session_id(), error.may_have_started()) {
        // Starting it again would pay for the same work twice.
        (Some(id), _) => format!("wait for it: `dinoai wait {id}`"),
        (None, true) => "look in the workspace before it is run again".to_owned(),
        (None, false) if error.is_retryable() => "run it again".to_owned(),
        (None, false) => {
            "nothing was started: fix what the error says, then run it again".to_owned()
        }
    };
    Some(format!("{todo} ({error})"))
}
