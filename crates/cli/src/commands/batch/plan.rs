//! [`Histories::from_records`]: what is known of each item of a batch from the records of earlier
//! ones, an [`ItemHistory`]. [`Histories::plan`]: what is left to do for each, a [`Task`].
//! [`PriorState`]: what is known of an item until then.

use std::collections::BTreeMap;
use std::mem;

use dinoai::{Run, RunStatus, SessionId};

use super::items::Item;
use super::outcome::{ItemOutcome, item_numbers};
use super::results::record::{ItemEvent, Record, not_started, unknown};
use crate::report::{ExitStatus, Failure, hint};

/// What is known of the items, by their numbers.
#[derive(Debug, Default)]
pub(super) struct Histories(BTreeMap<usize, ItemHistory>);

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
    Start(Item, PriorState),
    Resume(Item, SessionId),
    /// Nothing.
    Leave(PriorState),
}

impl Histories {
    /// Goes through the records in order.
    pub(super) fn from_records(records: Vec<Record>) -> Self {
        let mut known: BTreeMap<usize, ItemHistory> = BTreeMap::new();
        for record in records {
            known.entry(record.item).or_default().apply(record.what);
        }
        Self(known)
    }

    /// What is to be said of each item that shows more runs than one.
    pub(super) fn several_runs(&self) -> Vec<String> {
        let several = self.0.iter().filter(|(_, known)| !known.others.is_empty());
        let said = several.map(|(number, known)| {
            let others = hint::ids(&known.others);
            let counts = match known.latest() {
                Some(latest) => format!("the latest, {latest}, is the one that counts"),
                None => "it is unknown whether the last attempt started a run".to_owned(),
            };
            format!(
                "item {number} has been started more than once: {counts}; to see the results of the \
                 others: dinoai wait {others}"
            )
        });
        said.collect()
    }

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
                RecordedState::Ended(run) => retry.failed && run.status != RunStatus::Completed,
                RecordedState::InProgress(_) => false,
            };
            if !is_started && known.request.as_ref() != Some(&item) {
                others.push(number);
            }
            let prior = match known.state {
                RecordedState::New => PriorState::New,
                RecordedState::Unknown { is_reported } => PriorState::Unknown { is_reported },
                RecordedState::Ended(run) => PriorState::Ended(known.request, run),
                RecordedState::InProgress(id) => {
                    tasks.push(Task::Resume(item, id));
                    continue;
                }
            };
            tasks.push(match is_started {
                true => Task::Start(item, prior),
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
            let state = match self.0.get(number).map(|known| &known.state) {
                _ if *number > items => format!("there are {items} items"),
                Some(RecordedState::Unknown { .. }) => continue,
                Some(RecordedState::Ended(run)) => format!("its run {} has ended", run.session_id),
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

/// What is known of an item.
#[derive(Debug, Default)]
struct ItemHistory {
    /// What was last started, or was to be.
    request: Option<Item>,
    state: RecordedState,
    /// What both were before an attempt of which nobody knows yet whether it started something.
    before: Option<(Option<Item>, RecordedState)>,
    /// Its runs beside the latest, but for those that had ended before another was started.
    others: Vec<SessionId>,
}

/// What the records say of an item.
#[derive(Debug, Default)]
enum RecordedState {
    /// Certainly not started.
    #[default]
    New,
    /// Started, or not.
    Unknown {
        /// Whether a record says so.
        is_reported: bool,
    },
    InProgress(SessionId),
    Ended(Box<Run>),
}

impl ItemHistory {
    fn is_new(&self) -> bool {
        matches!(self.state, RecordedState::New)
    }

    fn apply(&mut self, what: ItemEvent) {
        match what {
            ItemEvent::Starting { request } => {
                if let RecordedState::InProgress(id) = &self.state {
                    self.others.push(id.clone());
                }
                let state = mem::replace(
                    &mut self.state,
                    RecordedState::Unknown { is_reported: false },
                );
                self.before = Some((self.request.replace(request), state));
            }
            ItemEvent::Started { session_id } => self.add_run(session_id),
            ItemEvent::Ended { request, run } => {
                self.add_run(run.session_id.clone());
                if self.latest() == Some(&run.session_id) {
                    self.request = request.or(self.request.take());
                    self.state = RecordedState::Ended(Box::new(run));
                }
            }
            ItemEvent::Unknown { .. } => self.mark_unknown(),
            ItemEvent::Failed {
                error,
                may_have_started,
            } => match (error.session_id, may_have_started) {
                (Some(id), _) => self.add_run(id),
                (None, true) => self.mark_unknown(),
                (None, false) => self.mark_not_started(),
            },
        }
    }

    /// The run that counts.
    fn latest(&self) -> Option<&SessionId> {
        match &self.state {
            RecordedState::InProgress(id) => Some(id),
            RecordedState::Ended(run) => Some(&run.session_id),
            RecordedState::New | RecordedState::Unknown { .. } => None,
        }
    }

    fn add_run(&mut self, id: SessionId) {
        if self.latest() == Some(&id) || self.others.contains(&id) {
            return;
        }
        // After an attempt one that had ended was started again on purpose.
        if self.before.take().is_none() {
            self.others.extend(self.latest().cloned());
        }
        self.state = RecordedState::InProgress(id);
    }

    fn mark_unknown(&mut self) {
        self.before = None;
        if matches!(
            self.state,
            RecordedState::New | RecordedState::Unknown { .. }
        ) {
            self.state = RecordedState::Unknown { is_reported: true };
        }
    }

    /// The latest attempt started nothing: what was before it holds.
    fn mark_not_started(&mut self) {
        let Some((request, state)) = self.before.take() else {
            return;
        };
        if let RecordedState::InProgress(id) = &state {
            self.others.retain(|other| other != id);
        }
        (self.request, self.state) = (request, state);
    }
}

impl Retry {
    fn starts_unknown(&self, number: usize) -> bool {
        let named = self.unknown.as_ref();
        named.is_some_and(|numbers| numbers.is_empty() || numbers.contains(&number))
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
}

impl PriorState {
    pub(super) fn outcome(&self) -> ItemOutcome {
        match self {
            Self::New => ItemOutcome::NotStarted,
            Self::Unknown { .. } => ItemOutcome::Unknown,
            Self::Ended(_, run) => ItemOutcome::of(run),
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
        }
    }
}
