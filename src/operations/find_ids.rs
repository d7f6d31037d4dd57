//! Finds the session ids in any body, since no error may lose one.

use std::collections::HashSet;

use serde_json::Value;

use crate::model::SessionId;
use crate::transport::{repaired, values_after};

/// The session ids that a body holds, each once, whatever else it is: cut, not GraphQL, an error.
pub(crate) fn find_ids(body: &[u8]) -> Vec<SessionId> {
    let body = repaired(body);
    let mut found = Vec::new();
    if let Ok(value) = serde_json::from_slice::<Value>(&body) {
        add_within(&value, &mut found);
    }
    // No JSON, or the name stands twice: a JSON value keeps the last of them.
    let text = String::from_utf8_lossy(&body);
    for value in values_after(&text, "agentSessionId") {
        if value.starts_with(['{', '[']) {
            continue;
        }
        let mut values = serde_json::Deserializer::from_str(value).into_iter::<Value>();
        found.extend(values.next().and_then(Result::ok).as_ref().and_then(as_id));
    }
    let mut seen = HashSet::new();
    found.retain(|id| seen.insert(id.clone()));
    found
}

fn add_within(value: &Value, found: &mut Vec<SessionId>) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| add_within(value, found)),
        Value::Object(map) => {
            found.extend(map.get("agentSessionId").and_then(as_id));
            map.values().for_each(|value| add_within(value, found));
        }
        _ => {}
    }
}

fn as_id(value: &Value) -> Option<SessionId> {
    match value {
        Value::String(id) => SessionId::new(id).ok(),
        Value::Number(id) => SessionId::new(id.to_string()).ok(),
        _ => None,
    }
}
