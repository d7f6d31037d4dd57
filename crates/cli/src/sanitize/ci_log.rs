//! Commands of CI systems in text that others wrote, made harmless for a log.
//!
//! A CI system reads the log of a job for commands: GitHub and its kin obey `::add-mask::x`, Azure
//! `##vso[task.setvariable …]`, TeamCity `##teamcity[buildStatus …]`, and GitLab folds what stands
//! between `section_start:` and `section_end:`. An agent's text must not give them, so a space is
//! put into each: it can be read, and is not obeyed.

use std::borrow::Cow;

/// What a command begins with wherever it stands in a line, and how many of its bytes stand before
/// the space that is put in. Case makes no difference.
const ANYWHERE: [(&str, usize); 5] = [
    ("##[", 2),
    ("##vso[", 2),
    ("##teamcity[", 2),
    ("section_start:", 8),
    ("section_end:", 8),
];

/// The same text without a line that a CI system would take for a command.
pub(crate) fn for_ci_log(text: &str) -> Cow<'_, str> {
    let mut places: Vec<_> = commands(text)
        .map(|(start, before)| start + before)
        .collect();
    places.extend(line_commands(text).map(|start| start + 1));
    if places.is_empty() {
        return Cow::Borrowed(text);
    }
    places.sort_unstable();
    let mut safe = String::with_capacity(text.len() + places.len());
    let mut done = 0;
    for place in places {
        safe.push_str(&text[done..place]);
        safe.push(' ');
        done = place;
    }
    safe.push_str(&text[done..]);
    Cow::Owned(safe)
}

/// Where commands begin that are obeyed wherever they stand in a line.
pub(crate) fn inner_commands(text: &str) -> Vec<usize> {
    commands(text).map(|(start, _)| start).collect()
}

fn commands(text: &str) -> impl Iterator<Item = (usize, usize)> {
    let bytes = text.as_bytes();
    let starts = bytes.iter().enumerate();
    let starts = starts.filter(|(_, byte)| matches!(byte, b'#' | b's' | b'S'));
    starts.filter_map(|(start, _)| {
        let rest = &bytes[start..];
        let begins = |(word, _): &&(&str, usize)| {
            let head = rest.get(..word.len());
            head.is_some_and(|head| head.eq_ignore_ascii_case(word.as_bytes()))
        };
        let (_, before) = ANYWHERE.iter().find(begins)?;
        Some((start, *before))
    })
}

/// Where commands begin that are obeyed at the start of a line: `::`, after whatever shows nothing.
fn line_commands(text: &str) -> impl Iterator<Item = usize> {
    let is_end = |character| matches!(character, '\n' | '\r');
    text.split(is_end)
        .scan(0, |next, line| {
            let start = *next;
            *next += line.len() + 1;
            let rest = line.trim_start_matches(|c: char| !c.is_ascii_graphic() && is_blank(c));
            Some(
                rest.starts_with("::")
                    .then(|| start + line.len() - rest.len()),
            )
        })
        .flatten()
}

fn is_blank(character: char) -> bool {
    character.is_whitespace()
        || character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_with_a_space_in_it() {
        for (text, shown) in [
            ("::add-mask::a", ": :add-mask::a"),
            ("a\n \t::stop-commands::x", "a\n \t: :stop-commands::x"),
            ("a\r::debug::b\r\n::c", "a\r: :debug::b\r\n: :c"),
            (
                "\u{feff}\u{a0}\u{200b}::error::a",
                "\u{feff}\u{a0}\u{200b}: :error::a",
            ),
            ("a ##vso[task.setvariable]b", "a ## vso[task.setvariable]b"),
            ("##VSO[a]##[group]b", "## VSO[a]## [group]b"),
            ("###vso[a]", "### vso[a]"),
            ("##teamcity[buildStatus]", "## teamcity[buildStatus]"),
            (
                "section_start:1:a\r\u{1b}[0K",
                "section_ start:1:a\r\u{1b}[0K",
            ),
            ("x section_end:1:a", "x section_ end:1:a"),
            (":::a", ": ::a"),
        ] {
            assert_eq!(for_ci_log(text), shown, "{text:?}");
            assert!(matches!(for_ci_log(shown), Cow::Borrowed(_)), "{shown:?}");
        }
    }

    #[test]
    fn text_without_a_command_is_left_as_it_is() {
        for text in [
            "",
            "std::fmt",
            "## Findings [1]",
            "# [a]",
            "a section",
            "世##",
            ":",
        ] {
            assert!(matches!(for_ci_log(text), Cow::Borrowed(_)), "{text:?}");
        }
    }
}
