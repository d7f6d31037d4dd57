//! [`Interruption`]: what is known, and said, when a signal has stopped a batch.

use dinoai::SessionId;

use super::super::outcome::item_numbers;
use crate::progress::OutageSummary;
use crate::report::{Failure, Signal, shell};

/// What is known when a signal has ended a batch.
pub(crate) struct Interruption {
    pub(crate) signal: Signal,
    /// The runs that go on.
    pub(crate) going: Vec<SessionId>,
    /// The items of which nobody knows whether they have started.
    pub(crate) unanswered: Vec<usize>,
    /// How it stands with polls that fail.
    pub(crate) outage: Option<OutageSummary>,
    /// Whether all that is known of them is kept.
    pub(crate) is_kept: bool,
}

impl Interruption {
    /// What is said of it. `results` names the file that has the ids, `go_on` the command that
    /// goes on from it.
    pub(crate) fn failure(self, results: Option<(&str, &str)>) -> Failure {
        let ids: Vec<_> = self.going.iter().map(SessionId::as_str).collect();
        let ids = ids.join(" ");
        let doubt = self.outage.as_ref().map(|outage| outage.doubt(None));
        let doubt = doubt.unwrap_or_default();
        let go_on = match self.going.len() {
            0 if !self.unanswered.is_empty() => "no other run is in progress".to_owned(),
            0 => "no run is in progress".to_owned(),
            1 => format!("1 run keeps running{doubt}"),
            count => format!("{count} runs keep running{doubt}"),
        };
        let (going, hint) = match results.filter(|_| self.is_kept) {
            Some((file, hint)) => (
                format!("{go_on}; the results are in {file}"),
                Some(hint.to_owned()),
            ),
            None if ids.is_empty() => (format!("{go_on}; the results were not saved"), None),
            None => (
                format!("{go_on}: {ids}; the results were not saved"),
                Some(format!(
                    "to wait for them: dinoai wait {}",
                    shell::ids(&self.going)
                )),
            ),
        };
        let unanswered = match self.unanswered.is_empty() {
            true => String::new(),
            false => format!(
                " before the API answered for {}",
                item_numbers(&self.unanswered)
            ),
        };
        let failure = Failure::by_signal(self.signal, format!("interrupted{unanswered}; {going}"));
        let failure = match &*self.going {
            [id] => failure.about(id),
            _ => failure,
        };
        match hint {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    }
}
