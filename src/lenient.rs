//! The second pass over data that the schema does not allow, as lenient as the vendor's own
//! clients: a number as a text, null or nothing for a list, for `workspaceUid`, for `truncated`
//! and for the status of a trigger. It runs only after strict decoding has failed.

use serde_json::value::RawValue;
use serde_json::{Map, Number, Value, json};

use crate::surrogates;

/// The data of an operation with what the vendor's clients accept put right; `None` if it is not
/// even JSON.
pub(crate) fn relaxed(data: &RawValue, root: Root) -> Option<Value> {
    let mut data = parsed(data)?;
    if let Some(roots) = data.as_object_mut() {
        for value in roots.values_mut() {
            relax(value, root);
        }
    }
    Some(data)
}

/// The same for one root field alone.
pub(crate) fn relaxed_run(value: &RawValue) -> Option<Value> {
    let mut value = parsed(value)?;
    relax(&mut value, Root::Read);
    Some(value)
}

fn parsed(json: &RawValue) -> Option<Value> {
    let json = json.get().as_bytes();
    serde_json::from_slice(surrogates::repaired(json).as_deref().unwrap_or(json)).ok()
}

fn relax(value: &mut Value, root: Root) {
    for_each_object(value, &mut relax_any);
    if let Some(map) = value.as_object_mut() {
        match root {
            Root::Read => relax_run(map),
            Root::Start => relax_accepted(map),
        }
    }
}

/// What stands at the root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Root {
    /// A run.
    Read,
    /// What a trigger, a follow-up or a stop gives.
    Start,
}

fn for_each_object(value: &mut Value, relax: &mut impl FnMut(&mut Map<String, Value>)) {
    match value {
        Value::Array(values) => {
            for value in values {
                for_each_object(value, relax);
            }
        }
        Value::Object(map) => {
            relax(map);
            for value in map.values_mut() {
                for_each_object(value, relax);
            }
        }
        _ => {}
    }
}

/// Messages and steps.
fn relax_any(map: &mut Map<String, Value>) {
    if let Some(number) = map.get("ts").and_then(as_float) {
        map.insert("ts".to_owned(), number);
    }
    if let Some(index) = map.get("index").and_then(as_integer) {
        map.insert("index".to_owned(), index);
        if map.get("truncated").is_none_or(Value::is_null) {
            map.insert("truncated".to_owned(), json!(false));
        }
    }
}

fn relax_run(run: &mut Map<String, Value>) {
    for list in ["messages", "childSessionIds"] {
        if run.get(list).is_none_or(Value::is_null) {
            run.insert(list.to_owned(), json!([]));
        }
    }
    if run.get("workspaceUid").is_none_or(Value::is_null) {
        run.insert("workspaceUid".to_owned(), json!(""));
    }
}

fn relax_accepted(accepted: &mut Map<String, Value>) {
    match accepted.get("status") {
        Some(Value::String(_)) => {}
        // Nothing depends on it.
        _ => drop(accepted.insert("status".to_owned(), json!(""))),
    }
    let has_no_id = accepted.get("agentSessionId").is_none_or(Value::is_null);
    if accepted.get("ok") == Some(&json!(false)) && has_no_id {
        accepted.insert("agentSessionId".to_owned(), json!(""));
    }
    if let Some(false) = accepted.get("warning").map(|it| it.is_string()) {
        accepted.remove("warning");
    }
}

/// A number in a text.
fn as_float(value: &Value) -> Option<Value> {
    let number: f64 = value.as_str()?.trim().parse().ok()?;
    Number::from_f64(number).map(Value::Number)
}

/// A whole number, also in a text.
fn as_integer(value: &Value) -> Option<Value> {
    if value.is_i64() {
        return Some(value.clone());
    }
    let number: i64 = value.as_str()?.trim().parse().ok()?;
    Some(json!(number))
}
