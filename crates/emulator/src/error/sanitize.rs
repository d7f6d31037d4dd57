//! Makes texts of files safe to show in a terminal and in a log of a CI system.

use std::borrow::Cow;
use std::fmt::Write;

/// The text on one line, without anything that a terminal would act on or a CI system take for a
/// command: control characters, marks of direction and the second of two `#` are escaped.
pub(crate) fn sanitize(text: &str) -> Cow<'_, str> {
    let is_plain = |character| !is_active(character);
    if text.chars().all(is_plain) && !text.contains("##") {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len());
    let mut before = None;
    for character in text.chars() {
        if is_active(character) || (character == '#' && before == Some('#')) {
            // Texts take everything.
            let _ = write!(escaped, "{}", character.escape_unicode());
        } else {
            escaped.push(character);
        }
        before = Some(character);
    }
    Cow::Owned(escaped)
}

/// Control characters, line separators, and what changes the direction of a text.
fn is_active(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_acts_on_is_escaped_and_nothing_else() {
        for plain in ["", "a b", "stg_orders: '#1'", "ä 日本 👩\u{200d}💻"] {
            assert!(matches!(sanitize(plain), Cow::Borrowed(same) if same == plain));
        }
        for (text, shown) in [
            ("a\n::b\r\t", r"a\u{a}::b\u{d}\u{9}"),
            ("\u{1b}[31m\u{9b}", r"\u{1b}[31m\u{9b}"),
            ("a\u{202e}b\u{2066}", r"a\u{202e}b\u{2066}"),
            ("##vso[a]", r"#\u{23}vso[a]"),
            ("###", r"#\u{23}\u{23}"),
        ] {
            assert_eq!(sanitize(text), shown);
        }
    }
}
