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

pub(crate) use grammar::DEEPEST;
use grammar::Grammar;
pub(crate) use lexer::{MOST_TOKENS, is_name, names};
pub(crate) use syntax_error::{Positions, SyntaxError};

/// Checks a text, and returns what the parser is to read: the same text, with blanks for the
/// descriptions that it does not know.
pub(crate) fn check(text: &str) -> Result<String, SyntaxError> {
    check_up_to(text, MOST_TOKENS)
}

/// The same of a text that may have another number of tokens.
pub(crate) fn check_up_to(text: &str, most_tokens: usize) -> Result<String, SyntaxError> {
    let tokens = lexer::tokens(text, most_tokens)?;
    let mut grammar = Grammar::new(text, &tokens);
    grammar.document()?;
    let mut read = text.to_owned();
    for place in grammar.descriptions {
        let blanks = blanks(&text[place.clone()]);
        read.replace_range(place, &blanks);
    }
    Ok(read)
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
