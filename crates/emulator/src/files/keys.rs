//! A mapping of YAML with the place of each key and value ([`Keys`]).

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_saphyr::{Location, Spanned};

/// The entries of a mapping, in their order.
#[derive(Debug, Default)]
pub(super) struct Keys(pub(super) Vec<Entry>);

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_place: Location,
    pub(super) value: Value,
    pub(super) place: Location,
}

impl Keys {
    pub(super) fn get(&self, key: &str) -> Option<&Entry> {
        self.0.iter().find(|it| it.key == key)
    }
}

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(KeysVisitor)
    }
}

struct KeysVisitor;

impl<'de> Visitor<'de> for KeysVisitor {
    type Value = Keys;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a mapping")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
        let mut keys = Keys::default();
        while let Some((key, value)) = map.next_entry::<Spanned<String>, Spanned<Value>>()? {
            keys.0.push(Entry {
                key: key.value,
                key_place: key.referenced,
                value: value.value,
                place: value.referenced,
            });
        }
        Ok(keys)
    }
}
