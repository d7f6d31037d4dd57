//! The envelope of a GraphQL response: an object with `data` or `errors`, and how a body that is
//! none reads.

use std::collections::HashMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::redact::Redaction;
use super::repair::{first_character, looks_like_json, repaired, without_half_pairs};
use crate::error::{GraphQlError, Location, PathSegment, excerpt};

/// What a body is.
pub(super) enum Parsed {
    Envelope(Envelope),
    /// JSON that breaks off or is malformed, and where; or an envelope that holds a part twice.
    Malformed(String),
    /// Something else.
    Other,
}

impl Parsed {
    pub(super) fn of(body: &[u8]) -> Self {
        // serde would take an array for the envelope's fields in their order.
        let is_array = first_character(body) == Some(b'[');
        let envelope = serde_json::from_slice::<Envelope>(body)
            .or_else(|_| serde_json::from_slice(&repaired(body)));
        match envelope {
            Ok(envelope) if !is_array && envelope.is_one() => Self::Envelope(envelope),
            Err(error) if looks_like_json(body) && !error.is_data() => Self::Malformed(format!(
                "it is not JSON from line {}, column {} on",
                error.line(),
                error.column()
            )),
            Err(_) if first_character(body) == Some(b'{') => {
                Self::Malformed("`data` or `errors` stands twice in it".to_owned())
            }
            Ok(_) | Err(_) => Self::Other,
        }
    }
}

/// A GraphQL response, its data not yet read. Absent data and null data differ.
#[derive(Deserialize)]
pub(super) struct Envelope {
    #[serde(default, deserialize_with = "present")]
    pub(super) data: Option<Option<Box<RawValue>>>,
    #[serde(default, deserialize_with = "present")]
    errors: Option<Option<Box<RawValue>>>,
}

fn present<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<Box<RawValue>>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl Envelope {
    fn is_one(&self) -> bool {
        self.data.is_some() || self.errors.is_some()
    }

    /// The data, if there is a value at this root field.
    pub(super) fn value_at(&self, root: &str) -> Option<&RawValue> {
        let data = self.data.as_ref()?.as_deref()?;
        let json = data.get().as_bytes();
        let repaired = without_half_pairs(json);
        let json = repaired.as_deref().unwrap_or(json);
        let roots: HashMap<String, &RawValue> = serde_json::from_slice(json).ok()?;
        let is_value = roots.get(root).is_some_and(|value| value.get() != "null");
        is_value.then_some(data)
    }

    /// The data, if it is an object.
    pub(super) fn object(&self) -> Option<&RawValue> {
        let data = self.data.as_ref()?.as_deref()?;
        data.get().starts_with('{').then_some(data)
    }

    /// The data, if it is an object that holds anything but null.
    pub(super) fn object_with_a_value(&self) -> Option<&RawValue> {
        let data = self.object()?;
        let json = data.get().as_bytes();
        let repaired = without_half_pairs(json);
        let json = repaired.as_deref().unwrap_or(json);
        let roots = serde_json::from_slice::<HashMap<String, &RawValue>>(json).ok();
        // Of one that cannot be read nobody knows.
        let has_value = roots.is_none_or(|it| it.values().any(|value| value.get() != "null"));
        has_value.then_some(data)
    }

    /// All errors, however they are written: one malformed entry must not hide the others.
    pub(super) fn errors(&self, redaction: &Redaction) -> Errors {
        let Some(Some(raw)) = &self.errors else {
            return Errors::default();
        };
        let raw = raw.get().as_bytes();
        let repaired = without_half_pairs(raw);
        let raw = repaired.as_deref().unwrap_or(raw);
        let entries: Vec<&RawValue> = serde_json::from_slice(raw)
            .or_else(|_| serde_json::from_slice(raw).map(|entry| vec![entry]))
            .unwrap_or_default();
        let mut errors = Errors::default();
        for entry in entries {
            let Ok(entry) = serde_json::from_str::<Value>(entry.get()) else {
                errors.is_unreadable = true;
                errors.list.push(graphql_error(Value::Null));
                errors.as_said.push(graphql_error(Value::Null));
                continue;
            };
            let path = entry.get("path").filter(|path| !path.is_null());
            errors.is_path_present |= path.is_some();
            let is_segment = |segment: &Value| segment.is_string() || segment.is_u64();
            let is_readable = |path: &Value| {
                path.as_array()
                    .is_some_and(|path| path.iter().all(is_segment))
            };
            errors.is_unreadable |= path.is_some_and(|path| !is_readable(path));
            errors.is_path_named |=
                path.is_some_and(|path| path.as_array().is_none_or(|path| !path.is_empty()));
            errors.as_said.push(graphql_error(entry.clone()));
            errors.list.push(graphql_error(redaction.json(entry)));
        }
        errors
    }
}

/// The errors of an envelope.
#[derive(Default)]
pub(super) struct Errors {
    pub(super) list: Vec<GraphQlError>,
    /// The same with what must not be shown: what is hidden in it can make a proof of a text that
    /// is none, or hide one. Only proofs are looked for here.
    pub(super) as_said: Vec<GraphQlError>,
    /// Whether one of them has a path, be it an empty one.
    pub(super) is_path_present: bool,
    /// Whether one of them names a place in the data, so that execution had begun.
    pub(super) is_path_named: bool,
    /// Whether one of them cannot be read, so that it may say anything.
    pub(super) is_unreadable: bool,
}

fn graphql_error(entry: Value) -> GraphQlError {
    fn list<T: DeserializeOwned>(value: Option<Value>) -> Vec<T> {
        let Some(Value::Array(values)) = value else {
            return vec![];
        };
        values
            .into_iter()
            .filter_map(|value| serde_json::from_value(value).ok())
            .collect()
    }

    let mut entry = match entry {
        Value::Object(entry) => entry,
        Value::Null => Map::new(),
        other => Map::from_iter([("message".to_owned(), other)]),
    };
    let message = match entry.remove("message") {
        Some(Value::String(message)) => message,
        Some(other) => excerpt(&other.to_string()),
        None => "an error without a message".to_owned(),
    };
    GraphQlError {
        message,
        path: list::<PathSegment>(entry.remove("path")),
        locations: list::<Location>(entry.remove("locations")),
        extensions: match entry.remove("extensions") {
            Some(Value::Object(extensions)) => extensions,
            _ => Map::new(),
        },
    }
}
