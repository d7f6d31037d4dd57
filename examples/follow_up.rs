//! Sends a follow-up message to a run that has ended, and reads the transcript.
//!
//! ```sh
//! cargo run --example follow_up
//! ```

mod api;

use dinoai::{RunStatus, TriggerRun};
use dinoai_emulator::Scenario;
use std::time::Duration;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let api = api::Api::connect(Scenario::completes()).await?;
    let client = &api.client;

    let session = client
        .start(TriggerRun::message("Which tests fail?"))
        .await?;
    session.wait().await?;

    let accepted = client
        .send_message(session.id(), "Now also check stg_customers.")
        .await?;
    println!(
        "The follow-up to {} is {}.",
        accepted.session_id, accepted.status
    );

    // The run may still read as the previous turn's COMPLETED for a moment: what tells the new
    // turn's end is the agent's new message, not the status.
    let before = 1;
    let run = loop {
        let run = session.run().await?;
        let answers = run
            .messages
            .iter()
            .filter(|message| !message.is_from_user());
        if answers.count() > before && run.status == RunStatus::Completed {
            break run;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    };
    for message in &run.messages {
        println!("[{}] {}", message.role, message.content);
    }
    Ok(())
}
