//! The one rule for what becomes of a run when a signal stops the command.

use std::time::Duration;

use crate::args::OnInterrupt;

/// Where a run stands when a signal comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Nothing has been sent that starts anything.
    NothingBegun,
    /// A trigger or a follow-up is on its way, or may be.
    InFlight,
    /// The run is going, as far as is known.
    Going,
    /// A stop of the run is on its way.
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
    /// then the run's stage is [`Stage::Going`]. `None`: for as long as any response.
    AwaitId(Option<Duration>),
    /// What comes of its stop is waited for.
    AwaitStop(Duration),
    /// It goes on.
    Leave,
    /// It is stopped.
    Stop,
}

/// The one rule: what becomes of a run when the command is interrupted.
pub(crate) fn decide(stage: Stage, wanted: OnInterrupt) -> Action {
    /// Long enough for most responses, and short enough for who wants to leave.
    const LAST_WAIT: Duration = Duration::from_secs(2);

    match (stage, wanted) {
        (Stage::NothingBegun | Stage::Ended, _) => Action::Nothing,
        (Stage::InFlight, OnInterrupt::Leave) => Action::AwaitId(Some(LAST_WAIT)),
        // A run cannot be stopped without its id.
        (Stage::InFlight, OnInterrupt::Stop) => Action::AwaitId(None),
        (Stage::Stopping, _) => Action::AwaitStop(LAST_WAIT),
        (Stage::Going, OnInterrupt::Leave) => Action::Leave,
        (Stage::Going, OnInterrupt::Stop) => Action::Stop,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_rule_says_what_becomes_of_a_run() {
        use OnInterrupt::{Leave, Stop};

        for (stage, left, stopped) in [
            (Stage::NothingBegun, Action::Nothing, Action::Nothing),
            (
                Stage::InFlight,
                Action::AwaitId(Some(Duration::from_secs(2))),
                Action::AwaitId(None),
            ),
            (Stage::Going, Action::Leave, Action::Stop),
            (
                Stage::Stopping,
                Action::AwaitStop(Duration::from_secs(2)),
                Action::AwaitStop(Duration::from_secs(2)),
            ),
            (Stage::Ended, Action::Nothing, Action::Nothing),
        ] {
            assert_eq!((decide(stage, Leave), decide(stage, Stop)), (left, stopped));
        }
    }
}
