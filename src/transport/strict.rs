//! The first way to read a body: in one pass over the bytes as they came, into the types of the
//! document.
//!
//! It succeeds only where the way that looks at everything (`response.rs`, `envelope.rs`,
//! `decode.rs`) comes to the same data without errors. A byte-order mark, half of a surrogate pair
//! or bytes that are no UTF-8 in a text that is read, a name that stands twice where it is read, an
//! error of any kind, null data, and whatever the schema does not allow are left to that one.

use serde::Deserialize;
use serde::de::IgnoredAny;

/// A GraphQL response that has data and no errors.
#[derive(Deserialize)]
struct WithoutErrors<T> {
    data: T,
    /// Null or an empty list: what fits in a list of none.
    #[serde(default, rename = "errors")]
    _errors: Option<[IgnoredAny; 0]>,
}

/// The data of a body, if it is exactly that of a response without errors.
pub(super) fn data<'body, T: Deserialize<'body>>(body: &'body [u8]) -> Option<T> {
    // serde would take an array for the fields in their order.
    if !body.trim_ascii_start().starts_with(b"{") {
        return None;
    }
    let response: WithoutErrors<T> = serde_json::from_slice(body).ok()?;
    Some(response.data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Data {
        root: Option<String>,
    }

    #[test]
    fn data_without_errors_is_taken_and_nothing_else() {
        let root = |body: &str| data::<Data>(body.as_bytes()).map(|data| data.root);
        let value = Some(Some("x".to_owned()));
        for body in [
            r#"{"data":{"root":"x"}}"#,
            r#" {"errors":[ ],"data":{"root":"x"}} "#,
            r#"{"data":{"root":"x","other":1},"errors":null,"extensions":{"a":"\ud83d"}}"#,
        ] {
            assert_eq!(root(body), value, "{body}");
        }
        assert_eq!(root(r#"{"data":{"root":null}}"#), Some(None));
        for body in [
            r#"{"data":{"root":"x"},"errors":[null]}"#,
            r#"{"data":{"root":"x"},"errors":{}}"#,
            r#"{"data":{"root":"x"},"errors":""}"#,
            r#"{"data":{"root":"x"},"errors":[],"errors":[]}"#,
            r#"{"data":{"root":"x"},"data":{"root":"x"}}"#,
            r#"{"data":{"root":"x","root":"x"}}"#,
            r#"{"data":{"root":"\ud83d"}}"#,
            r#"{"data":{"root":"x"}}}"#,
            r#"{"data":{"root":"x"}"#,
            r#"{"data":null}"#,
            r#"{"errors":[]}"#,
            r#"[{"root":"x"}]"#,
            r#"[{"root":"x"},null]"#,
            "\u{feff}{\"data\":{\"root\":\"x\"}}",
        ] {
            assert_eq!(root(body), None, "{body}");
        }
    }
}
