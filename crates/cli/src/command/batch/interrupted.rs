//! [`Interrupted`]: what is known, and said, when a signal has ended a batch.

use dinoai::SessionId;

use super::ledger::numbers;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupt::Signal;

/// What is known when a signal has ended a batch.
pub(super) struct Interrupted {
    pub(super) signal: Signal,
    /// The runs that go on.
    pub(super) going: Vec<SessionId>,
    /// The items of which nobody knows whether they have started.
    pub(super) unanswered: Vec<usize>,
    /// Whether all that is known of them is kept.
    pub(super) is_kept: bool,
}

impl Interrupted {
    /// What is said of it. `results` names the file that has the ids, `go_on` the command that
    /// goes on from it.
    pub(super) fn failure(self, results: Option<(&str, &str)>) -> Failure {
        let ids: Vec<_> = self.going.iter().map(SessionId::as_str).collect();
        let ids = ids.join(" ");
        let results = results.filter(|_| self.is_kept);
        let (going, hint) = match (self.going.len(), results) {
            (0, None) => ("the results were not kept; no run goes on".to_owned(), None),
            (count, None) => (
                format!("the results were not kept; {count} of the runs go on: {ids}"),
                Some(format!("wait for them with: dinoai wait {ids}")),
            ),
            (0, Some((_, go_on))) => ("no run goes on".to_owned(), Some(go_on.to_owned())),
            (count, Some((file, go_on))) => (
                format!("{count} runs go on; their session ids are in {file}"),
                Some(go_on.to_owned()),
            ),
        };
        let unanswered = match self.unanswered.is_empty() {
            true => String::new(),
            false => format!(
                "; before the API had answered for {}",
                numbers(&self.unanswered)
            ),
        };
        let failure = Failure::new(
            "interrupted",
            Exit::Interrupted(self.signal),
            format!("interrupted; {going}{unanswered}"),
        );
        match hint {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    }
}
