//! [`SeenMessages`]: which messages of a run were emitted, and which of a read are new.
//!
//! A message is identified by its timestamp and by who wrote it (observed: the API may repeat
//! and re-order messages between two reads). Several can have the same: they are counted, and
//! distinguished by a hash of their texts. Of such a group as many are new as it has grown: unknown
//! texts first, then equal texts by their number.
//!
//! That is known of the newest keys alone, the tail. Of older ones, those up to the watermark, sums
//! are left ([`Forgotten`]). They tell which messages of a read are late ones, unless the API does
//! not list all of the old ones any more. From then on nothing up to the watermark of that
//! time is emitted, since it could be one of those that went, until all of them are listed again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::event::HistoryChange;
use super::forgotten::{Forgotten, Listed};
use super::power_sums::{Listing, member};
use super::tail::{Group, Tail, hash};
use crate::model::{Message, MessageKey};

/// How many keys are known one by one, at most.
pub(super) const TAIL: usize = 1_000;

/// The messages that are known. Tests have shorter tails, so that they forget early.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SeenMessages<const KEYS: usize = TAIL> {
    tail: Tail,
    /// What is older than the tail, and listed as it was when it was emitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    forgotten: Option<Forgotten>,
    /// What had been forgotten when the API did not list all of it any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    changed: Option<Forgotten>,
    /// Whether the caller knows that there is something of the kind.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_change_emitted: bool,
}

impl<const KEYS: usize> SeenMessages<KEYS> {
    /// Takes messages for known of which only the keys are known.
    pub(crate) fn baseline(messages: &[MessageKey]) -> Self {
        let groups = counted(messages.iter().copied()).into_iter();
        let groups = groups.map(|(key, count)| (key, Group::of(vec![None; count])));
        Self::of(groups.collect())
    }

    fn of(groups: BTreeMap<MessageKey, Group>) -> Self {
        let mut seen = Self {
            tail: groups.into(),
            ..Self::default()
        };
        seen.forget();
        seen
    }

    /// Whether a look has shown more of any group than before, or other old messages.
    pub(crate) fn has_news(&mut self, messages: &[MessageKey]) -> bool {
        let (mut forgotten, mut changed) = (Listing::default(), Listing::default());
        let mut newer = vec![];
        for key in messages {
            match self.age(*key) {
                Age::Changed => changed.add(member(*key, None)),
                Age::Forgotten => forgotten.add(member(*key, None)),
                Age::Tail => newer.push(*key),
            }
        }
        let counted = counted(newer);
        for (key, group) in &mut self.tail.groups {
            // A group of which a part has gone grows from what is left.
            group.count = group.count.min(counted.get(key).copied().unwrap_or(0));
        }
        let is_other = |known: &Option<Forgotten>, listing| {
            known.as_ref().is_some_and(|known| !known.is(listing))
        };
        is_other(&self.forgotten, forgotten)
            || is_other(&self.changed, changed)
            || counted
                .iter()
                .any(|(key, count)| self.tail.count(key) < *count)
    }

    /// Takes the new messages out of a whole read, in the order of their timestamps, and notes
    /// them as known.
    pub(crate) fn take_new(&mut self, messages: Vec<Message>) -> Vec<Message> {
        let messages = once_each(messages);
        let (mut forgotten, mut changed) = (OldOnes::default(), OldOnes::default());
        let mut newer: BTreeMap<MessageKey, Vec<(usize, u64)>> = BTreeMap::new();
        for (place, message) in messages.iter().enumerate() {
            let listed = (MessageKey::of(message), hash(&message.content));
            match self.age(listed.0) {
                Age::Changed => changed.add(place, listed),
                Age::Forgotten => forgotten.add(place, listed),
                Age::Tail => newer.entry(listed.0).or_default().push((place, listed.1)),
            }
        }
        let mut new = changed.new_of(&mut self.changed).unwrap_or_default();
        match forgotten.new_of(&mut self.forgotten) {
            Some(late) => new.extend(late),
            None => self.close(),
        }
        for (key, listed) in newer {
            let texts: Vec<_> = listed.iter().map(|(_, text)| *text).collect();
            let numbers = self.tail.take_new(key, &texts);
            new.extend(numbers.into_iter().map(|number| listed[number].0));
        }
        self.forget();
        new.sort_by(|a, b| {
            let by_time = messages[*a].ts.total_cmp(&messages[*b].ts);
            by_time.then(a.cmp(b))
        });
        let mut messages: Vec<_> = messages.into_iter().map(Some).collect();
        new.into_iter()
            .filter_map(|place| messages[place].take())
            .collect()
    }

    /// Notes a message that another notes now, in both, unless it is known here already.
    pub(crate) fn note_with(&mut self, other: &mut Self, message: &Message) {
        let key = MessageKey::of(message);
        let times = |seen: &Self| seen.tail.times(&key, message);
        let is_old_alike =
            |a: &Self, b: &Self| (&a.forgotten, &a.changed) == (&b.forgotten, &b.changed);
        let has_more = times(self) > times(other);
        let was_alike = is_old_alike(self, other);
        other.note(message);
        let is_known = match self.age(key) {
            Age::Tail => has_more,
            // What is forgotten cannot be looked up. Noted once too often, it is a change of the
            // old messages, and never emitted again.
            Age::Forgotten | Age::Changed => !was_alike && is_old_alike(self, other),
        };
        if !is_known {
            self.note(message);
        }
    }

    /// Notes a message that is emitted.
    pub(crate) fn note(&mut self, message: &Message) {
        let key = MessageKey::of(message);
        let text = Some(hash(&message.content));
        let old = match self.age(key) {
            Age::Changed => self.changed.as_mut(),
            Age::Forgotten => self.forgotten.as_mut(),
            Age::Tail => None,
        };
        if let Some(old) = old {
            return old.add(key, text);
        }
        self.tail.note(key, text);
        self.forget();
    }

    /// A change of the old messages, unless it was taken before. It is taken once.
    pub(super) fn take_change(&mut self) -> Option<HistoryChange> {
        let changed = self.changed.as_ref()?;
        let is_emitted = std::mem::replace(&mut self.is_change_emitted, true);
        (!is_emitted).then(|| HistoryChange {
            until: changed.until.ts(),
            known: changed.count(),
        })
    }

    /// Notes that a change of the old messages is emitted.
    pub(super) fn note_change(&mut self) {
        self.close();
        self.is_change_emitted = true;
    }

    fn age(&self, key: MessageKey) -> Age {
        let is_within = |old: &Option<Forgotten>| old.as_ref().is_some_and(|old| key <= old.until);
        if is_within(&self.changed) {
            Age::Changed
        } else if is_within(&self.forgotten) {
            Age::Forgotten
        } else {
            Age::Tail
        }
    }

    /// Forgets what is older than the tail. A tail has two messages a key on average at most.
    pub(super) fn forget(&mut self) {
        while self.tail.groups.len() > KEYS || self.tail.messages > 2 * KEYS {
            let Some((key, texts)) = self.tail.pop_first() else {
                return;
            };
            let forgotten = self.forgotten.get_or_insert_with(|| Forgotten::new(key));
            for text in texts {
                forgotten.add(key, text);
            }
        }
    }

    /// Gives up telling new messages from those that are forgotten.
    fn close(&mut self) {
        if let Some(forgotten) = self.forgotten.take() {
            match &mut self.changed {
                Some(changed) => changed.add_all(&forgotten),
                None => self.changed = Some(forgotten),
            }
        }
    }
}

/// What is known of messages of a key.
enum Age {
    Tail,
    Forgotten,
    Changed,
}

/// The messages of a read that are not in the tail, and where they are listed.
#[derive(Default)]
struct OldOnes {
    places: Vec<usize>,
    listed: Vec<Listed>,
}

impl OldOnes {
    fn add(&mut self, place: usize, listed: Listed) {
        self.places.push(place);
        self.listed.push(listed);
    }

    /// Where those are listed that are new; `None` if that cannot be found out.
    fn new_of(&self, known: &mut Option<Forgotten>) -> Option<Vec<usize>> {
        let Some(known) = known else {
            return Some(vec![]);
        };
        let numbers = known.take_new(&self.listed)?.into_iter();
        Some(numbers.map(|number| self.places[number]).collect())
    }
}

fn counted(messages: impl IntoIterator<Item = MessageKey>) -> BTreeMap<MessageKey, usize> {
    let mut counts = BTreeMap::new();
    for key in messages {
        *counts.entry(key).or_default() += 1;
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Known = SeenMessages<TAIL>;
    /// Forgets early.
    type Short = SeenMessages<3>;

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

    fn new(seen: &mut Known, texts: &[&str]) -> Vec<String> {
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
        let mut seen = Known::default();
        assert_eq!(
            new(&mut seen, &["one", "two", "three"]),
            ["one", "two", "three"]
        );
        assert!(new(&mut seen, &["three", "one", "two"]).is_empty());
        assert_eq!(new(&mut seen, &["three", "one", "two", "four"]), ["four"]);
    }

    #[test]
    fn a_message_that_shows_up_before_a_known_one_is_the_new_one() {
        let mut seen = Known::default();
        assert_eq!(new(&mut seen, &["two"]), ["two"]);
        assert!(seen.has_news(&keys(2)));
        assert_eq!(new(&mut seen, &["one", "two"]), ["one"]);
    }

    #[test]
    fn a_group_that_has_lost_its_first_member_grows_from_what_is_left() {
        let mut seen = Known::default();
        new(&mut seen, &["one", "two"]);
        assert!(!seen.has_news(&keys(1)));
        assert!(seen.has_news(&keys(2)));
        assert_eq!(new(&mut seen, &["two", "three"]), ["three"]);
        assert!(new(&mut seen, &["two"]).is_empty());
        assert!(new(&mut seen, &["one", "two"]).is_empty());
    }

    #[test]
    fn equal_texts_are_counted() {
        let mut seen = Known::default();
        assert_eq!(new(&mut seen, &["again"]), ["again"]);
        assert_eq!(new(&mut seen, &["again", "again"]), ["again"]);
        assert_eq!(new(&mut seen, &["again", "other", "again"]), ["other"]);
    }

    #[test]
    fn a_text_that_changes_is_no_new_message() {
        let mut seen = Known::default();
        new(&mut seen, &["Check"]);
        assert!(new(&mut seen, &["Checking stg_orders"]).is_empty());
    }

    #[test]
    fn a_transcript_that_is_listed_twice_counts_once() {
        let mut seen = Known::default();
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
        let mut seen = Known::baseline(&keys(2)[1..]);
        assert!(seen.take_new(alone(&["one", "two"])).is_empty());
        assert_eq!(seen.take_new(alone(&["one", "two", "three"])).len(), 1);
    }

    #[test]
    fn what_only_the_number_was_known_of_is_not_emitted() {
        let mut seen = Known::baseline(&keys(2));
        assert!(!seen.has_news(&keys(2)));
        assert_eq!(new(&mut seen, &["old", "older", "new"]), ["new"]);
        assert!(new(&mut seen, &["new", "older", "old"]).is_empty());
    }

    #[test]
    fn a_message_that_two_have_emitted_is_noted_once() {
        let (mut session, mut watch) = (Known::default(), Known::default());
        let messages = [message(11.0, "agent", "one"), message(11.0, "agent", "one")];
        session.take_new(messages[..1].to_vec());
        for message in &messages {
            session.note_with(&mut watch, message);
        }
        assert_eq!(session, watch);
        assert_eq!(new(&mut session, &["one", "one", "two"]), ["two"]);
    }

    /// Also where one of them forgets the message as soon as it is noted.
    #[test]
    fn a_message_that_is_older_than_the_tail_is_noted_by_both() {
        let (mut session, mut watch) = (Short::default(), Short::default());
        let mut messages = spoken([0, 10, 20, 30]);
        for message in messages.iter().chain(&spoken([5])) {
            session.note_with(&mut watch, message);
        }
        assert_eq!(session, watch);
        messages.extend(spoken([5]));
        assert!(session.take_new(messages).is_empty());
        assert!(session.take_change().is_none());
    }

    #[test]
    fn an_old_message_that_two_have_emitted_is_noted_once() {
        let (mut session, mut watch) = (Short::default(), Short::default());
        for message in &spoken(1..9) {
            session.note_with(&mut watch, message);
        }
        // An ask has taken it.
        assert_eq!(texts(&session.take_new(spoken(0..9))), ["0"]);
        session.note_with(&mut watch, &spoken([0])[0]);
        assert!(session.take_new(spoken(0..9)).is_empty());
        assert!(session.take_change().is_none());
    }

    #[test]
    fn what_is_stored_holds_no_text_and_no_number() {
        let mut seen = Known::baseline(&[MessageKey::new(1_714_142_436.001_2, "user")]);
        seen.note(&message(1_714_142_437.1, "assistant", "All good."));
        let stored = serde_json::to_string(&seen).unwrap();
        let expected = r#"{"tail":{"1714142436.0012 user":[""],"1714142437.1 agent":["HASH"]}}"#;
        let hash = format!("{:x}", hash("All good."));
        assert_eq!(stored, expected.replace("HASH", &hash));
        assert_eq!(serde_json::from_str::<Known>(&stored).unwrap(), seen);
    }

    fn spoken(numbers: impl IntoIterator<Item = u32>) -> Vec<Message> {
        let spoken = |number: u32| message(f64::from(number), "agent", &number.to_string());
        numbers.into_iter().map(spoken).collect()
    }

    fn texts(messages: &[Message]) -> Vec<&str> {
        let texts = messages.iter().map(|message| message.content.as_str());
        texts.collect()
    }

    #[test]
    fn a_late_message_among_those_of_the_same_moment_is_found_by_its_text() {
        let mut seen = Short::default();
        let old = ["a", "b", "c"].map(|text| message(1.0, "agent", text));
        let newer = spoken(2..9);
        assert_eq!(seen.take_new([&old[1..], &newer].concat()).len(), 9);
        assert_eq!(texts(&seen.take_new([&old[..], &newer].concat())), ["a"]);
        assert!(seen.take_new([&old[..], &newer].concat()).is_empty());
        assert!(seen.take_change().is_none());
    }

    #[test]
    fn where_only_keys_are_known_a_late_message_is_found_by_its_key() {
        let known = spoken((0..20).filter(|number| number % 7 != 3));
        let keys: Vec<_> = known.iter().map(MessageKey::of).collect();
        let mut seen = Short::baseline(&keys);
        assert_eq!(texts(&seen.take_new(spoken(0..20))), ["3", "10", "17"]);
        assert!(seen.take_change().is_none());
        // And by its text from now on.
        let again = [spoken(0..20), vec![message(3.0, "agent", "three")]].concat();
        assert_eq!(texts(&seen.take_new(again)), ["three"]);
    }

    #[test]
    fn an_old_text_that_changes_is_no_new_message_and_hides_none() {
        let mut seen = Short::default();
        seen.take_new(spoken(1..20));
        let mut messages = spoken(0..20);
        messages[2].content = "changed".into();
        assert_eq!(texts(&seen.take_new(messages.clone())), ["0"]);
        assert!(!seen.has_news(&messages.iter().map(MessageKey::of).collect::<Vec<_>>()));
        messages[3].content = "changed".into();
        assert!(seen.take_new(messages).is_empty());
        assert!(seen.take_change().is_none());
    }

    #[test]
    fn nothing_is_repeated_of_a_compacted_history_and_that_is_said_once() {
        let mut seen = Short::default();
        seen.take_new(spoken(10..20));
        assert!(seen.take_new(spoken(12..20)).is_empty());
        let change = seen.take_change().unwrap();
        assert_eq!((change.until, change.known), (16.0, 7));
        // Some come back, and what is late among them cannot be found; what is newer can.
        assert!(seen.take_new(spoken((1..2).chain(11..20))).is_empty());
        seen.take_new(spoken(12..30));
        assert_eq!(texts(&seen.take_new(spoken((12..30).chain([30])))), ["30"]);
        let between = [spoken(12..31), vec![message(18.5, "agent", "late")]].concat();
        assert_eq!(texts(&seen.take_new(between)), ["late"]);
        // All come back.
        let all = [spoken(5..31), vec![message(18.5, "agent", "late")]].concat();
        assert_eq!(texts(&seen.take_new(all)), ["5", "6", "7", "8", "9"]);
        assert!(seen.take_change().is_none());
    }

    #[test]
    fn a_second_compaction_repeats_nothing_and_is_not_said_again() {
        let mut seen = Short::default();
        seen.take_new(spoken(10..20));
        seen.take_new(spoken(12..20));
        assert!(seen.take_change().is_some());
        assert_eq!(seen.take_new(spoken(12..40)).len(), 20);
        assert_eq!(texts(&seen.take_new(spoken(30..41))), ["40"]);
        assert!(seen.take_new(spoken(12..41)).is_empty());
        assert!(seen.take_change().is_none());
        assert_eq!(texts(&seen.take_new(spoken(12..42))), ["41"]);
    }

    #[test]
    fn more_late_messages_at_once_than_can_be_found_are_said_to_be_missing() {
        for (late, found) in [(63, 63), (64, 0)] {
            let mut seen = Short::default();
            seen.take_new(spoken(100..200));
            let listed = spoken((0..late).chain(100..200));
            assert_eq!(seen.take_new(listed.clone()).len(), found);
            assert_eq!(seen.take_change().is_some(), found == 0);
            assert!(seen.take_new(listed).is_empty());
        }
    }

    #[test]
    fn what_is_kept_of_messages_of_one_moment_is_bounded() {
        let mut seen = Short::default();
        let at_once = |texts: std::ops::Range<u32>| -> Vec<_> {
            texts
                .map(|text| message(1.0, "agent", &text.to_string()))
                .collect()
        };
        assert_eq!(seen.take_new(at_once(0..100)).len(), 100);
        assert_eq!(seen.tail.messages, 0);
        assert_eq!(texts(&seen.take_new(at_once(0..102))), ["100", "101"]);
        assert!(seen.take_change().is_none());
    }

    /// What happens to a run, and to what is known of it.
    #[derive(Debug, Clone)]
    enum Happening {
        /// A message is said: how late it is shown, by whom, and with which text.
        Said(u32, bool, bool),
        /// The transcript is listed so: rotated, reversed, twice.
        Read(usize, bool, bool),
        /// It is listed without the oldest.
        Compacted(usize),
        /// All of it is listed again.
        Restored,
        /// What is known is stored, as version 1 or 2, and read again.
        Stored(bool),
    }

    fn happening(may_compact: bool) -> impl Strategy<Value = Happening> {
        let said = (0..30_u32, any::<bool>(), any::<bool>());
        let read = (any::<usize>(), any::<bool>(), any::<bool>());
        let compactions = u32::from(may_compact);
        prop_oneof![
            8 => said.prop_map(|(late, is_user, is_same)| Happening::Said(late, is_user, is_same)),
            4 => read.prop_map(|(by, back, twice)| Happening::Read(by, back, twice)),
            1 => any::<bool>().prop_map(Happening::Stored),
            compactions => (0..20_usize).prop_map(Happening::Compacted),
            compactions => Just(Happening::Restored),
        ]
    }

    /// A run, and what a session with a short tail has emitted of it.
    #[derive(Default)]
    struct History {
        seen: Short,
        clock: u32,
        /// All messages, by their timestamps.
        said: Vec<Message>,
        /// How many of the oldest are not listed, and the keys of those that ever were not.
        hidden: usize,
        ever_hidden: std::collections::BTreeSet<MessageKey>,
        emitted: Vec<Message>,
        changes: usize,
    }

    impl History {
        fn happen(&mut self, happening: &Happening) {
            match *happening {
                Happening::Said(late, is_user, is_same) => self.say(late, is_user, is_same),
                Happening::Read(by, is_back, is_twice) => self.read(by, is_back, is_twice),
                Happening::Compacted(hidden) => {
                    self.hidden = hidden.min(self.said.len());
                    let hidden = self.said[..self.hidden].iter();
                    self.ever_hidden.extend(hidden.map(MessageKey::of));
                }
                Happening::Restored => self.hidden = 0,
                Happening::Stored(is_first_version) => self.store(is_first_version),
            }
        }

        fn say(&mut self, late: u32, is_user: bool, is_same: bool) {
            self.clock += 1;
            // Some have one timestamp.
            let ts = f64::from(self.clock.saturating_sub(late) / 2);
            let text = match is_same {
                true => "the same".to_owned(),
                false => format!("number {}", self.said.len()),
            };
            let said = message(ts, if is_user { "user" } else { "agent" }, &text);
            let place = self.said.partition_point(|other| other.ts <= ts);
            if place < self.hidden {
                self.hidden += 1;
                self.ever_hidden.insert(MessageKey::of(&said));
            }
            self.said.insert(place, said);
        }

        fn read(&mut self, by: usize, is_back: bool, is_twice: bool) {
            let mut listed = self.said[self.hidden..].to_vec();
            if once_each(listed.clone()).len() < listed.len() {
                // As if it was listed twice.
                return;
            }
            if is_twice {
                listed.extend(listed.clone());
            }
            if !listed.is_empty() {
                let by = by % listed.len();
                listed.rotate_left(by);
            }
            if is_back {
                listed.reverse();
            }
            let keys: Vec<_> = listed.iter().map(MessageKey::of).collect();
            let had_news = self.seen.clone().has_news(&keys);
            let new = self.seen.take_new(listed);
            assert!(had_news || new.is_empty(), "not noticed: {new:?}");
            assert!(new.is_sorted_by(|a, b| a.ts <= b.ts));
            self.emitted.extend(new);
            self.changes += usize::from(self.seen.take_change().is_some());
            self.check();
        }

        fn check(&self) {
            let times = |among: &[Message], message: &Message| {
                among.iter().filter(|other| *other == message).count()
            };
            for message in &self.emitted {
                let is_once = times(&self.emitted, message) <= times(&self.said, message);
                assert!(is_once, "repeated: {message:?}");
            }
            assert!(self.changes <= 1, "said {} times", self.changes);
            let changed = self.seen.changed.as_ref().map(|changed| changed.until);
            assert_eq!(self.changes == 1, changed.is_some());
            for message in &self.said[self.hidden..] {
                let key = MessageKey::of(message);
                let is_lost = times(&self.emitted, message) < times(&self.said, message);
                let is_unclear = changed.is_some_and(|until| key <= until);
                if is_lost && !is_unclear {
                    assert!(self.ever_hidden.contains(&key), "lost: {message:?}");
                }
            }
            assert!(self.seen.tail.groups.len() <= 3 && self.seen.tail.messages <= 6);
        }

        fn store(&mut self, is_first_version: bool) {
            let mut stored = serde_json::to_value(&self.seen).unwrap();
            // The first version knew no change.
            if is_first_version && self.seen.changed.is_none() {
                let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
                for message in &self.emitted {
                    let texts = groups.entry(MessageKey::of(message).into()).or_default();
                    texts.push(format!("{:x}", hash(&message.content)));
                }
                stored = serde_json::json!({ "tail": groups });
            }
            let text = stored.to_string();
            self.seen = serde_json::from_str(&text).unwrap();
            self.seen.forget();
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn nothing_is_lost_or_repeated_however_much_is_forgotten(
            happenings in prop::collection::vec(happening(false), 0..80),
        ) {
            let mut history = History::default();
            for happening in &happenings {
                history.happen(happening);
            }
            history.say(0, false, false);
            history.read(0, false, false);
            prop_assert_eq!(history.changes, 0);
            prop_assert_eq!(history.emitted.len(), history.said.len());
        }

        #[test]
        fn nothing_is_repeated_of_what_is_compacted_and_restored(
            happenings in prop::collection::vec(happening(true), 0..80),
        ) {
            let mut history = History::default();
            for happening in &happenings {
                history.happen(happening);
            }
        }
    }
}
