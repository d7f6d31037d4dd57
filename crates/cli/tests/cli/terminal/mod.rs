//! A terminal shows a live line, rendered answers and conversations, and is left as it was.

mod chat;
pub(crate) mod live_line;
mod login;
mod runs;
mod typed_ahead;

use std::time::Duration;

use dinoai_emulator::{Emulator, Scenario, Stage, Step};

const CTRL_C: &str = "\u{3}";
const LONG_TEXT: &str = "one two three four five six seven eight nine ten eleven twelve";

/// Works until the emulator's clock is moved.
fn in_progress() -> Scenario {
    Scenario::new()
        .stage(Stage::new("QUEUED"))
        .stage(Stage::new("RUNNING").lasts(Duration::from_secs(60)))
        .step(Step::tool("run_sql_query").input(r#"{"query": "select 1"}"#))
        .stage(Stage::new("COMPLETED"))
        .message("assistant", format!("All **well**.\n\n- {LONG_TEXT}"))
}

fn emulator(scenario: Scenario) -> Emulator {
    Emulator::builder()
        .default_scenario(scenario)
        .stopped_clock()
        .start_blocking()
        .unwrap()
}

fn finish(emulator: &Emulator) {
    emulator.advance(Duration::from_secs(60));
}

const RUN: [&str; 5] = ["run", "agent", "--steps", "--poll-interval", "50ms"];
