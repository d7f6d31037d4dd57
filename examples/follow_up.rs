//! Holds a conversation with an agent: each question is a turn, with its own answer.
//!
//! ```sh
//! cargo run --example follow_up
//! ```

mod api;

use dinoai::{Checkpoint, TriggerRun};
use dinoai_emulator::Scenario;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let api = api::Api::connect(Scenario::completed()).await?;
    let client = &api.client;

    let session = client
        .start(TriggerRun::message("Which tests fail?"))
        .await?;
    let run = session.wait().await?;
    println!("[agent] {}", run.answer().unwrap_or("nothing"));

    // Waits for this turn: what the run said before is not taken for the answer. The text is all
    // that the agent wrote in it; `turn.answer()` is its last message alone.
    let turn = session.ask("Now also check stg_customers.").await?;
    println!("[agent, {}] {}", turn.status, turn.text());

    // A checkpoint takes the session to another process, or to tomorrow.
    let stored = serde_json::to_string(&session.checkpoint())?;
    let checkpoint: Checkpoint = serde_json::from_str(&stored)?;
    let session = client.resume(checkpoint);
    let turn = session.ask("Thanks. Post a summary.").await?;
    println!("[agent, {}] {}", turn.status, turn.text());
    Ok(())
}
