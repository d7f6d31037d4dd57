//! [`ExitStatus`]: what the exit status says.
//!
//! Which one an error of the library comes to is decided here: [`ExitStatus::of`], and
//! [`ExitStatus::of_wait`] for what ended the wait for a run. The command's own failures are given
//! theirs by the constructors in `failure.rs`, a rare one with
//! [`Failure::new`](super::Failure::new). Three places change it afterwards:
//! [`Failure::after_signal`](super::Failure::after_signal) if a signal came first, `chat`
//! if a later turn cannot be begun, and `batch` for items that were held back because something
//! else had stopped it. [`ExitStatus::worst`] says which one of several counts.

use std::process::ExitCode;

use dinoai::Error;

/// What the exit status says. Its words are in the help of the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExitStatus {
    /// 0
    Done,
    /// 1
    RunFailed,
    /// 1, of a check that has found errors
    Flawed,
    /// 2
    Usage,
    /// 3
    Refused,
    /// 4
    InProgress,
    /// 5
    Unavailable,
    /// 6
    Unknown,
    /// 7
    FailIf,
    /// 129, 130 or 143
    Interrupted(Signal),
}

/// What stops the command from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// Ctrl-C.
    Interrupt,
    Terminate,
    /// The terminal was closed.
    Hangup,
}

impl ExitStatus {
    /// The exit status of a command that fails with this error.
    pub(crate) fn of(error: &Error) -> Self {
        match error {
            Error::InvalidRequest { .. } | Error::InvalidConfig { .. } | Error::Journal { .. } => {
                Self::Usage
            }
            Error::KeyUnknown { .. } => Self::Unknown,
            Error::RunFailed { .. } => Self::RunFailed,
            Error::WrongAnswer(_) => Self::Unavailable,
            Error::WaitTimeout(_) | Error::TurnNotStarted { .. } => Self::InProgress,
            _ if error.may_have_started() => Self::Unknown,
            Error::Unauthorized { .. } => Self::Refused,
            _ => Self::Unavailable,
        }
    }

    /// The same of an error that ended a wait. If the run is known, so is that it has started:
    /// only what came of it is not.
    pub(super) fn of_wait(error: &Error) -> Self {
        match Self::of(error) {
            Self::Unknown if error.session_id().is_some() => match error {
                Error::Unauthorized { .. } => Self::Refused,
                _ => Self::Unavailable,
            },
            status => status,
        }
    }

    /// What counts most of what came of several runs.
    pub(crate) fn worst(exits: impl IntoIterator<Item = Self>) -> Self {
        let worst = exits.into_iter().max_by_key(|exit| exit.weight());
        worst.unwrap_or(Self::Done)
    }

    /// The number that the process ends with.
    pub(crate) fn status(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::RunFailed => 1,
            Self::Flawed => 1,
            Self::Usage => 2,
            Self::Refused => 3,
            Self::InProgress => 4,
            Self::Unavailable => 5,
            Self::Unknown => 6,
            Self::FailIf => 7,
            Self::Interrupted(Signal::Hangup) => 129,
            Self::Interrupted(Signal::Interrupt) => 130,
            Self::Interrupted(Signal::Terminate) => 143,
        }
    }

    fn weight(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::RunFailed => 1,
            Self::Flawed => 1,
            Self::FailIf => 1,
            Self::InProgress => 2,
            Self::Refused => 3,
            Self::Unavailable => 4,
            Self::Usage => 5,
            Self::Unknown => 6,
            Self::Interrupted(_) => 7,
        }
    }
}

impl From<ExitStatus> for ExitCode {
    fn from(exit: ExitStatus) -> Self {
        Self::from(exit.status())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_runs_the_gravest_end_counts() {
        let by_gravity = [
            ExitStatus::Unknown,
            ExitStatus::Unavailable,
            ExitStatus::Refused,
            ExitStatus::InProgress,
            ExitStatus::RunFailed,
            ExitStatus::Done,
        ];
        for (place, worst) in by_gravity.iter().enumerate() {
            let mut occurred = by_gravity[place..].to_vec();
            assert_eq!(ExitStatus::worst(occurred.clone()), *worst);
            occurred.reverse();
            assert_eq!(ExitStatus::worst(occurred), *worst);
        }
        assert_eq!(ExitStatus::worst([]), ExitStatus::Done);
    }
}
