//! Whether a name stands twice in an object of JSON. Readers differ in which of the two they take,
//! so a response with such an object proves nothing.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// The names in the objects of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FieldNames {
    /// Each stands once in its object.
    Unique,
    /// One stands twice.
    Twice,
    /// The text is no JSON, or cannot be read to its end.
    Unread,
}

impl FieldNames {
    pub(crate) fn of(json: &[u8]) -> Self {
        match serde_json::from_slice::<EachOnce>(json) {
            Ok(EachOnce) => Self::Unique,
            Err(error) if error.is_data() => Self::Twice,
            Err(_) => Self::Unread,
        }
    }
}

/// Any value in which no name stands twice.
struct EachOnce;

impl<'de> Deserialize<'de> for EachOnce {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for EachOnce {
    type Value = Self;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value in which no name stands twice")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Self, A::Error> {
        while values.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self, A::Error> {
        let mut names = HashSet::new();
        while let Some((name, Self)) = entries.next_entry::<String, Self>()? {
            if !names.insert(name) {
                return Err(A::Error::custom("a name stands twice"));
            }
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_within_their_object_and_as_they_read() {
        for (json, names) in [
            ("7", FieldNames::Unique),
            (
                r#"{"a":{"a":[{"a":1},{"a":null}]},"b":true}"#,
                FieldNames::Unique,
            ),
            (r#"{"a":1,"b":2,"a":1}"#, FieldNames::Twice),
            (r#"[0,{"b":{"a":-1,"\u0061":2.5}}]"#, FieldNames::Twice),
            ("<html>", FieldNames::Unread),
            (r#"{"a":1,"b""#, FieldNames::Unread),
            (r#"{"a":1e999}"#, FieldNames::Unread),
        ] {
            assert_eq!(FieldNames::of(json.as_bytes()), names, "{json}");
        }
    }
}
