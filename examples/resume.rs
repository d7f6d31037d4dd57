//! Goes on waiting for a run after a restart: its session id is all that is needed.
//!
//! ```sh
//! cargo run --example resume
//! ```
//!
//! With a session id as argument it waits for that run, as a program does that has stored it:
//!
//! ```sh
//! cargo run --example resume -- xwzdneft6emspe0f
//! ```

mod api;

use std::time::Duration;

use dinoai::{Error, TriggerRun};
use dinoai_emulator::{Scenario, Stage};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let slow = Scenario::new()
        .stage(Stage::new("RUNNING").reads(4))
        .stage(Stage::new("COMPLETED"))
        .message("assistant", "That took a while.");
    let api = api::Api::connect(slow).await?;
    let client = &api.client;

    let stored = match std::env::args().nth(1) {
        Some(id) => id,
        None => start_and_stop_waiting(client).await?,
    };

    let session = client.session(&stored)?;
    println!("Waiting for run {} again.", session.id());
    let run = session.wait().await?;
    println!("Run {} ended {}.", run.session_id, run.status);
    Ok(())
}

/// The first life of the program: it stores the id before it waits, and waits too short a time.
async fn start_and_stop_waiting(
    client: &dinoai::Client,
) -> Result<String, Box<dyn std::error::Error>> {
    let outcome = client
        .trigger_run_and_wait(TriggerRun::agent("data-quality-checker"))
        .on_started(|id| println!("Storing the session id {id}."))
        .timeout(Duration::from_millis(1500))
        .await;
    match outcome {
        Err(Error::WaitTimeout(timeout)) => {
            println!("{timeout}");
            Ok(timeout.session_id.to_string())
        }
        Err(error) => Err(error.into()),
        Ok(run) => Ok(run.session_id.to_string()),
    }
}
