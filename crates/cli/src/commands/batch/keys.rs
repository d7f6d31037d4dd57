//! [`Keys`]: under which key each item of a batch is in the journal, and what the journal says of it.

use std::collections::BTreeMap;

use dinoai::TriggerRun;
use dinoai::journal::{Journal, RequestDigest, Stored};
use futures_util::StreamExt;
use futures_util::stream;

use super::items::Item;
use crate::commands::run::trigger_run;
use crate::journal::{key_of_ci_job, unusable};
use crate::report::Failure;

/// How many items are looked up at a time.
const READS: usize = 64;

/// How the items of a batch are named.
#[derive(Debug, Clone)]
pub(super) enum Keys {
    /// By the key of the results file, and their numbers.
    OfResults(String),
    /// By a key of the user's, and their numbers.
    Named(String),
    /// By what the CI system says of the job and of each request, and their numbers.
    OfCiJob,
}

/// A key, and what the journal says of it.
#[derive(Debug, Clone)]
pub(super) struct Key {
    pub(super) name: String,
    pub(super) stored: Option<Stored>,
}

/// The keys of an item: of what was started last, and of the item as it is now. They differ where it was edited.
#[derive(Debug, Clone)]
pub(super) struct ItemKeys {
    pub(super) last: Key,
    pub(super) next: Key,
    /// Whether the item was edited and started again, and the results do not say so.
    pub(super) is_newer: bool,
}

impl ItemKeys {
    /// Of an item of which the journal knows nothing.
    pub(super) fn unknown(name: String) -> Self {
        let last = Key { name, stored: None };
        Self::same(last)
    }

    fn same(key: Key) -> Self {
        Self {
            last: key.clone(),
            next: key,
            is_newer: false,
        }
    }
}

impl Keys {
    /// The key of an item.
    pub(super) fn of(&self, number: usize, request: &TriggerRun) -> Result<String, Failure> {
        Ok(match self {
            Self::OfResults(batch) | Self::Named(batch) => format!("{batch}/{number}"),
            Self::OfCiJob => format!("{}/{number}", key_of_ci_job(request)?),
        })
    }

    /// Whether an item that is started again may be another one: it has another key then.
    pub(super) fn take_edited(&self) -> bool {
        matches!(self, Self::OfResults(_))
    }

    /// Why a batch is refused of which these items are not those that were started.
    pub(super) fn refusal(&self, items: &str) -> Failure {
        Failure::usage(match self {
            Self::OfResults(_) => format!(
                "the results do not match the batch file: {items} changed since the results were written; restore \
                 what was there and add new items at the end, or name another file for the results; nothing was \
                 started"
            ),
            Self::Named(key) => format!(
                "by the key {key} something else was started: {items} changed since then; restore what was there and \
                 add new items at the end, or use another key; nothing was started"
            ),
            Self::OfCiJob => format!(
                "{items} changed since this step of the job has started; name a key of your own; nothing was started"
            ),
        })
    }

    /// Reads what the journal says of these items. Each comes with what was started last, if the results say it.
    pub(super) async fn look_up(
        &self,
        items: impl IntoIterator<Item = (usize, Item, Option<Item>)>,
        journal: &dyn Journal,
    ) -> Result<BTreeMap<usize, ItemKeys>, Failure> {
        let reads = items.into_iter().map(|(number, item, last)| async move {
            let keys = self.keys_of(number, item, last, journal).await?;
            Ok::<_, Failure>((number, keys))
        });
        let mut reads = stream::iter(reads).buffer_unordered(READS);
        let mut known = BTreeMap::new();
        while let Some(read) = reads.next().await {
            let (number, keys) = read?;
            known.insert(number, keys);
        }
        Ok(known)
    }

    async fn keys_of(
        &self,
        number: usize,
        item: Item,
        last: Option<Item>,
        journal: &dyn Journal,
    ) -> Result<ItemKeys, Failure> {
        let request = trigger_run(item.into())?;
        let first = load(self.of(number, &request)?, journal).await?;
        if !self.take_edited() {
            return Ok(ItemKeys::same(first));
        }
        let next = of_request(&first, &request, journal).await?;
        // What the results hold that cannot be started was edited there.
        let last = last.and_then(|last| trigger_run(last.into()).ok());
        let last = match last {
            Some(last) => of_request(&first, &last, journal).await?,
            None if next.stored.is_some() => next.clone(),
            None => first,
        };
        let at = |key: &Key| key.stored.as_ref().map(|stored| stored.at);
        let is_newer = next.name != last.name && at(&next) > at(&last);
        let last = if is_newer { next.clone() } else { last };
        Ok(ItemKeys {
            last,
            next,
            is_newer,
        })
    }
}

/// The key of a request: the first one of its item, unless that belongs to another request.
async fn of_request(
    first: &Key,
    request: &TriggerRun,
    journal: &dyn Journal,
) -> Result<Key, Failure> {
    let digest = RequestDigest::of(request);
    let is_others = |stored: &Stored| stored.entry.request != digest && stored.is_bound();
    if !first.stored.as_ref().is_some_and(is_others) {
        return Ok(first.clone());
    }
    let name = format!("{}/{}", first.name, &digest.fingerprint()[..8]);
    load(name, journal).await
}

/// Reads a key. What is over is nothing.
async fn load(name: String, journal: &dyn Journal) -> Result<Key, Failure> {
    let stored = journal.load(&name).await;
    let stored = stored.map_err(|error| unusable(&error))?;
    let stored = stored.filter(|stored| !stored.entry.is_over(stored.age));
    Ok(Key { name, stored })
}
