//! Signals, which stop the command, and the one rule for what becomes of a run then.
//!
//! A thread of its own listens, so that the command hears a signal whatever it is doing. The first
//! one reaches the command through [`Interrupts`], which does what [`decide`] says. A second one
//! ends the process in any case: the command has half a second to say how things stand, then its
//! runs are listed and the process exits. The exit status is the first one's.
//!
//! Before that thread is started signals have their usual effect: while a message or a batch is
//! read from a pipe nothing has been started, and Ctrl-C just ends the command. A signal that the
//! parent process ignores, as `nohup` does, stays ignored.

mod listener;
mod policy;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dinoai::SessionId;
use tokio::sync::mpsc;

use crate::report::Signal;

pub(crate) use listener::Listener;
pub(crate) use policy::{Action, Stage, decide};

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
    pub(crate) fn resume(&mut self) -> Option<Signal> {
        let mut heard = self.listener.heard();
        while self.signals.try_recv().is_ok() {}
        let graver = heard.iter().find(|signal| **signal != Signal::Interrupt);
        let graver = graver.copied();
        heard.clear();
        heard.extend(graver);
        graver
    }

    /// The runs that are named where a second signal ends the process.
    pub(crate) fn started_runs(&self) -> &StartedRuns {
        self.listener.started_runs()
    }
}

/// The runs that this process has started, and that have not ended as far as it knows. Clones
/// share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct StartedRuns(Arc<Mutex<BTreeSet<SessionId>>>);

impl StartedRuns {
    pub(crate) fn note(&self, id: &SessionId) {
        self.ids().insert(id.clone());
    }

    pub(crate) fn note_end(&self, id: &SessionId) {
        self.ids().remove(id);
    }

    pub(crate) fn all(&self) -> Vec<SessionId> {
        self.ids().iter().cloned().collect()
    }

    fn ids(&self) -> MutexGuard<'_, BTreeSet<SessionId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
