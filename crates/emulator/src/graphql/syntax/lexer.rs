//! A document's text as tokens, and what is a name in it.

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;

use super::syntax_error::SyntaxError;

/// The most tokens that a document may have: a thousand aliased runs fit in several times over.
pub(crate) const MOST_TOKENS: usize = 100_000;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// One of `! $ & ( ) : = @ [ ] { | }`, and `.` for `...`.
    Punctuator(u8),
    Name,
    Int,
    Float,
    String,
    BlockString,
    /// Behind the last one.
    End,
}

impl fmt::Display for TokenKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Punctuator(b'.') => formatter.write_str("\"...\""),
            Self::Punctuator(sign) => write!(formatter, "\"{}\"", char::from(*sign)),
            Self::Name => formatter.write_str("Name"),
            Self::Int => formatter.write_str("Int"),
            Self::Float => formatter.write_str("Float"),
            Self::String => formatter.write_str("String"),
            Self::BlockString => formatter.write_str("BlockString"),
            Self::End => formatter.write_str("<EOF>"),
        }
    }
}

/// A token and where it is in the text, in bytes.
#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) place: Range<usize>,
}

/// The tokens of a text, [`TokenKind::End`] last. More than `most` are refused.
pub(super) fn tokens(text: &str, most: usize) -> Result<Vec<Token>, SyntaxError> {
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens = Vec::new();
    while let Some(token) = lexer.next()? {
        if tokens.len() == most {
            let message = format!("Document contains more than {most} tokens. Parsing aborted.");
            return Err(SyntaxError::new(message, token.place.start));
        }
        tokens.push(token);
    }
    tokens.push(Token {
        kind: TokenKind::End,
        place: text.len()..text.len(),
    });
    Ok(tokens)
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    fn next(&mut self) -> Result<Option<Token>, SyntaxError> {
        self.skip_ignored();
        let start = self.at;
        let Some(first) = self.peek() else {
            return Ok(None);
        };
        let kind = match first {
            b'!' | b'$' | b'&' | b'(' | b')' | b':' | b'=' | b'@' | b'[' | b']' | b'{' | b'|'
            | b'}' => {
                self.at += 1;
                TokenKind::Punctuator(first)
            }
            b'.' if self.rest().starts_with("...") => {
                self.at += 3;
                TokenKind::Punctuator(b'.')
            }
            b'"' if self.rest().starts_with("\"\"\"") => self.block_string()?,
            b'"' => self.string()?,
            b'-' | b'0'..=b'9' => self.number()?,
            first if is_name_start(first) => {
                while self.peek().is_some_and(is_name_continue) {
                    self.at += 1;
                }
                TokenKind::Name
            }
            _ => {
                let shown = self.shown_here();
                return Err(SyntaxError::new(
                    format!("Unexpected character: {shown}."),
                    start,
                ));
            }
        };
        Ok(Some(Token {
            kind,
            place: start..self.at,
        }))
    }

    /// White space, line ends, commas, byte-order marks and comments, wherever they are.
    fn skip_ignored(&mut self) {
        loop {
            let rest = self.rest();
            let blank = rest.trim_start_matches([' ', '\t', '\n', '\r', ',', '\u{feff}']);
            let ignored = match blank.strip_prefix('#') {
                Some(comment) => {
                    let end = comment.find(['\n', '\r']).unwrap_or(comment.len());
                    rest.len() - comment.len() + end
                }
                None => rest.len() - blank.len(),
            };
            if ignored == 0 {
                return;
            }
            self.at += ignored;
        }
    }

    fn number(&mut self) -> Result<TokenKind, SyntaxError> {
        let mut kind = TokenKind::Int;
        self.take(b"-");
        if self.take(b"0") {
            if self.peek().is_some_and(|next| next.is_ascii_digit()) {
                let shown = self.shown_here();
                let message = format!("Invalid number, unexpected digit after 0: {shown}.");
                return Err(SyntaxError::new(message, self.at));
            }
        } else {
            self.digits()?;
        }
        if self.take(b".") {
            kind = TokenKind::Float;
            self.digits()?;
        }
        if self.take(b"eE") {
            kind = TokenKind::Float;
            self.take(b"+-");
            self.digits()?;
        }
        // `1a` is not a number and a name.
        if self
            .peek()
            .is_some_and(|next| next == b'.' || is_name_start(next))
        {
            return Err(self.no_digit());
        }
        Ok(kind)
    }

    fn digits(&mut self) -> Result<(), SyntaxError> {
        if !self.peek().is_some_and(|next| next.is_ascii_digit()) {
            return Err(self.no_digit());
        }
        while self.peek().is_some_and(|next| next.is_ascii_digit()) {
            self.at += 1;
        }
        Ok(())
    }

    fn no_digit(&self) -> SyntaxError {
        let shown = self.shown_here();
        let message = format!("Invalid number, expected digit but got: {shown}.");
        SyntaxError::new(message, self.at)
    }

    fn string(&mut self) -> Result<TokenKind, SyntaxError> {
        self.at += 1;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(TokenKind::String);
                }
                Some(b'\\') => self.escape()?,
                None | Some(b'\n' | b'\r') => return Err(self.unterminated()),
                // A byte of a longer character is none of the above.
                Some(_) => self.at += 1,
            }
        }
    }

    fn escape(&mut self) -> Result<(), SyntaxError> {
        let escape = &self.rest()[1..];
        let size = match escape.as_bytes().first() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Some(2),
            Some(b'u') => match escape.strip_prefix("u{") {
                Some(digits) => variable_width(digits).map(|size| size + 3),
                None => fixed_width(escape),
            },
            _ => None,
        };
        match size {
            Some(size) => {
                self.at += size;
                Ok(())
            }
            None => {
                let kind = if escape.starts_with('u') {
                    "Unicode"
                } else {
                    "character"
                };
                let shown = escape
                    .chars()
                    .next()
                    .map_or("", |first| &escape[..first.len_utf8()]);
                let message = format!("Invalid {kind} escape sequence: \"\\{shown}\".");
                Err(SyntaxError::new(message, self.at))
            }
        }
    }

    fn block_string(&mut self) -> Result<TokenKind, SyntaxError> {
        self.at += 3;
        loop {
            let rest = self.rest();
            let Some(next) = rest.find(['\\', '"']) else {
                self.at = self.text.len();
                return Err(self.unterminated());
            };
            let rest = &rest[next..];
            self.at += next;
            if rest.starts_with("\"\"\"") {
                self.at += 3;
                return Ok(TokenKind::BlockString);
            }
            self.at += if rest.starts_with("\\\"\"\"") { 4 } else { 1 };
        }
    }

    fn unterminated(&self) -> SyntaxError {
        SyntaxError::new("Unterminated string.", self.at)
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Goes past the next byte if it is one of these.
    fn take(&mut self, any_of: &[u8]) -> bool {
        let taken = self.peek().is_some_and(|next| any_of.contains(&next));
        self.at += usize::from(taken);
        taken
    }

    fn shown_here(&self) -> String {
        match self.rest().chars().next() {
            None => TokenKind::End.to_string(),
            Some('"') => "'\"'".to_owned(),
            Some(next @ ' '..='~') => format!("\"{next}\""),
            Some(next) => format!("U+{:04X}", u32::from(next)),
        }
    }
}

/// How long the rest of `\u{…}` is: one to eight digits that name a character, and the brace.
fn variable_width(rest: &str) -> Option<usize> {
    let digits = rest.bytes().take_while(u8::is_ascii_hexdigit).count();
    let is_closed = rest.as_bytes().get(digits) == Some(&b'}');
    if !(1..=8).contains(&digits) || !is_closed {
        return None;
    }
    let code = u32::from_str_radix(&rest[..digits], 16).ok()?;
    char::from_u32(code).map(|_| digits + 1)
}

/// How long `\uXXXX` is, from its backslash, or a pair of them that names one character.
fn fixed_width(escape: &str) -> Option<usize> {
    let code = four_digits(escape)?;
    match code {
        0xd800..=0xdbff => {
            let second = four_digits(escape.get(5..)?.strip_prefix('\\')?)?;
            (0xdc00..=0xdfff).contains(&second).then_some(12)
        }
        0xdc00..=0xdfff => None,
        _ => Some(6),
    }
}

fn four_digits(escape: &str) -> Option<u32> {
    let digits = escape.strip_prefix('u')?.get(..4)?;
    let all = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    all.then(|| u32::from_str_radix(digits, 16).ok()).flatten()
}

fn is_name_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_'
}

fn is_name_continue(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Whether a text is a name.
pub(crate) fn is_name(text: &str) -> bool {
    let first = text.bytes().next();
    first.is_some_and(is_name_start) && text.bytes().all(is_name_continue)
}

/// The names in a text, whatever they stand for, with words that only could be one.
pub(crate) fn names(text: &str) -> HashSet<&str> {
    let is_part = |character| u8::try_from(character).is_ok_and(is_name_continue);
    text.split(|character: char| !is_part(character)).collect()
}
