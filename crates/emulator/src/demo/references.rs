//! Which findings a user refers to: "the first one", "all but 2", "it".

use std::collections::BTreeSet;

use super::findings::Finding;
use super::intents::VerbObject;
use super::words::{CARDINALS, ORDINALS, place_in, range};

/// What words mean, findings by their numbers, from 1.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Meant {
    /// These, and the numbers that none has.
    These(BTreeSet<usize>, Vec<String>),
    /// All of these that are open, which are so many if that was said.
    All(BTreeSet<usize>, Option<usize>),
    /// One of these, the next one if it is among them.
    One(BTreeSet<usize>),
    /// The one that was talked about last.
    It,
    /// The next one.
    Next,
    /// Something else than findings.
    Unclear,
}

/// How many numbers that no finding has are named.
const MOST_UNKNOWN: usize = 3;

const ALL: [&str; 13] = [
    "all",
    "both",
    "everything",
    "rest",
    "them",
    "these",
    "those",
    "others",
    "other",
    "findings",
    "tests",
    "issues",
    "problems",
];
const IT: [&str; 3] = ["it", "that", "this"];

/// What a number before it counts: `2 findings`.
const COUNTED: [&str; 5] = ["findings", "tests", "issues", "problems", "ones"];
/// What makes a count of the number behind it: `all 3`.
const COUNTS: [&str; 5] = ["all", "these", "those", "other", "others"];
/// With `one`, this is what is left besides one, or nothing clear.
const NOT_ONE_OF: [&str; 6] = ["all", "both", "everything", "rest", "other", "others"];

/// What says nothing beside the words above.
const EMPTY: [&str; 65] = [
    "the",
    "a",
    "an",
    "of",
    "in",
    "on",
    "to",
    "at",
    "for",
    "with",
    "from",
    "me",
    "us",
    "my",
    "our",
    "your",
    "you",
    "i",
    "we",
    "now",
    "too",
    "also",
    "only",
    "just",
    "as",
    "well",
    "please",
    "next",
    "finding",
    "one",
    "ones",
    "number",
    "test",
    "missing",
    "issue",
    "problem",
    "column",
    "model",
    "fix",
    "does",
    "do",
    "did",
    "is",
    "are",
    "should",
    "matter",
    "matters",
    "important",
    "bad",
    "wrong",
    "reason",
    "why",
    "found",
    "listed",
    "directly",
    "immediately",
    "once",
    "here",
    "touch",
    "change",
    "leave",
    "alone",
    "else",
    "untouched",
    "unchanged",
];

/// What an object means among these findings.
pub(super) fn meant(object: &VerbObject, findings: &[Finding]) -> Meant {
    let mut meant = reading(&object.words, findings, object.must_name);
    if matches!(meant, Meant::It | Meant::Next) && !object.aside.is_empty() {
        let aside = reading(&object.aside, findings, true);
        if let Meant::These(..) = aside {
            meant = aside;
        }
    }
    // `Nothing else` takes nothing away.
    let is_rest = |word: &String| ["else", "anything", "more"].contains(&word.as_str());
    if object.except.iter().all(is_rest) {
        return meant;
    }
    let except = match reading(&object.except, findings, true) {
        Meant::These(except, _) => except,
        // `The first, and not the others` is the first.
        Meant::All(others, _) if others.len() == findings.len() => match meant {
            Meant::These(..) | Meant::One(_) | Meant::It => return meant,
            _ => return Meant::Unclear,
        },
        Meant::All(except, _) => except,
        Meant::One(_) | Meant::It | Meant::Next | Meant::Unclear => {
            return match &meant {
                // `Not it, but fix 2`: one that is named is clear.
                Meant::These(numbers, _) if numbers.len() == 1 => meant,
                _ => Meant::Unclear,
            };
        }
    };
    if meant == Meant::Next {
        meant = Meant::One((1..=findings.len()).collect());
    }
    if let Meant::These(numbers, _) | Meant::All(numbers, _) | Meant::One(numbers) = &mut meant {
        let named = numbers.len();
        numbers.retain(|number| !except.contains(number));
        if numbers.is_empty() && named > 0 {
            return Meant::Unclear;
        }
    }
    meant
}

fn reading(words: &[String], findings: &[Finding], must_name: bool) -> Meant {
    let has = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    let names = |name: fn(&Finding) -> &str| -> Vec<&str> {
        let names = findings.iter().map(name);
        names
            .filter(|name| words.iter().any(|word| word == name))
            .collect()
    };
    let models = names(|finding| &finding.model);
    let kinds = [
        names(|finding| &finding.column),
        names(|finding| finding.test),
        names(|finding| finding.severity),
    ];
    let is_in = |names: &[&str], name: &str| names.is_empty() || names.contains(&name);
    let group: Vec<usize> = numbered(findings)
        .filter(|(_, finding)| is_in(&models, &finding.model))
        .map(|(number, _)| number)
        .collect();
    let count = Count::of(words, &group, findings.len());
    let mut numbers = count.numbers;
    if kinds.iter().any(|names| !names.is_empty()) {
        let [columns, tests, severities] = kinds;
        numbers.extend(group.iter().filter(|number| {
            let finding = &findings[**number - 1];
            is_in(&columns, &finding.column)
                && is_in(&tests, finding.test)
                && is_in(&severities, finding.severity)
        }));
    }
    let is_known = |word: &String| {
        let lists = [&ALL[..], &IT, &EMPTY, &CARDINALS];
        lists.iter().any(|list| list.contains(&word.as_str()))
            || models.contains(&word.as_str())
            || word.parse::<usize>().is_ok()
    };
    let is_plain = words.iter().all(is_known);
    let how_many = match has(&["both"]) {
        true => Some(2),
        false => count.how_many,
    };
    let is_several = how_many.is_some_and(|many| many != 1);
    let group = || group.iter().copied().collect();
    match (numbers.is_empty(), count.unknown.is_empty()) {
        (true, true) if has(&ALL) && !is_plain => Meant::Unclear,
        (true, true) if has(&ALL) && how_many == Some(1) && !has(&NOT_ONE_OF) => {
            Meant::One(group())
        }
        (true, true) if has(&ALL) => Meant::All(group(), how_many),
        (true, true) if has(&IT) => Meant::It,
        (true, true) if !is_plain => Meant::Unclear,
        (true, true) if !models.is_empty() && how_many == Some(1) => Meant::One(group()),
        (true, true) if !models.is_empty() => Meant::All(group(), how_many),
        (true, true) if must_name || is_several => Meant::Unclear,
        (true, true) if how_many == Some(1) => Meant::One(group()),
        (true, true) => Meant::Next,
        (_, true) if count.is_one_of => Meant::One(numbers),
        _ if count.is_one_of || is_several && !has(&ALL) => Meant::Unclear,
        _ => Meant::These(numbers, count.unknown),
    }
}

pub(super) fn numbered(findings: &[Finding]) -> impl Iterator<Item = (usize, &Finding)> {
    (1..).zip(findings)
}

/// The numbers that words say.
#[derive(Default)]
struct Count {
    numbers: BTreeSet<usize>,
    unknown: Vec<String>,
    /// How many are meant, if a number says that and names none.
    how_many: Option<usize>,
    /// One is meant of those that are named.
    is_one_of: bool,
}

impl Count {
    /// Ordinals count in the group, numbers among all.
    fn of(words: &[String], group: &[usize], most: usize) -> Self {
        let mut count = Self::default();
        let word_at = |at: Option<usize>| at.and_then(|at| words.get(at)).map_or("", |it| it);
        for (at, word) in words.iter().enumerate() {
            let before = word_at(at.checked_sub(1));
            let from = word_at(at.checked_sub(2));
            let in_words = place_in(&CARDINALS, word);
            match (before, in_words.or_else(|| word.parse().ok())) {
                ("to" | "through", Some(_)) if from.parse::<usize>().is_ok() => {
                    count.word(&format!("{from}-{word}"), group, most);
                }
                // The finding itself is in already.
                ("first", Some(number)) => count.add(group.iter().take(number)),
                ("last", Some(number)) => count.add(group.iter().rev().take(number)),
                ("finding" | "findings" | "number", Some(number)) if !counts(words, at) => {
                    count.say(number, word, most);
                }
                (before, Some(number)) if counts(words, at) => {
                    // `This one` is not one of several; `one of the 3` is one.
                    if number != 1 || !IT.contains(&before) {
                        count.how_many.get_or_insert(number);
                    }
                }
                (_, Some(number)) if in_words.is_some() => count.say(number, word, most),
                _ if word == "last" => count.add(group.last()),
                _ => count.word(word, group, most),
            }
        }
        let one_of = ["one", "1"].map(|one| words.windows(2).any(|pair| pair == [one, "of"]));
        let one_of = one_of.contains(&true);
        count.is_one_of = words.iter().any(|it| it == "or") || one_of && count.how_many == Some(1);
        count
    }

    fn word(&mut self, word: &str, group: &[usize], most: usize) {
        let suffixes = ["st", "nd", "rd", "th"];
        let stem = suffixes.iter().find_map(|it| word.strip_suffix(it));
        let ordinal = stem.and_then(|stem| stem.parse().ok());
        if let Some(ordinal) = place_in(&ORDINALS, word).or(ordinal) {
            match group.get(ordinal.wrapping_sub(1)) {
                Some(number) => self.add([number]),
                None => self.lacks(ordinal.to_string()),
            }
        } else if let Some((from, to)) = range(word) {
            self.numbers.extend(from.max(1)..=to.min(most));
            let beyond = (from..=to).filter(|number| !(1..=most).contains(number));
            for number in beyond.take(MOST_UNKNOWN) {
                self.lacks(number.to_string());
            }
        } else if let Ok(number) = word.parse() {
            self.say(number, word, most);
        } else if word.starts_with(|c: char| c.is_ascii_digit() || c == '-') {
            self.lacks(word.to_owned());
        }
    }

    fn say(&mut self, number: usize, word: &str, most: usize) {
        match (1..=most).contains(&number) {
            true => self.add([&number]),
            false => self.lacks(word.to_owned()),
        }
    }

    fn add<'a>(&mut self, numbers: impl IntoIterator<Item = &'a usize>) {
        self.numbers.extend(numbers);
    }

    fn lacks(&mut self, number: String) {
        if self.unknown.len() < MOST_UNKNOWN && !self.unknown.contains(&number) {
            self.unknown.push(number);
        }
    }
}

/// Whether the number here says how many are meant, and not which: `two`, `2 of them`, `all 3`.
fn counts(words: &[String], at: usize) -> bool {
    let is_number = |word: &String| {
        place_in(&CARDINALS, word).is_some() || word.starts_with(|c: char| c.is_ascii_digit())
    };
    let before = at.checked_sub(1).and_then(|at| words.get(at));
    let after = words.get(at + 1..).unwrap_or_default();
    let next = after.first();
    let is_listed = before.is_some_and(is_number) || next.is_some_and(is_number);
    let says = |word: Option<&String>, any: &[&str]| word.is_some_and(|it| any.contains(&&**it));
    let is_of_all = says(next, &["of"]) && after.iter().any(|word| says(Some(word), &ALL));
    let is_in_words = place_in(&CARDINALS, &words[at]).is_some();
    let is_named = says(before, &["finding", "findings", "number"]);
    !is_listed
        && (says(next, &COUNTED) || is_of_all || says(before, &COUNTS) || is_in_words && !is_named)
}
