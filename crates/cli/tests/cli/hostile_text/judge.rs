//! What obeys text: a terminal, and the readers of four CI systems' logs.

/// A variable that each of the four CI systems sets.
pub(super) const SYSTEMS: [&str; 4] = [
    "GITHUB_ACTIONS",
    "TF_BUILD",
    "TEAMCITY_VERSION",
    "GITLAB_CI",
];

/// Whether a terminal shows each character, but for line feeds and tabs, and in its order.
pub(super) fn is_harmless_on_a_terminal(text: &str) -> bool {
    let obeyed = text.chars().filter(|character| match character {
        '\n' | '\t' => false,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        '\u{200e}' | '\u{200f}' | '\u{61c}' => true,
        _ => character.is_control(),
    });
    obeyed.count() == 0 && !is_piled_up(text)
}

/// Whether more marks stand on a character than some terminals can show.
pub(super) fn is_piled_up(text: &str) -> bool {
    text.contains(&"\u{301}".repeat(31))
}

/// Whether one of the CI systems takes anything in it for a command.
pub(super) fn is_obeyed_in_a_log(text: &str) -> bool {
    // Their readers take each of them for the end of a line.
    text.split(['\n', '\r']).any(|line| {
        let lower = line.to_ascii_lowercase();
        // GitHub's runner trims the start, and looks for its older form everywhere.
        line.trim_start().starts_with("::")
            || lower.contains("##[")
            || lower.contains("##vso[")
            || lower.contains("##teamcity[")
            || is_section(&lower)
    })
}

/// Whether GitLab takes it for the start or the end of a section: a word, a time and a name.
fn is_section(line: &str) -> bool {
    ["section_start:", "section_end:"].into_iter().any(|word| {
        line.split(word).skip(1).any(|rest| {
            let (time, _) = rest.split_once(':').unwrap_or_default();
            !time.is_empty() && time.chars().all(|digit| digit.is_ascii_digit())
        })
    })
}
