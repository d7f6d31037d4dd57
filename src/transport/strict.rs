//! The first way to read a body: in one pass over the bytes as they came, into the types of the
//! document.
//!
//! It succeeds only where the way that looks at everything (`response.rs`, `envelope.rs`,
//! `decode.rs`) comes to the same data without errors. A byte-order mark, half of a surrogate pair
//! or bytes that are no UTF-8 in a text that is read, a name that stands twice where it is read, an
//! error of any kind, null data, and whatever the schema does not allow are left to that one.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// A GraphQL response that has data and no errors.
#[derive(Deserialize)]
#[serde(bound = "T: Deserialize<'de>")]
struct WithoutErrors<T> {
    data: Object<T>,
    /// Null or an empty list: what fits in a list of none.
    #[serde(default, rename = "errors")]
    _errors: Option<[IgnoredAny; 0]>,
}

/// Data that is an object: serde would also take an array, for the root fields in their order.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Object)
    }
}

/// The data of a body, if it is exactly that of a response without errors.
pub(super) fn data<'body, T: Deserialize<'body>>(body: &'body [u8]) -> Option<T> {
    // As for `Object`.
    if !body.trim_ascii_start().starts_with(b"{") {
        return None;
    }
    let response: WithoutErrors<T> = serde_json::from_slice(body).ok()?;
    Some(response.data.0)
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
            r#"{"data":["x"]}"#,
            r#"{"errors":[]}"#,
            r#"[{"root":"x"}]"#,
            r#"[{"root":"x"},null]"#,
            "\u{feff}{\"data\":{\"root\":\"x\"}}",
        ] {
            assert_eq!(root(body), None, "{body}");
        }
    }
}
