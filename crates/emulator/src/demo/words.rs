//! A user's words: the sentences of a text, the models and the numbers that they name, and how they are
//! quoted.

/// How many bytes of a text are looked at.
const READ: usize = 2_000;

/// How many characters of a text are quoted.
const QUOTED: usize = 60;

/// How models are named that a dbt project has in its layers.
const LAYERS: [&str; 8] = [
    "base_", "stg_", "int_", "fct_", "fact_", "dim_", "mart_", "rpt_",
];

/// What else has an underscore: tests, and the endings of columns.
const TESTS: [&str; 5] = [
    "not_null",
    "accepted_values",
    "accepted_range",
    "not_constant",
    "unique_combination_of_columns",
];
const COLUMNS: [&str; 6] = ["_id", "_at", "_date", "_key", "_amount", "_name"];

/// What is looked at if no model is named, the first that the text does not have.
const UNNAMED: [&str; 2] = ["stg_orders", "stg_customers"];

/// How many models are looked at in one turn.
pub(super) const MOST: usize = 3;

/// The longest name that is taken for a model's: PostgreSQL's limit.
const LONGEST: usize = 63;

/// The start of a text: as much of it as is looked at.
pub(super) fn beginning(text: &str) -> &str {
    let ends = text.char_indices().map(|(start, c)| start + c.len_utf8());
    let end = ends.take_while(|end| *end <= READ).last();
    &text[..end.unwrap_or_default()]
}

/// A sentence: its clauses, each a list of words in lower case.
#[derive(Default)]
pub(super) struct Sentence {
    pub(super) clauses: Vec<Vec<String>>,
    pub(super) is_question: bool,
}

/// The sentences of a text.
pub(super) fn sentences(text: &str) -> Vec<Sentence> {
    let mut sentences = Vec::new();
    let mut sentence = Sentence::default();
    let mut clause = Vec::new();
    for piece in beginning(text).split_inclusive(char::is_whitespace) {
        let ends_line = piece.ends_with('\n');
        let piece = piece.trim();
        let bare = piece.trim_end_matches(|c: char| !c.is_alphanumeric());
        clause.extend(words(bare));
        // What stands behind the last letter of a piece, which may end something.
        let mark = &piece[bare.len()..];
        let ends_sentence = ends_line || mark.contains(['.', '!', '?', ';']);
        if ends_sentence || mark.contains([',', ':', ')', '–', '—']) {
            sentence.clauses.push(std::mem::take(&mut clause));
        }
        if ends_sentence {
            sentence.is_question = mark.contains('?');
            sentences.push(std::mem::take(&mut sentence));
        }
    }
    sentence.clauses.push(clause);
    sentences.push(sentence);
    sentences
}

/// The words of a piece without white space, in lower case. What is written as a number or as a
/// range of them is one word.
fn words(piece: &str) -> Vec<String> {
    let piece = piece.to_lowercase().replace('’', "'").replace('–', "-");
    let bare = piece.trim_start_matches(|c: char| !c.is_alphanumeric() && c != '-');
    let is_number = |c: char| c.is_ascii_digit() || c == '.' || c == '-';
    if bare.contains(|c: char| c.is_ascii_digit()) && bare.chars().all(is_number) {
        return vec![bare.to_owned()];
    }
    bare.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '\'')
        .map(|word| word.trim_matches(['_', '\'']))
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Whether a word is the name of a model in a layer.
pub(super) fn is_in_layer(word: &str) -> bool {
    is_model(word) && LAYERS.iter().any(|layer| word.starts_with(layer))
}

/// Whether a word is spelt like a model.
pub(super) fn is_model(word: &str) -> bool {
    word.is_ascii()
        && word.len() <= LONGEST
        && word.contains('_')
        && !TESTS.contains(&word)
        && !COLUMNS.iter().any(|ending| word.ends_with(ending))
}

/// The model that is looked at if a text names none.
pub(super) fn unnamed(text: &str) -> &'static str {
    let text = beginning(text).to_lowercase();
    let free = UNNAMED.iter().find(|model| !text.contains(*model));
    free.unwrap_or(&UNNAMED[0])
}

/// What a model is about, as one of it: `order` for `stg_orders`.
pub(super) fn entity(model: &str) -> String {
    let layer = LAYERS.iter().find_map(|layer| model.strip_prefix(layer));
    let plural = layer.unwrap_or(model);
    match (plural.strip_suffix("ies"), plural.strip_suffix('s')) {
        (Some(stem), _) => format!("{stem}y"),
        (None, Some(stem)) if !stem.ends_with('s') => stem.to_owned(),
        _ => plural.to_owned(),
    }
}

/// A text on one line, in quotation marks; the start of one that is long.
pub(super) fn quoted(text: &str) -> String {
    format!("“{}”", short(text))
}

/// The same without the marks.
pub(super) fn short(text: &str) -> String {
    let line = beginning(text)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    // What would begin or end a piece of code, or a cell of a table, in Markdown.
    let line = line.replace(['`', '|'], "'");
    match line.char_indices().nth(QUOTED) {
        Some((end, _)) => format!("{}…", line[..end].trim_end()),
        None => line,
    }
}

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
pub(super) fn place_in(words: &[&str], word: &str) -> Option<usize> {
    let place = words.iter().position(|it| *it == word);
    place.map(|place| place + 1)
}

/// The ends of a range such as `2-4`.
pub(super) fn range(word: &str) -> Option<(usize, usize)> {
    let (from, to) = word.split_once('-')?;
    Some((from.parse().ok()?, to.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_about_one_of_its_rows() {
        for (model, expected) in [
            ("stg_orders", "order"),
            ("dim_countries", "country"),
            ("fct_order_items", "order_item"),
            ("int_address", "address"),
            ("my_table", "my_table"),
        ] {
            assert_eq!(entity(model), expected);
        }
    }

    #[test]
    fn what_is_quoted_is_one_short_line_and_no_markdown() {
        assert_eq!(quoted("Fix\r\n  it"), "“Fix it”");
        assert_eq!(quoted("```\n| a |"), "“''' ' a '”");
        let long = quoted(&"ä".repeat(1_000_000));
        assert_eq!(long.chars().count(), QUOTED + 3);
    }
}
