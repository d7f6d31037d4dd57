//! Markdown that an agent wrote, rendered for a terminal.
//!
//! Rendering is for reading alone, so a text is shown as it was written if that would take long, or would
//! not show all of it.

use std::collections::HashMap;

use console::strip_ansi_codes;
use termimad::MadSkin;

/// Rendering takes time that grows with the square of a line's length and of how many lines a table
/// has. What is within these limits takes a third of a second at most, also in a debug build.
const MOST_BYTES: usize = 32 * 1024;
const LONGEST_LINE: usize = 4 * 1024;
const MOST_COLUMNS: usize = 50;
const MOST_CELLS: usize = 5_000;

/// What marks something up somewhere, and may not be seen when it is rendered.
const MARKUP: &str = "*`~#>|-:+.)\\";

/// More than any name of a language behind the mark of a code block.
const LONGEST_LANGUAGE: usize = 16;

/// The text as a terminal of this width shows it; `None` if it is better shown as it is.
pub(super) fn rendered(text: &str, width: usize, is_coloured: bool) -> Option<String> {
    if !is_quick(text) || text.lines().any(begins_with_a_long_number) {
        return None;
    }
    let skin = match is_coloured {
        true => MadSkin::default(),
        false => MadSkin::no_style(),
    };
    let shown = skin.text(text, Some(width)).to_string();
    let shown = shown.trim_end();
    shows_all(text, &strip_ansi_codes(shown)).then(|| shown.to_owned())
}

fn is_quick(text: &str) -> bool {
    let (mut rows, mut columns) = (0, 0);
    for line in text.lines() {
        if line.len() > LONGEST_LINE {
            return false;
        }
        if line.starts_with('|') {
            rows += 1;
            columns = columns.max(line.matches('|').count());
        }
    }
    text.len() <= MOST_BYTES && columns <= MOST_COLUMNS && rows * columns <= MOST_CELLS
}

/// The renderer counts the items of a list on from the first one's number, in 32 bits.
fn begins_with_a_long_number(line: &str) -> bool {
    let digits = line.trim_start().bytes().take_while(u8::is_ascii_digit);
    digits.count() > 9
}

/// Whether every character of the text is seen, but for blanks and what marks it up. The renderer
/// leaves out columns of a table that is too wide, what stands behind the mark of a code block, and
/// the numbers of a list if they do not follow each other.
fn shows_all(text: &str, shown: &str) -> bool {
    let mut left: HashMap<char, usize> = HashMap::new();
    for character in shown.chars() {
        *left.entry(character).or_default() += 1;
    }
    let lines = text.lines().filter(|line| !begins_code(line));
    let all_seen = lines
        .flat_map(str::chars)
        .filter(|character| is_seen(*character))
        .all(|character| {
            let count = left.get_mut(&character);
            count.is_some_and(|count| match count.checked_sub(1) {
                Some(fewer) => {
                    *count = fewer;
                    true
                }
                None => false,
            })
        });
    // Of nothing but marks some are left out.
    all_seen && text.contains(is_seen) && stars(text) <= shown.matches('*').count()
}

/// How many asterisks mark nothing up, as in `2 * 3`, `count(*)` and `****1234`. The renderer takes
/// each for a mark, but in code.
fn stars(text: &str) -> usize {
    // That of an item in a list comes first.
    let lines = text.lines().map(str::trim_start);
    let of_line = |line: &str| {
        let ways = [(" * ", 1), ("(*)", 1), ("****", 4)];
        let counts = ways.map(|(way, stars)| line.matches(way).count() * stars);
        counts.iter().sum::<usize>()
    };
    lines.map(of_line).sum()
}

fn is_seen(character: char) -> bool {
    !character.is_whitespace() && !MARKUP.contains(character)
}

/// Whether it is the mark of a code block, with the name of a language at most.
fn begins_code(line: &str) -> bool {
    line.strip_prefix("```").is_some_and(|language| {
        let language = language.trim();
        let is_of_a_name = |letter: char| letter.is_alphanumeric() || "+#-_.".contains(letter);
        language.len() <= LONGEST_LANGUAGE && language.chars().all(is_of_a_name)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn in_columns(text: &str, width: usize) -> Option<String> {
        rendered(text, width, true)
    }

    #[test]
    fn what_agents_usually_write_is_rendered() {
        let text = "# Findings\n\nAll **well**, `a` and *b*: 5 % of 3 €.\n\n1. one\n2. two\n   - deep\n\n\
                    > quoted\n\n* `count(*)`\n  * deep\n\n```sql\nselect * from a -- all\n```\n\n| model | rows |\n|:---|---:|\n\
                    | stg_orders | 12 |\n| a longer name of a model than fits | 7 |\n\n---\n+ end";
        for width in [40, 100] {
            let shown = in_columns(text, width).unwrap();
            assert!(!shown.contains("**") && !shown.contains("```"), "{shown}");
        }
        assert_eq!(rendered("**a**", 40, false).unwrap(), "a");
    }

    #[test]
    fn what_would_not_be_shown_whole_is_not_rendered() {
        let cells: Vec<_> = (0..12).map(|number| format!("c{number}")).collect();
        let wide = format!("| {} |", cells.join(" | "));
        assert!(in_columns(&wide, 100).is_some());
        for text in [
            &*wide,
            "```sh rm -rf /\nls\n```",
            "```rm-everything-everywhere\nls\n```",
            "1. a\n3. b",
            "99999999999. a",
            "4294967295. a\n4294967295. b",
            "***",
            "``",
            "2 * 3",
            "count(*) and sum(*)",
            "the key ****1234",
        ] {
            assert_eq!(in_columns(text, 40), None, "{text}");
        }
    }

    #[test]
    fn what_would_take_long_is_not_rendered() {
        let row = format!("{}\n", "|a".repeat(MOST_COLUMNS + 1));
        let rows = "|a|b|c|\n".repeat(MOST_CELLS / 4 + 1);
        for text in [
            "|".repeat(40_000),
            "*".repeat(300_000),
            "a ".repeat(LONGEST_LINE),
            "a\n".repeat(MOST_BYTES),
            row,
            rows,
        ] {
            assert_eq!(in_columns(&text, 40), None, "{text:.20}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_rendered_or_not(
            text in "([*`~#>|:+.)\\\\0-9 a\tω👩\n-]|- |1\\. |\n\\||```){0,80}",
            width in 20_usize..100,
        ) {
            let _ = in_columns(&text, width);
        }
    }
}
