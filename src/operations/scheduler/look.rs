//! [`Look`]: a look at a run that a wait asks for, and what comes of it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

use crate::error::{Error, Result};
use crate::model::SessionId;
use crate::operations::status_batch::{Reading, Wanted};

/// A look at a run that a wait asks for.
#[derive(Debug, Clone)]
pub(crate) struct Look {
    pub(crate) id: SessionId,
    pub(crate) wanted: Wanted,
    /// When it is due, and from when on it may be taken along with others.
    pub(crate) due: Duration,
    pub(crate) soonest: Duration,
    /// When the wait ends: the run is looked at once more then.
    pub(crate) deadline: Duration,
    /// Whether the wait has started the run itself, and whether host and id are known to be right.
    pub(crate) started: bool,
    pub(crate) is_proven: bool,
    pub(crate) batch_failures: BatchFailures,
}

/// How often in a row a batch has failed transiently, and how many requests had been answered at the
/// first time. A look gives it back, for the next look at the same run.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct BatchFailures {
    pub(super) failures: u32,
    pub(super) answered: u32,
}

/// What came of a look.
#[derive(Debug)]
pub(crate) struct Looked {
    pub(crate) found: Found,
    /// When the request was sent, and when its response came. One from before the deadline was not
    /// the last look.
    pub(crate) asked_at: Duration,
    pub(crate) answered_at: Duration,
    pub(crate) batch_failures: BatchFailures,
    /// Whether another wait has found that the host is right, and the credentials for reads.
    pub(crate) is_proven: bool,
    pub(crate) has_read: bool,
}

#[derive(Debug)]
pub(crate) enum Found {
    /// What the API says of this run.
    Run(Result<Reading>),
    /// The request has failed, for all runs that it was about.
    Failed(Arc<Error>),
    /// The server refuses so many runs at a time: none was looked at.
    TooMany(Arc<Error>),
}

/// Who asked for a look.
pub(super) enum Reply {
    One(oneshot::Sender<Looked>),
    Slot(SlotReply),
}

impl Reply {
    pub(super) fn is_closed(&self) -> bool {
        match self {
            Self::One(reply) => reply.is_closed(),
            Self::Slot(reply) => reply.all.as_ref().is_none_or(UnboundedSender::is_closed),
        }
    }

    /// Whoever has left needs no answer.
    pub(super) fn send(self, looked: Looked) {
        match self {
            Self::One(reply) => drop(reply.send(looked)),
            Self::Slot(mut reply) => reply.answer(Some(looked)),
        }
    }
}

/// What comes of a look for one of many runs: `None` if the runtime is gone that was to send it.
pub(crate) type SlotLooked = (usize, Option<Looked>);

/// The wait for many runs, and the run's slot in it. It learns what came of the look in any case.
pub(super) struct SlotReply {
    pub(super) slot: usize,
    pub(super) all: Option<UnboundedSender<SlotLooked>>,
}

impl SlotReply {
    fn answer(&mut self, looked: Option<Looked>) {
        if let Some(all) = self.all.take() {
            drop(all.send((self.slot, looked)));
        }
    }
}

impl Drop for SlotReply {
    fn drop(&mut self) {
        self.answer(None);
    }
}
