//! Runs an agent over many tables, a few at a time, and takes the results as they come.
//!
//! ```sh
//! cargo run --example many_runs
//! ```

mod api;

use dinoai::{Error, TriggerRun};
use dinoai_emulator::Scenario;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let api = api::Api::connect(Scenario::completed()).await?;

    let tables = ["orders", "customers", "payments", "products", "stores"];
    let requests = tables.map(|table| {
        TriggerRun::agent("data-quality-checker").with_message(format!("Check stg_{table}"))
    });
    // At most three in progress at a time; their statuses are read together.
    let mut results = api
        .client
        .run_all(requests, 3)
        .on_started(move |place, id| println!("{} is run {id}.", tables[place]))
        .results();
    let mut ids = vec![];
    while let Some((place, result)) = results.next().await {
        let table = tables[place];
        // A run that failed is a run as well: an error is what has no end to show.
        match result.or_else(Error::into_ended_run) {
            Ok(run) => {
                let answer = run.answer().unwrap_or("no answer");
                println!("{table} ended {}: {answer}", run.status);
                ids.push(run.session_id);
            }
            Err(error) => println!("{table}: {error}"),
        }
    }

    // Runs that were started before, here or elsewhere, are waited for by their ids.
    let mut results = api.client.wait_all(ids)?.results();
    let mut completed = 0;
    while let Some((_, result)) = results.next().await {
        completed += usize::from(result.is_ok());
    }
    println!("{completed} of {} completed.", tables.len());
    Ok(())
}
