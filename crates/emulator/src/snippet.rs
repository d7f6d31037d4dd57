//! What is said of a place in a file, as the Rust compiler shows it.

use crate::error::{Level, one_line};

/// The most characters of a line that are shown, and how many of them before the place.
const WIDEST: usize = 160;
const BEFORE: usize = 100;

/// A message about a place in the text of a file, with the line and a caret below the column, both
/// counted from 1. Without a line where the text has none there.
pub(crate) fn snippet(
    file: &str,
    text: &str,
    line: usize,
    column: usize,
    level: Level,
    message: &str,
) -> String {
    let (file, message) = (one_line(file), one_line(message));
    let number = line.to_string();
    let gutter = " ".repeat(number.len());
    let head = format!("{level}: {message}\n{gutter}--> {file}:{line}:{column}");
    let Some(shown) = lines(text).nth(line.saturating_sub(1)) else {
        return head;
    };
    let cut = match column > BEFORE + 20 {
        true => column - BEFORE,
        false => 0,
    };
    let characters: Vec<char> = shown.chars().map(untabbed).collect();
    let cut = cut.min(characters.len());
    let end = characters.len().min(cut + WIDEST);
    let window: String = characters[cut..end].iter().collect();
    let place = (column.saturating_sub(1)).clamp(cut, end) - cut;
    let before: String = window.chars().take(place).collect();
    // What is escaped before the place moves the caret. One character of the window alone could
    // be escaped because of the one before it.
    let offset = one_line(&before).chars().count();
    let start = if cut > 0 { "…" } else { "" };
    let rest = if end < characters.len() { "…" } else { "" };
    let blank = " ".repeat(offset + start.chars().count());
    format!(
        "{head}\n{gutter} |\n{number} | {start}{}{rest}\n{gutter} | {blank}^",
        one_line(&window).trim_end()
    )
}

fn untabbed(character: char) -> char {
    match character {
        '\t' => ' ',
        other => other,
    }
}

/// The lines of a text, by the ends of lines of YAML and of GraphQL: `\n`, `\r\n` and `\r`.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest.take()?;
        let Some(end) = text.find(['\n', '\r']) else {
            return (!text.is_empty()).then_some(text);
        };
        let (line, after) = text.split_at(end);
        rest = Some(after.strip_prefix("\r\n").unwrap_or(&after[1..]));
        Some(line)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, line: usize, column: usize) -> String {
        snippet("a.yml", text, line, column, Level::Error, "it is wrong")
    }

    #[test]
    fn the_line_is_shown_with_a_caret_below_the_column() {
        let text = "name: a\r\nrole: é b\rgoal:\tc\n";
        let expected = "error: it is wrong\n --> a.yml:2:9\n  |\n2 | role: é b\n  |         ^";
        assert_eq!(shown(text, 2, 9), expected);
        let expected = "error: it is wrong\n --> a.yml:3:7\n  |\n3 | goal: c\n  |       ^";
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
        // Beyond the end of a line that is shorter.
        assert!(super::snippet("f", "ab", 1, 500, Level::Warning, "m").ends_with('^'));
    }
}
