//! The demo agents: runs that go, on the emulator's clock, as those of real agents do.
//!
//! Nothing is looked at: what an agent finds is made up from the words of the message alone, so
//! the same question has the same answer.

mod course;
mod findings;
mod memory;
mod naming;
mod others;
mod phrases;
mod talk;
mod wishes;
mod words;

use crate::scenario::Scenario;
pub(crate) use memory::Memory;
pub(crate) use others::Verdict;

/// How a run of this agent, or of a message alone, goes, and what it remembers.
pub(crate) fn scenario(agent: Option<&str>, asked: Option<&str>) -> (Scenario, Memory) {
    let asked = words::start(asked.unwrap_or_default());
    match agent {
        Some("data-quality-checker") => talk::checker(asked),
        Some("pull-request-reviewer") => others::reviewer(asked),
        Some("warehouse-cost-reporter") => others::cost_reporter(asked),
        Some("docs-writer") => others::docs_writer(asked),
        agent => others::any(agent, asked),
    }
}
