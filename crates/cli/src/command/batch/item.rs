//! The items of a batch, from JSON lines or CSV.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Deserializer, Serialize};

use crate::failure::Failure;
use crate::options::Request;

/// A run to start.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Item {
    #[serde(deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    agent: Option<String>,
    #[serde(deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    slack_channel: Option<String>,
    #[serde(deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    slack_thread: Option<String>,
    #[serde(deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    base_branch: Option<String>,
    #[serde(deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    model_family: Option<String>,
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

impl From<Item> for Request {
    fn from(item: Item) -> Self {
        Self {
            agent: item.agent,
            message: item.message,
            slack_channel: item.slack_channel,
            slack_thread: item.slack_thread,
            base_branch: item.base_branch,
            model_family: item.model_family,
        }
    }
}

/// Reads all items, before any is started.
pub(super) fn read(file: &Path) -> Result<Vec<Item>, Failure> {
    let shown = file.display();
    let text = fs::read_to_string(file)
        .map_err(|error| Failure::usage(format!("{shown} cannot be read: {error}")))?;
    let text = text.trim_start_matches('\u{feff}');
    let items = if is_csv(file, text) {
        from_csv(text)
    } else {
        from_json_lines(text)
    };
    items.map_err(|problem| Failure::usage(format!("{shown}, {problem}; nothing was started")))
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
                .map_err(|error| format!("line {}: {error}", place + 1))?;
            checked(item, place + 1)
        })
        .collect()
}

fn from_csv(text: &str) -> Result<Vec<Item>, String> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let mut items = vec![];
    for item in reader.deserialize() {
        let item = item.map_err(|error| error.to_string())?;
        // The header is the first line.
        items.push(checked(item, items.len() + 2)?);
    }
    Ok(items)
}

fn checked(item: Item, line: usize) -> Result<Item, String> {
    let checked = item.check();
    checked.map_err(|problem| format!("line {line}: {problem}"))?;
    Ok(item)
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
}
