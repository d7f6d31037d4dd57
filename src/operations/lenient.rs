//! The second pass over data that the schema does not allow, as lenient as the vendor's own
//! clients: a number as a text, null or nothing for a list, for `workspaceUid`, for `truncated`
//! and for the status of a trigger. It runs only after strict decoding has failed.

use serde_json::{Map, Number, Value, json};

/// Puts right the data of a look-up.
pub(crate) fn relax_reads(data: &mut Value) {
    relax_roots(data, relax_run);
}

/// Puts right what a trigger, a follow-up or a stop gives.
pub(crate) fn relax_changes(data: &mut Value) {
    relax_roots(data, |root| {
        for_each_object(root, &mut relax_any);
        if let Some(map) = root.as_object_mut() {
            relax_accepted(map);
        }
    });
}

/// Puts right the response to a query of the user's own: numbers in texts, and null for a list of a run.
pub(crate) fn relax_own_query(data: &mut Value) {
    relax_roots(data, |root| {
        for_each_object(root, &mut relax_numbers);
        for list in LISTS_OF_A_RUN {
            if root.get(list).is_some_and(Value::is_null) {
                root[list] = json!([]);
            }
        }
    });
}

/// Puts right the response to a mutation of the user's own: numbers in texts, and what the API leaves out of
/// the status, and of the id of what it refuses.
pub(crate) fn relax_own_mutation(data: &mut Value) {
    relax_roots(data, |root| {
        for_each_object(root, &mut relax_numbers);
        if let Some(map) = root.as_object_mut() {
            if map.get("status").is_none_or(Value::is_null) {
                map.insert("status".to_owned(), json!(""));
            }
            relax_refused(map);
        }
    });
}

/// Puts right one run.
pub(super) fn relax_run(root: &mut Value) {
    for_each_object(root, &mut relax_any);
    if let Some(map) = root.as_object_mut() {
        relax_fields_of_a_run(map);
    }
}

fn relax_roots(data: &mut Value, relax: impl Fn(&mut Value)) {
    for root in data.as_object_mut().into_iter().flat_map(Map::values_mut) {
        relax(root);
    }
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
    relax_numbers(map);
    if map.contains_key("index") && map.get("truncated").is_none_or(Value::is_null) {
        map.insert("truncated".to_owned(), json!(false));
    }
}

fn relax_numbers(map: &mut Map<String, Value>) {
    if let Some(number) = map.get("ts").and_then(as_float) {
        map.insert("ts".to_owned(), number);
    }
    if let Some(index) = map.get("index").and_then(as_integer) {
        map.insert("index".to_owned(), index);
    }
}

const LISTS_OF_A_RUN: [&str; 2] = ["messages", "childSessionIds"];

fn relax_fields_of_a_run(run: &mut Map<String, Value>) {
    for list in LISTS_OF_A_RUN {
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
    relax_refused(accepted);
    if let Some(false) = accepted.get("warning").map(|it| it.is_string()) {
        accepted.remove("warning");
    }
}

/// What is refused has no id.
fn relax_refused(accepted: &mut Map<String, Value>) {
    let has_no_id = accepted.get("agentSessionId").is_none_or(Value::is_null);
    if accepted.get("ok") == Some(&json!(false)) && has_no_id {
        accepted.insert("agentSessionId".to_owned(), json!(""));
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
