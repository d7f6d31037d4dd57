//! Finds the session id in any body, since no error may lose it.

use serde_json::Value;

use crate::model::SessionId;
use crate::transport::repaired;

/// The session id that a body holds, whatever else it is: cut, not GraphQL, an error.
pub(crate) fn find_id(body: &[u8]) -> Option<SessionId> {
    const NAME: &str = "\"agentSessionId\"";
    let body = repaired(body);
    let value = serde_json::from_slice::<Value>(&body).ok();
    if let Some(id) = value.as_ref().and_then(id_within) {
        return Some(id);
    }
    // No JSON, or the name stands twice: a JSON value keeps the last of them.
    let text = String::from_utf8_lossy(&body);
    let mut rest = &*text;
    while let Some((_, after)) = rest.split_once(NAME) {
        rest = after;
        let Some(value) = after.trim_start().strip_prefix(':') else {
            continue;
        };
        let mut values = serde_json::Deserializer::from_str(value).into_iter::<Value>();
        if let Some(id) = values.next().and_then(Result::ok).as_ref().and_then(as_id) {
            return Some(id);
        }
    }
    None
}

fn id_within(value: &Value) -> Option<SessionId> {
    match value {
        Value::Array(values) => values.iter().find_map(id_within),
        Value::Object(map) => {
            let own = map.get("agentSessionId").and_then(as_id);
            own.or_else(|| map.values().find_map(id_within))
        }
        _ => None,
    }
}

fn as_id(value: &Value) -> Option<SessionId> {
    match value {
        Value::String(id) => SessionId::new(id).ok(),
        Value::Number(id) => SessionId::new(id.to_string()).ok(),
        _ => None,
    }
}
