//! A check in CI: an agent looks at the branch of a pull request, and its findings are annotations.
//!
//! Shows how each outcome becomes an exit status that a pipeline can act on, how a run that takes
//! too long is stopped, and that a run is never started twice.
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
//! | 0 | the run completed, without findings |
//! | 1 | the run completed with findings |
//! | 2 | no verdict: the run ended otherwise, its findings cannot be read, or it was stopped at the timeout |
//! | 3 | no verdict, and nothing was started: the job may be run again |
//! | 4 | no verdict, and a run may be in progress: look in the workspace before the job is run again |

mod api;

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use dinoai::error::AnswerProblem;
use dinoai::{Error, OnTimeout, Run, TriggerRun};
use dinoai_emulator::Scenario;

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
    let api = api::Api::connect(Scenario::completed()).await?;

    let mut request = TriggerRun::agent(&agent);
    // GitHub sets it for pull requests, and to nothing for other events.
    if let Ok(branch) = std::env::var("GITHUB_HEAD_REF")
        && !branch.is_empty()
    {
        request = request.with_base_branch(branch);
    }
    let outcome = api
        .client
        .trigger_run_and_wait(request)
        // In the log at once: a job that is cancelled leaves a trace of its run.
        .on_started(|id| println!("Started run {id}."))
        .timeout(Duration::from_secs(timeout))
        // Nobody waits for it any more.
        .on_timeout(OnTimeout::Stop)
        .await;
    Ok(match outcome {
        Ok(run) => completed(&agent, &run),
        Err(error) => not_completed(&agent, &error),
    })
}

fn completed(agent: &str, run: &Run) -> u8 {
    let answer = run.answer().unwrap_or("No answer.");
    if let Err(error) = summarise(&format!("## {agent}\n\n{answer}\n")) {
        eprintln!("The summary was not written: {error}");
    }
    let findings = match findings(run) {
        Ok(findings) => findings,
        Err(error) => {
            annotate("error", agent, &format!("unreadable findings: {error}"));
            return 2;
        }
    };
    for found in &findings {
        let (column, test, rows) = (&found.column, &found.test, found.rows);
        let text = format!("{column} needs the test {test}: it would find {rows} rows");
        annotate("warning", &found.model, &text);
    }
    println!("{} findings.", findings.len());
    u8::from(!findings.is_empty())
}

/// The block of JSON in the answer; an answer without one has no findings.
fn findings(run: &Run) -> dinoai::Result<Vec<Finding>> {
    match run.answer_json() {
        Err(Error::WrongAnswer(wrong)) if wrong.problem == AnswerProblem::NoJson => Ok(vec![]),
        findings => findings,
    }
}

/// Nothing is tried again here: the library has done that wherever nothing can have started. What
/// is left, a person decides, and the status says which it is.
fn not_completed(agent: &str, error: &Error) -> u8 {
    annotate("error", agent, &error.to_string());
    match error {
        Error::RunFailed { .. } => 2,
        Error::WaitTimeout(timeout) if matches!(timeout.stopped, Some(Ok(_))) => 2,
        error if error.may_have_started() => 4,
        _ => 3,
    }
}

/// Appends to the summary of the job, or prints it if there is none. GitHub takes lines of
/// standard output for commands, so an agent's text belongs in the file.
fn summarise(text: &str) -> std::io::Result<()> {
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
