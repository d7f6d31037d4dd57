//! What is shown while something is waited for.

use std::convert::Infallible;
use std::time::Duration;

use dinoai::SessionId;
use serde_json::json;

use super::{Output, live};
use crate::args::Format;
use crate::awaited::Awaited;
use crate::outages::{Outages, Unanswered};

impl Output {
    /// Shows what is done: see [`awaits`](Self::awaits).
    pub(crate) fn busy(&self, what: &str) {
        self.awaits(Awaited::one(what, self.known_id()));
    }

    /// Shows how the run that is waited for reads.
    pub(crate) fn saw(&self, status: &str) {
        self.awaits(Awaited::seen(status, self.known_id()));
    }

    fn known_id(&self) -> Option<SessionId> {
        let (known, _) = self.vigil.awaited()?;
        known.id().cloned()
    }

    /// The runs that are polled in vain, while something is waited for.
    pub(crate) fn outages(&self) -> &Outages {
        &self.vigil.outages
    }

    /// The same, now that the run is known that it is about.
    pub(crate) fn busy_with(&self, id: &SessionId, what: &str) {
        self.awaits(Awaited::one(what, Some(id.clone())));
    }

    /// Shows what is waited for, with the time since the first call: on a terminal by a line that
    /// is drawn over and over, elsewhere by a note each time that [`beat`](Self::beat) finds that
    /// nothing else has been said for a while.
    pub(crate) fn awaits(&self, awaited: Awaited) {
        self.vigil.begin(awaited);
        if self.is_live {
            let (spinner, vigil) = (self.spinner.clone(), self.vigil.clone());
            self.err.push(move || live::spin(&spinner, &vigil));
        }
    }

    /// Nothing is waited for any more.
    pub(crate) fn idle(&self) {
        self.vigil.end();
        if let Some(spinner) = self.spinner_on_stderr() {
            self.err.push(move || spinner.finish_and_clear());
        }
    }

    /// Says that a wait goes on, where nothing else has been said for a while. Never ends; may be
    /// dropped at any time.
    pub(crate) async fn beat(&self) -> Infallible {
        if self.is_live || self.quiet {
            return std::future::pending().await;
        }
        loop {
            self.vigil.silence().await;
            // Also if it ends just now: it is said once.
            self.vigil.has_news();
            if let Some((awaited, elapsed)) = self.vigil.awaited() {
                self.still_waiting(&awaited, elapsed, self.outages().now());
            }
        }
    }

    fn still_waiting(&self, awaited: &Awaited, elapsed: Duration, unanswered: Option<Unanswered>) {
        let text = awaited.sentence(elapsed, unanswered.as_ref());
        match self.format {
            Format::Text => self.note(&text),
            Format::Json | Format::Jsonl => self.json_note(&json!({
                "kind": "still_waiting",
                "message": text,
                "agentSessionId": awaited.id(),
                "elapsedSeconds": elapsed.as_secs(),
                "unansweredSeconds": unanswered.map(|unanswered| unanswered.lasted.as_secs()),
            })),
        }
    }
}
