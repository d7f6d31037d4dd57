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

/// Whether it panics on a block string: it takes off as many bytes of each line as the white space before the
/// least indented one has.
fn is_cut_within_a_character(quoted: &str) -> bool {
    const QUOTES: &str = "\"\"\"";

    let Some(text) = quoted
        .strip_prefix(QUOTES)
        .and_then(|it| it.strip_suffix(QUOTES))
    else {
        return false;
    };
    let lines = text.lines().skip(1);
    let filled = lines.clone().filter(|line| !line.trim_start().is_empty());
    let indents = filled.map(|line| line.len() - line.trim_start().len());
    let Some(indent) = indents.min() else {
        return false;
    };
    lines
        .into_iter()
        .any(|line| line.len() >= indent && !line.is_char_boundary(indent))
}

/// What it says. Its places are not those of an editor: a tab is eight columns wide.
fn in_a_line(said: &str) -> String {
    let words: Vec<_> = said.split_whitespace().collect();
    words.join(" ")
}
