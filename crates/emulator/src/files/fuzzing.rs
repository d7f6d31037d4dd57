//! What must hold for the files that an emulator is given, whatever is in them: one function a
//! kind of file, which panics if it does not.
//!
//! Compiled for fuzzing (`fuzz/`) and for the tests below alone, which run the same functions on
//! the seeds and on variations of them.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a property that does not hold panics"
)]

use std::path::Path;
use std::time::{Duration, Instant};

use super::{Flaw, agents, scenarios};
use crate::error::Diagnostic;
use crate::snippet::Lines;

/// No file of a few kilobytes takes longer. The tests, which run beside others on machines that may
/// pause, notice only what hangs.
const LONGEST: Duration = Duration::from_secs(if cfg!(fuzzing) { 5 } else { 60 });
/// No message about a file is longer than this, and than the file.
const LONGEST_MESSAGE: usize = 1_000;

/// Checks the content of a scenario file.
pub fn scenario_file(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let start = Instant::now();
    let read = scenarios::parse(text);
    assert!(start.elapsed() < LONGEST, "{:?}", start.elapsed());
    assert_eq!(format!("{read:?}"), format!("{:?}", scenarios::parse(text)));
    if let Err(wrong) = read {
        assert_in_the_file(text, &wrong);
        let error = scenarios::refusal(Path::new("s.yml"), text, wrong.clone());
        let start = format!("s.yml:{}: ", wrong.line);
        assert!(error.to_string().starts_with(&start), "{error}");
    }
}

/// Checks the content of an agent's file.
pub fn agent_file(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let start = Instant::now();
    let diagnostics = agents::check("checker", text);
    assert!(start.elapsed() < LONGEST, "{:?}", start.elapsed());
    assert_eq!(diagnostics, agents::check("checker", text));
    for (level, flaw) in &diagnostics {
        assert_in_the_file(text, flaw);
        let lines = Lines::of(text);
        let shown = flaw.clone().diagnostic(*level, Path::new("a.yml"), &lines);
        assert_shows_its_place(text, &shown);
    }
    assert!(
        diagnostics.is_sorted_by_key(|(_, flaw)| (flaw.line, flaw.column)),
        "{diagnostics:?}"
    );
}

/// What is shown is a few short lines, which a terminal does not act on, the last with a caret.
fn assert_shows_its_place(text: &str, shown: &Diagnostic) {
    let lines: Vec<_> = shown.rendered.split('\n').collect();
    let is_cut = Lines::of(text).count() == 0;
    assert_eq!(lines.len(), if is_cut { 2 } else { 5 }, "{shown:?}");
    for line in &lines {
        assert!(!line.contains(char::is_control), "{line:?}");
    }
    if let [_, _, _, source, caret] = &lines[..] {
        // Each character may take ten where it is escaped.
        assert!(source.len() < 4_000 && caret.len() < 4_000, "{shown:?}");
        assert!(caret.ends_with('^'));
    }
}

fn assert_in_the_file(text: &str, flaw: &Flaw) {
    let Flaw {
        line,
        column,
        message,
    } = flaw;
    assert!(*column >= 1, "{flaw:?}");
    // YAML ends a line at either character.
    let text_lines = text.replace("\r\n", "\n").replace('\r', "\n");
    let last = text_lines.lines().count().max(1);
    assert!(
        (1..=last).contains(line),
        "line {line} of {last}: {message}"
    );
    assert!(!message.trim().is_empty());
    assert!(
        message.len() <= LONGEST_MESSAGE + 2 * text.len(),
        "{message}"
    );
}

#[cfg(test)]
#[path = "../../../../src/fuzzing/variations.rs"]
mod variations;

#[cfg(test)]
mod tests {
    use super::variations::hold;
    use super::*;

    #[test]
    fn whatever_a_scenario_file_holds_it_is_read_or_refused_with_a_line() {
        hold("scenario_file", 300, scenario_file);
    }

    #[test]
    fn whatever_an_agents_file_holds_it_is_read_or_refused_with_a_line() {
        hold("agent_file", 500, agent_file);
    }

    #[test]
    fn a_file_that_nests_without_end_is_refused_with_its_line() {
        for deep in [
            format!("default:\n  {}x\n", "- ".repeat(100_000)),
            format!("default:\n  {}x\n", "? ".repeat(100_000)),
            format!("default: {}", "[".repeat(100_000)),
            format!("default: {}", "{a: ".repeat(100_000)),
        ] {
            scenario_file(deep.as_bytes());
            agent_file(deep.as_bytes());
            assert!(scenarios::parse(&deep).is_err());
        }
    }

    /// A default scenario with this many generations of runs below it.
    fn generations(number: usize) -> String {
        let mut text = "default:\n".to_owned();
        for generation in 0..=number {
            let indent = "  ".repeat(1 + 5 * generation);
            text += &format!("{indent}stages:\n{indent}  - status: COMPLETED\n");
            if generation < number {
                text += &format!("{indent}    children:\n{indent}      - scenario:\n");
            }
        }
        text
    }

    #[test]
    fn eight_generations_of_runs_are_read_and_nine_are_refused_with_a_line() {
        scenarios::parse(&generations(8)).unwrap();
        let Flaw { line, message, .. } = scenarios::parse(&generations(9)).unwrap_err();
        assert!(line > 30, "{line}: {message}");
        let two = format!("{0}---\n{0}", generations(0));
        let Flaw { line, message, .. } = scenarios::parse(&two).unwrap_err();
        assert!(line >= 4, "{line}: {message}");
    }

    #[test]
    fn a_short_file_that_repeats_itself_below_a_long_key_does_not_take_long() {
        let texts = vec!["x"; 980].join(",");
        let aliases = vec!["*a"; 100].join(",");
        let key = "k".repeat(8_000);
        let short = format!("a: &a [{texts}]\n? {key}\n: [{aliases}]\n");
        scenario_file(short.as_bytes());
        agent_file(short.as_bytes());
    }
}
