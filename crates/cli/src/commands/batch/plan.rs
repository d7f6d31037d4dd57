//! [`Histories::plan`]: what is left to do for each item, a [`Task`]. [`PriorState`]: what is known of an item
//! until then.

use std::collections::BTreeMap;

use dinoai::journal::{Entry, Restart, State};
use dinoai::{Run, RunStatus, SessionId};

use super::history::{Histories, ItemHistory, KeyState, RecordedState};
use super::items::Item;
use super::keys::{ItemKeys, Key, Keys};
use super::outcome::{ItemOutcome, item_numbers};
use super::results::record::{ItemEvent, ended_as, not_started, unknown};
use crate::commands::run::trigger_run;
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
    /// Its run has ended, and is read again: to be printed, or given to the journal.
    Read(Item, PriorState, SessionId, Resume),
    /// Nothing.
    Leave(PriorState),
}

/// How an item is started.
#[derive(Debug, Clone)]
pub(super) struct Start {
    /// The item's key in the journal.
    pub(super) key: String,
    /// Whether the key is started again.
    pub(super) restart: Restart,
    /// In place of which attempt.
    pub(super) before: Option<Attempt>,
    /// The run that the key has started, as the results say; the journal does not know it yet.
    pub(super) resolved: Option<SessionId>,
}

/// What a key has last been started for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Attempt {
    Run(SessionId),
    /// By this owner of a claim.
    Of(String),
    Nothing,
}

impl Attempt {
    pub(super) fn of(entry: &Entry) -> Self {
        match &entry.state {
            State::Started { session_id, .. } | State::Ended { session_id, .. } => {
                Self::Run(session_id.clone())
            }
            State::Claimed { owner, .. } | State::Unknown { owner, .. } => Self::Of(owner.clone()),
            _ => Self::Nothing,
        }
    }
}

/// How the run of an item is waited for.
#[derive(Debug, Clone)]
pub(super) enum Resume {
    /// By its key, which has started that run.
    ByKey(String),
    /// By its session id, which is given to the journal: that does not know whether the key has started a run.
    Unrecorded(String),
    /// By its session id: the journal knows nothing of its key.
    ById,
}

impl Histories {
    /// What is left to do for each item.
    ///
    /// Refuses, by their numbers, items that are not the ones that were started: those that have
    /// been edited or removed since. What certainly never started may be both.
    pub(super) fn plan(
        mut self,
        items: Vec<Item>,
        retry: &Retry,
        keys: &Keys,
        known: &BTreeMap<usize, ItemKeys>,
    ) -> Result<Vec<Task>, Failure> {
        self.check_numbers(items.len(), retry)?;
        let mut others = vec![];
        let mut tasks = vec![];
        for (place, item) in items.into_iter().enumerate() {
            let number = place + 1;
            let history = self.0.remove(&number).unwrap_or_default();
            let is_started = match &history.state {
                RecordedState::New => true,
                RecordedState::Unknown { .. } => retry.starts_unknown(number),
                RecordedState::Ended(run) => retry.starts_ended(&run.status),
                RecordedState::EndedAs(_, status) => retry.starts_ended(status),
                RecordedState::InProgress(_) => false,
            };
            let may_be_other = history.is_new() || (is_started && keys.take_edited());
            let is_in_flight = history.key == Some(KeyState::InFlight);
            if (!may_be_other || is_in_flight) && !history.is_of(&item)? {
                others.push(number);
                continue;
            }
            let names = match known.get(&number) {
                Some(keys) => keys.clone(),
                None => ItemKeys::unknown(keys.of(number, &trigger_run(item.clone().into())?)?),
            };
            tasks.push(match is_started {
                true => {
                    let start = history.start(retry, names.next);
                    Task::Start(item, history.prior(), start)
                }
                false => history.left(item, names.last.name),
            });
        }
        let removed = self.0.iter().filter(|(_, history)| !history.is_new());
        others.extend(removed.map(|(number, _)| *number));
        match others.is_empty() {
            true => Ok(tasks),
            false => Err(keys.refusal(&item_numbers(&others))),
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
                Some(RecordedState::New) if known.is_some_and(|known| !known.is_new()) => {
                    "it is being started right now".to_owned()
                }
                Some(RecordedState::New) | None => "it has not started".to_owned(),
            };
            return Err(Failure::usage(format!(
                "--retry-unknown: item {number} is not unknown, {state}; nothing was started"
            )));
        }
        Ok(())
    }
}

impl ItemHistory {
    /// How an item is started by this key, as far as that was asked for.
    fn start(&self, retry: &Retry, key: Key) -> Start {
        let entry = key.stored.as_ref().map(|stored| &stored.entry);
        let is_retried = matches!(self.state, RecordedState::Unknown { .. });
        let mut resolved = None;
        let restart = match entry.map(|entry| &entry.state) {
            Some(State::Unknown { .. } | State::Claimed { .. }) if is_retried => Restart::Unknown,
            // Its run has failed, as the results say.
            Some(State::Unknown { .. } | State::Claimed { .. })
                if self.key == Some(KeyState::Unknown) =>
            {
                resolved = self.latest().cloned();
                Restart::Failed
            }
            Some(State::Ended { .. } | State::Started { .. }) if is_retried || retry.failed => {
                Restart::Failed
            }
            _ => Restart::Never,
        };
        Start {
            before: entry.map(Attempt::of),
            key: key.name,
            restart,
            resolved,
        }
    }

    /// What is known of an item that is to be started.
    fn prior(self) -> PriorState {
        match self.state {
            RecordedState::New | RecordedState::InProgress(_) => PriorState::New,
            RecordedState::Unknown { is_reported } => PriorState::Unknown {
                is_reported,
                is_in_journal: self.key == Some(KeyState::Unknown),
            },
            RecordedState::Ended(run) => PriorState::Ended(self.request, run),
            RecordedState::EndedAs(id, status) => PriorState::EndedAs(id, status),
        }
    }

    /// What is left to do for an item that is not to be started.
    fn left(self, item: Item, key: String) -> Task {
        let resume = match self.key {
            Some(KeyState::Run) => Resume::ByKey(key),
            Some(KeyState::Unknown) => Resume::Unrecorded(key),
            Some(KeyState::InFlight) | None => Resume::ById,
        };
        match (&self.state, self.latest()) {
            (RecordedState::InProgress(_), Some(id)) => Task::Resume(item, id.clone(), resume),
            (RecordedState::EndedAs(..), Some(id)) => {
                let id = id.clone();
                Task::Read(item, self.prior(), id, resume)
            }
            (RecordedState::Ended(_), Some(id)) if self.key == Some(KeyState::Unknown) => {
                let id = id.clone();
                Task::Read(item, self.prior(), id, resume)
            }
            _ => Task::Leave(self.prior()),
        }
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
        /// Whether the journal knows its key.
        is_in_journal: bool,
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

    /// Whether the journal has its key, if it is unknown.
    pub(super) fn is_known_to_the_journal(&self) -> bool {
        let Self::Unknown { is_in_journal, .. } = self else {
            return true;
        };
        *is_in_journal
    }

    pub(super) fn exit(&self) -> ExitStatus {
        self.outcome().exit()
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
