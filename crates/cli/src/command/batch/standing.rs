//! [`Standing`]: where an item stands while nothing is started for it.

use dinoai::Run;

use super::item::Item;
use super::record::{What, not_started, unknown};
use super::tally::{Outcome, of_an_end};
use crate::report::ExitStatus;

/// Where an item stands while nothing is started for it. An attempt that certainly started
/// nothing leaves it there: what earlier ones did is as it was.
#[derive(Debug)]
pub(super) enum Standing {
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

impl Standing {
    pub(super) fn outcome(&self) -> Outcome {
        match self {
            Self::New => Outcome::NotStarted,
            Self::Unknown { .. } => Outcome::Unknown,
            Self::Ended(_, run) => of_an_end(run),
        }
    }

    pub(super) fn exit(&self) -> ExitStatus {
        match self.outcome() {
            Outcome::Unknown => ExitStatus::Unknown,
            Outcome::Failed => ExitStatus::RunFailed,
            Outcome::Completed | Outcome::Going | Outcome::NotStarted => ExitStatus::Done,
        }
    }

    /// What is known of what has started of it, or may have.
    pub(super) fn known(&self) -> Option<String> {
        match self {
            Self::New => None,
            Self::Unknown { .. } => Some("it is unknown whether it has started".to_owned()),
            Self::Ended(_, run) => Some(format!("session {} {}", run.session_id, run.status)),
        }
    }

    /// What is reported of it; `reason` says why what has not started has not.
    pub(super) fn report(&self, reason: &str) -> What {
        match self {
            Self::New => not_started(reason),
            Self::Unknown { .. } => unknown(),
            Self::Ended(request, run) => What::Ended {
                request: request.clone(),
                run: (**run).clone(),
            },
        }
    }
}
