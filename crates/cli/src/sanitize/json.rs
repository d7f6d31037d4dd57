//! JSON that is safe wherever it is written.
//!
//! Texts in it were written by agents, and by whoever wrote what they read. JSON can write every
//! character as an escape, so those that a terminal or the log of a CI system would obey, or that
//! some readers take for the end of a line, are written so, and so are marks that pile up too high.
//! Whoever parses it gets the very text.

use serde::Serialize;

use super::ci_log::inner_commands;
use super::control_characters::{Marks, has_too_many_marks, is_obeyed};

/// The value as JSON on one line.
pub(crate) fn line(value: &impl Serialize) -> serde_json::Result<String> {
    Ok(escaped(serde_json::to_string(value)?))
}

/// The value as JSON on many lines, for people to read.
pub(crate) fn pretty(value: &impl Serialize) -> serde_json::Result<String> {
    Ok(escaped(serde_json::to_string_pretty(value)?))
}

/// The same JSON with escapes. What is escaped stands in strings alone: between them JSON is ASCII
/// without control characters, but for line feeds.
pub(crate) fn escaped(json: String) -> String {
    let commands = inner_commands(&json);
    if commands.is_empty() && !json.chars().any(needs_escape) && !has_too_many_marks(&json) {
        return json;
    }
    let mut commands = commands.into_iter().peekable();
    let mut marks = Marks::default();
    let mut safe = String::with_capacity(json.len() + 64);
    for (place, character) in json.char_indices() {
        let is_piled_up = marks.excess(character) > 0;
        if commands.next_if_eq(&place).is_some() || needs_escape(character) || is_piled_up {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                safe.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            safe.push(character);
        }
    }
    safe
}

fn needs_escape(character: char) -> bool {
    // The line and paragraph separators end lines for JavaScript and Python.
    is_obeyed(character) || matches!(character, '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn what_is_escaped_parses_to_the_very_text() {
        let all: String = (0..=0x10_ffff).filter_map(char::from_u32).collect();
        let text = format!(r"{all}\##vso[a]\\##[b]##TeamCity[c] section_start:1:a\section_end:");
        let marks = "a\u{301}\u{e0100}".repeat(3) + &"\u{301}\u{e0100}".repeat(100);
        let value = json!({ (text.clone()): [text.clone(), marks] });
        for written in [line(&value).unwrap(), pretty(&value).unwrap()] {
            assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), value);
            assert!(!written.chars().any(needs_escape), "a character is left");
            assert!(inner_commands(&written).is_empty(), "a command is left");
            assert!(!has_too_many_marks(&written), "a pile of marks is left");
        }
    }

    #[test]
    fn what_is_harmless_is_left_as_it_is() {
        let text = "héllo 世界 👩‍🚀 ## Findings\n::std";
        assert_eq!(
            line(&text).unwrap(),
            r#""héllo 世界 👩‍🚀 ## Findings\n::std""#
        );
    }
}
