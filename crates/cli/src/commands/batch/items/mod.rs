//! The items of a batch, from the text of a file: JSON lines, a JSON array or CSV.

mod csv;
mod item;

use std::path::Path;

pub(super) use item::{Item, without_line};

/// Reads all items of the text of a file, or says what is wrong in which line.
pub(super) fn parse(file: &Path, text: &str) -> Result<Vec<Item>, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let start = text.trim_start();
    if start.is_empty() {
        Ok(vec![])
    } else if is_csv(file, start) {
        csv::parse(text)
    } else if start.starts_with('[') {
        item::parse_array(text)
    } else {
        item::parse_lines(text)
    }
}

/// By the name, else by how it begins.
fn is_csv(file: &Path, start: &str) -> bool {
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("csv") => true,
        Some("json" | "jsonl" | "ndjson") => false,
        _ => !start.starts_with(['{', '[']),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_arrays_say_the_same() {
        let lines = concat!(
            "{\"agent\": \"checker\", \"message\": \"Look, here\"}\n\n",
            "{\"message\": \"Ad hoc\", \"base_branch\": \"dev\"}\n"
        );
        let array = concat!(
            "\u{feff} [{\"agent\": \"checker\", \"message\": \"Look, here\"},\n",
            "{\"message\": \"Ad hoc\",\n\"base_branch\": \"dev\"}]\n"
        );
        let items = parse(Path::new("items.jsonl"), lines).unwrap();
        assert_eq!(items.len(), 2);
        assert_eq!(parse(Path::new("items.json"), array), Ok(items));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (json, problem) in [
            ("{\"agent\": \"a\"}\n{\"mesage\": \"m\"}", "line 2: unknown"),
            ("{}", "line 1: neither an agent"),
            (
                "{\"agent\": \"a\", \"slack_channel\": \"C\"}",
                "line 1: slack_channel and slack_thread must be given together",
            ),
            (
                "\n{\"agent\": 7}",
                "line 2: invalid type: integer `7`, expected a string at column 11",
            ),
            (
                "{\"agent\": \"a\"}\n[\"a\", \"b\"]",
                "line 2: invalid type: sequence, expected an object with an agent or a message",
            ),
            ("[\n{\"agent\":\n7}]", "line 3: invalid type"),
            (
                "[{\"agent\": \"a\"},\n\"a\"]",
                "line 2: invalid type: string",
            ),
            (
                "[\n{\"agent\": \"a\", \"agent\": \"b\"}]",
                "line 2: duplicate",
            ),
            ("[\n\n{}]", "line 3: neither an agent"),
            ("[{}\n", "line 1: EOF"),
        ] {
            let refusal = parse(Path::new("items"), json).unwrap_err();
            assert!(refusal.starts_with(problem), "{refusal}");
        }
    }
}
