//! [`Item`]: a run to start, as a line of a batch file has it; and how items are read from JSON lines
//! ([`parse_lines`]) or from a JSON array ([`parse_array`]).

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// A run to start.
///
/// `remote` makes functions of what is derived, so that the traits can be implemented around
/// them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields, default)]
pub(crate) struct Item {
    #[serde(deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub(crate) agent: Option<String>,
    #[serde(deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
    #[serde(deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub(crate) slack_channel: Option<String>,
    #[serde(deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub(crate) slack_thread: Option<String>,
    #[serde(deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub(crate) base_branch: Option<String>,
    #[serde(deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub(crate) model_family: Option<String>,
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
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.agent.is_none() && self.message.is_none() {
            return Err("neither an agent nor a message is given".to_owned());
        }
        if self.slack_channel.is_some() != self.slack_thread.is_some() {
            return Err("slack_channel and slack_thread must be given together".to_owned());
        }
        Ok(())
    }
}

pub(super) fn parse_lines(text: &str) -> Result<Vec<Item>, String> {
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

pub(super) fn parse_array(text: &str) -> Result<Vec<Item>, String> {
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

/// An error in a line of JSON lines, without the line that it is in for the reader of JSON: 1.
pub(crate) fn without_line(error: &serde_json::Error) -> String {
    format!("{} at column {}", without_place(error), error.column())
}

/// An error without the place that it is at for the reader of JSON.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&place).unwrap_or(&text).to_owned()
}

/// The line that the byte at this place is in.
pub(super) fn line_at(text: &str, place: usize) -> usize {
    let before = text.as_bytes().iter().take(place);
    1 + before.filter(|byte| **byte == b'\n').count()
}
