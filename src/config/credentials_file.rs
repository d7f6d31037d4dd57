//! What a credentials file says: read as the vendor's command reads it, which is python-dotenv's
//! `load_dotenv(override=False)`.
//!
//! - A statement is `NAME=value`, or `export NAME=value`; the last one of a name counts.
//! - A value without quotes ends with its line, or before a `#` that follows white space.
//! - A value in quotes goes on to the closing quote, over lines, too. A backslash escapes: in
//!   single quotes a quote or a backslash, in double quotes also `\n`, `\t` and their like.
//! - `${NAME}` and `${NAME:-default}` stand for what the environment, or else the file above, sets
//!   `NAME` to: in every value, whatever its quotes.
//! - What is no statement is passed over, to the end of its line. So is a name without a `=`, but
//!   it takes an earlier value of its name away.
//! - A byte-order mark is no part of the text, and a carriage return ends a line.

use std::collections::HashMap;

/// What a credentials file says.
#[derive(Default, PartialEq)]
pub(crate) struct Content {
    values: HashMap<String, Option<String>>,
    /// The lines that set nothing though they are neither blank nor comments, counted from 1.
    pub(crate) unread: Vec<usize>,
}

impl Content {
    /// Reads a text, with what the environment has for a name.
    pub(crate) fn read(text: &str, environment: impl Fn(&str) -> Option<String>) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        let mut reader = Reader {
            text: &text,
            line: 1,
        };
        let mut content = Self::default();
        loop {
            reader.take_while(is_space);
            let line = reader.line;
            if reader.text.is_empty() {
                return content;
            }
            match reader.statement() {
                Some(Statement::Comment) => {}
                Some(Statement::Name { name, value }) => {
                    let value = value.and_then(|value| content.expand(&value, &environment));
                    if value.is_none() {
                        content.unread.push(line);
                    }
                    content.values.insert(name, value);
                }
                None => {
                    content.unread.push(line);
                    reader.take_while(|character| character != '\n');
                }
            }
        }
    }

    /// The value that the file sets a name to.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name)?.as_deref()
    }

    /// All that the file sets.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn values(&self) -> impl Iterator<Item = (&str, &str)> {
        let values = self.values.iter();
        values.filter_map(|(name, value)| Some((name.as_str(), value.as_deref()?)))
    }

    /// A value with the variables in it replaced. `None` where that makes it longer than any
    /// setting: each line can double the one above.
    fn expand(&self, value: &str, environment: &impl Fn(&str) -> Option<String>) -> Option<String> {
        const LONGEST: usize = 64 * 1024;
        let mut expanded = String::new();
        let mut rest = value;
        while let Some((before, after)) = rest.split_once("${") {
            expanded.push_str(before);
            let Some(variable) = Variable::at(after) else {
                expanded.push_str("${");
                rest = after;
                continue;
            };
            let above = || self.values.get(variable.name).cloned();
            match environment(variable.name).map(Some).or_else(above) {
                Some(value) => expanded.push_str(value.as_deref().unwrap_or_default()),
                None => expanded.push_str(variable.default),
            }
            if expanded.len() > LONGEST {
                return None;
            }
            rest = variable.after;
        }
        Some(expanded + rest)
    }
}

/// The line that sets a name to this value, for our reader and the vendor's. `None` where none
/// does: what looks like `${NAME}` is replaced whatever its quotes.
pub(crate) fn line(name: &str, value: &str) -> Option<String> {
    let escaped = value.replace('\\', "\\\\").replace('\'', "\\'");
    let lines = [format!("{name}={value}\n"), format!("{name}='{escaped}'\n")];
    lines.into_iter().find(|line| {
        let content = Content::read(line, |_| None);
        content.unread.is_empty() && content.get(name) == Some(value)
    })
}

enum Statement {
    Comment,
    /// A name, and its value if there is a `=`.
    Name {
        name: String,
        value: Option<String>,
    },
}

/// Reads statement by statement: what is left of the text, and the line in which that begins.
struct Reader<'a> {
    text: &'a str,
    line: usize,
}

impl<'a> Reader<'a> {
    /// One statement and the end of its line; `None` if it is none.
    fn statement(&mut self) -> Option<Statement> {
        if let Some(after) = self.text.strip_prefix("export")
            && after.starts_with(is_blank)
        {
            self.take("export".len());
            self.take_while(is_blank);
        }
        let name =
            match self.text.chars().next() {
                Some('#') => None,
                Some('\'') => {
                    let (name, _) = self.text[1..].split_once('\'')?;
                    self.take(name.len() + 2);
                    Some(name)
                }
                _ => Some(self.take_while(|character| {
                    !matches!(character, '=' | '#') && !is_space(character)
                })),
            };
        if name == Some("") {
            return None;
        }
        self.take_while(is_blank);
        let mut value = None;
        if self.text.starts_with('=') {
            self.take(1);
            let has_gap = !self.take_while(is_blank).is_empty();
            value = Some(match self.text.chars().next() {
                Some('#') if has_gap => String::new(),
                Some(quote @ ('\'' | '"')) => self.quoted(quote)?,
                _ => self.unquoted().to_owned(),
            });
        }
        self.take_while(is_blank);
        if self.text.starts_with('#') {
            self.take_while(|character| character != '\n');
        }
        if !self.text.is_empty() && !self.text.starts_with('\n') {
            return None;
        }
        Some(match name {
            Some(name) => Statement::Name {
                name: name.to_owned(),
                value,
            },
            None => Statement::Comment,
        })
    }

    fn unquoted(&mut self) -> &'a str {
        let line = self.take_while(|character| character != '\n');
        let is_comment = |(place, _): &(usize, &str)| line[..*place].ends_with(is_space);
        let value = match line.match_indices('#').find(is_comment) {
            Some((place, _)) => &line[..place],
            None => line,
        };
        value.trim_end_matches(is_space)
    }

    /// The value that begins with this quote; `None`, with nothing taken, if it does not end.
    fn quoted(&mut self, quote: char) -> Option<String> {
        let mut value = String::new();
        let mut characters = self.text.char_indices().skip(1);
        while let Some((place, character)) = characters.next() {
            if character == quote {
                self.take(place + 1);
                return Some(value);
            }
            if character != '\\' {
                value.push(character);
                continue;
            }
            let (_, escaped) = characters.next()?;
            match unescaped(escaped, quote) {
                Some(character) => value.push(character),
                None => value.extend(['\\', escaped]),
            }
        }
        None
    }

    fn take_while(&mut self, is_taken: impl Fn(char) -> bool) -> &'a str {
        let end = self.text.find(|character| !is_taken(character));
        self.take(end.unwrap_or(self.text.len()))
    }

    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.text.split_at(length);
        self.text = rest;
        self.line += taken.matches('\n').count();
        taken
    }
}

/// What a backslash before a character stands for in these quotes, if for anything.
fn unescaped(character: char, quote: char) -> Option<char> {
    Some(match (character, quote) {
        ('\\' | '\'', _) | ('"', '"') => character,
        ('a', '"') => '\u{7}',
        ('b', '"') => '\u{8}',
        ('f', '"') => '\u{c}',
        ('n', '"') => '\n',
        ('r', '"') => '\r',
        ('t', '"') => '\t',
        ('v', '"') => '\u{b}',
        _ => return None,
    })
}

/// A variable in a value.
struct Variable<'a> {
    name: &'a str,
    default: &'a str,
    after: &'a str,
}

impl<'a> Variable<'a> {
    /// The variable whose `${` stands before this text.
    fn at(text: &'a str) -> Option<Self> {
        let (name, rest) = text.split_at(text.find(['}', ':'])?);
        let (default, after) = match rest.strip_prefix('}') {
            Some(after) => ("", after),
            None => rest.strip_prefix(":-")?.split_once('}')?,
        };
        Some(Self {
            name,
            default,
            after,
        })
    }
}

/// White space as Python has it.
fn is_space(character: char) -> bool {
    character.is_whitespace() || matches!(character, '\u{1c}'..='\u{1f}')
}

/// White space within a line.
fn is_blank(character: char) -> bool {
    character != '\n' && is_space(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_statement_is_known_by_its_line() {
        let text = "\n# comment\nstray text\n\nA=1\nB=\"a\nb\" tail\n  C\nD='a\nb'\n= x\n";
        let content = Content::read(text, |_| None);
        assert_eq!(content.unread, [3, 6, 8, 11]);
        let values: HashMap<_, _> = content.values().collect();
        assert_eq!(values, HashMap::from([("A", "1"), ("D", "a\nb")]));
    }

    /// Else sixty short lines would make a value that no memory can hold.
    #[test]
    fn a_value_that_grows_with_each_line_is_given_up() {
        let text = "A=aaaaaaaa\n".to_owned() + &"A=${A}${A}\n".repeat(60);
        let content = Content::read(&text, |_| None);
        assert_eq!(content.unread.first(), Some(&15));
    }
}
