//! Numbers in words: how a user names a finding by its number.

pub(super) const ORDINALS: [&str; 10] = [
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth",
];
pub(super) const CARDINALS: [&str; 10] = [
    "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
];

/// Whether words are the numbers of findings, or what is left of them, and nothing else.
pub(super) fn is_number(words: &[String]) -> bool {
    let is_one = |list: &[&str], word: &String| list.contains(&word.as_str());
    let names = |word: &String| {
        let lists = [
            &ORDINALS[..],
            &CARDINALS,
            &["last", "rest", "other", "others"],
        ];
        lists.iter().any(|list| is_one(list, word)) || word.parse::<usize>().is_ok()
    };
    let leads = [
        "the", "just", "only", "finding", "findings", "number", "ones",
    ];
    words.iter().any(names) && words.iter().all(|word| names(word) || is_one(&leads, word))
}

/// The place of a word in a list, from 1.
pub(super) fn place(words: &[&str], word: &str) -> Option<usize> {
    let place = words.iter().position(|it| *it == word);
    place.map(|place| place + 1)
}

/// The ends of a range such as `2-4`.
pub(super) fn range(word: &str) -> Option<(usize, usize)> {
    let (from, to) = word.split_once('-')?;
    Some((from.parse().ok()?, to.parse().ok()?))
}
