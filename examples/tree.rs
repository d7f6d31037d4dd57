//! Waits for a run and everything that it starts, and prints the tree.
//!
//! ```sh
//! cargo run --example tree
//! ```

mod api;

use std::time::Duration;

use dinoai::TriggerRun;
use dinoai_emulator::{Child, Scenario, Stage};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // A run that goes idle while its children work, and wakes when one of them calls back.
    let checks = Scenario::new()
        .stage(Stage::new("RUNNING").reads(2))
        .child(Scenario::failed())
        .child(Scenario::completed())
        .stage(Stage::new("COMPLETED"));
    let scenario = Scenario::new()
        .stage(Stage::new("RUNNING"))
        .child(Child::from(checks).with_callback([
            Stage::new("RUNNING"),
            Stage::new("COMPLETED").message("assistant", "One of the checks has failed."),
        ]))
        .stage(Stage::new("COMPLETED"))
        .message("assistant", "I have asked a sub-agent.");
    let api = api::Api::connect(scenario).await?;

    let session = api
        .client
        .start(TriggerRun::agent("data-quality-checker"))
        .await?;
    println!("At first:\n{}", session.tree().await?);

    // The run's own end says nothing of its children: this waits for all of them, and until
    // nothing has changed for the quiet period.
    let tree = session
        .tree()
        .until_ended()
        .quiet_period(Duration::from_secs(3))
        .await?;
    println!("In the end:\n{tree}");
    for run in tree.runs() {
        println!("{}: {}", run.session_id, run.answer().unwrap_or("-"));
    }
    for (id, error) in tree.failures() {
        println!("{id} could not be read: {error}");
    }
    Ok(())
}
