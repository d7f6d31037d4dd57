//! Runs that tests start.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use super::store::{RunStore, TriggerInput};
use super::workspace::{Scenarios, Workspace};

pub(super) const NOW: Duration = Duration::ZERO;

pub(super) fn start(store: &mut RunStore, message: &str) -> String {
    let input = TriggerInput {
        message: Some(message.to_owned()),
        ..TriggerInput::default()
    };
    let accepted = store.trigger(input, NOW);
    accepted.map_err(|_| "no agent").unwrap().session_id
}

/// Reads a run until it has ended.
pub(super) fn end(store: &mut RunStore, id: &str) {
    for _ in 0..3 {
        store.read(id, NOW).unwrap();
    }
}

pub(super) fn counted(store: &RunStore) -> usize {
    store.runs.iter().map(|slot| slot.state.bytes()).sum()
}

pub(super) fn started(agent: &str, message: &str) -> (RunStore, String) {
    let mut store = RunStore::new(Workspace {
        scenarios: Scenarios {
            has_demo_agents: true,
            ..Scenarios::default()
        },
        ..Workspace::default()
    });
    let input = TriggerInput {
        agent: Some(agent.to_owned()),
        message: Some(message.to_owned()),
        ..TriggerInput::default()
    };
    let id = store.trigger(input, NOW).map_err(|_| "no agent").unwrap();
    (store, id.session_id)
}
