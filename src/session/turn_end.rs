//! When a turn has ended: [`OpenTurn`] applies the rules of [`Turn`](crate::Turn) to what the polls
//! show, and [`AwaitedTurn`] follows which turn of a session is open.

use std::time::Duration;

use super::handle::Handle;
use super::turn::{Sign, TurnProgress};
use crate::error::{Awaited, Result};
use crate::model::{MessageKey, RunStatus};
use crate::polling::Poller;

/// For how many answered polls a turn may show no activity, at least.
const GRACE_POLLS: u32 = 3;
/// How long a message ahead of the echo may be one of the turn before.
const LATE_MESSAGE_TIME: Duration = Duration::from_secs(30);

/// The turn of a session that is waited for, or watched.
pub(crate) struct OpenTurn {
    handle: Handle,
    pub(super) progress: TurnProgress,
    /// When the last poll was answered, unless one has failed since.
    answered_at: Option<Duration>,
    /// How many polls were answered without activity, and how much time lay between them.
    silent_polls: u32,
    silence: Duration,
    /// For how much of the silence there was a new message ahead of the echo.
    early: Option<Duration>,
}

impl OpenTurn {
    pub(crate) fn new(handle: Handle, progress: TurnProgress) -> Self {
        Self {
            handle,
            progress,
            answered_at: None,
            silent_polls: 0,
            silence: Duration::ZERO,
            early: None,
        }
    }

    fn is_active(&self) -> bool {
        self.progress.is_active
    }

    /// Notes how the run reads now: here and, for its checkpoint, in the session's state.
    fn note(&mut self, status: &RunStatus, messages: &[MessageKey], now: Duration) {
        if self.is_active() {
            return;
        }
        let since_last = self.answered_at.map(|at| now.saturating_sub(at));
        let since_last = since_last.unwrap_or_default();
        self.answered_at = Some(now);
        self.silent_polls += 1;
        self.silence = self.silence.saturating_add(since_last);
        let sign = self.progress.sign(messages);
        self.early = match (sign, self.early) {
            (Sign::Early, Some(before)) => Some(before.saturating_add(since_last)),
            (Sign::Early, None) => Some(Duration::ZERO),
            (Sign::Silence | Sign::Answer, _) => None,
        };
        let is_active = !status.is_terminal()
            || *status != self.progress.status
            || sign == Sign::Answer
            || self.early.is_some_and(|early| early >= LATE_MESSAGE_TIME);
        if is_active {
            self.progress.is_active = true;
            let mut state = self.handle.state();
            if let Some(open) = &mut state.turn {
                open.is_active |= open.is_same(&self.progress);
            }
        }
    }

    /// Notes that the caller knows of the turn's end.
    pub(crate) fn close(&self) {
        let mut state = self.handle.state();
        let is_open = state
            .turn
            .as_ref()
            .is_some_and(|open| open.is_same(&self.progress));
        if is_open {
            state.turn = None;
        }
    }
}

impl Handle {
    /// The turn that has not ended yet.
    pub(crate) fn open_turn(&self) -> Option<OpenTurn> {
        let progress = self.state().turn.clone()?;
        Some(OpenTurn::new(self.clone(), progress))
    }
}

/// What a wait knows of its session's open turn.
pub(crate) struct AwaitedTurn {
    /// Where later follow-ups show up.
    handle: Option<Handle>,
    turn: Option<OpenTurn>,
}

impl AwaitedTurn {
    /// The turn that is open in a session, whichever it is at the time.
    pub(crate) fn of(handle: Handle) -> Self {
        Self {
            turn: handle.open_turn(),
            handle: Some(handle),
        }
    }

    /// One turn and no other.
    pub(crate) fn only(turn: OpenTurn) -> Self {
        Self {
            handle: None,
            turn: Some(turn),
        }
    }

    /// No turn: the run itself.
    pub(crate) fn none() -> Self {
        Self {
            handle: None,
            turn: None,
        }
    }

    /// Follows what has become of the session's turn in the meantime: another follow-up may have
    /// been sent, accepted or withdrawn. True: something else is waited for from now on.
    pub(crate) fn refresh(&mut self, polls: &mut Poller) -> bool {
        let Some(handle) = &self.handle else {
            return false;
        };
        match (handle.open_turn(), &mut self.turn) {
            (Some(open), Some(turn)) if open.progress.is_same(&turn.progress) => {
                turn.progress.is_accepted |= open.progress.is_accepted;
                turn.progress.is_active |= open.progress.is_active;
                false
            }
            (None, None) => false,
            (open, turn) => {
                *turn = open;
                polls.reopen();
                true
            }
        }
    }

    /// Whether messages say something that the status does not.
    pub(crate) fn needs_messages(&self) -> bool {
        self.turn.as_ref().is_some_and(|turn| !turn.is_active())
    }

    /// Notes how the run reads.
    pub(crate) fn note(&mut self, status: &RunStatus, messages: &[MessageKey], now: Duration) {
        if let Some(turn) = &mut self.turn {
            turn.note(status, messages, now);
        }
    }

    /// Notes that a poll has failed: what happened meanwhile is unknown.
    pub(crate) fn failed(&mut self) {
        if let Some(turn) = &mut self.turn {
            turn.answered_at = None;
        }
    }

    /// Whether the turn, or without one the run, has ended, the run having this status.
    pub(crate) fn has_ended(&self, status: &RunStatus) -> bool {
        let is_active = self.turn.as_ref().is_none_or(OpenTurn::is_active);
        status.is_terminal() && is_active
    }

    /// Whether it has ended, or may have: there is a new message, and nobody can tell whether it
    /// is the answer. Then it is not stopped.
    pub(crate) fn may_have_ended(&self, status: &RunStatus) -> bool {
        let has_early = |turn: &OpenTurn| turn.is_active() || turn.early.is_some();
        status.is_terminal() && self.turn.as_ref().is_none_or(has_early)
    }

    /// What is waited for.
    pub(crate) fn awaited(&self) -> Awaited {
        match &self.turn {
            None => Awaited::Run,
            Some(turn) if turn.is_active() => Awaited::Turn,
            Some(_) => Awaited::Activity,
        }
    }

    pub(crate) fn close(&self) {
        if let Some(turn) = &self.turn {
            turn.close();
        }
    }

    /// Ends the wait for a turn that has shown no activity for too long, and closes the turn.
    pub(crate) fn check_grace(&self, polls: &Poller) -> Result<()> {
        let Some(turn) = &self.turn else {
            return Ok(());
        };
        let is_over = turn.silence >= polls.grace_period() && turn.silent_polls >= GRACE_POLLS;
        if turn.is_active() || !is_over {
            return Ok(());
        }
        turn.close();
        Err(polls.turn_not_started(turn.silence, turn.progress.is_accepted))
    }
}
