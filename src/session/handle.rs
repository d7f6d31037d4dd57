//! [`Handle`]: what a session shares with the futures and streams that it makes: its state, the locks
//! that order its follow-ups, and what is known to be right.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::state::SessionState;
use super::turn::{Turn, TurnProgress};
use crate::error::Result;
use crate::model::{Accepted, Run, SessionId};
use crate::operations::Api;
use crate::polling::{PollOptions, Poller};
use crate::transport::CallOptions;

/// What a session shares with the futures and streams that it makes.
#[derive(Clone)]
pub(crate) struct Handle {
    pub(crate) api: Api,
    pub(crate) id: SessionId,
    state: Arc<Mutex<SessionState>>,
    /// Whether this session has started the run, or had a follow-up accepted: then host and id
    /// are right.
    pub(super) is_proven: Arc<AtomicBool>,
    /// Whether this session has read the run: then the credentials are right for reads.
    pub(super) has_read: Arc<AtomicBool>,
    /// The number of the last follow-up. None is used again, even if its turn was withdrawn:
    /// someone may still wait for it.
    pub(super) turns: Arc<AtomicU32>,
    /// Held from the moment a turn is opened until it is known what came of its message.
    pub(super) sends: Arc<tokio::sync::Mutex<()>>,
    asks: Arc<tokio::sync::Mutex<()>>,
}

impl Handle {
    pub(crate) fn new(api: Api, id: SessionId, state: SessionState) -> Self {
        Self {
            api,
            id,
            turns: Arc::new(AtomicU32::new(
                state.turn.as_ref().map_or(0, |turn| turn.number),
            )),
            state: Arc::new(Mutex::new(state)),
            is_proven: Arc::default(),
            has_read: Arc::default(),
            sends: Arc::default(),
            asks: Arc::default(),
        }
    }

    /// Of a run that was started here, so that host and id are right.
    pub(crate) fn started(api: Api, id: SessionId) -> Self {
        let handle = Self::new(api, id, SessionState::default());
        handle.is_proven.store(true, Ordering::Relaxed);
        handle
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, SessionState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Held by the ask that is in flight.
    pub(crate) fn asks(&self) -> Arc<tokio::sync::Mutex<()>> {
        self.asks.clone()
    }

    /// The polls of this session's run, from `start` on.
    pub(crate) fn polls(&self, start: Duration, options: PollOptions) -> Poller {
        let mut polls = Poller::since(start, self.api.clone(), self.id.clone(), options);
        if self.has_read.load(Ordering::Relaxed) {
            polls = polls.having_read();
        }
        if self.is_proven.load(Ordering::Relaxed) {
            polls.proven()
        } else {
            polls
        }
    }

    pub(crate) fn call_options(&self) -> CallOptions {
        CallOptions {
            session_id: Some(self.id.clone()),
            ..CallOptions::default()
        }
    }

    /// Stops the run.
    pub(crate) async fn stop(&self, options: CallOptions) -> Result<Accepted> {
        self.api.stop(self.id.clone(), options).await
    }

    /// Takes what is new out of a run whose turn has ended.
    pub(crate) fn take_turn(&self, run: Run, turn: &TurnProgress) -> Turn {
        let mut state = self.state();
        if state.turn.as_ref().is_some_and(|open| open.is_same(turn)) {
            state.turn = None;
        }
        state.status = Some(run.status.clone());
        let mut messages = state.messages.take_new(run.messages);
        messages.retain(|message| !message.is_from_user());
        Turn {
            session_id: self.id.clone(),
            status: run.status,
            messages,
        }
    }
}
