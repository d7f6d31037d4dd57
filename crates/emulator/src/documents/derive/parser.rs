//! The derive's parser, which is older than the language here: whether it reads a text.

use crate::graphql::syntax;

/// Reads type definitions, or says why not.
pub(super) fn reads_schema(text: &str) -> Result<(), String> {
    reads(text, |text| {
        graphql_parser::parse_schema::<&str>(text).map(drop)
    })
}

/// Reads operations and fragments, or says why not.
pub(super) fn reads_document(text: &str) -> Result<(), String> {
    reads(text, |text| {
        graphql_parser::parse_query::<&str>(text).map(drop)
    })
}

fn reads<E: std::fmt::Display>(
    text: &str,
    parse: impl Fn(&str) -> Result<(), E>,
) -> Result<(), String> {
    if syntax::block_strings(text).any(is_cut_within_a_character) {
        return Err("a panic, since a block string is indented by wide white space".to_owned());
    }
    parse(text).map_err(|error| in_a_line(&error.to_string()))
}

/// Whether it panics on a block string: from the first to the last line that is not empty it takes off as many
/// bytes as the white space before the least indented one has, but for the line of the quotes.
fn is_cut_within_a_character(quoted: &str) -> bool {
    const QUOTES: &str = "\"\"\"";

    let text = quoted.strip_prefix(QUOTES);
    let Some(text) = text.and_then(|it| it.strip_suffix(QUOTES)) else {
        return false;
    };
    let is_filled = |line: &&str| !line.trim_start().is_empty();
    let lines: Vec<_> = text.lines().collect();
    let filled = lines.iter().skip(1).filter(|line| is_filled(line));
    let indents = filled.map(|line| line.len() - line.trim_start().len());
    let (Some(indent), Some(first), Some(last)) = (
        indents.min(),
        lines.iter().position(&is_filled),
        lines.iter().rposition(&is_filled),
    ) else {
        return false;
    };
    lines[first.max(1)..=last]
        .iter()
        .any(|line| line.len() >= indent && !line.is_char_boundary(indent))
}

/// What it says. Its places are not those of an editor: a tab is eight columns wide.
fn in_a_line(said: &str) -> String {
    let words: Vec<_> = said.split_whitespace().collect();
    words.join(" ")
}
