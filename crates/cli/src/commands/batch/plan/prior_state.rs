//! [`PriorState`]: where an item stands while nothing is started for it.

use dinoai::Run;

use super::super::items::Item;
use super::super::outcome::Outcome;
use super::super::results::record::{ItemEvent, not_started, unknown};
use crate::report::ExitStatus;

/// Where an item stands while nothing is started for it. An attempt that certainly started
/// nothing leaves it there: what earlier ones did is as it was.
#[derive(Debug)]
pub(crate) enum PriorState {
    /// Certainly not started.
    New,
    /// Started, or not.
    Unknown {
        /// Whether the results file says so already.
        is_reported: bool,
    },
    /// Its run has ended, and was started with this request.
    Ended(Option<Item>, Box<Run>),
}

impl PriorState {
    pub(crate) fn outcome(&self) -> Outcome {
        match self {
            Self::New => Outcome::NotStarted,
            Self::Unknown { .. } => Outcome::Unknown,
            Self::Ended(_, run) => Outcome::of(run),
        }
    }

    pub(crate) fn exit(&self) -> ExitStatus {
        match self.outcome() {
            Outcome::Unknown => ExitStatus::Unknown,
            Outcome::Failed => ExitStatus::RunFailed,
            Outcome::Completed | Outcome::Going | Outcome::NotStarted => ExitStatus::Done,
        }
    }

    /// What is known of what has started of it, or may have.
    pub(crate) fn known(&self) -> Option<String> {
        match self {
            Self::New => None,
            Self::Unknown { .. } => Some("it is unknown whether it has started".to_owned()),
            Self::Ended(_, run) => Some(format!("session {} {}", run.session_id, run.status)),
        }
    }

    /// What is reported of it; `reason` says why what has not started has not.
    pub(crate) fn report(&self, reason: &str) -> ItemEvent {
        match self {
            Self::New => not_started(reason),
            Self::Unknown { .. } => unknown(),
            Self::Ended(request, run) => ItemEvent::Ended {
                request: request.clone(),
                run: (**run).clone(),
            },
        }
    }
}
