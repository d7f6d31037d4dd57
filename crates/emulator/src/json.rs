//! JSON as text: values written ([`text`], [`long_text`]), and read value by value and written again
//! ([`Json`], [`compact`], [`replaced`]).
//!
//! A tree of small values takes up to a hundred times the memory that its text takes, so JSON is read,
//! kept and written as text.

use std::fmt;
use std::io;
use std::sync::Arc;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Serialize, Serializer};
use serde_json::Value;

/// JSON text for people.
#[cfg(feature = "program")]
pub(crate) fn pretty(value: &impl Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// JSON text. The values are maps with text keys, lists, texts and finite numbers, which always
/// have one.
pub(crate) fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// Memory for a text that can become this long. glibc keeps twice as much as the largest block that
/// was ever freed, but for those above 32 MiB: of these only what is written is taken, and all of it
/// is given back.
pub(crate) fn buffer(length: usize) -> Vec<u8> {
    const LONG: usize = 1 << 20;
    const MAPPED: usize = 33 << 20;
    Vec::with_capacity(if length > LONG {
        length.max(MAPPED)
    } else {
        length
    })
}

/// JSON text that can be long.
pub(crate) fn long_text(value: &impl Serialize) -> Vec<u8> {
    struct Length(usize);
    impl io::Write for Length {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut length = Length(0);
    // Both take everything, and the values are those of `text`.
    let _ = serde_json::to_writer(&mut length, value);
    let mut text = buffer(length.0);
    let _ = serde_json::to_writer(&mut text, value);
    text
}

/// How long a text is in JSON, without the quotes.
pub(crate) fn length(text: &str) -> usize {
    let bytes = text.bytes().map(|byte| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
        0..0x20 => 6,
        _ => 1,
    });
    bytes.sum()
}

/// The JSON of a value that is kept as it is.
#[derive(Clone)]
pub(crate) struct Json(Arc<str>);

impl Json {
    pub(crate) fn of(value: &Value) -> Self {
        Self(value.to_string().into())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    fn value(&self) -> Value {
        // It is the text of one.
        serde_json::from_str(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0 || self.value() == other.value()
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value().serialize(serializer)
    }
}

/// Reads any value as JSON, which takes what is left of some bytes.
pub(crate) struct AsJson<'a> {
    pub(crate) left: &'a mut usize,
}

impl<'de> DeserializeSeed<'de> for AsJson<'_> {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        let mut copy = JsonCopy {
            out: Vec::new(),
            most: *self.left,
            replacement: None,
        };
        copy.deserialize(deserializer)?;
        *self.left -= copy.out.len();
        let text = String::from_utf8(copy.out).map_err(D::Error::custom)?;
        Ok(Json(text.into()))
    }
}

/// The same value without spaces. Fails on what [`serde_json::Value`] cannot be read from.
pub(crate) fn compact(json: &[u8]) -> serde_json::Result<Box<str>> {
    Ok(written(json, json.len(), None)?.into_boxed_str())
}

/// The same value, in which members with this name have this JSON as their value, in as many
/// places at most. What stands in that JSON is left alone.
pub(crate) fn replaced(
    json: &[u8],
    name: &str,
    value: &str,
    places: usize,
) -> serde_json::Result<String> {
    let replacement = Replacement {
        name,
        value,
        places,
    };
    let length = json.len()
        + places
            .saturating_mul(value.len())
            .min(json.len() * value.len());
    written(json, length, Some(replacement))
}

fn written(
    json: &[u8],
    length: usize,
    replacement: Option<Replacement<'_>>,
) -> serde_json::Result<String> {
    let mut copy = JsonCopy {
        out: buffer(length),
        most: usize::MAX,
        replacement,
    };
    let mut source = serde_json::Deserializer::from_slice(json);
    copy.deserialize(&mut source)?;
    source.end()?;
    String::from_utf8(copy.out).map_err(serde_json::Error::custom)
}

struct Replacement<'a> {
    name: &'a str,
    value: &'a str,
    places: usize,
}

/// A copy as it is made.
struct JsonCopy<'a> {
    out: Vec<u8>,
    /// How long it may become.
    most: usize,
    replacement: Option<Replacement<'a>>,
}

impl JsonCopy<'_> {
    fn put<E: Error>(&mut self, value: &(impl Serialize + ?Sized)) -> Result<(), E> {
        serde_json::to_writer(&mut self.out, value).map_err(E::custom)?;
        if self.out.len() > self.most {
            return Err(E::custom("it is too long"));
        }
        Ok(())
    }

    /// Begins an item, which is the first one or stands behind a comma.
    fn item(&mut self, is_first: &mut bool) {
        if !std::mem::take(is_first) {
            self.out.push(b',');
        }
    }

    /// Whether the value of a member was replaced.
    fn replace(&mut self, name: &str) -> bool {
        match &mut self.replacement {
            Some(it) if it.name == name && it.places > 0 => {
                it.places -= 1;
                self.out.extend_from_slice(it.value.as_bytes());
                true
            }
            _ => false,
        }
    }
}

impl<'de> DeserializeSeed<'de> for &mut JsonCopy<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &mut JsonCopy<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.put(&())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.put(&value)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.put(&value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.put(&value)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        if !value.is_finite() {
            return Err(E::custom(format_args!("{value} is not a finite number")));
        }
        self.put(&value)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        self.put(value)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.out.push(b'[');
        let mut is_first = true;
        loop {
            // Whether there is a further item shows only once it is read.
            let before = self.out.len();
            self.item(&mut is_first);
            if items.next_element_seed(&mut *self)?.is_none() {
                self.out.truncate(before);
                break;
            }
        }
        self.out.push(b']');
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        self.out.push(b'{');
        let mut is_first = true;
        while let Some(name) = members.next_key::<String>()? {
            self.item(&mut is_first);
            self.put(&name)?;
            self.out.push(b':');
            if self.replace(&name) {
                members.next_value::<IgnoredAny>()?;
            } else {
                members.next_value_seed(&mut *self)?;
            }
        }
        self.out.push(b'}');
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    #[test]
    fn a_compact_text_is_the_same_value() {
        for (text, short) in [
            ("null", "null"),
            (" [ ] ", "[]"),
            (
                "[1, -2 ,1.5, 1e2,-0.0, 18446744073709551615]",
                "[1,-2,1.5,100.0,-0.0,18446744073709551615]",
            ),
            (
                r#"{ "b" : { "a": [ true , {} ] }, "a\u0041": "\u00e9\n" }"#,
                r#"{"b":{"a":[true,{}]},"aA":"é\n"}"#,
            ),
        ] {
            let compact = compact(text.as_bytes()).unwrap();
            assert_eq!(&*compact, short);
            let value = |text: &str| serde_json::from_str::<Value>(text).unwrap();
            assert_eq!(value(&compact), value(text));
        }
    }

    #[test]
    fn what_is_no_value_is_no_text_either() {
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        for text in [
            "",
            "{",
            "[1,]",
            "1 2",
            "1e400",
            r#""\ud800""#,
            "\"\u{1}\"",
            &deep,
        ] {
            assert!(compact(text.as_bytes()).is_err(), "{text}");
            assert!(serde_json::from_str::<Value>(text).is_err(), "{text}");
        }
        assert!(compact(b"\"\xff\"").is_err());
    }

    #[test]
    fn as_many_members_are_replaced_as_there_are_places() {
        let text = r#"{"a":1,"b":[{"a":{"a":2}},{"a":3},{"a":4}]}"#;
        let first = replaced(text.as_bytes(), "a", r#"{"a":0}"#, 3).unwrap();
        assert_eq!(
            first,
            r#"{"a":{"a":0},"b":[{"a":{"a":0}},{"a":{"a":0}},{"a":4}]}"#
        );
        let none: Value =
            serde_json::from_str(&replaced(text.as_bytes(), "c", "0", 9).unwrap()).unwrap();
        assert_eq!(none, serde_json::from_str::<Value>(text).unwrap());
        assert_eq!(none["b"][0], json!({ "a": { "a": 2 } }));
    }

    #[test]
    fn a_text_is_as_long_as_its_json() {
        for text in [
            "",
            "a\u{7f}é\u{2028}",
            "\"\\/\n\r\t\u{8}\u{c}",
            "\0\u{1}\u{1b}\u{1f} ",
        ] {
            assert_eq!(length(text) + 2, json!(text).to_string().len(), "{text:?}");
        }
    }
}
