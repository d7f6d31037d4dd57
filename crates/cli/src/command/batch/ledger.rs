//! [`Ledger`]: what is known of each item of a batch from the records of earlier ones, and what
//! is left to do for it.

use std::collections::BTreeMap;

use dinoai::{RunStatus, SessionId};

use super::item::Item;
use super::known::{Known, State};
use super::record::Record;
use super::standing::Standing;
use crate::report::{Failure, shell};

/// What is known of the items, by their numbers.
#[derive(Debug, Default)]
pub(super) struct Ledger(BTreeMap<usize, Known>);

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
    /// To be started; until it is, it stands where it stood.
    Start(Item, Standing),
    GoOn(Item, SessionId),
    /// Nothing.
    Leave(Standing),
}

impl Ledger {
    /// Goes through the records in order.
    pub(super) fn of(records: Vec<Record>) -> Self {
        let mut known: BTreeMap<usize, Known> = BTreeMap::new();
        for record in records {
            known.entry(record.item).or_default().go_on(record.what);
        }
        Self(known)
    }

    /// What is to be said of each item that shows more runs than one.
    pub(super) fn several_runs(&self) -> Vec<String> {
        let several = self.0.iter().filter(|(_, known)| !known.others.is_empty());
        let said = several.map(|(number, known)| {
            let others = shell::ids(&known.others);
            let counts = match known.latest() {
                Some(latest) => format!("the latest, {latest}, is waited for and counts"),
                None => "nobody knows whether the last attempt has started a run".to_owned(),
            };
            format!(
                "item {number} has been started more than once: {counts}; see what came of the \
                 others with: dinoai wait {others}"
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
                State::New => true,
                State::Unknown { .. } => retry.starts_unknown(number),
                State::Ended(run) => retry.failed && run.status != RunStatus::Completed,
                State::Going(_) => false,
            };
            if !is_started && known.request.as_ref() != Some(&item) {
                others.push(number);
            }
            let standing = match known.state {
                State::New => Standing::New,
                State::Unknown { is_reported } => Standing::Unknown { is_reported },
                State::Ended(run) => Standing::Ended(known.request, run),
                State::Going(id) => {
                    tasks.push(Task::GoOn(item, id));
                    continue;
                }
            };
            tasks.push(match is_started {
                true => Task::Start(item, standing),
                false => Task::Leave(standing),
            });
        }
        let removed = self.0.iter().filter(|(_, known)| !known.is_new());
        others.extend(removed.map(|(number, _)| *number));
        match others.is_empty() {
            true => Ok(tasks),
            false => Err(Failure::usage(format!(
                "the results are of other items than these: what they say of {} is not about what \
                 is in the file now; put back what was there, and add new items at the end, or \
                 name another file for the results; nothing was started",
                numbers(&others)
            ))),
        }
    }

    /// The items that are named to be started again have to be unknown.
    fn check_numbers(&self, items: usize, retry: &Retry) -> Result<(), Failure> {
        for number in retry.unknown.iter().flatten() {
            let state = match self.0.get(number).map(|known| &known.state) {
                _ if *number > items => format!("there are {items} items"),
                Some(State::Unknown { .. }) => continue,
                Some(State::Ended(run)) => format!("its run {} has ended", run.session_id),
                Some(State::Going(id)) => format!("its run {id} has started"),
                Some(State::New) | None => "it has not started".to_owned(),
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
}

/// The first of these numbers, as text: `item 3`, `items 3, 5 and 12 more`.
pub(super) fn numbers(numbers: &[usize]) -> String {
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
        assert_eq!(numbers(&[3]), "item 3");
        assert_eq!(numbers(&[3, 5]), "items 3, 5");
        let many: Vec<_> = (1..=12).collect();
        assert_eq!(
            numbers(&many),
            "items 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 2 more"
        );
    }
}
