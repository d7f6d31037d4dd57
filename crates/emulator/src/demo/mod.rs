//! The demo agents: runs that go, on the emulator's clock, as those of real agents do.
//!
//! Nothing is looked at: what an agent finds is made up from the words of the message alone, so the
//! same question has the same answer.
//!
//! [`scenario`] chooses an agent: the [`checker`], or one of [`other_agents`]. [`memory`] answers
//! the follow-ups. What the checker is asked for is read from [`words`] and [`phrases`] to
//! [`intents`], then to [`references`] to its [`findings`]. [`timeline`] says how long it all
//! takes.

mod checker;
mod findings;
mod intents;
mod memory;
mod other_agents;
mod phrases;
mod references;
mod timeline;
mod words;

use crate::scenario::Scenario;
pub(crate) use memory::Memory;
pub(crate) use other_agents::Verdict;

/// How a run of this agent, or of a message alone, goes, and what it remembers.
pub(crate) fn scenario(agent: Option<&str>, asked: Option<&str>) -> (Scenario, Memory) {
    let asked = words::beginning(asked.unwrap_or_default());
    let (scenario, recall) = match agent {
        Some("data-quality-checker") => {
            let (scenario, found) = checker::checker(asked);
            return (scenario, Memory::of_checker(asked, found));
        }
        Some("pull-request-reviewer") => other_agents::reviewer(asked),
        Some("warehouse-cost-reporter") => other_agents::cost_reporter(),
        Some("docs-writer") => other_agents::docs_writer(),
        agent => other_agents::any(agent, asked),
    };
    (scenario, Memory::of_other(asked, recall))
}
