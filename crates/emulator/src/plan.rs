//! [`Plan`]: what a run is started with.

use std::sync::Arc;

use crate::demo::Memory;
use crate::scenario::Scenario;

/// How a run goes, and, of a demo agent's, what it remembers.
pub(crate) struct Plan {
    pub(crate) scenario: Arc<Scenario>,
    pub(crate) memory: Option<Box<Memory>>,
}

impl From<Arc<Scenario>> for Plan {
    fn from(scenario: Arc<Scenario>) -> Self {
        Self {
            scenario,
            memory: None,
        }
    }
}
