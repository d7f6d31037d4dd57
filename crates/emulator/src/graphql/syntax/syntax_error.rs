//! Why a text is not a document ([`SyntaxError`]), and where ([`Positions`]): lines and columns as the
//! reference implementation counts them, a column being a UTF-16 unit.

use apollo_compiler::parser::LineColumn;
use apollo_compiler::response::{GraphQLError, JsonMap};

/// Why a text is not a document.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SyntaxError {
    message: String,
    /// Where in the text, in bytes.
    at: usize,
}

impl SyntaxError {
    pub(super) fn new(message: impl Into<String>, at: usize) -> Self {
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

/// How many bytes of a line are counted again at the most.
const SPACING: usize = 64;

/// Where the lines of a text begin; and in long lines, where a number of columns is known.
pub(crate) struct Positions<'a> {
    text: &'a str,
    marks: Vec<Mark>,
}

#[derive(Clone, Copy)]
struct Mark {
    /// In bytes.
    at: usize,
    line: usize,
    column: usize,
}

impl<'a> Positions<'a> {
    pub(crate) fn of(text: &'a str) -> Self {
        let mut current = Mark {
            at: 0,
            line: 1,
            column: 1,
        };
        let mut marks = vec![current];
        let mut characters = text.char_indices().peekable();
        while let Some((at, character)) = characters.next() {
            let end = at + character.len_utf8();
            // The first half of a line's end that has two.
            let is_half = character == '\r' && characters.peek().is_some_and(|it| it.1 == '\n');
            let ends_line = matches!(character, '\n' | '\r') && !is_half;
            current = Mark {
                at: end,
                line: current.line + usize::from(ends_line),
                column: if ends_line {
                    1
                } else {
                    current.column + character.len_utf16()
                },
            };
            let last = marks.last().map_or(0, |mark| mark.at);
            if ends_line || end - last >= SPACING {
                marks.push(current);
            }
        }
        Self { text, marks }
    }

    /// The line and the column of a place in bytes, both from 1.
    pub(crate) fn line_column(&self, at: usize) -> LineColumn {
        let next = self.marks.partition_point(|mark| mark.at <= at);
        // The first mark is at 0.
        let mark = self.marks[next.saturating_sub(1)];
        let between = self.text.get(mark.at..at).unwrap_or_default();
        LineColumn {
            line: mark.line,
            column: mark.column + between.encode_utf16().count(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_as_in_graphql_and_columns_are_utf_16_units() {
        let text = "a\nb\r\nc\rd\u{2028}e é😀f";
        let places = Positions::of(text);
        let found = |at: char| {
            let place = places.line_column(text.find(at).unwrap());
            (place.line, place.column)
        };
        let expected = [
            ('a', (1, 1)),
            ('b', (2, 1)),
            ('c', (3, 1)),
            ('d', (4, 1)),
            ('e', (4, 3)),
            ('é', (4, 5)),
            ('f', (4, 8)),
        ];
        for (at, place) in expected {
            assert_eq!(found(at), place, "{at}");
        }
        assert_eq!(places.line_column(text.len()).column, 9);
    }

    #[test]
    fn a_place_in_a_long_line_is_found_from_a_mark_beside_it() {
        let text = "é".repeat(100_000);
        let places = Positions::of(&text);
        for at in [0, 2, 62, 64, 66, 100_000, 199_998, 200_000] {
            assert_eq!(places.line_column(at).column, 1 + at / 2);
        }
        let gaps = places.marks.windows(2).map(|pair| pair[1].at - pair[0].at);
        assert!(gaps.max() <= Some(SPACING + 4));
    }
}
