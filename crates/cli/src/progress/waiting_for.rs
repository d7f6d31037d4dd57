//! [`WaitingFor`]: what a command waits for, and the text that says so.

use std::sync::Arc;
use std::time::{Duration, Instant};

use console::{measure_text_width, truncate_str};
use dinoai::SessionId;

use super::OutageSummary;
use crate::args::duration::in_words;
use crate::sanitize::{for_ci_log, for_terminal, one_line};

/// How many of the runs in progress are named.
pub(crate) const MOST_NAMED: usize = 3;

/// More than any terminal shows; what is behind is not measured.
const LONGEST: usize = 1000;

/// What a command waits for.
#[derive(Clone)]
pub(crate) enum WaitingFor {
    /// One response, or the end of one run: its status, or what is being done.
    One {
        what: String,
        /// Whether it is how the run read when it was last seen.
        is_seen: bool,
        /// The run, from when its id is known.
        id: Option<SessionId>,
    },
    /// The ends of many runs, counted each time they are shown.
    Many(Arc<dyn Fn() -> RunCounts + Send + Sync>),
}

/// How many of many runs came to what so far.
#[derive(Default)]
pub(crate) struct RunCounts {
    pub(crate) outcomes: OutcomeCounts,
    pub(crate) in_progress: usize,
    pub(crate) to_start: usize,
    pub(crate) named: NamedRuns,
}

/// How many of those that are not waited for any more, or never were, came to what.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct OutcomeCounts {
    pub(crate) completed: usize,
    /// Their runs ended failed, stopped or expired.
    pub(crate) failed: usize,
    /// Nobody waits for their runs any more.
    pub(crate) left_in_progress: usize,
    /// Nothing is known of them.
    pub(crate) unknown: usize,
    pub(crate) not_started: usize,
}

/// Runs in progress, by name: at most [`MOST_NAMED`].
pub(crate) enum NamedRuns {
    /// Those that have been in progress longest, and since when.
    Longest(Vec<(String, Instant)>),
    /// The first ones, if nobody says since when.
    First(Vec<SessionId>),
}

impl Default for NamedRuns {
    fn default() -> Self {
        Self::First(vec![])
    }
}

impl WaitingFor {
    /// What is done.
    pub(crate) fn activity(what: &str, id: Option<SessionId>) -> Self {
        Self::One {
            what: short(what),
            is_seen: false,
            id,
        }
    }

    /// How the run reads that is waited for.
    pub(crate) fn status(status: &str, id: Option<SessionId>) -> Self {
        Self::One {
            what: short(status),
            is_seen: true,
            id,
        }
    }

    /// What is waited for, how long it has been, and more about it, for a terminal of this width,
    /// which a CI system may read. `unanswered`: the polls that fail.
    pub(crate) fn parts(
        &self,
        elapsed: Duration,
        unanswered: Option<&OutageSummary>,
        width: usize,
    ) -> [String; 3] {
        let (head, tail) = self.words(unanswered);
        let (head, tail) = (for_ci_log(&head), for_ci_log(&tail));
        let time = in_words(elapsed);
        // Of a status too long for the line the time is still seen.
        let left = width.saturating_sub(measure_text_width(&time) + 1);
        let head = fit(&head, left);
        let tail = fit(&tail, left.saturating_sub(measure_text_width(&head)));
        [head, time, tail]
    }

    /// The same as a sentence, for a log.
    pub(crate) fn sentence(&self, elapsed: Duration, unanswered: Option<&OutageSummary>) -> String {
        let (head, tail) = self.words(unanswered);
        let about = match self.id() {
            Some(id) => format!("session {id}, "),
            None => String::new(),
        };
        format!("still waiting: {about}{head}, {}{tail}", in_words(elapsed))
    }

    pub(crate) fn id(&self) -> Option<&SessionId> {
        match self {
            Self::One { id, .. } => id.as_ref(),
            Self::Many(_) => None,
        }
    }

    fn words(&self, unanswered: Option<&OutageSummary>) -> (String, String) {
        match self {
            Self::One { what, is_seen, .. } => {
                let head = match (unanswered, is_seen) {
                    (None, _) => what.clone(),
                    (Some(unanswered), true) => format!("{unanswered}; last seen {what}"),
                    (Some(unanswered), false) => format!("{what}; {unanswered}"),
                };
                (head, String::new())
            }
            Self::Many(counts) => {
                let counts = counts();
                let mut head = counts.head();
                if let Some(unanswered) = unanswered {
                    head += &format!(", {}", unanswered.counted());
                }
                (head, counts.tail())
            }
        }
    }
}

impl RunCounts {
    fn head(&self) -> String {
        let outcomes = self.outcomes;
        let done = outcomes.completed + outcomes.failed;
        let others = outcomes.left_in_progress + outcomes.unknown + outcomes.not_started;
        let total = done + others + self.in_progress + self.to_start;
        let mut head = format!("{done} of {total} done");
        for (count, words) in [
            (outcomes.failed, "failed"),
            (outcomes.left_in_progress, "left in progress"),
            (outcomes.unknown, "unknown"),
            (outcomes.not_started, "not started"),
            (self.in_progress, "in progress"),
            (self.to_start, "to start"),
        ] {
            if count > 0 {
                head += &format!(", {count} {words}");
            }
        }
        head
    }

    fn tail(&self) -> String {
        let (words, names): (_, Vec<_>) = match &self.named {
            NamedRuns::Longest(runs) => {
                let names = runs.iter();
                let names =
                    names.map(|(name, since)| format!("{name} {}", in_words(since.elapsed())));
                ("longest", names.collect())
            }
            NamedRuns::First(ids) => (
                "waiting for",
                ids.iter().map(SessionId::to_string).collect(),
            ),
        };
        if names.is_empty() {
            return String::new();
        }
        let more = match (&self.named, self.in_progress.saturating_sub(names.len())) {
            (NamedRuns::Longest(_), _) | (_, 0) => String::new(),
            (NamedRuns::First(_), more) => format!(" and {more} more"),
        };
        let tail = format!("; {words}: {}{more}", names.join(", "));
        for_terminal(&one_line(&tail)).into_owned()
    }
}

/// The start of a text that may be as long as it likes, on one line.
fn short(text: &str) -> String {
    let start: String = text.chars().take(LONGEST).collect();
    for_terminal(&one_line(&start)).into_owned()
}

/// As much of a text as so many columns hold.
fn fit(text: &str, columns: usize) -> String {
    match columns {
        0 => String::new(),
        columns => truncate_str(text, columns, "…").into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(what: &str) -> WaitingFor {
        WaitingFor::activity(what, None)
    }

    fn many(counts: fn() -> RunCounts) -> WaitingFor {
        WaitingFor::Many(Arc::new(counts))
    }

    fn batch() -> RunCounts {
        let since = |name: &str, seconds| {
            let since = Instant::now().checked_sub(Duration::from_secs(seconds));
            (name.to_owned(), since.unwrap())
        };
        RunCounts {
            outcomes: OutcomeCounts {
                completed: 2,
                failed: 1,
                ..OutcomeCounts::default()
            },
            in_progress: 4,
            to_start: 3,
            named: NamedRuns::Longest(vec![since("item 5", 300), since("item 7", 90)]),
        }
    }

    #[test]
    fn runs_in_progress_longest_are_named_with_their_times() {
        assert_eq!(
            many(batch).sentence(Duration::from_secs(3601), None),
            "still waiting: 3 of 10 done, 1 failed, 4 in progress, 3 to start, 1h 1s; \
             longest: item 5 5m, item 7 1m 30s"
        );
    }

    fn unanswered() -> OutageSummary {
        OutageSummary {
            runs: 2,
            lasted: Duration::from_secs(40),
            why: "HTTP 503".to_owned(),
        }
    }

    #[test]
    fn what_may_not_hold_any_more_is_said_to_be_what_was_seen_last() {
        let said =
            |waiting_for: &WaitingFor| waiting_for.sentence(Duration::ZERO, Some(&unanswered()));
        let no_response = "no usable response from the API for 40s: HTTP 503";
        assert_eq!(
            said(&WaitingFor::status("RUNNING", None)),
            format!("still waiting: {no_response}; last seen RUNNING, 0s")
        );
        assert_eq!(
            said(&one("waiting")),
            format!("still waiting: waiting; {no_response}, 0s")
        );
        let said = said(&many(batch));
        let counted = ", 3 to start, 2 without a usable response for 40s: HTTP 503, 0s; longest: ";
        assert!(said.contains(counted), "{said}");
    }

    #[test]
    fn only_what_has_ended_is_done() {
        let counts = || RunCounts {
            outcomes: OutcomeCounts {
                completed: 1,
                failed: 2,
                left_in_progress: 3,
                unknown: 4,
                not_started: 5,
            },
            ..RunCounts::default()
        };
        assert_eq!(
            many(counts).sentence(Duration::ZERO, None),
            "still waiting: 3 of 15 done, 2 failed, 3 left in progress, 4 unknown, 5 not started, 0s"
        );
    }

    #[test]
    fn those_whose_age_is_unknown_are_named_and_counted() {
        let wait = || RunCounts {
            outcomes: OutcomeCounts {
                completed: 1,
                ..OutcomeCounts::default()
            },
            in_progress: 4,
            named: NamedRuns::First(
                ["a", "b", "c"]
                    .map(|id| SessionId::new(id).unwrap())
                    .to_vec(),
            ),
            ..RunCounts::default()
        };
        assert_eq!(
            many(wait).sentence(Duration::ZERO, None),
            "still waiting: 1 of 5 done, 4 in progress, 0s; waiting for: a, b, c and 1 more"
        );
    }

    #[test]
    fn a_line_is_never_wider_than_the_terminal() {
        let wide = "日本語".repeat(40);
        let marks = format!("QUEUED {}", "e\u{301}".repeat(100_000));
        let unanswered = unanswered();
        let each = [one("RUNNING"), one(&wide), one(&marks), many(batch)];
        for (waiting_for, unanswered) in each
            .iter()
            .flat_map(|waiting_for| [(waiting_for, None), (waiting_for, Some(&unanswered))])
        {
            for width in 0..120 {
                let [head, time, tail] =
                    waiting_for.parts(Duration::from_secs(75), unanswered, width);
                let line = format!("{head} {time}{tail}");
                assert!(
                    measure_text_width(&line) <= width.max(measure_text_width(" 1m 15s")),
                    "{width} {line}"
                );
                assert!(line.contains("1m 15s"), "{line}");
            }
        }
    }

    #[test]
    fn what_an_agent_names_is_harmless_and_on_one_line() {
        let said = one("QUEUED a\n\u{1b}[2Jb").sentence(Duration::from_secs(1), None);
        assert_eq!(said, "still waiting: QUEUED a ␛[2Jb, 1s");
    }

    #[test]
    fn what_an_agent_names_is_no_command_on_a_terminal() {
        let [head, ..] = one("::add-mask::a ##vso[b]").parts(Duration::ZERO, None, 80);
        assert_eq!(head, ": :add-mask::a ## vso[b]");
    }
}
