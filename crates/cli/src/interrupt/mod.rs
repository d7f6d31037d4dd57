//! Signals, which stop the command, and the one rule for what becomes of a run then.
//!
//! A thread of its own listens, so that the command hears a signal whatever it is doing. The first
//! one reaches the command through [`Interrupts`]; what becomes of a run then, [`decide`] says, by the
//! [`RunStage`] that it is in and what the user wants. A second one ends the process in any case: the
//! command has half a second for its last message, then its runs are listed and the process exits. The
//! exit status is the first one's.
//!
//! Before that thread is started signals have their usual effect: while a message or a batch is
//! read from a pipe nothing has been started, and Ctrl-C just ends the command. A signal that the
//! parent process ignores, as `nohup` does, stays ignored.

mod listener;

use std::time::Duration;

use crate::args::OnInterrupt;

pub(crate) use listener::{Interrupts, Listener, StartedRuns};

/// The stage that a run is in when a signal comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RunStage {
    /// Nothing has been sent that starts anything.
    NothingBegun,
    /// A trigger or a follow-up is in flight, or may be.
    InFlight,
    /// The run is in progress, as far as is known.
    InProgress,
    /// A stop of the run is in flight.
    Stopping,
    /// The run has ended.
    Ended,
}

/// What becomes of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// There is no run, or it has ended.
    Nothing,
    /// Nothing more is sent. What has left is waited for, since its response has the session id;
    /// then the run's stage is [`RunStage::InProgress`]. `None`: for as long as any response.
    AwaitId(Option<Duration>),
    /// What comes of its stop is waited for.
    AwaitStop(Duration),
    /// It is left in progress.
    Leave,
    /// It is stopped.
    Stop,
}

/// The one rule: what becomes of a run when the command is interrupted.
pub(crate) fn decide(stage: RunStage, wanted: OnInterrupt) -> Action {
    /// Long enough for most responses, and short enough for who wants to leave.
    const LAST_WAIT: Duration = Duration::from_secs(2);

    match (stage, wanted) {
        (RunStage::NothingBegun | RunStage::Ended, _) => Action::Nothing,
        (RunStage::InFlight, OnInterrupt::Leave) => Action::AwaitId(Some(LAST_WAIT)),
        // A run cannot be stopped without its id.
        (RunStage::InFlight, OnInterrupt::Stop) => Action::AwaitId(None),
        (RunStage::Stopping, _) => Action::AwaitStop(LAST_WAIT),
        (RunStage::InProgress, OnInterrupt::Leave) => Action::Leave,
        (RunStage::InProgress, OnInterrupt::Stop) => Action::Stop,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_rule_says_what_becomes_of_a_run() {
        use OnInterrupt::{Leave, Stop};

        for (stage, left, stopped) in [
            (RunStage::NothingBegun, Action::Nothing, Action::Nothing),
            (
                RunStage::InFlight,
                Action::AwaitId(Some(Duration::from_secs(2))),
                Action::AwaitId(None),
            ),
            (RunStage::InProgress, Action::Leave, Action::Stop),
            (
                RunStage::Stopping,
                Action::AwaitStop(Duration::from_secs(2)),
                Action::AwaitStop(Duration::from_secs(2)),
            ),
            (RunStage::Ended, Action::Nothing, Action::Nothing),
        ] {
            assert_eq!((decide(stage, Leave), decide(stage, Stop)), (left, stopped));
        }
    }
}
