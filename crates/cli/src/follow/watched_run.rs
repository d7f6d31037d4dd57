//! [`WatchedRun`]: a run, or a turn, that is followed: its events, and what is known of it so far.

use std::time::Instant;

use dinoai::{Event, Events, Run, RunStatus, Session, SessionId};

use crate::interrupt::{RunStage, StartedRuns};
use crate::progress::OutageSummary;

/// A run, or a turn, that is followed, and what is known of it so far.
pub(crate) struct WatchedRun {
    events: Events,
    /// The run, from when its id is known.
    id: Option<SessionId>,
    stage: RunStage,
    /// Whether the run was there before what is sent here.
    is_follow_up: bool,
    /// Whether the run, or the turn, was started here.
    is_own: bool,
    /// Whether anything has come of it.
    is_seen: bool,
    status: Option<RunStatus>,
    /// From when on the library stops the run, if it does.
    stops_at: Option<Instant>,
}

impl WatchedRun {
    /// `starts`: whether the watch starts the run, or sends a follow-up.
    /// `stops_at`: from when on the library stops the run, if it does.
    pub(super) fn new(events: Events, starts: bool, stops_at: Option<Instant>) -> Self {
        let id = events.session().map(|session| session.id().clone());
        Self {
            is_follow_up: starts && id.is_some(),
            id,
            events,
            stage: match starts {
                true => RunStage::InFlight,
                false => RunStage::InProgress,
            },
            is_own: false,
            is_seen: false,
            status: None,
            stops_at,
        }
    }

    /// The run's session, from when there is one.
    pub(crate) fn session(&self) -> Option<Session> {
        self.events.session()
    }

    /// Whether it is known how it stands.
    pub(super) fn has_status(&self) -> bool {
        self.status.is_some()
    }

    /// Whether the run, or the turn, was started here.
    pub(super) fn is_own(&self) -> bool {
        self.is_own
    }

    /// Whether it is the turn of a follow-up.
    pub(super) fn is_follow_up(&self) -> bool {
        self.is_follow_up
    }

    pub(super) fn id(&self) -> Option<&SessionId> {
        self.id.as_ref()
    }

    /// The state of the run, as it reads after its name; `left` says that it is left, `unanswered`
    /// that polls fail.
    pub(super) fn describe(&self, left: &str, unanswered: Option<&OutageSummary>) -> String {
        if !self.is_seen {
            let why = unanswered.map(|unanswered| format!(" ({unanswered})"));
            let why = why.unwrap_or_default();
            return format!("was not read yet, so its status is unknown{why}");
        }
        let status = self.status.as_ref().map(RunStatus::as_str);
        match (unanswered, status) {
            (Some(unanswered), seen) => format!("{left}{}", unanswered.doubt(seen)),
            (None, Some(status)) => format!("{left} ({status})"),
            (None, None) => left.to_owned(),
        }
    }

    pub(super) fn stage(&self) -> RunStage {
        let is_due = self.stops_at.is_some_and(|due| due <= Instant::now());
        match self.stage {
            RunStage::InProgress if is_due => RunStage::Stopping,
            stage => stage,
        }
    }

    /// Whether the run is known, and not to have ended.
    pub(super) fn is_in_progress(&self) -> bool {
        let has_ended = self.status.as_ref().is_some_and(RunStatus::is_terminal);
        self.stage() == RunStage::InProgress && !has_ended
    }

    /// The next event; `None` after the last one. May be dropped at any time.
    pub(super) async fn next(&mut self, started: &StartedRuns) -> Option<dinoai::Result<Event>> {
        let event = self.events.next().await?;
        self.is_seen |= event.is_ok();
        match &event {
            Ok(Event::Started(accepted) | Event::Sent(accepted)) => {
                self.is_own = true;
                self.learn_id(&accepted.session_id, started);
            }
            Ok(Event::Attached(id)) => self.learn_id(id, started),
            Ok(Event::Status(status)) => self.status = Some(status.clone()),
            Ok(Event::Ended(run)) => self.note_end(run, started),
            Err(error) if self.stage == RunStage::InFlight => match error.session_id() {
                _ if !error.may_have_started() => self.stage = RunStage::NothingBegun,
                // It failed, and its response names the run all the same.
                Some(id) if !self.is_follow_up => self.learn_id(id, started),
                _ => {}
            },
            _ => {}
        }
        Some(event)
    }

    /// Waits until all is recorded of a run that has ended.
    pub(super) async fn until_recorded(&mut self) {
        while let Some(Ok(_)) = self.events.next().await {}
    }

    fn learn_id(&mut self, id: &SessionId, started: &StartedRuns) {
        self.id = Some(id.clone());
        self.stage = RunStage::InProgress;
        started.note(id);
    }

    fn note_end(&mut self, run: &Run, started: &StartedRuns) {
        self.status = Some(run.status.clone());
        self.stage = RunStage::Ended;
        started.note_end(&run.session_id);
    }
}
