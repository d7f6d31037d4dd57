//! A check in CI: an agent looks at the branch of a pull request, and its findings are annotations.
//!
//! Shows how the findings are read as values (an answer without them is asked for once more), how each
//! outcome becomes an exit status that a pipeline can act on, how a run that takes too long is stopped, and that
//! a run is never started twice.
//!
//! ```sh
//! GITHUB_HEAD_REF=new-models cargo run --example ci_check -- data-quality-checker
//! ```
//!
//! The emulator in its process finds nothing. The one of `cargo run -p dinoai-emulator` does: start it in
//! another terminal, and use the `export` lines that it prints.
//!
//! Arguments: the agent, and the timeout in seconds, 1800 by default.
//!
//! | exit status | means |
//! | --- | --- |
//! | 0 | the run completed, and its list of findings is empty |
//! | 1 | the run completed with findings |
//! | 2 | no verdict: the run ended otherwise, or was stopped at the timeout, or has not answered with a list of findings when it was asked again either |
//! | 3 | no verdict, and nothing was started: the job may be run again |
//! | 4 | no verdict, and a run may be in progress: look in the workspace before the job is run again |

mod api;

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use dinoai::error::AnswerProblem;
use dinoai::{Error, OnTimeout, TriggerRun};
use dinoai_emulator::{Scenario, Stage};

/// One of the findings in the block of JSON with which the agent's answer ends.
#[derive(serde::Deserialize)]
struct Finding {
    model: String,
    column: String,
    test: String,
    rows: u64,
}

#[tokio::main]
async fn main() -> ExitCode {
    let checked = check().await;
    // It fails only before anything is started: a wrong argument, no credentials.
    let status = checked.unwrap_or_else(|error| {
        annotate("error", "ci_check", &error.to_string());
        3
    });
    ExitCode::from(status)
}

async fn check() -> Result<u8, Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let agent = arguments.next();
    let agent = agent.unwrap_or_else(|| "data-quality-checker".to_owned());
    let timeout = arguments.next().map_or(Ok(1800), |text| text.parse())?;
    let nothing = Stage::new("COMPLETED").message("assistant", "Nothing.\n\n```json\n[]\n```\n");
    let api = api::Api::connect(Scenario::new().stage(nothing)).await?;

    let mut request = TriggerRun::agent(&agent);
    // GitHub sets it for pull requests, and to nothing for other events.
    if let Ok(branch) = std::env::var("GITHUB_HEAD_REF")
        && !branch.is_empty()
    {
        request = request.with_base_branch(branch);
    }
    let summarised = agent.clone();
    let findings = api
        .client
        .run_json::<Vec<Finding>>(request)
        // In the log at once: a job that is cancelled leaves a trace of its run.
        .on_started(|id| println!("Started run {id}."))
        .on_ended(move |run| summarise(&summarised, run.answer().unwrap_or_default()))
        // For the run, and for the turn in which it is asked again.
        .timeout(Duration::from_secs(timeout))
        // Nobody waits for it any more.
        .on_timeout(OnTimeout::Stop)
        .await;
    Ok(match findings {
        Ok(findings) => checked(&findings),
        Err(error) => not_checked(&agent, &error),
    })
}

fn checked(findings: &[Finding]) -> u8 {
    for found in findings {
        let (column, test, rows) = (&found.column, &found.test, found.rows);
        let text = format!("{column} needs the test {test}: it would find {rows} rows");
        annotate("warning", &found.model, &text);
    }
    println!("{} findings.", findings.len());
    u8::from(!findings.is_empty())
}

/// An answer without findings in it is no clean bill: nobody knows what the agent has found.
fn not_checked(agent: &str, error: &Error) -> u8 {
    let text = match error {
        Error::WrongAnswer(wrong) if wrong.problem == AnswerProblem::Missing => {
            summarise(agent, "No answer.");
            format!("the run ended without any answer, so nothing was checked: {error}")
        }
        Error::WrongAnswer(wrong) => {
            summarise(agent, &wrong.text);
            format!("unreadable findings: {error}")
        }
        error => error.to_string(),
    };
    annotate("error", agent, &text);
    status(error)
}

/// Nothing is tried again here: the library has done that wherever nothing can have started. What
/// is left, a person decides, and the status says which it is.
fn status(error: &Error) -> u8 {
    match error {
        Error::RunFailed { .. } => 2,
        Error::WaitTimeout(timeout) if matches!(timeout.stopped, Some(Ok(_))) => 2,
        // The run has ended. What may go on is the turn that was to answer again.
        Error::WrongAnswer(wrong) => match &wrong.follow_up {
            Some(error) if status(error) == 4 => 4,
            _ => 2,
        },
        error if error.may_have_started() => 4,
        _ => 3,
    }
}

/// Appends an answer to the summary of the job.
fn summarise(agent: &str, answer: &str) {
    if let Err(error) = append(&format!("## {agent}\n\n{answer}\n")) {
        eprintln!("The summary was not written: {error}");
    }
}

/// Appends to the file of the summary, or prints it if there is none. GitHub takes lines of
/// standard output for commands, so an agent's text belongs in the file.
fn append(text: &str) -> std::io::Result<()> {
    match std::env::var_os("GITHUB_STEP_SUMMARY") {
        Some(file) => {
            let summary = std::fs::OpenOptions::new()
                .create(true)
                .append(true)
                .open(file);
            summary?.write_all(text.as_bytes())
        }
        None => std::io::stdout().write_all(text.as_bytes()),
    }
}

/// An annotation, as GitHub's runner reads it. Escaped, so that no text ends it and begins another
/// command.
fn annotate(level: &str, title: &str, text: &str) {
    let escape = |text: &str| {
        let text = text.replace('%', "%25").replace('\r', "%0D");
        text.replace('\n', "%0A")
    };
    let title = escape(title).replace(':', "%3A").replace(',', "%2C");
    println!("::{level} title={title}::{}", escape(text));
}
