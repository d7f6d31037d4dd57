//! Whether a body holds a value at a root field, whatever else it is: cut, no GraphQL, an error.

use serde_json::{Value, json};

use super::duplicate_names::FieldNames;
use super::repair::{looks_like_json, repaired};

/// Whether a body holds any value at one of these roots; null is none.
pub(super) fn has_value(body: &[u8], roots: &[&str]) -> bool {
    has(body, roots, |_| true)
}

/// Whether a body holds a value at this root that does not refuse, which `ok: false` does.
pub(crate) fn has_accepted(body: &[u8], root: &str) -> bool {
    has(body, &[root], |value| value["ok"] != json!(false))
}

fn has(body: &[u8], roots: &[&str], is_value: impl Fn(&Value) -> bool) -> bool {
    let body = repaired(body);
    let search = Search { roots, is_value };
    match serde_json::from_slice::<Value>(&body) {
        // A JSON value keeps the last of two of one name.
        Ok(whole) => {
            search.is_in_body(&whole)
                || FieldNames::of(&body) == FieldNames::Twice && search.is_in_text(&body, false)
        }
        Err(_) => search.is_in_text(&body, looks_like_json(&body)),
    }
}

/// What follows a name in a text that need not be JSON, each time that a colon stands behind it.
pub(crate) fn values_after<'t>(text: &'t str, name: &str) -> impl Iterator<Item = &'t str> {
    // No other white space is any in JSON.
    let trimmed = |text: &'t str| text.trim_start_matches([' ', '\t', '\n', '\r']);
    let name = format!("\"{name}\"");
    let places: Vec<_> = text.match_indices(&name).map(|(at, _)| at).collect();
    places.into_iter().filter_map(move |at| {
        let after = trimmed(&text[at + name.len()..]);
        after.strip_prefix(':').map(trimmed)
    })
}

struct Search<'a, F> {
    roots: &'a [&'a str],
    is_value: F,
}

impl<F: Fn(&Value) -> bool> Search<'_, F> {
    fn is_in_body(&self, body: &Value) -> bool {
        let Value::Object(parts) = body else {
            return self.is_within(body, true);
        };
        parts
            .iter()
            .any(|(name, part)| match (name.as_str(), part) {
                ("data", part) => self.is_within(part, true),
                ("extensions", part) => self.is_within(part, false),
                // Of an entry the names are GraphQL's own.
                ("errors", Value::Array(entries)) => {
                    let entries = entries.iter().filter_map(Value::as_object);
                    let mut parts = entries.flat_map(|entry| entry.values());
                    parts.any(|part| self.is_within(part, false))
                }
                (name, part) => self.is_at(name, part, true) || self.is_within(part, true),
            })
    }

    /// `scalars`: whether a number or a text is a value. In extensions it says what a field costs.
    fn is_within(&self, value: &Value, scalars: bool) -> bool {
        match value {
            Value::Array(values) => values.iter().any(|value| self.is_within(value, scalars)),
            Value::Object(map) => map.iter().any(|(name, value)| {
                self.is_at(name, value, scalars) || self.is_within(value, scalars)
            }),
            _ => false,
        }
    }

    fn is_at(&self, name: &str, value: &Value, scalars: bool) -> bool {
        self.roots.contains(&name)
            && !value.is_null()
            && (scalars || value.is_object() || value.is_array())
            && (self.is_value)(value)
    }

    /// The same for a text: a value that is cut counts, but for the beginning of null.
    fn is_in_text(&self, text: &[u8], scalars: bool) -> bool {
        let text = String::from_utf8_lossy(text);
        self.roots
            .iter()
            .any(|root| values_after(&text, root).any(|value| self.begins(value, scalars)))
    }

    fn begins(&self, text: &str, scalars: bool) -> bool {
        if !text.starts_with(['{', '[']) {
            return scalars && !text.starts_with("null") && !"null".starts_with(text);
        }
        let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
        match values.next() {
            Some(Ok(value)) => (self.is_value)(&value),
            _ => true,
        }
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
            r#"{"data":null,"root":7}"#,
            r#"{"errors":[{"message":"m","extensions":{"root":[]}}]}"#,
            r#"[{"data":{"root":{"ok":true}}}]"#,
            r#"{"data":{"root":{"ok":true}},"data":{"root":null}}"#,
            r#"{"data":{"root" : {"o"#,
            r#"{"data":{"root":7"#,
            r#"<p>"root": {"ok"#,
            "\u{feff}{\"data\":{\"root\":{}}}",
        ] {
            assert!(has_accepted(body.as_bytes(), "root"), "{body}");
            assert!(has_value(body.as_bytes(), &["other", "root"]), "{body}");
        }
    }

    #[test]
    fn what_stands_beside_the_name_otherwise_is_none() {
        for body in [
            "",
            "root",
            r#"{"data":{}}"#,
            r#"{"data":{"root":null}}"#,
            r#"{"data":{"root":nu"#,
            r#"{"data":{"root":"#,
            r#"{"data":{"root"#,
            r#"{"errors":[{"path":["root"],"message":"\"root\":{}"}]}"#,
            r#"{"data":{},"extensions":{"cost":{"root":5}}}"#,
            r#"{"errors":[{"message":"m","extensions":{"root":5}}]}"#,
            r#"slow down: "root": 5"#,
        ] {
            assert!(!has_value(body.as_bytes(), &["root"]), "{body}");
        }
        // GraphQL's own names are no root.
        let body = br#"{"errors":[{"message":"m"}],"data":null,"extensions":{"a":1}}"#;
        for root in ["errors", "message", "data", "extensions"] {
            assert!(!has_value(body, &[root]), "{root}");
        }
    }

    #[test]
    fn a_refusal_is_a_value_that_is_not_accepted() {
        for body in [
            r#"{"data":{"root":{"ok":false,"status":"REJECTED"}}}"#,
            r#"{"data":{"root":{"ok":false}},"data":{}}"#,
        ] {
            assert!(has_value(body.as_bytes(), &["root"]), "{body}");
            assert!(!has_accepted(body.as_bytes(), "root"), "{body}");
        }
    }
}
