//! The items of a batch, from JSON lines, a JSON array or CSV.

use std::fmt;
use std::path::Path;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use super::record::{without_line, without_place};
use super::table;

/// A run to start.
///
/// `remote` makes functions of what is derived, so that the traits can be implemented around
/// them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields, default)]
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

/// A blank text is none.
fn filled<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.filter(|text| !text.trim().is_empty()))
}

impl Serialize for Item {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Item::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for Item {
    /// From an object alone: what is derived also takes a list for the fields in their order.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Item;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object with an agent or a message")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Item, A::Error> {
                Item::deserialize(MapAccessDeserializer::new(map))
            }
        }

        deserializer.deserialize_map(Object)
    }
}

impl Item {
    pub(super) fn check(&self) -> Result<(), String> {
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
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let start = text.trim_start();
    if start.is_empty() {
        Ok(vec![])
    } else if is_csv(file, start) {
        table::parse(text)
    } else if start.starts_with('[') {
        from_json_array(text)
    } else {
        from_json_lines(text)
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

fn from_json_array(text: &str) -> Result<Vec<Item>, String> {
    let last_line = text.lines().count();
    let values: Vec<&RawValue> = serde_json::from_str(text).map_err(|error| {
        // What breaks off ends in the line after the last one.
        let line = error.line().min(last_line);
        format!("line {line}: {}", without_place(&error))
    })?;
    let values = values.into_iter().map(|value| {
        let value = value.get();
        let place = value.as_ptr().addr().saturating_sub(text.as_ptr().addr());
        let line = line_at(text, place);
        let item: Item = serde_json::from_str(value).map_err(|error| {
            let line = line + error.line().saturating_sub(1);
            format!("line {line}: {}", without_place(&error))
        })?;
        let checked = item.check();
        checked.map_err(|problem| format!("line {line}: {problem}"))?;
        Ok(item)
    });
    values.collect()
}

/// The line that the byte at this place is in.
pub(super) fn line_at(text: &str, place: usize) -> usize {
    let before = text.as_bytes().iter().take(place);
    1 + before.filter(|byte| **byte == b'\n').count()
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
            ("{}", "line 1: there is neither"),
            (
                "{\"agent\": \"a\", \"slack_channel\": \"C\"}",
                "line 1: slack_channel and slack_thread go together",
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
            ("[\n\n{}]", "line 3: there is neither"),
            ("[{}\n", "line 1: EOF"),
        ] {
            let refusal = parse(Path::new("items"), json).unwrap_err();
            assert!(refusal.starts_with(problem), "{refusal}");
        }
    }
}
