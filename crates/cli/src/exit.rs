//! [`Exit`]: what the exit status says.

use std::process::ExitCode;

use crate::interrupt::Signal;

/// What the exit status says. Its words are in the help of the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0
    Done,
    /// 1
    RunFailed,
    /// 2
    Usage,
    /// 3
    Refused,
    /// 4
    StillGoing,
    /// 5
    Unavailable,
    /// 6
    Unknown,
    /// 129, 130 or 143
    Interrupted(Signal),
}

impl Exit {
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
            Self::Usage => 2,
            Self::Refused => 3,
            Self::StillGoing => 4,
            Self::Unavailable => 5,
            Self::Unknown => 6,
            Self::Interrupted(Signal::Hangup) => 129,
            Self::Interrupted(Signal::Interrupt) => 130,
            Self::Interrupted(Signal::Terminate) => 143,
        }
    }

    fn weight(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::RunFailed => 1,
            Self::StillGoing => 2,
            Self::Refused => 3,
            Self::Unavailable => 4,
            Self::Usage => 5,
            Self::Unknown => 6,
            Self::Interrupted(_) => 7,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.status())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_runs_the_gravest_end_counts() {
        let by_gravity = [
            Exit::Unknown,
            Exit::Unavailable,
            Exit::Refused,
            Exit::StillGoing,
            Exit::RunFailed,
            Exit::Done,
        ];
        for (place, worst) in by_gravity.iter().enumerate() {
            let mut occurred = by_gravity[place..].to_vec();
            assert_eq!(Exit::worst(occurred.clone()), *worst);
            occurred.reverse();
            assert_eq!(Exit::worst(occurred), *worst);
        }
        assert_eq!(Exit::worst([]), Exit::Done);
    }
}
