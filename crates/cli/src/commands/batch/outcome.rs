//! [`ItemOutcome`]: what came of an item. [`ItemOutcomes`]: what came of each, and the line that says
//! how many came to what. [`Interruption`]: what is known, and said, when a signal has stopped a batch.

use std::fmt::Write as _;

use dinoai::{RunStatus, SessionId};
use serde::Serialize;

use crate::args::Format;
use crate::output::Output;
use crate::progress::OutageSummary;
use crate::progress::waiting_for::OutcomeCounts;
use crate::report::{ExitStatus, Failure, Signal, hint};

/// What came of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ItemOutcome {
    Completed,
    /// Its run ended failed, stopped or expired.
    Failed,
    /// Its run has started, and has not been seen to end.
    InProgress,
    /// Nobody knows whether it has started.
    Unknown,
    NotStarted,
}

impl ItemOutcome {
    /// What came of an item whose run has ended.
    pub(super) fn of(status: &RunStatus) -> Self {
        match status {
            RunStatus::Completed => Self::Completed,
            _ => Self::Failed,
        }
    }

    /// The exit status of an item of which no more than this is known.
    pub(super) fn exit(self) -> ExitStatus {
        match self {
            Self::Unknown => ExitStatus::Unknown,
            Self::Failed => ExitStatus::RunFailed,
            Self::Completed | Self::InProgress | Self::NotStarted => ExitStatus::Done,
        }
    }

    /// Counts one item that came to this.
    pub(super) fn count(self, counts: &mut OutcomeCounts) {
        *match self {
            Self::Completed => &mut counts.completed,
            Self::Failed => &mut counts.failed,
            Self::InProgress => &mut counts.left_in_progress,
            Self::Unknown => &mut counts.unknown,
            Self::NotStarted => &mut counts.not_started,
        } += 1;
    }
}

/// What came of each item, in their order.
#[derive(Debug)]
pub(super) struct ItemOutcomes(pub(super) Vec<ItemOutcome>);

/// The last line on standard error, for programs.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    kind: &'static str,
    items: usize,
    completed: usize,
    failed: usize,
    in_progress: usize,
    unknown: usize,
    not_started: usize,
}

impl ItemOutcomes {
    pub(super) fn set(&mut self, number: usize, outcome: ItemOutcome) {
        let place = number.checked_sub(1);
        if let Some(place) = place.and_then(|place| self.0.get_mut(place)) {
            *place = outcome;
        }
    }

    /// The numbers of the items that came to this.
    pub(super) fn numbers(&self, outcome: ItemOutcome) -> Vec<usize> {
        let items = self.0.iter().enumerate();
        items
            .filter(|(_, one)| **one == outcome)
            .map(|(place, _)| place + 1)
            .collect()
    }

    /// Says how many items came to what: the last line of every batch, unless it is to be quiet.
    pub(super) fn show(&self, output: &Output) {
        output.clear_progress();
        match output.format {
            Format::Text => output.note(&self.text()),
            Format::Json | Format::Jsonl => output.json_note(&Summary {
                kind: "summary",
                items: self.0.len(),
                completed: self.count(ItemOutcome::Completed),
                failed: self.count(ItemOutcome::Failed),
                in_progress: self.count(ItemOutcome::InProgress),
                unknown: self.count(ItemOutcome::Unknown),
                not_started: self.count(ItemOutcome::NotStarted),
            }),
        }
    }

    fn count(&self, outcome: ItemOutcome) -> usize {
        self.0.iter().filter(|one| **one == outcome).count()
    }

    fn text(&self) -> String {
        let items = self.0.len();
        let s = if items == 1 { "" } else { "s" };
        let mut text = format!("{items} item{s}");
        let mut separator = ": ";
        for (outcome, words) in [
            (ItemOutcome::Completed, "completed"),
            (ItemOutcome::Failed, "failed"),
            (ItemOutcome::InProgress, "in progress"),
            (ItemOutcome::Unknown, "unknown"),
            (ItemOutcome::NotStarted, "not started"),
        ] {
            let count = self.count(outcome);
            if count > 0 {
                // A string takes all that is written to it.
                let _ = write!(text, "{separator}{count} {words}");
                separator = ", ";
            }
        }
        text
    }
}

/// What is known when a signal has ended a batch.
pub(super) struct Interruption {
    pub(super) signal: Signal,
    /// The runs that are in progress.
    pub(super) in_progress: Vec<SessionId>,
    /// The items of which nobody knows whether they have started.
    pub(super) unanswered: Vec<usize>,
    /// The polls that fail.
    pub(super) outage: Option<OutageSummary>,
    /// Whether all that is known of them is kept.
    pub(super) is_kept: bool,
}

impl Interruption {
    /// What is said of it. `file` has the results, `resume` is the command that resumes the batch.
    pub(super) fn failure(self, file: Option<&str>, resume: Option<&str>) -> Failure {
        let ids: Vec<_> = self.in_progress.iter().map(SessionId::as_str).collect();
        let ids = ids.join(" ");
        let doubt = self.outage.as_ref().map(|outage| outage.doubt(None));
        let doubt = doubt.unwrap_or_default();
        let state = match self.in_progress.len() {
            0 if !self.unanswered.is_empty() => "no other run is in progress".to_owned(),
            0 => "no run is in progress".to_owned(),
            1 => format!("1 run is still in progress{doubt}"),
            count => format!("{count} runs are still in progress{doubt}"),
        };
        let (known, hint) = match (file.filter(|_| self.is_kept), resume) {
            (Some(file), Some(hint)) => (
                format!("{state}; the results are in {file}"),
                Some(hint.to_owned()),
            ),
            // By its key.
            (None, Some(hint)) if file.is_none() && ids.is_empty() => {
                (state, Some(hint.to_owned()))
            }
            (None, Some(hint)) if file.is_none() => {
                (format!("{state}: {ids}"), Some(hint.to_owned()))
            }
            _ if ids.is_empty() => (format!("{state}; the results were not saved"), None),
            _ => (
                format!("{state}: {ids}; the results were not saved"),
                Some(format!(
                    "to wait for them: dinoai wait {}",
                    hint::ids(&self.in_progress)
                )),
            ),
        };
        let unanswered = match self.unanswered.is_empty() {
            true => String::new(),
            false => format!(
                " before the API responded for {}",
                item_numbers(&self.unanswered)
            ),
        };
        let failure = Failure::by_signal(self.signal, format!("interrupted{unanswered}; {known}"));
        let failure = match &*self.in_progress {
            [id] => failure.about(id),
            _ => failure,
        };
        match hint {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    }
}

/// The first of these numbers, as text: `item 3`, `items 3, 5 and 12 more`.
pub(super) fn item_numbers(numbers: &[usize]) -> String {
    const SHOWN: usize = 10;
    let shown: Vec<_> = numbers.iter().take(SHOWN).map(usize::to_string).collect();
    let s = if numbers.len() == 1 { "" } else { "s" };
    let more = match numbers.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("item{s} {}{more}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_counted_where_there_are_many() {
        assert_eq!(item_numbers(&[3]), "item 3");
        assert_eq!(item_numbers(&[3, 5]), "items 3, 5");
        let many: Vec<_> = (1..=12).collect();
        assert_eq!(
            item_numbers(&many),
            "items 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 2 more"
        );
    }
}
