//! What is said of a place in a file, as the Rust compiler shows it: [`snippet`], and for others that
//! show lines, [`Shown`] and [`Lines`].

use unicode_width::UnicodeWidthStr;

#[cfg(feature = "yaml")]
use crate::error::Level;
use crate::error::one_line;

/// The most characters of a line that are shown.
const WIDEST: usize = 160;

/// A message about a place in the text of a file, with the line and a caret below the column, both
/// counted from 1. Without a line where the text has none there.
#[cfg(feature = "yaml")]
pub(crate) fn snippet(
    file: &str,
    text: &Lines<'_>,
    line: usize,
    column: usize,
    level: Level,
    message: &str,
) -> String {
    let (file, message) = (one_line(file), one_line(message));
    let number = line.to_string();
    let gutter = " ".repeat(number.len());
    let head = format!("{level}: {message}\n{gutter}--> {file}:{line}:{column}");
    let Some(whole) = text.line(line) else {
        return head;
    };
    let Shown { text, before, .. } = Shown::of(whole, column.saturating_sub(1));
    let blank = " ".repeat(before);
    format!("{head}\n{gutter} |\n{number} | {text}\n{gutter} | {blank}^")
}

/// A line as it is shown, cut to what is around a place in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    /// Without what a terminal acts on, and with `…` where something is cut off.
    pub(crate) text: String,
    /// How many columns of a terminal stand before the place.
    pub(crate) before: usize,
    /// How many columns the word at the place takes; at least one.
    pub(crate) marked: usize,
}

impl Shown {
    /// A line, and how many characters of it stand before the place.
    pub(crate) fn of(line: &str, before: usize) -> Self {
        let count = line.chars().count();
        let before = before.min(count);
        let cut = (before + WIDEST / 3).saturating_sub(WIDEST);
        let rest: String = line.chars().skip(cut).collect();
        let place = offset(&rest, before - cut);
        let end = offset(&rest, WIDEST);
        let (left, window) = (&rest[..place], &rest[..end]);
        let is_of_word = |character: char| character.is_alphanumeric() || character == '_';
        let word = window[place..].char_indices().skip(1);
        let word = word
            .clone()
            .find(|(_, it)| !is_of_word(*it))
            .map(|(at, _)| at);
        let word = &window[place..][..word.unwrap_or(window.len() - place)];
        // Characters join: a word takes what it adds.
        let width = |text: &str| shown(text).width();
        let start = if cut > 0 { "…" } else { "" };
        let more = if end < rest.len() { "…" } else { "" };
        Self {
            text: format!("{start}{}{more}", shown(window).trim_end()),
            before: start.width() + width(left),
            marked: width(word).max(1),
        }
    }
}

/// The byte at which a character begins, or the end.
fn offset(text: &str, character: usize) -> usize {
    let mut starts = text.char_indices();
    starts.nth(character).map_or(text.len(), |(at, _)| at)
}

/// A tab is as wide as rustc shows it.
fn shown(text: &str) -> String {
    one_line(&text.replace('\t', "    ")).into_owned()
}

/// The lines of a text, by the ends of lines of YAML and of GraphQL: `\n`, `\r\n` and `\r`. The mark that some
/// editors begin a file with is in none.
#[derive(Debug)]
pub(crate) struct Lines<'a>(Vec<&'a str>);

impl<'a> Lines<'a> {
    pub(crate) fn of(text: &'a str) -> Self {
        let mut lines = Vec::new();
        let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
        while let Some(end) = rest.find(['\n', '\r']) {
            let (line, after) = rest.split_at(end);
            rest = after.strip_prefix("\r\n").unwrap_or(&after[1..]);
            lines.push(line);
        }
        if !rest.is_empty() {
            lines.push(rest);
        }
        Self(lines)
    }

    /// A line, from 1.
    pub(crate) fn line(&self, number: usize) -> Option<&'a str> {
        self.0.get(number.checked_sub(1)?).copied()
    }

    /// How many there are; what ends the last one begins none.
    #[cfg(feature = "yaml")]
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }
}

#[cfg(all(test, feature = "yaml"))]
mod tests {
    use super::*;

    fn shown(text: &str, line: usize, column: usize) -> String {
        let text = Lines::of(text);
        snippet("a.yml", &text, line, column, Level::Error, "it is wrong")
    }

    #[test]
    fn the_line_is_shown_with_a_caret_below_the_column() {
        let text = "name: a\r\nrole: é b\rgoal:\tc\n";
        let expected = "error: it is wrong\n --> a.yml:2:9\n  |\n2 | role: é b\n  |         ^";
        assert_eq!(shown(text, 2, 9), expected);
        let expected = "error: it is wrong\n --> a.yml:3:7\n  |\n3 | goal:    c\n  |          ^";
        assert_eq!(shown(text, 3, 7), expected);
    }

    #[test]
    fn a_line_that_is_not_there_is_not_shown() {
        let expected = "error: it is wrong\n --> a.yml:1:1";
        assert_eq!(shown("", 1, 1), expected);
    }

    #[test]
    fn what_a_terminal_acts_on_is_escaped_and_the_caret_stays_below_its_place() {
        let shown = shown("a\u{1b}[31m##b: c\n", 1, 9);
        let [.., line, caret] = &shown.lines().collect::<Vec<_>>()[..] else {
            panic!("{shown}");
        };
        assert_eq!(*line, r"1 | a\u{1b}[31m#\u{23}b: c");
        assert_eq!(
            line.find('b').map(|_| caret.find('^')),
            Some(line.find("b: c"))
        );
    }

    #[test]
    fn of_a_long_line_the_part_around_the_place_is_shown() {
        let text = format!("{}X{}", "a".repeat(10_000), "b".repeat(10_000));
        let shown = shown(&text, 1, 10_001);
        let lines: Vec<_> = shown.lines().collect();
        assert!(
            lines.iter().all(|line| line.chars().count() < 200),
            "{shown}"
        );
        let place = |line: &str, it| line.chars().position(|character| character == it);
        assert_eq!(place(lines[4], '^'), place(lines[3], 'X'));
        assert!(
            lines[3].starts_with("1 | …a") && lines[3].ends_with("b…"),
            "{}",
            lines[3]
        );
    }

    #[test]
    fn beyond_the_end_of_a_line_its_end_is_marked() {
        assert!(shown("ab", 1, 500).ends_with("1 | ab\n  |   ^"));
    }

    #[test]
    fn the_caret_stands_below_its_place_whatever_the_characters_are_wide() {
        for (before, columns) in [
            ("日本語", 6),
            ("e\u{301}e\u{301}", 2),
            ("\u{feff}a\u{200b}", 1),
            ("👩\u{200d}💻", 2),
            ("\u{1b}", 6),
        ] {
            let shown = Shown::of(&format!("{before}: state"), before.chars().count() + 2);
            assert_eq!((shown.before, shown.marked), (columns + 2, 5), "{before}");
        }
        assert_eq!(Shown::of("a 日本語 b", 2).marked, 6);
    }
}
