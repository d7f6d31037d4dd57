//! Starts a run of `data-quality-checker`, waits for it, prints what came of it.
//!
//! ```sh
//! cargo run --example quickstart
//! ```
//!
//! It needs no account: without `PARADIME_API_ENDPOINT` in the environment it talks to an
//! emulator in this process.

mod api;

use dinoai::TriggerRun;
use dinoai_emulator::Scenario;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let api = api::Api::connect(Scenario::completed()).await?;

    let request = TriggerRun::agent("data-quality-checker").with_message("Focus on stg_orders");
    let run = api
        .client
        .trigger_run_and_wait(request)
        .on_started(|id| println!("Started run {id}, waiting for its end."))
        .await?;

    println!("Run {} ended {}.", run.session_id, run.status);
    for message in &run.messages {
        println!("[{}] {}", message.role, message.content);
    }
    Ok(())
}
