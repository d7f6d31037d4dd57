//! Whether a text is a GraphQL document, as strictly as the reference implementation reads it.
//!
//! The parser that documents are executed with goes on after an error where it can, takes a few
//! texts that the grammar does not have, and refuses descriptions that the grammar has. So a text
//! is held to the grammar here before that parser sees it.
//!
//! The [`lexer`] makes tokens, the [`grammar`] reads them, and has what defines types in
//! [`type_system`].

mod grammar;
mod lexer;
mod positions;
mod type_system;

use std::collections::HashSet;

use apollo_compiler::response::{GraphQLError, JsonMap};

use grammar::Grammar;
pub(crate) use positions::Positions;

/// The most tokens that a document may have: a thousand aliased runs fit in several times over.
pub(crate) const MOST_TOKENS: usize = 100_000;

/// How deep selections, values and types may nest.
pub(crate) const DEEPEST: usize = 200;

/// Why a text is not a document.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SyntaxError {
    message: String,
    /// Where in the text, in bytes.
    at: usize,
}

impl SyntaxError {
    fn new(message: impl Into<String>, at: usize) -> Self {
        Self {
            message: message.into(),
            at,
        }
    }

    /// The error that a response says.
    pub(crate) fn into_error(self, text: &str) -> GraphQLError {
        GraphQLError {
            message: format!("Syntax Error: {}", self.message),
            locations: vec![Positions::of(text).line_column(self.at)],
            path: Vec::new(),
            extensions: JsonMap::new(),
        }
    }
}

/// Whether a text is a name.
pub(crate) fn is_name(text: &str) -> bool {
    let first = text.bytes().next();
    first.is_some_and(lexer::is_name_start) && text.bytes().all(lexer::is_name_continue)
}

/// The names in a text, whatever they stand for, with words that only could be one.
pub(crate) fn names(text: &str) -> HashSet<&str> {
    let is_part = |character| u8::try_from(character).is_ok_and(lexer::is_name_continue);
    text.split(|character: char| !is_part(character)).collect()
}

/// Checks a text, and returns what the parser is to read: the same text, with blanks for the
/// descriptions that it does not know.
pub(crate) fn check(text: &str) -> Result<String, SyntaxError> {
    let tokens = lexer::tokens(text, MOST_TOKENS)?;
    let mut grammar = Grammar::new(text, &tokens);
    grammar.document()?;
    let mut read = text.to_owned();
    for place in grammar.descriptions {
        let blanks = blanks(&text[place.clone()]);
        read.replace_range(place, &blanks);
    }
    Ok(read)
}

/// As many bytes, on as many lines.
fn blanks(text: &str) -> String {
    let blank = |byte| {
        if byte == b'\n' || byte == b'\r' {
            char::from(byte)
        } else {
            ' '
        }
    };
    text.bytes().map(blank).collect()
}
