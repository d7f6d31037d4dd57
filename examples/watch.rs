//! Follows a run while it works: its status, what the agent writes, the agents that it calls.
//!
//! ```sh
//! cargo run --example watch
//! ```

mod api;

use dinoai::{Event, TriggerRun};
use dinoai_emulator::{Child, Scenario, Stage};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let scenario = Scenario::new()
        .stage(Stage::new("QUEUED"))
        .stage(Stage::new("RUNNING"))
        .message("assistant", "I look at the tests first.")
        .stage(Stage::new("RUNNING"))
        .child(Child::from(Scenario::completed()))
        .stage(Stage::new("COMPLETED"))
        .message("assistant", "Two tests fail, both in stg_orders.");
    let api = api::Api::connect(scenario).await?;

    let request = TriggerRun::message("Which tests fail?");
    let mut events = api.client.trigger_run_and_watch(request).events();
    while let Some(event) = events.next().await {
        match event? {
            Event::Started(accepted) => println!("Session: {}", accepted.session_id),
            Event::Status(status) => println!("Status: {status}"),
            Event::Message(message) => println!("[{}] {}", message.role, message.content),
            Event::Child(id) => println!("It started run {id}."),
            Event::Ended(run) => println!("It wrote {} messages.", run.messages.len()),
            // Steps and the start-up checklist, if they are asked for: see `steps`.
            _ => {}
        }
    }
    Ok(())
}
