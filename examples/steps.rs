//! Shows an agent's steps as they come, tools with their input, and reads them again afterwards.
//!
//! ```sh
//! cargo run --example steps
//! ```

mod api;

use dinoai::{Error, Event, Step, StepOptions, TriggerRun};
use dinoai_emulator::{Scenario, Stage, Step as Emulated};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let scenario = Scenario::new()
        .stage(Stage::new("QUEUED"))
        .startup_step("Clone the repository", false)
        .stage(Stage::new("RUNNING").reads(3))
        .startup_step("Clone the repository", true)
        .step(Emulated::agent("I look for tests that fail."))
        .step(Emulated::tool("run_sql_query").input(r#"{"query": "select * from failed_tests"}"#))
        .stage(Stage::new("COMPLETED"))
        .message("assistant", "Two tests fail.");
    let api = api::Api::connect(scenario).await?;

    let session = api
        .client
        .start(TriggerRun::message("Which tests fail?"))
        .await?;
    let options = StepOptions::default().with_tool_io().with_max_chars(300);
    let mut events = session.watch().steps(options).events();
    while let Some(event) = events.next().await {
        match event {
            Ok(Event::Startup(step)) => println!("{}: done {}", step.label, step.done),
            Ok(Event::Step(step)) => print(&step),
            Ok(_) => {}
            Err(Error::Unsupported { feature, .. }) => println!("This backend has no {feature}."),
            Err(error) => return Err(error.into()),
        }
    }

    let read = api.client.get_run_steps(session.id(), options).await?;
    println!("It made {} steps.", read.steps.unwrap_or_default().len());
    Ok(())
}

fn print(step: &Step) {
    let text = step.content.as_deref().unwrap_or_default();
    match (&step.tool_name, &step.tool_input) {
        (Some(tool), input) => println!("{tool} {}", input.as_deref().unwrap_or(text)),
        (None, _) => println!("{}: {text}", step.role),
    }
}
