//! What is shown while something is waited for.

use std::convert::Infallible;
use std::time::Duration;

use dinoai::SessionId;
use serde_json::json;

use super::{Output, live_line};
use crate::args::Format;
use crate::progress::waiting_for::WaitingFor;
use crate::progress::{OutageSummary, Outages};

impl Output {
    /// Shows what is done: see [`show_waiting_for`](Self::show_waiting_for).
    pub(crate) fn show_activity(&self, what: &str) {
        self.show_waiting_for(WaitingFor::activity(what, self.known_id()));
    }

    /// Shows how the run that is waited for reads.
    pub(crate) fn show_status(&self, status: &str) {
        self.show_waiting_for(WaitingFor::status(status, self.known_id()));
    }

    fn known_id(&self) -> Option<SessionId> {
        let (known, _) = self.heartbeat.waiting_for()?;
        known.id().cloned()
    }

    /// The runs that are polled in vain, while something is waited for.
    pub(crate) fn outages(&self) -> &Outages {
        &self.heartbeat.outages
    }

    /// The same, now that the run is known that it is about.
    pub(crate) fn show_activity_of(&self, id: &SessionId, what: &str) {
        self.show_waiting_for(WaitingFor::activity(what, Some(id.clone())));
    }

    /// Shows what is waited for, with the time since the first call: on a terminal by a line that
    /// is drawn over and over, elsewhere by a note each time that [`heartbeats`](Self::heartbeats) finds that
    /// nothing else has been said for a while.
    pub(crate) fn show_waiting_for(&self, waiting_for: WaitingFor) {
        self.heartbeat.begin(waiting_for);
        if self.is_live {
            let (spinner, heartbeat) = (self.spinner.clone(), self.heartbeat.clone());
            self.err.push(move || live_line::spin(&spinner, &heartbeat));
        }
    }

    /// Nothing is waited for any more.
    pub(crate) fn clear_progress(&self) {
        self.heartbeat.end();
        if let Some(spinner) = self.spinner_on_stderr() {
            self.err.push(move || spinner.finish_and_clear());
        }
    }

    /// Says that a wait goes on, where nothing else has been said for a while. Never ends; may be
    /// dropped at any time.
    pub(crate) async fn heartbeats(&self) -> Infallible {
        if self.is_live || self.quiet {
            return std::future::pending().await;
        }
        loop {
            self.heartbeat.until_silent().await;
            // Also if it ends just now: it is said once.
            self.heartbeat.note_output();
            if let Some((waiting_for, elapsed)) = self.heartbeat.waiting_for() {
                self.still_waiting(&waiting_for, elapsed, self.outages().summary());
            }
        }
    }

    fn still_waiting(
        &self,
        waiting_for: &WaitingFor,
        elapsed: Duration,
        unanswered: Option<OutageSummary>,
    ) {
        let text = waiting_for.sentence(elapsed, unanswered.as_ref());
        match self.format {
            Format::Text => self.note(&text),
            Format::Json | Format::Jsonl => self.json_note(&json!({
                "kind": "still_waiting",
                "message": text,
                "agentSessionId": waiting_for.id(),
                "elapsedSeconds": elapsed.as_secs(),
                "unansweredSeconds": unanswered.map(|unanswered| unanswered.lasted.as_secs()),
            })),
        }
    }
}
