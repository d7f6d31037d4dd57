//! [`Histories::plan`]: what is left to do for each item, a [`Task`]. [`PriorState`]: what is known of an item
//! until then.

use dinoai::{Run, RunStatus, SessionId};

use super::history::{Histories, KeyState, RecordedState};
use super::items::Item;
use super::outcome::{ItemOutcome, item_numbers};
use super::results::record::{ItemEvent, ended_as, not_started, unknown};
use crate::report::{ExitStatus, Failure};

/// What is to be started although it has been, or may have been.
#[derive(Debug, Default)]
pub(super) struct Retry {
    /// The numbers of unknown items; all, if there are none.
    pub(super) unknown: Option<Vec<usize>>,
    /// All that have ended failed, stopped or expired.
    pub(super) failed: bool,
}

/// What is left to do for an item.
#[derive(Debug)]
pub(super) enum Task {
    /// To be started; until it is, it is what it was.
    Start(Item, PriorState, Start),
    Resume(Item, SessionId, Resume),
    /// Nothing.
    Leave(PriorState),
}

/// How an item is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    Once,
    /// Again: the journal does not know whether its key has started a run.
    OfUnknown,
    /// Again: the run of its key has failed, as the journal says.
    OfFailed,
}

/// How an item whose run has started is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resume {
    /// By its key, which has started that run.
    ByKey { has_ended: bool },
    /// By its session id: the results say it, and the journal does not know whether the key has started a run.
    Unrecorded,
    /// By its session id: the journal knows nothing of its key.
    ById,
}

impl Histories {
    /// What is left to do for each item.
    ///
    /// Refuses, by their numbers, items that are not the ones that were started: those that have
    /// been edited or removed since. What certainly never started may be both.
    pub(super) fn plan(mut self, items: Vec<Item>, retry: &Retry) -> Result<Vec<Task>, Failure> {
        self.check_numbers(items.len(), retry)?;
        let mut others = vec![];
        let mut tasks = vec![];
        for (place, item) in items.into_iter().enumerate() {
            let number = place + 1;
            let known = self.0.remove(&number).unwrap_or_default();
            let is_started = match &known.state {
                RecordedState::New => true,
                RecordedState::Unknown { .. } => retry.starts_unknown(number),
                RecordedState::Ended(run) => retry.starts_ended(&run.status),
                RecordedState::EndedAs(_, status) => retry.starts_ended(status),
                RecordedState::InProgress(_) => false,
            };
            let is_same = known.is_of(&item)?;
            if !is_started && !is_same {
                others.push(number);
            }
            let key = known.key;
            let prior = match known.state {
                RecordedState::New => PriorState::New,
                RecordedState::Unknown { is_reported } => PriorState::Unknown { is_reported },
                RecordedState::Ended(run) => PriorState::Ended(known.request, run),
                RecordedState::EndedAs(id, _) if !is_started => {
                    let by_key = Resume::ByKey { has_ended: true };
                    tasks.push(Task::Resume(item, id, by_key));
                    continue;
                }
                RecordedState::EndedAs(id, status) => PriorState::EndedAs(id, status),
                RecordedState::InProgress(id) => {
                    let resume = match key {
                        Some(KeyState::Run) => Resume::ByKey { has_ended: false },
                        Some(KeyState::Unknown) => Resume::Unrecorded,
                        None => Resume::ById,
                    };
                    tasks.push(Task::Resume(item, id, resume));
                    continue;
                }
            };
            // An item that was edited is another run, under another key.
            let start = match key.filter(|_| is_same) {
                Some(KeyState::Unknown) => Start::OfUnknown,
                Some(KeyState::Run) => Start::OfFailed,
                None => Start::Once,
            };
            tasks.push(match is_started {
                true => Task::Start(item, prior, start),
                false => Task::Leave(prior),
            });
        }
        let removed = self.0.iter().filter(|(_, known)| !known.is_new());
        others.extend(removed.map(|(number, _)| *number));
        match others.is_empty() {
            true => Ok(tasks),
            false => Err(Failure::usage(format!(
                "the results do not match the batch file: {} changed since the results were \
                 written; restore what was there and add new items at the end, or name another \
                 file for the results; nothing was started",
                item_numbers(&others)
            ))),
        }
    }

    /// The items that are named to be started again have to be unknown.
    fn check_numbers(&self, items: usize, retry: &Retry) -> Result<(), Failure> {
        for number in retry.unknown.iter().flatten() {
            let known = self.0.get(number);
            let state = match known.map(|known| &known.state) {
                _ if *number > items => format!("there are {items} items"),
                Some(RecordedState::Unknown { .. }) => continue,
                Some(RecordedState::Ended(run)) => format!("its run {} has ended", run.session_id),
                Some(RecordedState::EndedAs(id, _)) => format!("its run {id} has ended"),
                Some(RecordedState::InProgress(id)) => format!("its run {id} has started"),
                Some(RecordedState::New) | None => "it has not started".to_owned(),
            };
            return Err(Failure::usage(format!(
                "--retry-unknown: item {number} is not unknown, {state}; nothing was started"
            )));
        }
        Ok(())
    }
}

impl Retry {
    fn starts_unknown(&self, number: usize) -> bool {
        let named = self.unknown.as_ref();
        named.is_some_and(|numbers| numbers.is_empty() || numbers.contains(&number))
    }

    fn starts_ended(&self, status: &RunStatus) -> bool {
        self.failed && *status != RunStatus::Completed
    }
}

/// What is known of an item while nothing is started for it. An attempt that certainly started
/// nothing leaves it there: what earlier ones did is as it was.
#[derive(Debug)]
pub(super) enum PriorState {
    /// Certainly not started.
    New,
    /// Started, or not.
    Unknown {
        /// Whether the results file says so already.
        is_reported: bool,
    },
    /// Its run has ended, and was started with this request.
    Ended(Option<Item>, Box<Run>),
    /// Its run has ended, and was not read here.
    EndedAs(SessionId, RunStatus),
}

impl PriorState {
    pub(super) fn outcome(&self) -> ItemOutcome {
        match self {
            Self::New => ItemOutcome::NotStarted,
            Self::Unknown { .. } => ItemOutcome::Unknown,
            Self::Ended(_, run) => ItemOutcome::of(&run.status),
            Self::EndedAs(_, status) => ItemOutcome::of(status),
        }
    }

    pub(super) fn exit(&self) -> ExitStatus {
        match self.outcome() {
            ItemOutcome::Unknown => ExitStatus::Unknown,
            ItemOutcome::Failed => ExitStatus::RunFailed,
            ItemOutcome::Completed | ItemOutcome::InProgress | ItemOutcome::NotStarted => {
                ExitStatus::Done
            }
        }
    }

    /// What is known of what has started of it, or may have.
    pub(super) fn known(&self) -> Option<String> {
        match self {
            Self::New => None,
            Self::Unknown { .. } => Some("it is unknown whether it has started".to_owned()),
            Self::Ended(_, run) => Some(format!("session {} {}", run.session_id, run.status)),
            Self::EndedAs(id, status) => Some(format!("session {id} {status}")),
        }
    }

    /// What is reported of it; `reason` says why what has not started has not.
    pub(super) fn report(&self, reason: &str) -> ItemEvent {
        match self {
            Self::New => not_started(reason),
            Self::Unknown { .. } => unknown(),
            Self::Ended(request, run) => ItemEvent::Ended {
                request: request.clone(),
                run: (**run).clone(),
            },
            Self::EndedAs(id, status) => ended_as(id, status),
        }
    }
}
