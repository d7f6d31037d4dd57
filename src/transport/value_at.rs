//! Whether a body that is no GraphQL response, or one without data, holds a value all the same.

use serde_json::Value;

use super::repair::repaired;

/// Whether a body that is no whole GraphQL response holds the beginning of a value at this root.
pub(super) fn has_value_at(body: &[u8], root: &str) -> bool {
    let body = repaired(body);
    let value = serde_json::from_slice::<Value>(&body).ok();
    if value.is_some_and(|value| has_object_at(&value, root)) {
        return true;
    }
    let text = String::from_utf8_lossy(&body);
    let name = format!("\"{root}\"");
    let mut values = text.split(name.as_str()).skip(1);
    values.any(|after| {
        let value = after.trim_start().strip_prefix(':').map(str::trim_start);
        value.is_some_and(|value| value.starts_with('{'))
    })
}

/// Whether a body that is no whole GraphQL response holds any value but null at this root.
pub(super) fn names_value(body: &[u8], root: &str) -> bool {
    let text = repaired(body);
    let text = String::from_utf8_lossy(&text);
    let name = format!("\"{root}\"");
    let mut values = text.split(name.as_str()).skip(1);
    values.any(|after| {
        let value = after.trim_start().strip_prefix(':').map(str::trim_start);
        value.is_some_and(|value| !value.starts_with("null"))
    })
}

/// Whether a GraphQL response whose data has no value holds one elsewhere: beside its parts, or deep in
/// them.
pub(super) fn has_value_beside(body: &[u8], is_root: impl Fn(&str) -> bool) -> bool {
    let Ok(Value::Object(parts)) = serde_json::from_slice(&repaired(body)) else {
        return false;
    };
    let is_root = &is_root;
    parts
        .iter()
        .any(|(name, part)| match (name.as_str(), part) {
            ("data" | "extensions", part) => has_value_within(part, is_root),
            // Of an entry the names are GraphQL's own.
            ("errors", Value::Array(entries)) => {
                let entries = entries.iter().filter_map(Value::as_object);
                let mut parts = entries.flat_map(|entry| entry.values());
                parts.any(|part| has_value_within(part, is_root))
            }
            (name, part) => is_root(name) && !part.is_null() || has_value_within(part, is_root),
        })
}

fn has_value_within(value: &Value, is_root: &impl Fn(&str) -> bool) -> bool {
    match value {
        Value::Array(values) => values.iter().any(|value| has_value_within(value, is_root)),
        Value::Object(map) => map.iter().any(|(name, value)| {
            is_root(name) && !value.is_null() || has_value_within(value, is_root)
        }),
        _ => false,
    }
}

fn has_object_at(value: &Value, name: &str) -> bool {
    match value {
        Value::Array(values) => values.iter().any(|value| has_object_at(value, name)),
        Value::Object(map) => {
            map.get(name).is_some_and(Value::is_object)
                || map.values().any(|value| has_object_at(value, name))
        }
        _ => false,
    }
}
