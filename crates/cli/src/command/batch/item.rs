//! The items of a batch, from JSON lines or CSV.

use std::path::Path;

use serde::{Deserialize, Deserializer, Serialize};

use super::record::without_line;

/// A run to start.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Item {
    #[serde(deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub(super) agent: Option<String>,
    #[serde(deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<String>,
    #[serde(deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub(super) slack_channel: Option<String>,
    #[serde(deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub(super) slack_thread: Option<String>,
    #[serde(deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub(super) base_branch: Option<String>,
    #[serde(deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub(super) model_family: Option<String>,
}

/// An empty field of a CSV file is none.
fn filled<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.filter(|text| !text.trim().is_empty()))
}

impl Item {
    fn check(&self) -> Result<(), String> {
        if self.agent.is_none() && self.message.is_none() {
            return Err("there is neither an agent nor a message".to_owned());
        }
        if self.slack_channel.is_some() != self.slack_thread.is_some() {
            return Err("slack_channel and slack_thread go together".to_owned());
        }
        Ok(())
    }
}

/// Reads all items of the text of a file, or says what is wrong in which line.
pub(super) fn parse(file: &Path, text: &str) -> Result<Vec<Item>, String> {
    let text = text.trim_start_matches('\u{feff}');
    if is_csv(file, text) {
        from_csv(text)
    } else {
        from_json_lines(text)
    }
}

/// By the name, else by how it begins.
fn is_csv(file: &Path, text: &str) -> bool {
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("csv") => true,
        Some("json" | "jsonl" | "ndjson") => false,
        _ => !text.trim_start().starts_with('{'),
    }
}

fn from_json_lines(text: &str) -> Result<Vec<Item>, String> {
    let lines = text.lines().enumerate();
    lines
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(place, line)| {
            let item: Item = serde_json::from_str(line)
                .map_err(|error| format!("line {}: {}", place + 1, without_line(&error)))?;
            let checked = item.check();
            checked.map_err(|problem| format!("line {}: {problem}", place + 1))?;
            Ok(item)
        })
        .collect()
}

fn from_csv(text: &str) -> Result<Vec<Item>, String> {
    let wrong = |error: csv::Error| match error.kind() {
        csv::ErrorKind::UnequalLengths {
            pos,
            expected_len,
            len,
        } => {
            let line = line_of(pos.as_ref(), text);
            format!("line {line}: there are {len} fields, and {expected_len} in the header")
        }
        csv::ErrorKind::Deserialize { pos, err } => {
            format!("line {}: {err}", line_of(pos.as_ref(), text))
        }
        _ => format!("line 1: {error}"),
    };
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().map_err(wrong)?.clone();
    let mut items = vec![];
    for record in reader.records() {
        let record = record.map_err(wrong)?;
        let item: Item = record.deserialize(Some(&header)).map_err(wrong)?;
        item.check()
            .map_err(|problem| format!("line {}: {problem}", line_of(record.position(), text)))?;
        items.push(item);
    }
    Ok(items)
}

/// The line that a record begins in. Its position is that of the empty lines before it.
fn line_of(position: Option<&csv::Position>, text: &str) -> usize {
    let bytes = text.as_bytes();
    let start = position.and_then(|position| usize::try_from(position.byte()).ok());
    let (before, rest) = bytes.split_at(start.unwrap_or_default().min(bytes.len()));
    let empty = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
    let ends = before.iter().chain(empty).filter(|byte| **byte == b'\n');
    1 + ends.count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_and_json_lines_say_the_same() {
        let csv = "agent,message,base_branch\nchecker,\"Look, here\",\n,Ad hoc,dev\n";
        let json = concat!(
            "{\"agent\": \"checker\", \"message\": \"Look, here\"}\n\n",
            "{\"message\": \"Ad hoc\", \"base_branch\": \"dev\"}\n"
        );
        let items = from_csv(csv).unwrap();
        assert_eq!(items.len(), 2);
        assert_eq!(items, from_json_lines(json).unwrap());
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (json, problem) in [
            ("{\"agent\": \"a\"}\n{\"mesage\": \"m\"}", "line 2"),
            ("{}", "neither"),
            (
                "{\"agent\": \"a\", \"slack_channel\": \"C\"}",
                "go together",
            ),
        ] {
            let refusal = from_json_lines(json).unwrap_err();
            assert!(refusal.contains(problem), "{refusal}");
        }
        assert!(from_csv("agent,mesage\na,m\n").is_err());
    }
    #[test]
    fn a_row_is_told_by_the_line_that_it_begins_in() {
        let rows = "agent,message\na,\"two\nlines\"\n\n\r\n";
        for (row, problem) in [
            (" ,\n", "line 6: there is neither an agent nor a message"),
            (
                "a,\"m\nm\",x\n",
                "line 6: there are 3 fields, and 2 in the header",
            ),
        ] {
            let refusal = from_csv(&format!("{rows}{row}a,m\n")).unwrap_err();
            assert_eq!(refusal, problem);
        }
        let refusal = from_csv("\nagent,mesage\n\na,m\n").unwrap_err();
        assert!(
            refusal.starts_with("line 4: unknown field `mesage`"),
            "{refusal}"
        );
        let refusal = from_json_lines("\n{\"agent\": 7}").unwrap_err();
        assert_eq!(
            refusal,
            "line 2: invalid type: integer `7`, expected a string at column 11"
        );
    }
}
