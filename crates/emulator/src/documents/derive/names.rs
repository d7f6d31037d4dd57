//! What names of a document are in Rust, as far as they can be names there.

use apollo_compiler::parser::SourceSpan;
use heck::ToSnakeCase;

use super::report::Report;

/// The names that the derive writes with a `_` behind them, where it does: the keywords of Rust, and `union`,
/// which is one in a few places alone.
const ESCAPED: [&str; 52] = [
    "Self", "abstract", "as", "async", "await", "become", "box", "break", "const", "continue",
    "crate", "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "if", "impl",
    "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref",
    "return", "self", "static", "struct", "super", "trait", "true", "try", "type", "typeof",
    "union", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

pub(super) fn is_escaped(name: &str) -> bool {
    ESCAPED.contains(&name)
}

/// Reports what is called by a keyword where the derive does not escape it.
pub(super) fn report_keyword(
    in_rust: &str,
    shown: &str,
    place: Option<SourceSpan>,
    report: &mut Report<'_>,
) -> bool {
    let is_keyword = is_escaped(in_rust) && in_rust != "union";
    if is_keyword {
        report.add(
            format!("{shown} is `{in_rust}` in Rust, which is a keyword."),
            "the derive writes it as it is, which does not compile: give it another name",
            place,
        );
    }
    is_keyword
}

/// Reports what is no name in Rust.
pub(super) fn report_no_name(shown: &str, place: Option<SourceSpan>, report: &mut Report<'_>) {
    report.add(
        format!("{shown} is no name in Rust."),
        "the derive makes one of its letters: give it another name that begins with one",
        place,
    );
}

/// What a name is in Rust; none if it is none there, which is reported.
pub(super) fn in_rust(
    name: &str,
    shown: &str,
    place: Option<SourceSpan>,
    report: &mut Report<'_>,
) -> Option<String> {
    let in_rust = name.to_snake_case();
    if in_rust.starts_with(|first: char| first.is_ascii_alphabetic()) {
        return Some(in_rust);
    }
    report_no_name(shown, place, report);
    None
}

/// What is said of two things that have one name in Rust.
pub(super) fn twice(first: &str, second: &str, in_rust: &str) -> (String, &'static str) {
    if first == second {
        let help = "the derive makes a field of each, which does not compile: make one of them";
        return (format!("{second} is there twice."), help);
    }
    let help =
        "the derive makes a field of each, which does not compile: give one of them another name";
    let message = format!("{first} and {second} are both `{in_rust}` in Rust.");
    (message, help)
}
