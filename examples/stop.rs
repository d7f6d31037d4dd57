//! Starts a run that takes ten seconds; Ctrl-C stops it, and says how it ended.
//!
//! ```sh
//! cargo run --example stop
//! ```

mod api;

use std::time::Duration;

use dinoai::{Error, OnTimeout, TriggerRun};
use dinoai_emulator::{Scenario, Stage};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let slow = Scenario::new()
        .stage(Stage::new("RUNNING").lasts(Duration::from_secs(10)))
        .stage(Stage::new("COMPLETED"))
        .message("assistant", "All models are documented.");
    let api = api::Api::connect(slow).await?;

    let session = api
        .client
        .start(TriggerRun::agent("documentation-writer"))
        .await?;
    println!("Run {} is in progress: Ctrl-C stops it.", session.id());

    // A run that takes too long is stopped as well.
    let wait = session
        .wait()
        .timeout(Duration::from_secs(1800))
        .on_timeout(OnTimeout::Stop);
    tokio::select! {
        ended = wait.into_future() => {
            // However it ended: somebody else may have stopped it.
            let run = ended.or_else(Error::into_ended_run)?;
            println!("It ended {}: {}", run.status, run.answer().unwrap_or("no answer"));
        },
        pressed = tokio::signal::ctrl_c() => {
            pressed?;
            // Awaited: a guard that stops on drop could be cut off by the end of the program.
            let accepted = session.stop().await?;
            println!("The API accepted the stop: {}.", accepted.status);
            println!("It ended {}.", session.run().await?.status);
        }
    }
    Ok(())
}
