//! A fault as JSON or YAML write it: which fields it takes, and what they can be.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use axum::http::HeaderValue;
use serde::de::{DeserializeOwned, Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::Fault;
use super::fields::{COMMON_FIELDS, FaultKind};
use super::fields::{
    LONGEST_DELAY, MOST_COUNTED_BYTES, MOST_TIMES, invalid_header, invalid_status, response_status,
};
use crate::clock::Seconds;
use crate::json::{AsJson, Json};

/// The fields of all faults.
const FIELDS: [&str; 16] = [
    "fault",
    "times",
    "on",
    "after_execution",
    "delay_seconds",
    "retry_after",
    "bytes",
    "location",
    "content_type",
    "status",
    "message",
    "code",
    "path",
    "data",
    "field",
    "value",
];

/// The most bytes of JSON that the values of one fault are written in.
const MOST_TEXT: usize = 64 << 10;

impl<'de> Deserialize<'de> for Fault {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = deserializer.deserialize_map(AsFields)?;
        UnreadFields { fields }.fault().map_err(D::Error::custom)
    }
}

/// The JSON of each field.
type JsonFields = BTreeMap<String, Json>;

/// Reads fields, each of which stands there once.
struct AsFields;

impl<'de> Visitor<'de> for AsFields {
    type Value = JsonFields;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a fault")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut fields = JsonFields::new();
        let mut left = MOST_TEXT;
        while let Some(name) = entries.next_key::<String>()? {
            if fields.contains_key(&name) {
                return Err(A::Error::custom(format_args!("duplicate field `{name}`")));
            }
            let value = entries.next_value_seed(AsJson { left: &mut left });
            let value = value.map_err(|wrong| {
                A::Error::custom(format_args!(
                    "`{name}`: {wrong} (the values of one fault are at most {MOST_TEXT} bytes of JSON)"
                ))
            })?;
            fields.insert(name, value);
        }
        Ok(fields)
    }
}

/// The fields of a fault that are not read yet.
struct UnreadFields {
    fields: JsonFields,
}

impl UnreadFields {
    fn fault(mut self) -> Result<Fault, String> {
        let Some(kind) = self.field("fault")? else {
            return Err("missing field `fault`".to_owned());
        };
        self.check_names(kind)?;
        let mut fault = Fault::new(kind);
        let parts = &mut fault.0;
        if let Some(times) = self.number("times", MOST_TIMES)? {
            parts.times = times;
        }
        parts.on = self.field("on")?;
        parts.after_execution = self.field("after_execution")?.unwrap_or_default();
        parts.delay_seconds = self.delay()?;
        parts.retry_after = self.retry_after()?;
        parts.bytes = self.number("bytes", MOST_COUNTED_BYTES)?;
        parts.location = self.header("location")?;
        parts.content_type = self.header("content_type")?;
        parts.status = self.status()?;
        parts.message = self.field("message")?;
        parts.code = self.field("code")?;
        parts.path = self.field("path")?;
        parts.data = self.field("data")?.unwrap_or_default();
        parts.field = self.field("field")?;
        parts.value = self.fields.remove("value");
        Ok(fault)
    }

    /// Refuses fields that are not the fault's, and a fault that lacks what it cannot do without.
    fn check_names(&self, kind: FaultKind) -> Result<(), String> {
        let (name, own) = (kind.name(), kind.own_fields());
        for field in self.fields.keys().map(String::as_str) {
            if !FIELDS.contains(&field) {
                let taken = kind.taken_fields();
                return Err(format!(
                    "unknown field `{field}`: the fault `{name}` takes {taken}"
                ));
            }
            if !own.contains(&field) && !COMMON_FIELDS.contains(&field) {
                return Err(kind.does_not_take(field));
            }
        }
        let needed: &[&str] = match kind {
            FaultKind::Delay | FaultKind::SlowDrip => &["delay_seconds"],
            FaultKind::GraphqlError | FaultKind::Status => &["status"],
            FaultKind::Replaced => &["field", "value"],
            _ => &[],
        };
        match needed.iter().find(|it| !self.fields.contains_key(**it)) {
            Some(field) => Err(format!("missing field `{field}` of the fault `{name}`")),
            None => Ok(()),
        }
    }

    fn field<T: DeserializeOwned>(&mut self, name: &str) -> Result<Option<T>, String> {
        let Some(json) = self.fields.remove(name) else {
            return Ok(None);
        };
        let value = serde_json::from_str(json.as_str());
        value
            .map(Some)
            .map_err(|wrong| format!("`{name}`: {wrong}"))
    }

    fn number(&mut self, name: &str, most: u64) -> Result<Option<u64>, String> {
        let Some(value) = self.field::<Value>(name)? else {
            return Ok(None);
        };
        match value.as_u64().filter(|number| *number <= most) {
            Some(number) => Ok(Some(number)),
            None => Err(format!(
                "`{name}` is a whole number from 0 to {most}, not {value}"
            )),
        }
    }

    fn delay(&mut self) -> Result<Seconds, String> {
        let Some(value) = self.field::<Value>("delay_seconds")? else {
            return Ok(Seconds::default());
        };
        let time = value.as_f64().map(Duration::try_from_secs_f64);
        match time {
            Some(Ok(time)) if time <= LONGEST_DELAY => Ok(Seconds(time)),
            _ => Err(format!(
                "`delay_seconds` is a number of seconds from 0 to {}, not {value}",
                LONGEST_DELAY.as_secs()
            )),
        }
    }

    fn status(&mut self) -> Result<Option<u16>, String> {
        let Some(value) = self.field::<Value>("status")? else {
            return Ok(None);
        };
        let status = value.as_u64().and_then(|status| u16::try_from(status).ok());
        match status.filter(|status| response_status(*status).is_some()) {
            Some(status) => Ok(Some(status)),
            None => Err(invalid_status(&value)),
        }
    }

    /// Seconds are a number as often as a text in what people write.
    fn retry_after(&mut self) -> Result<Option<String>, String> {
        let name = "retry_after";
        match self.field(name)? {
            None => Ok(None),
            Some(Value::Number(number)) if number.is_u64() => Ok(Some(number.to_string())),
            Some(Value::String(text)) => header(name, text).map(Some),
            Some(other) => Err(format!(
                "`{name}` is a number of seconds or a text, not {other}"
            )),
        }
    }

    fn header(&mut self, name: &str) -> Result<Option<String>, String> {
        let text = self.field(name)?;
        text.map(|text| header(name, text)).transpose()
    }
}

/// A text that becomes a header's value.
fn header(name: &str, text: String) -> Result<String, String> {
    if HeaderValue::from_str(&text).is_err() {
        return Err(invalid_header(name, &text));
    }
    Ok(text)
}
