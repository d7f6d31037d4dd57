//! The phrases in which orders are given, and those that make none of them.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Fix,
    /// A fix if its object says so.
    Add,
    Why,
    /// What it is about stays as it is.
    Leave,
    /// Says something with a `don't` alone.
    Touch,
    Check,
    Show,
    GoOn,
}

const VERBS: [(Verb, &[&str]); 8] = [
    (Verb::Fix, &["fix", "repair", "solve", "resolve"]),
    (Verb::Add, &["add", "apply", "correct", "implement"]),
    (Verb::Why, &["why", "explain"]),
    (Verb::Leave, &["leave", "skip", "ignore", "spare"]),
    (Verb::Touch, &["touch", "change", "modify", "edit"]),
    (
        Verb::Check,
        &[
            "check", "look", "focus", "inspect", "review", "examine", "test", "audit",
        ],
    ),
    (
        Verb::Show,
        &["show", "list", "summarise", "summarize", "give"],
    ),
    (
        Verb::GoOn,
        &["continue", "resume", "proceed", "retry", "again"],
    ),
];

pub(super) const GO_ON: [&[&str]; 4] = [
    &["go", "on"],
    &["carry", "on"],
    &["try", "again"],
    &["start", "again"],
];

pub(super) const NEGATORS: [&str; 18] = [
    "not",
    "don't",
    "dont",
    "never",
    "no",
    "nothing",
    "none",
    "neither",
    "without",
    "stop",
    "avoid",
    "mustn't",
    "shouldn't",
    "needn't",
    "can't",
    "cannot",
    "won't",
    "nobody",
];

/// What begins an order not to do what the verb behind it says.
const FORBIDS: [&[&str]; 6] = [
    &["not"],
    &["don't"],
    &["dont"],
    &["never"],
    &["i", "don't", "want", "you", "to"],
    &["i", "do", "not", "want", "you", "to"],
];

/// What, behind a negation, stands for whatever there is.
pub(super) const ANYTHING: [&str; 12] = [
    "anything", "any", "else", "other", "others", "of", "the", "them", "these", "those", "finding",
    "findings",
];
/// What leaves open whether some are meant, or none: `don't fix all`.
pub(super) const ALL: [&str; 3] = ["all", "everything", "both"];

/// What leads, behind a verb, to that which is not meant.
pub(super) const EXCEPT: [&str; 5] = ["except", "besides", "excluding", "than", "instead"];

/// What may stand before a verb that is an order.
const BEFORE: [&[&str]; 34] = [
    &["don't", "forget", "to"],
    &["do", "not", "forget", "to"],
    &["don't", "hesitate", "to"],
    &["i", "want", "you", "to"],
    &["i", "need", "you", "to"],
    &["i'd", "like", "you", "to"],
    &["i", "would", "like", "you", "to"],
    &["feel", "free", "to"],
    &["go", "ahead"],
    &["help", "me", "to"],
    &["help", "me"],
    &["tell", "me"],
    &["you", "can"],
    &["you", "could"],
    &["you", "may"],
    &["you", "should"],
    &["you", "must"],
    &["let's"],
    &["let", "us"],
    &["do"],
    &["now"],
    &["so"],
    &["also"],
    &["just"],
    &["only"],
    &["simply"],
    &["instead"],
    &["please"],
    &["ok"],
    &["okay"],
    &["yes"],
    &["great"],
    &["thanks"],
    &["first"],
];

/// What makes an order out of a question.
const REQUESTS: [&[&str]; 4] = [
    &["can", "you"],
    &["could", "you"],
    &["would", "you"],
    &["will", "you"],
];

/// What stands between two parts of a clause, each of which can be an order.
pub(super) const BETWEEN: [&str; 4] = ["and", "then", "or", "but"];

/// What asks for the state of things, with one of the words below.
const ASKS: [&str; 4] = ["which", "what", "what's", "how"];
const STATE: [&str; 11] = [
    "open",
    "fixed",
    "left",
    "done",
    "remaining",
    "remains",
    "missing",
    "find",
    "found",
    "findings",
    "status",
];

/// What asks for what is fixed, and what turns that around.
pub(super) const FIXED: [&str; 2] = ["fixed", "done"];
pub(super) const OPEN: [&str; 4] = ["open", "left", "remaining", "missing"];

/// What shows that a part is a sentence of its own, and does not say more of what a verb is about.
pub(super) const SUBJECTS: [&str; 6] = ["i", "it", "we", "you", "they", "is"];

/// How many words say more of what a verb is about, at most.
pub(super) const MORE: usize = 4;

pub(super) fn forbids(words: &[String], verb: usize) -> bool {
    FORBIDS
        .iter()
        .any(|it| it.len() == verb && begins(words, it))
}

pub(super) fn asks_for_state(words: &[String]) -> bool {
    let asks = words.first().is_some_and(|first| is_one(&ASKS, first));
    asks && words.iter().any(|word| is_one(&STATE, word))
}

pub(super) fn verb(word: &str) -> Option<Verb> {
    let found = VERBS.iter().find(|(_, words)| words.contains(&word));
    found.map(|(verb, _)| *verb)
}

pub(super) fn is_one(words: &[&str], word: &str) -> bool {
    words.contains(&word)
}

pub(super) fn begins(words: &[String], with: &[&str]) -> bool {
    words.len() >= with.len() && words.iter().zip(with).all(|(word, with)| word == with)
}

/// Words without what may stand before an order, and whether a question is one.
pub(super) fn stripped(mut words: &[String]) -> (&[String], bool) {
    let mut is_request = false;
    loop {
        let request = REQUESTS.iter().find(|it| begins(words, it));
        let before = BEFORE.iter().find(|it| begins(words, it));
        is_request |= request.is_some();
        match request.or(before) {
            Some(found) => words = &words[found.len()..],
            None => return (words, is_request),
        }
    }
}
