//! The main job, and a follow-up, in a program that is not asynchronous.
//!
//! ```sh
//! cargo run --example blocking --features blocking
//! ```

mod api;

use dinoai::blocking::{Block, Iterate};
use dinoai::{Event, TriggerRun};
use dinoai_emulator::Scenario;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let api = tokio::runtime::Runtime::new()?.block_on(api::Api::connect(Scenario::completed()))?;

    let request = TriggerRun::agent("data-quality-checker").with_message("Focus on stg_orders");
    let run = api
        .client
        .trigger_run_and_wait(request)
        .on_started(|id| println!("Started run {id}, waiting for its end."))
        .block()?;
    println!("Run {} ended {}.", run.session_id, run.status);

    let session = api.client.session(&run.session_id)?;
    session.send("Now also check stg_customers.").block()?;
    for event in session.watch().events().iterate() {
        match event? {
            Event::Status(status) => println!("now {status}"),
            Event::Message(message) => println!("[{}] {}", message.role, message.content),
            _ => {}
        }
    }
    Ok(())
}
