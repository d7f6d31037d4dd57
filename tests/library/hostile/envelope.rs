//! A GraphQL envelope with odd values at each of its places.

use serde_json::{Value, json};

pub(crate) const ODD_VALUES: [&[u8]; 27] = [
    b"null",
    b"true",
    b"false",
    b"0",
    b"-1",
    b"1e999",
    b"-1e999",
    b"1e-999",
    b"123456789012345678901234567890",
    b"NaN",
    b"\"\"",
    b"\" \"",
    b"\"\\ud800\"",
    b"\"\\ud800\\ud800\"",
    b"\"\\u0000\\u001b[31m\"",
    b"\"\xff\xfe\"",
    b"\"unclosed",
    b"\"RUNNING\"",
    b"\"FAILED\"",
    b"\"ANYTHING_ELSE\"",
    b"\"Cannot query field \\\"\"",
    b"\"Unknown argument \\\"modelFamily\\\"\"",
    b"[]",
    b"[null]",
    b"{}",
    b"1,\"ok\":true,\"ok\":false",
    b"",
];

/// A GraphQL answer to every operation at once.
pub(crate) fn envelope_without_errors() -> Value {
    let run = json!({
        "ok": true,
        "agentSessionId": "session",
        "status": "COMPLETED",
        "messages": [{ "ts": 1.5, "role": "assistant", "content": "text" }],
        "childSessionIds": ["child"],
        "workspaceUid": "w1",
    });
    let accepted = json!({
        "ok": true,
        "agentSessionId": "session",
        "status": "queued",
        "warning": null,
    });
    json!({ "data": {
        "dinoaiAgentRun": run,
        "triggerDinoaiAgentRun": accepted,
        "sendDinoaiAgentMessage": accepted,
        "stopDinoaiAgentRun": accepted,
    }})
}

/// The same with an error beside the data.
pub(crate) fn envelope() -> Value {
    let mut envelope = envelope_without_errors();
    envelope["errors"] = json!([{
        "message": "message",
        "path": ["triggerDinoaiAgentRun", 0],
        "locations": [{ "line": 1, "column": 1 }],
        "extensions": { "code": "CODE" },
    }]);
    envelope
}

/// An answer whose value at a place is the given text, JSON or not. It has errors where the place
/// is in them.
pub(crate) fn envelope_with(place: &str, value: &[u8]) -> Vec<u8> {
    let mut body = if place.starts_with("/errors") {
        envelope()
    } else {
        envelope_without_errors()
    };
    let marker = "the value";
    let (parent, name) = place.rsplit_once('/').unwrap();
    match body.pointer_mut(parent).unwrap() {
        Value::Array(values) => values[name.parse::<usize>().unwrap()] = json!(marker),
        object => object[name] = json!(marker),
    }
    replace(
        body.to_string().as_bytes(),
        json!(marker).to_string().as_bytes(),
        value,
    )
}

/// The places of all values in a JSON value, as JSON pointers.
pub(crate) fn places(value: &Value) -> Vec<String> {
    let parts: Vec<(String, &Value)> = match value {
        Value::Object(parts) => parts
            .iter()
            .map(|(name, part)| (name.clone(), part))
            .collect(),
        Value::Array(parts) => (0..)
            .map(|index: usize| index.to_string())
            .zip(parts)
            .collect(),
        _ => vec![],
    };
    let mut all = vec![String::new()];
    for (name, part) in parts {
        all.extend(
            places(part)
                .into_iter()
                .map(|place| format!("/{name}{place}")),
        );
    }
    all
}

pub(crate) fn replace(text: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    match text.windows(old.len()).position(|window| window == old) {
        Some(start) => [&text[..start], new, &text[start + old.len()..]].concat(),
        None => text.to_vec(),
    }
}

pub(crate) fn nested(open: &str, inside: &str, close: &str) -> Vec<u8> {
    const LEVELS: usize = 100_000;
    format!("{}{inside}{}", open.repeat(LEVELS), close.repeat(LEVELS)).into_bytes()
}

/// A usual answer with this body.
pub(crate) fn ok(body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}
