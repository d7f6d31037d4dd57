//! What can go wrong, and what to do about each: the cases that a program distinguishes.
//!
//! ```sh
//! cargo run --example errors
//! ```

mod api;

use dinoai::{Error, TriggerRun};
use dinoai_emulator::Scenario;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let api = api::Api::connect(Scenario::failed()).await?;
    let client = &api.client;

    // Refused before any request.
    let blank = client.trigger_run(TriggerRun::agent("")).await;
    act_on(blank.map(drop));

    // A run that ends failed, with its whole transcript.
    let failed = client
        .trigger_run_and_wait(TriggerRun::agent("data-quality-checker"))
        .await;
    act_on(failed.map(drop));

    // A run that does not exist.
    let unknown = client.session("no-such-session")?.wait().await;
    act_on(unknown.map(drop));
    Ok(())
}

fn act_on(outcome: dinoai::Result<()>) {
    let Err(error) = outcome else {
        return println!("It worked.");
    };
    println!("{error}");
    match &error {
        Error::InvalidRequest { .. } | Error::InvalidConfig { .. } => {
            println!("  → fix the program or its configuration");
        }
        Error::RunFailed { run, .. } => {
            println!("  → read its {} messages", run.messages.len());
        }
        Error::WaitTimeout(timeout) => {
            println!(
                "  → go on later: client.session(\"{}\")",
                timeout.session_id
            );
        }
        Error::Unauthorized { .. } => println!("  → check the key and its capabilities"),
        error if error.may_have_started() => {
            println!("  → look in the workspace before starting it again");
        }
        error if error.is_retryable() => println!("  → try again later"),
        _ => println!("  → tell a person"),
    }
}
