//! Texts of others, written so that GitHub shows them and obeys nothing in them.

use super::control_characters::{for_terminal, one_line};

/// The text of a command of the log. Without this a line feed would end it, and begin another one.
pub(crate) fn data(text: &str) -> String {
    let text = for_terminal(text);
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// The value of a property of such a command.
pub(crate) fn property(text: &str) -> String {
    let text = data(&one_line(text));
    text.replace(':', "%3A").replace(',', "%2C")
}

/// A text as Markdown of one line that is shown as it is: each of its marks is an entity, which is never
/// taken for a mark, a link, an image, HTML or a name that is to be notified.
pub(crate) fn inline(text: &str) -> String {
    let text = one_line(&for_terminal(text));
    let mut safe = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            mark if mark.is_ascii_punctuation() => {
                safe.push_str(&format!("&#{};", u32::from(mark)));
                // Names, addresses and numbers of issues become links all the same, unless they are cut.
                if matches!(mark, '@' | '#') {
                    safe.push_str("&#8203;");
                }
            }
            character => safe.push(character),
        }
    }
    safe
}

/// A text as a code block, which GitHub shows as it is. Its fence is longer than any in the text.
pub(crate) fn block(text: &str) -> String {
    let text = for_terminal(text);
    let runs = text.split(|character| character != '`').map(str::len);
    let fence = "`".repeat(runs.max().unwrap_or_default().max(2) + 1);
    format!("{fence}text\n{}\n{fence}\n", text.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_has_one_line_and_its_properties_end_nowhere_else() {
        assert_eq!(data("50%\r\n::error::\u{1b}[31m"), "50%25%0A::error::␛[31m");
        assert_eq!(
            property("a,b::c\n::set-output"),
            "a%2Cb%3A%3Ac %3A%3Aset-output"
        );
    }

    #[test]
    fn nothing_in_a_line_is_a_mark() {
        let hostile = "![x](https://example.com/i.png) <img src=x> @org `a` | **b** \u{9b}1m\n# c";
        let safe = inline(hostile);
        assert!(
            !safe.contains([
                '!', '[', '<', '>', '@', '`', '|', '*', ':', '/', '\n', '\u{9b}'
            ]),
            "{safe}"
        );
        // What is left of punctuation makes the entities alone.
        let rest = safe
            .split("&#")
            .skip(1)
            .map(|part| part.split_once(';').unwrap());
        assert!(
            rest.map(|(number, _)| number)
                .all(|number| number.parse::<u32>().is_ok())
        );
        assert_eq!(inline("stg_orders 29"), "stg&#95;orders 29");
    }

    #[test]
    fn no_line_of_a_text_ends_its_block() {
        let text = "```\n<img src=x>\n``````\n![x](y)\u{1b}[2J";
        let block = block(text);
        let lines: Vec<_> = block.lines().collect();
        assert_eq!(
            (lines[0], lines[lines.len() - 1]),
            ("```````text", "```````")
        );
        assert!(
            !lines[1..lines.len() - 1]
                .iter()
                .any(|line| line.starts_with(lines[5]))
        );
        assert!(!block.contains('\u{1b}'));
    }
}
