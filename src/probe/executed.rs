//! Whether a response shows that a mutation was executed that should have been skipped, and the error then.

use serde_json::{Value, json};

use crate::error::{Error, FailedCall, Purpose};
use crate::model::SessionId;
use crate::transport::repaired;

/// Whether a body holds a value at this root, whatever else it is: cut, not GraphQL, an error.
pub(super) fn has_value(body: &[u8], root: &str) -> bool {
    let body = repaired(body);
    let whole = serde_json::from_slice::<Value>(&body).ok();
    if let Some(whole) = &whole
        && (is_value(&whole["data"][root]) || has_object_within(whole, root))
    {
        return true;
    }
    // No JSON, or the name stands twice: a JSON value keeps the last of them.
    let text = String::from_utf8_lossy(&body);
    let name = format!("\"{root}\"");
    let mut values = text.split(name.as_str()).skip(1);
    values.any(|after| match after.trim_start().strip_prefix(':') {
        Some(value) => begins_with_value(value.trim_start(), whole.is_some()),
        None => false,
    })
}

/// `ok: false` refuses, and is no value.
fn is_value(value: &Value) -> bool {
    !value.is_null() && value["ok"] != json!(false)
}

/// Elsewhere than in the data, the name of the root can stand beside a number: what it costs.
fn has_object_within(value: &Value, name: &str) -> bool {
    match value {
        Value::Array(values) => values.iter().any(|value| has_object_within(value, name)),
        Value::Object(map) => {
            let at_name = map.get(name).filter(|value| value.is_object());
            at_name.is_some_and(is_value)
                || map.values().any(|value| has_object_within(value, name))
        }
        _ => false,
    }
}

/// Whether a text begins with a value, or with the beginning of one.
fn begins_with_value(text: &str, is_whole: bool) -> bool {
    if !text.starts_with('{') {
        return !is_whole && !text.starts_with("null") && !"null".starts_with(text);
    }
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    match values.next() {
        Some(Ok(value)) => is_value(&value),
        _ => true,
    }
}

/// The error of a mutation that should have been skipped, and has a value or names a run.
pub(super) fn executed(call: &FailedCall, ids: Vec<SessionId>) -> Error {
    let mut call = FailedCall {
        maybe_executed: true,
        // Which names the runs in the error's text.
        purpose: Purpose::Mutation,
        ..call.clone()
    };
    call.is_about(ids);
    Error::OutcomeUnknown {
        call: Box::new(call),
        reason: "the server has executed a field that has @skip(if: true), without anything that it needs"
            .to_owned(),
        errors: vec![],
        source: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_in_any_body() {
        for body in [
            r#"{"data":{"root":{}}}"#,
            r#"{"data":{"root":true}}"#,
            r#"{"data":{"ro\u006ft":{"ok":true}}}"#,
            r#"{"data":null,"root":{"ok":true}}"#,
            r#"[{"data":{"root":{"ok":true}}}]"#,
            r#"{"data":{"root":{"ok":true}},"data":{"root":null}}"#,
            r#"{"data":{"root" : {"o"#,
            r#"{"data":{"root":7"#,
            "\u{feff}{\"data\":{\"root\":{}}}",
        ] {
            assert!(has_value(body.as_bytes(), "root"), "{body}");
        }
        for body in [
            "",
            "root",
            r#"{"data":{}}"#,
            r#"{"data":{"root":null}}"#,
            r#"{"data":{"root":nu"#,
            r#"{"data":{"root":"#,
            r#"{"data":{"root"#,
            r#"{"data":{"root":{"ok":false,"status":"REJECTED"}}}"#,
            r#"{"data":{"root":{"ok":false}},"data":{}}"#,
            r#"{"errors":[{"path":["root"],"message":"\"root\":{}"}]}"#,
            r#"{"data":{},"extensions":{"cost":{"root":5}}}"#,
        ] {
            assert!(!has_value(body.as_bytes(), "root"), "{body}");
        }
    }
}
