//! Text that others wrote, made harmless for a terminal.
//!
//! What an agent writes can hold whatever it has read: a row of a table, a file, a page. A
//! terminal obeys control sequences in it: they can recolour, overwrite what was printed before,
//! set the title, write to the clipboard. So every control character but the line feed and the
//! tab is shown as a picture of itself (`␛` for escape), and those that change the direction of
//! text, which can make it read as something else, as `�`. Marks are piled up on a character only
//! so high: some terminals take minutes for thousands of them.

use std::borrow::Cow;

use unicode_width::UnicodeWidthChar;

/// How many characters without a width of their own may follow each other. Unicode's Stream-Safe
/// Text Format has the same limit, above what any language needs.
const MOST_MARKS: usize = 30;

/// The same text without a character that a terminal would obey.
pub(crate) fn for_terminal(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_obeyed) && !has_too_many_marks(text) {
        return Cow::Borrowed(text);
    }
    // A carriage return at the end of a line is a habit of some systems, and no attack.
    let text = text.replace("\r\n", "\n");
    let mut marks = Marks::default();
    let shown = text.chars().filter_map(|character| {
        let character = picture(character);
        match marks.excess(character) {
            0 => Some(character),
            // One stands for all that are left out.
            1 => Some('\u{fffd}'),
            _ => None,
        }
    });
    Cow::Owned(shown.collect())
}

/// The same text on one line. What is obeyed is still in it, but for the ends of lines.
pub(crate) fn one_line(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    words.join(" ")
}

/// The first 300 characters of the same: a server says as much as it likes.
pub(crate) fn excerpt(text: &str) -> String {
    const LONGEST: usize = 300;
    let mut line = one_line(text);
    if let Some((end, _)) = line.char_indices().nth(LONGEST) {
        line.truncate(end);
        line.push('…');
    }
    line
}

pub(crate) fn has_too_many_marks(text: &str) -> bool {
    let mut marks = Marks::default();
    text.chars().any(|character| marks.excess(character) > 0)
}

/// Counts characters without a width of their own that follow each other.
#[derive(Default)]
pub(crate) struct Marks(usize);

impl Marks {
    /// By how many there are too many with this one, the next of a text.
    pub(crate) fn excess(&mut self, character: char) -> usize {
        self.0 = match character.width() {
            Some(0) => self.0 + 1,
            _ => 0,
        };
        self.0.saturating_sub(MOST_MARKS)
    }
}

/// Whether a terminal obeys it: every control character but the line feed and the tab, and what
/// changes the direction of text.
pub(crate) fn is_obeyed(character: char) -> bool {
    (character.is_control() && !matches!(character, '\n' | '\t')) || changes_direction(character)
}

fn changes_direction(character: char) -> bool {
    matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}')
}

fn picture(character: char) -> char {
    match character {
        _ if !is_obeyed(character) => character,
        '\u{7f}' => '\u{2421}',
        '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(character)).unwrap_or('\u{fffd}'),
        _ => '\u{fffd}',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_control_character_is_left_but_line_feeds_and_tabs() {
        let all: String = (0..0x3000).filter_map(char::from_u32).collect();
        let left: Vec<_> = for_terminal(&all)
            .chars()
            .filter(|c| c.is_control())
            .collect();
        assert_eq!(left, ['\t', '\n']);
        assert!(!for_terminal(&all).contains(changes_direction));
    }

    #[test]
    fn a_sequence_is_shown_in_place_of_being_obeyed() {
        assert_eq!(
            for_terminal("a\u{1b}[31mb\u{9b}0mc\rd\u{7f}"),
            "a␛[31mb�0mc␍d␡"
        );
        assert_eq!(for_terminal("a\r\nb"), "a\nb");
        assert_eq!(one_line(" a\n\tb\r\u{85}\u{2028}c "), "a b c");
    }

    #[test]
    fn marks_are_piled_up_only_so_high() {
        let mark = "\u{301}";
        let text = format!("a{}b", mark.repeat(100_000));
        let shown = format!("a{}\u{fffd}b", mark.repeat(MOST_MARKS));
        assert_eq!(for_terminal(&text), shown);
        let family = "👩\u{200d}👩\u{200d}👧\u{200d}👦".repeat(100);
        assert!(matches!(for_terminal(&family), Cow::Borrowed(_)));
    }

    #[test]
    fn text_without_control_characters_is_left_as_it_is() {
        assert!(matches!(for_terminal("héllo 世界\n\t"), Cow::Borrowed(_)));
    }
}
