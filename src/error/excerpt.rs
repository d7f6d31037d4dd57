//! What is shown of a text that a server sent.

/// The first 300 characters of a text, on one line and without control characters.
pub(crate) fn excerpt(text: &str) -> String {
    let mut characters = text
        .split_whitespace()
        .flat_map(|word| word.chars().chain([' ']))
        .map(|character| match character {
            control if control.is_control() => char::REPLACEMENT_CHARACTER,
            character => character,
        });
    let mut line: String = characters.by_ref().take(300).collect();
    let is_cut = characters.any(|character| character != ' ');
    line.truncate(line.trim_end().len());
    if is_cut {
        line.push('…');
    }
    line
}
