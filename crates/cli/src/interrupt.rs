//! Signals, which stop the command, and the one rule for what becomes of a run then.
//!
//! A thread of its own listens, so that the command hears a signal whatever it is doing. The first
//! one reaches the command through [`Interrupts`], which does what [`fate`] says. A second one
//! ends the process in any case: the command has half a second to say how things stand, then its
//! runs are listed and the process exits. The exit status is the first one's.
//!
//! Before that thread is started signals have their usual effect: while a message or a batch is
//! read from a pipe nothing has been started, and Ctrl-C just ends the command. A signal that the
//! parent process ignores, as `nohup` does, stays ignored.

mod listen;
mod started;

use std::time::Duration;

use tokio::sync::mpsc;

use crate::args::OnInterrupt;
use crate::report::Signal;

pub(crate) use listen::Listener;
pub(crate) use started::Started;

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
pub(crate) enum Fate {
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
pub(crate) fn fate(stage: Stage, wanted: OnInterrupt) -> Fate {
    /// Long enough for most responses, and short enough for who wants to leave.
    const LAST_WAIT: Duration = Duration::from_secs(2);

    match (stage, wanted) {
        (Stage::NothingBegun | Stage::Ended, _) => Fate::Nothing,
        (Stage::InFlight, OnInterrupt::Leave) => Fate::AwaitId(Some(LAST_WAIT)),
        // A run cannot be stopped without its id.
        (Stage::InFlight, OnInterrupt::Stop) => Fate::AwaitId(None),
        (Stage::Stopping, _) => Fate::AwaitStop(LAST_WAIT),
        (Stage::Going, OnInterrupt::Leave) => Fate::Leave,
        (Stage::Going, OnInterrupt::Stop) => Fate::Stop,
    }
}

/// The signals that a command hears.
pub(crate) struct Interrupts {
    signals: mpsc::UnboundedReceiver<Signal>,
    listener: Listener,
}

impl Interrupts {
    /// The next signal; one that came while nobody asked is kept. May be dropped at any time.
    pub(crate) async fn next(&mut self) -> Signal {
        match self.signals.recv().await {
            Some(signal) => signal,
            // Nobody listens any more, so none will come.
            None => std::future::pending().await,
        }
    }

    /// The command has done what Ctrl-C asked for, and goes on: the next signal is a first one
    /// again. Gives the signal that came meanwhile, or before, and does not let it go on.
    pub(crate) fn go_on(&mut self) -> Option<Signal> {
        let mut heard = self.listener.heard();
        while self.signals.try_recv().is_ok() {}
        let graver = heard.iter().find(|signal| **signal != Signal::Interrupt);
        let graver = graver.copied();
        heard.clear();
        heard.extend(graver);
        graver
    }

    /// The runs that are named where a second signal ends the process.
    pub(crate) fn started(&self) -> &Started {
        self.listener.started()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_rule_says_what_becomes_of_a_run() {
        use OnInterrupt::{Leave, Stop};

        for (stage, left, stopped) in [
            (Stage::NothingBegun, Fate::Nothing, Fate::Nothing),
            (
                Stage::InFlight,
                Fate::AwaitId(Some(Duration::from_secs(2))),
                Fate::AwaitId(None),
            ),
            (Stage::Going, Fate::Leave, Fate::Stop),
            (
                Stage::Stopping,
                Fate::AwaitStop(Duration::from_secs(2)),
                Fate::AwaitStop(Duration::from_secs(2)),
            ),
            (Stage::Ended, Fate::Nothing, Fate::Nothing),
        ] {
            assert_eq!((fate(stage, Leave), fate(stage, Stop)), (left, stopped));
        }
    }
}
