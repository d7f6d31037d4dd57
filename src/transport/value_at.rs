//! Whether a body that is no GraphQL response holds a value all the same.

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
