//! [`Forgotten`]: the messages of a run up to a watermark, of which only sums are remembered, and which
//! of a read are not among them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::power_sums::{Listing, PowerSums, member};
use crate::model::MessageKey;

/// A message that a read lists: its key and the hash of its text.
pub(super) type Listed = (MessageKey, u64);

/// The messages up to a watermark. Of a message that comes late the keys tell that it is new, and
/// the texts which one, if several have one key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Forgotten {
    /// The watermark: the highest key that was forgotten.
    pub(super) until: MessageKey,
    keys: PowerSums,
    /// `None` if of some only the keys are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    texts: Option<PowerSums>,
}

impl Forgotten {
    /// Nothing yet.
    pub(super) fn new(until: MessageKey) -> Self {
        Self {
            until,
            keys: PowerSums::default(),
            texts: Some(PowerSums::default()),
        }
    }

    /// How many messages are forgotten.
    pub(super) fn count(&self) -> usize {
        self.keys.count()
    }

    /// Adds a message.
    pub(super) fn add(&mut self, key: MessageKey, text: Option<u64>) {
        self.until = self.until.max(key);
        self.keys.add(member(key, None));
        match (&mut self.texts, text) {
            (Some(texts), Some(text)) => texts.add(member(key, Some(text))),
            _ => self.texts = None,
        }
    }

    /// Adds all messages that another has forgotten.
    pub(super) fn add_all(&mut self, other: &Self) {
        self.until = self.until.max(other.until);
        self.keys.add_all(&other.keys);
        match (&mut self.texts, &other.texts) {
            (Some(texts), Some(others)) => texts.add_all(others),
            _ => self.texts = None,
        }
    }

    /// Whether a look lists the same.
    pub(super) fn is(&self, listing: Listing) -> bool {
        self.keys.is(listing)
    }

    /// The numbers of the listed messages that are new, which are added; `None` if that cannot be
    /// found out, and then nothing is added.
    pub(super) fn take_new(&mut self, listed: &[Listed]) -> Option<Vec<usize>> {
        let keys: Vec<_> = listed.iter().map(|(key, _)| member(*key, None)).collect();
        let texts = listed.iter().map(|(key, text)| member(*key, Some(*text)));
        let texts: Vec<_> = texts.collect();
        let new_keys = self.keys.new_members(&keys)?;
        let known_texts = self.texts.as_ref();
        let new = match known_texts.and_then(|known| known.new_members(&texts)) {
            Some(new_texts) => places(&texts, &new_texts),
            // Some texts are unknown, or have changed since.
            None => {
                let is_new = |key: &&u64| new_keys.binary_search(key).is_ok();
                if keys.iter().filter(is_new).count() > new_keys.len() {
                    return None;
                }
                places(&keys, &new_keys)
            }
        };
        new.iter().for_each(|place| self.keys.add(keys[*place]));
        match &mut self.texts {
            // A text that has changed stays as it was: it may be another's with the same key.
            Some(known) => new.iter().for_each(|place| known.add(texts[*place])),
            None => self.texts = Some(texts.into_iter().collect()),
        }
        Some(new)
    }
}

/// The places of the wanted members, each as often as it is wanted.
fn places(listed: &[u64], wanted: &[u64]) -> Vec<usize> {
    let mut missing: BTreeMap<u64, usize> = BTreeMap::new();
    for member in wanted {
        *missing.entry(*member).or_default() += 1;
    }
    let mut is_wanted = |member: &u64| {
        missing.get_mut(member).is_some_and(|missing| {
            let is_missing = *missing > 0;
            *missing -= usize::from(is_missing);
            is_missing
        })
    };
    let places = listed.iter().enumerate();
    places
        .filter(|(_, member)| is_wanted(member))
        .map(|(place, _)| place)
        .collect()
}
