//! The demo agents: runs that go, on the emulator's clock, as those of real agents do.
//!
//! Nothing is looked at: what an agent finds is made up from the words of the message alone, so
//! the same question has the same answer.

mod course;
mod findings;
mod others;
mod talk;
mod words;

use crate::scenario::Scenario;

/// How a run of this agent, or of a message alone, goes.
pub(crate) fn scenario(agent: Option<&str>, asked: Option<&str>) -> Scenario {
    // Each run keeps what it was asked, for the follow-ups.
    let asked = words::start(asked.unwrap_or_default());
    match agent {
        Some("data-quality-checker") => talk::checker(asked),
        Some("pull-request-reviewer") => others::reviewer(asked),
        Some("warehouse-cost-reporter") => others::cost_reporter(),
        Some("docs-writer") => others::docs_writer(),
        agent => others::any(agent, asked),
    }
}
