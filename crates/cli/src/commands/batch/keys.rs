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

/// How many keys are read at a time.
const READS: usize = 64;

/// How the items of a batch are named.
#[derive(Debug, Clone)]
pub(super) enum Keys {
    /// By the key of the results file, each request by another one: an item that was edited is another run.
    OfResults(String),
    /// By a key of the user's, and their numbers.
    Named(String),
    /// By what the CI system says of the job, and their numbers.
    OfCiJob,
}

/// What the journal says of the items, by their numbers.
#[derive(Debug, Default)]
pub(super) struct Known(BTreeMap<usize, Stored>);

impl Keys {
    /// The key of an item.
    pub(super) fn of(&self, number: usize, request: &TriggerRun) -> Result<String, Failure> {
        Ok(match self {
            Self::OfResults(batch) => {
                let fingerprint = RequestDigest::of(request).fingerprint();
                format!("{batch}/{number}/{}", &fingerprint[..8])
            }
            Self::Named(batch) => format!("{batch}/{number}"),
            Self::OfCiJob => format!("{}/{number}", key_of_ci_job(request)?),
        })
    }

    /// Reads what the journal says of these items.
    pub(super) async fn known(
        &self,
        items: impl IntoIterator<Item = (usize, Item)>,
        journal: &dyn Journal,
    ) -> Result<Known, Failure> {
        let mut keys = vec![];
        for (number, item) in items {
            keys.push((number, self.of(number, &trigger_run(item.into())?)?));
        }
        let reads = keys.iter().map(|(number, key)| async move {
            let stored = journal.load(key).await;
            let stored = stored.map_err(|error| unusable(&error))?;
            Ok::<_, Failure>(stored.map(|stored| (*number, stored)))
        });
        let mut reads = stream::iter(reads).buffer_unordered(READS);
        let mut known = BTreeMap::new();
        while let Some(read) = reads.next().await {
            known.extend(read?);
        }
        Ok(Known(known))
    }
}

impl Known {
    pub(super) fn get(&self, number: usize) -> Option<&Stored> {
        self.0.get(&number)
    }

    /// Whether it knows nothing of the batch.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
