//! Reads the runs that a run has started: the loop on the vendor's page.
//!
//! ```sh
//! cargo run --example children
//! ```

mod api;

use dinoai::TriggerRun;
use dinoai_emulator::{Child, Scenario, Stage};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let with_children = Scenario::new()
        .stage(Stage::new("RUNNING"))
        .child(Child::from(ends("COMPLETED")))
        .child(Child::from(ends("FAILED")))
        .stage(Stage::new("COMPLETED"))
        .message("assistant", "Two sub-agents were asked.");
    let api = api::Api::connect(with_children).await?;

    let run = api
        .client
        .trigger_run_and_wait(TriggerRun::agent("data-quality-checker"))
        .await?;
    println!("Run {} ended {}.", run.session_id, run.status);
    for child_id in &run.child_session_ids {
        let child = api.client.get_run(child_id).await?;
        println!("Child {child_id} status: {}", child.status);
    }
    Ok(())
}

fn ends(status: &str) -> Scenario {
    Scenario::new().stage(Stage::new(status))
}
