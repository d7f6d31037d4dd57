//! Whether a text is a GraphQL document, as strictly as the reference implementation reads it.
//!
//! The parser that documents are executed with does not stop at every error, takes a few texts that
//! the grammar does not have, and refuses descriptions that the grammar has. So a text is held to
//! the grammar here before that parser sees it.
//!
//! [`check`] lets the [`lexer`] make tokens and the [`grammar`] read them, which has what defines
//! types in [`type_grammar`].

mod grammar;
mod lexer;
mod syntax_error;
mod type_grammar;

use std::ops::Range;

pub(crate) use grammar::DEEPEST;
use grammar::Grammar;
use lexer::TokenKind;
pub(crate) use lexer::{MOST_TOKENS, is_name, names};
pub(crate) use syntax_error::{Positions, SyntaxError};

/// Checks a text, and returns what the parser is to read: the same text, with blanks for the
/// descriptions that it does not know.
pub(crate) fn check(text: &str) -> Result<String, SyntaxError> {
    check_up_to(text, MOST_TOKENS)
}

/// The same of a text that may have another number of tokens.
pub(crate) fn check_up_to(text: &str, most_tokens: usize) -> Result<String, SyntaxError> {
    let mut read = text.to_owned();
    for place in descriptions(text, most_tokens)? {
        let blanks = blanks(&text[place.clone()]);
        read.replace_range(place, &blanks);
    }
    Ok(read)
}

/// Where the descriptions of operations, fragments and variables are.
pub(crate) fn descriptions(
    text: &str,
    most_tokens: usize,
) -> Result<Vec<Range<usize>>, SyntaxError> {
    let tokens = lexer::tokens(text, most_tokens)?;
    let mut grammar = Grammar::new(text, &tokens);
    grammar.document()?;
    Ok(grammar.descriptions)
}

/// Where braces, brackets and parentheses are within one another more often than this; if anywhere.
pub(crate) fn first_deeper_than(text: &str, deepest: usize) -> Option<usize> {
    let mut open = 0_usize;
    let tokens = lexer::tokens(text, MOST_TOKENS).unwrap_or_default();
    let deeper = tokens.into_iter().find(|token| {
        match token.kind {
            TokenKind::Punctuator(b'{' | b'[' | b'(') => open += 1,
            TokenKind::Punctuator(b'}' | b']' | b')') => open = open.saturating_sub(1),
            _ => {}
        }
        open > deepest
    });
    deeper.map(|token| token.place.start)
}

/// The block strings of a text, in their quotes.
pub(crate) fn block_strings(text: &str) -> impl Iterator<Item = &str> {
    let tokens = lexer::tokens(text, usize::MAX).unwrap_or_default();
    let blocks = tokens
        .into_iter()
        .filter(|it| it.kind == TokenKind::BlockString);
    blocks.map(|it| &text[it.place])
}

/// Whether a text is one value without variables, and nothing else.
pub(crate) fn is_literal(text: &str) -> bool {
    let tokens = lexer::tokens(text, MOST_TOKENS);
    tokens.is_ok_and(|tokens| Grammar::new(text, &tokens).only_literal().is_ok())
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
