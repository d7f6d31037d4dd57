//! [`SeenMessages`]: which messages of a run were emitted, and which of a read are new.
//!
//! A message is identified by its timestamp and by who wrote it (observed: the API may repeat
//! and re-order messages between two reads). Several can have the same: they are counted, and
//! distinguished by a hash of their texts. Of such a group as many are new as it has grown: unknown
//! texts first, then equal texts by their number.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::{Message, MessageKey};

/// The messages that are known.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(
    from = "BTreeMap<String, Vec<String>>",
    into = "BTreeMap<String, Vec<String>>"
)]
pub(crate) struct SeenMessages(BTreeMap<MessageKey, Group>);

/// The messages with the same timestamp and author.
#[derive(Debug, Clone, Default)]
struct Group {
    /// One for each message that is known: a hash of its text, unless only its number is known.
    texts: Vec<Option<u64>>,
    /// How many there were at the last look.
    count: usize,
}

impl PartialEq for Group {
    fn eq(&self, other: &Self) -> bool {
        self.texts == other.texts
    }
}

impl SeenMessages {
    /// Takes messages for known of which only the keys are known.
    pub(crate) fn baseline(messages: &[MessageKey]) -> Self {
        let groups = counted(messages).into_iter().map(|(key, count)| {
            let texts = vec![None; count];
            (key, Group { texts, count })
        });
        Self(groups.collect())
    }

    /// Whether a look has shown more of any group than before.
    pub(crate) fn has_news(&mut self, messages: &[MessageKey]) -> bool {
        let counted = counted(messages);
        for (key, group) in &mut self.0 {
            // A group of which a part has gone grows from what is left.
            group.count = group.count.min(counted.get(key).copied().unwrap_or(0));
        }
        counted
            .iter()
            .any(|(key, count)| self.0.get(key).map_or(0, |group| group.count) < *count)
    }

    /// Takes the new messages out of a whole read, in the order of their timestamps, and notes
    /// them as known.
    pub(crate) fn take_new(&mut self, messages: Vec<Message>) -> Vec<Message> {
        let mut groups: BTreeMap<MessageKey, Vec<usize>> = BTreeMap::new();
        let messages = once_each(messages);
        for (place, message) in messages.iter().enumerate() {
            groups
                .entry(MessageKey::of(message))
                .or_default()
                .push(place);
        }
        let mut new = vec![];
        for (key, places) in groups {
            let group = self.0.entry(key).or_default();
            let texts: Vec<_> = places
                .iter()
                .map(|place| hash(&messages[*place].content))
                .collect();
            new.extend(
                group
                    .take_new(&texts)
                    .into_iter()
                    .map(|number| places[number]),
            );
        }
        new.sort_by(|a, b| {
            let by_time = messages[*a].ts.total_cmp(&messages[*b].ts);
            by_time.then(a.cmp(b))
        });
        let mut messages: Vec<_> = messages.into_iter().map(Some).collect();
        new.into_iter()
            .filter_map(|place| messages[place].take())
            .collect()
    }

    /// Notes a message that another has noted, unless it is known as often here.
    pub(crate) fn note_as(&mut self, other: &Self, message: &Message) {
        let key = MessageKey::of(message);
        let times = |seen: &Self| seen.0.get(&key).map_or(0, |group| group.times(message));
        if times(self) < times(other) {
            self.note(message);
        }
    }

    /// Notes a message that is emitted.
    pub(crate) fn note(&mut self, message: &Message) {
        let group = self.0.entry(MessageKey::of(message)).or_default();
        group.texts.push(Some(hash(&message.content)));
        group.count = group.count.max(group.texts.len());
    }
}

impl Group {
    /// How often this text is known.
    fn times(&self, message: &Message) -> usize {
        let text = Some(hash(&message.content));
        self.texts.iter().filter(|known| **known == text).count()
    }

    /// The numbers of the texts that are new, in the order in which they are emitted.
    fn take_new(&mut self, texts: &[u64]) -> Vec<usize> {
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

fn counted(messages: &[MessageKey]) -> BTreeMap<MessageKey, usize> {
    let mut counts = BTreeMap::new();
    for key in messages {
        *counts.entry(*key).or_default() += 1;
    }
    counts
}

/// A transcript without what lists it again: the API has been seen to send messages again, so a
/// list that is the same list several times over counts once.
fn once_each(mut messages: Vec<Message>) -> Vec<Message> {
    let identities: Vec<_> = messages
        .iter()
        .map(|message| (MessageKey::of(message), hash(&message.content)))
        .collect();
    let is_period = |period: &usize| {
        identities.len().is_multiple_of(*period)
            && (*period..identities.len())
                .all(|place| identities[place] == identities[place - period])
    };
    if let Some(period) = (1..=identities.len() / 2).find(is_period) {
        messages.truncate(period);
    }
    messages
}

/// FNV-1a: the same in every process and release, as a checkpoint needs it.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Texts alone, since a number can change a little on its way through a reader of doubles.
impl From<SeenMessages> for BTreeMap<String, Vec<String>> {
    fn from(seen: SeenMessages) -> Self {
        let text = |text: &Option<u64>| text.map_or_else(String::new, |hash| format!("{hash:x}"));
        seen.0
            .iter()
            .map(|(key, group)| {
                let author = if key.is_from_user { "user" } else { "agent" };
                let name = format!("{:?} {author}", key.ts());
                (name, group.texts.iter().map(text).collect())
            })
            .collect()
    }
}

impl From<BTreeMap<String, Vec<String>>> for SeenMessages {
    fn from(stored: BTreeMap<String, Vec<String>>) -> Self {
        let groups = stored.into_iter().filter_map(|(name, texts)| {
            let (ts, author) = name.split_once(' ')?;
            let key = MessageKey::new(ts.parse().ok()?, author);
            let texts: Vec<_> = texts
                .iter()
                .map(|text| u64::from_str_radix(text, 16).ok())
                .collect();
            let count = texts.len();
            Some((key, Group { texts, count }))
        });
        Self(groups.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(ts: f64, role: &str, content: &str) -> Message {
        Message {
            ts,
            role: role.into(),
            content: content.into(),
        }
    }

    fn at_eleven(texts: &[&str]) -> Vec<Message> {
        let user = [message(10.0, "user", "go")];
        let agent = texts.iter().map(|text| message(11.0, "agent", text));
        user.into_iter().chain(agent).collect()
    }

    fn new(seen: &mut SeenMessages, texts: &[&str]) -> Vec<String> {
        let new = seen.take_new(at_eleven(texts)).into_iter();
        new.map(|message| message.content)
            .filter(|text| text != "go")
            .collect()
    }

    fn keys(texts: usize) -> Vec<MessageKey> {
        let messages = at_eleven(&vec![""; texts]);
        messages.iter().map(MessageKey::of).collect()
    }

    #[test]
    fn messages_with_one_timestamp_are_told_apart_by_their_texts() {
        let mut seen = SeenMessages::default();
        assert_eq!(
            new(&mut seen, &["one", "two", "three"]),
            ["one", "two", "three"]
        );
        assert!(new(&mut seen, &["three", "one", "two"]).is_empty());
        assert_eq!(new(&mut seen, &["three", "one", "two", "four"]), ["four"]);
    }

    #[test]
    fn a_message_that_shows_up_before_a_known_one_is_the_new_one() {
        let mut seen = SeenMessages::default();
        assert_eq!(new(&mut seen, &["two"]), ["two"]);
        assert!(seen.has_news(&keys(2)));
        assert_eq!(new(&mut seen, &["one", "two"]), ["one"]);
    }

    #[test]
    fn a_group_that_has_lost_its_first_member_grows_from_what_is_left() {
        let mut seen = SeenMessages::default();
        new(&mut seen, &["one", "two"]);
        assert!(!seen.has_news(&keys(1)));
        assert!(seen.has_news(&keys(2)));
        assert_eq!(new(&mut seen, &["two", "three"]), ["three"]);
        assert!(new(&mut seen, &["two"]).is_empty());
        assert!(new(&mut seen, &["one", "two"]).is_empty());
    }

    #[test]
    fn equal_texts_are_counted() {
        let mut seen = SeenMessages::default();
        assert_eq!(new(&mut seen, &["again"]), ["again"]);
        assert_eq!(new(&mut seen, &["again", "again"]), ["again"]);
        assert_eq!(new(&mut seen, &["again", "other", "again"]), ["other"]);
    }

    #[test]
    fn a_text_that_changes_is_no_new_message() {
        let mut seen = SeenMessages::default();
        new(&mut seen, &["Check"]);
        assert!(new(&mut seen, &["Checking stg_orders"]).is_empty());
    }

    #[test]
    fn a_transcript_that_is_listed_twice_counts_once() {
        let mut seen = SeenMessages::default();
        let twice: Vec<_> = [at_eleven(&["one", "two"]), at_eleven(&["one", "two"])].concat();
        assert_eq!(seen.take_new(twice.clone()).len(), 3);
        assert!(seen.take_new(twice).is_empty());
    }

    #[test]
    fn two_messages_of_one_moment_without_any_other_are_two() {
        let alone = |texts: &[&str]| {
            texts
                .iter()
                .map(|text| message(11.0, "agent", text))
                .collect()
        };
        let mut seen = SeenMessages::baseline(&keys(2)[1..]);
        assert!(seen.take_new(alone(&["one", "two"])).is_empty());
        assert_eq!(seen.take_new(alone(&["one", "two", "three"])).len(), 1);
    }

    #[test]
    fn what_only_the_number_was_known_of_is_not_emitted() {
        let mut seen = SeenMessages::baseline(&keys(2));
        assert!(!seen.has_news(&keys(2)));
        assert_eq!(new(&mut seen, &["old", "older", "new"]), ["new"]);
        assert!(new(&mut seen, &["new", "older", "old"]).is_empty());
    }

    #[test]
    fn a_message_that_two_have_emitted_is_noted_once() {
        let (mut session, mut watch) = (SeenMessages::default(), SeenMessages::default());
        let messages = [message(11.0, "agent", "one"), message(11.0, "agent", "one")];
        session.take_new(messages[..1].to_vec());
        for message in &messages {
            watch.note(message);
            session.note_as(&watch, message);
        }
        assert_eq!(session, watch);
        assert_eq!(new(&mut session, &["one", "one", "two"]), ["two"]);
    }

    #[test]
    fn what_is_stored_holds_no_text_and_no_number() {
        let mut seen = SeenMessages::baseline(&[MessageKey::new(1_714_142_436.001_2, "user")]);
        seen.note(&message(1_714_142_437.1, "assistant", "All good."));
        let stored = serde_json::to_string(&seen).unwrap();
        let expected = r#"{"1714142436.0012 user":[""],"1714142437.1 agent":["HASH"]}"#;
        let hash = format!("{:x}", hash("All good."));
        assert_eq!(stored, expected.replace("HASH", &hash));
        assert_eq!(serde_json::from_str::<SeenMessages>(&stored).unwrap(), seen);
    }
}
