//! [`Tail`]: the newest messages of a run, each known by its key, its number and a hash of its text.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::{Message, MessageKey};

/// The newest messages.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(
    from = "BTreeMap<MessageKey, Group>",
    into = "BTreeMap<MessageKey, Group>"
)]
pub(super) struct Tail {
    pub(super) groups: BTreeMap<MessageKey, Group>,
    /// How many messages the groups have.
    pub(super) messages: usize,
}

/// The messages with the same timestamp and author.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(from = "Vec<String>", into = "Vec<String>")]
pub(super) struct Group {
    /// One for each message that is known: a hash of its text, unless only its number is known.
    texts: Vec<Option<u64>>,
    /// How many there were at the last look.
    pub(super) count: usize,
}

impl PartialEq for Group {
    fn eq(&self, other: &Self) -> bool {
        self.texts == other.texts
    }
}

impl Tail {
    /// How many messages of a key there were at the last look.
    pub(super) fn count(&self, key: &MessageKey) -> usize {
        self.groups.get(key).map_or(0, |group| group.count)
    }

    pub(super) fn times(&self, key: &MessageKey, message: &Message) -> usize {
        self.groups.get(key).map_or(0, |group| group.times(message))
    }

    pub(super) fn take_new(&mut self, key: MessageKey, texts: &[u64]) -> Vec<usize> {
        let new = self.groups.entry(key).or_default().take_new(texts);
        self.messages += new.len();
        new
    }

    pub(super) fn note(&mut self, key: MessageKey, text: Option<u64>) {
        let group = self.groups.entry(key).or_default();
        group.texts.push(text);
        group.count = group.count.max(group.texts.len());
        self.messages += 1;
    }

    pub(super) fn pop_first(&mut self) -> Option<(MessageKey, Vec<Option<u64>>)> {
        let (key, group) = self.groups.pop_first()?;
        self.messages -= group.texts.len();
        Some((key, group.texts))
    }
}

impl From<BTreeMap<MessageKey, Group>> for Tail {
    fn from(groups: BTreeMap<MessageKey, Group>) -> Self {
        let messages = groups.values().map(|group| group.texts.len()).sum();
        Self { groups, messages }
    }
}

impl From<Tail> for BTreeMap<MessageKey, Group> {
    fn from(tail: Tail) -> Self {
        tail.groups
    }
}

impl Group {
    pub(super) fn of(texts: Vec<Option<u64>>) -> Self {
        let count = texts.len();
        Self { texts, count }
    }

    /// How often this text is known.
    pub(super) fn times(&self, message: &Message) -> usize {
        let text = Some(hash(&message.content));
        self.texts.iter().filter(|known| **known == text).count()
    }

    /// The numbers of the texts that are new, in the order in which they are emitted.
    pub(super) fn take_new(&mut self, texts: &[u64]) -> Vec<usize> {
        let growth = texts.len().saturating_sub(self.count);
        self.count = texts.len();
        let mut known = self.texts.clone();
        let mut unmatched = vec![];
        for (number, text) in texts.iter().enumerate() {
            match known.iter().position(|known| known == &Some(*text)) {
                Some(place) => drop(known.swap_remove(place)),
                None => unmatched.push(number),
            }
        }
        // Unknown texts first.
        unmatched.sort_by_key(|number| self.texts.contains(&Some(texts[*number])));
        // Of some only the number was known: the first texts that nothing else explains.
        for text in self.texts.iter_mut().filter(|text| text.is_none()) {
            if unmatched.is_empty() {
                break;
            }
            *text = Some(texts[unmatched.remove(0)]);
        }
        unmatched.truncate(growth);
        self.texts
            .extend(unmatched.iter().map(|number| Some(texts[*number])));
        unmatched
    }
}

/// Texts alone, since a number can change a little on its way through a reader of doubles.
impl From<Group> for Vec<String> {
    fn from(group: Group) -> Self {
        let texts = group.texts.iter();
        let text = |text: &Option<u64>| text.map_or_else(String::new, |hash| format!("{hash:x}"));
        texts.map(text).collect()
    }
}

impl From<Vec<String>> for Group {
    fn from(stored: Vec<String>) -> Self {
        let texts = stored.iter();
        Self::of(
            texts
                .map(|text| u64::from_str_radix(text, 16).ok())
                .collect(),
        )
    }
}

/// FNV-1a: the same in every process and release, as a checkpoint needs it.
pub(super) fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
