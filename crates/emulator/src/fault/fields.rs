//! The fields of a fault: which each kind of fault takes, and which values they can have.

use std::collections::HashSet;
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::clock::Seconds;
use crate::graphql::syntax;
use crate::json::{self, Json};

/// What every fault takes.
pub(super) const COMMON_FIELDS: [&str; 4] = ["times", "on", "after_execution", "delay_seconds"];

/// The `data` of the response of a [`Fault::graphql_error`](crate::Fault::graphql_error).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorData {
    /// There is none. `absent`, the default.
    #[default]
    Absent,
    /// `null`.
    Null,
    /// An object in which the first root field of the document, under its alias if it has one,
    /// is null. There is none if the document has no such field. `null_field`.
    NullField,
    /// The normal response's data, for which the request is executed. There is none if
    /// that has none. `kept`.
    Kept,
}

impl ErrorData {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
    pub(super) fn is_absent(&self) -> bool {
        *self == Self::Absent
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FaultKind {
    Pass,
    Delay,
    TooManyRequests,
    Unavailable,
    InternalError,
    BadGateway,
    Reset,
    CutBody,
    SlowDrip,
    EndlessBody,
    GzipBomb,
    Redirect,
    ContentType,
    NullData,
    PartialData,
    GraphqlError,
    Status,
    Replaced,
}

impl FaultKind {
    /// The kind's name in JSON.
    pub(super) fn name(self) -> String {
        match serde_json::to_value(self) {
            Ok(Value::String(name)) => name,
            _ => String::new(),
        }
    }

    /// What a fault of this kind takes, for a message.
    pub(super) fn taken_fields(self) -> String {
        let taken = self.own_fields().iter().chain(&COMMON_FIELDS);
        let taken: Vec<_> = taken.map(|field| format!("`{field}`")).collect();
        taken.join(", ")
    }

    /// What is said of a field of other faults.
    pub(super) fn does_not_take(self, field: &str) -> String {
        format!(
            "`{field}` does not belong to the fault `{}`; it takes {}",
            self.name(),
            self.taken_fields()
        )
    }

    /// What faults of this kind take beside what every fault takes, as JSON names it.
    pub(super) fn own_fields(self) -> &'static [&'static str] {
        match self {
            Self::TooManyRequests | Self::Unavailable | Self::InternalError | Self::BadGateway => {
                &["retry_after"]
            }
            Self::CutBody | Self::GzipBomb => &["bytes"],
            Self::Redirect => &["location"],
            Self::ContentType => &["content_type"],
            Self::GraphqlError => &["status", "message", "code", "path", "data", "retry_after"],
            Self::Status => &["status", "retry_after"],
            Self::Replaced => &["field", "value"],
            Self::Pass
            | Self::Delay
            | Self::Reset
            | Self::SlowDrip
            | Self::EndlessBody
            | Self::NullData
            | Self::PartialData => &[],
        }
    }
}

/// The most bytes that a fault counts: 1 TiB.
pub(super) const MOST_COUNTED_BYTES: u64 = 1 << 40;

/// The most requests that a fault happens to: more than anybody can send, and exact as a double.
pub(super) const MOST_TIMES: u64 = (1 << 53) - 1;

/// The longest delay of a fault: a day.
pub(super) const LONGEST_DELAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The fields of a fault, as JSON names them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct FaultFields {
    #[serde(rename = "fault")]
    pub(crate) kind: FaultKind,
    pub(super) times: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) on: Option<String>,
    pub(crate) after_execution: bool,
    pub(crate) delay_seconds: Seconds,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) retry_after: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) location: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) content_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) path: Option<Vec<String>>,
    #[serde(skip_serializing_if = "ErrorData::is_absent")]
    pub(crate) data: ErrorData,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) field: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) value: Option<Json>,
    /// The first field that was set though the fault does not take it.
    #[serde(skip)]
    pub(super) misplaced: Option<&'static str>,
}

impl FaultFields {
    /// A fault that happens once, to any request.
    pub(super) fn new(kind: FaultKind) -> Self {
        Self {
            kind,
            times: 1,
            on: None,
            after_execution: false,
            delay_seconds: Seconds::default(),
            retry_after: None,
            bytes: None,
            location: None,
            content_type: None,
            status: None,
            message: None,
            code: None,
            path: None,
            data: ErrorData::default(),
            field: None,
            value: None,
            misplaced: None,
        }
    }

    /// Why this cannot happen to a request, if it cannot.
    pub(super) fn check(&self) -> Result<(), String> {
        if let Some(field) = self.misplaced {
            return Err(self.kind.does_not_take(field));
        }
        if let Some(status) = self
            .status
            .filter(|status| response_status(*status).is_none())
        {
            return Err(invalid_status(&status.into()));
        }
        if let Some(name) = self.on.as_deref().filter(|name| !syntax::is_name(name)) {
            return Err(invalid_name(name));
        }
        let headers = [
            ("retry_after", &self.retry_after),
            ("location", &self.location),
            ("content_type", &self.content_type),
        ];
        for (name, text) in headers {
            if let Some(text) = text
                && HeaderValue::from_str(text).is_err()
            {
                return Err(invalid_header(name, text));
            }
        }
        Ok(())
    }

    /// Whether it happens at all.
    pub(super) fn happens(&self) -> bool {
        self.times > 0
    }

    /// About how much memory it takes, and how long its JSON is, whichever is more.
    pub(super) fn memory(&self) -> usize {
        let texts = [
            &self.on,
            &self.retry_after,
            &self.location,
            &self.content_type,
            &self.message,
            &self.code,
            &self.field,
        ];
        let path = self.path.iter().flatten();
        let path = path.map(|item| size_of::<String>() + 16 + json::length(item));
        let texts = texts.into_iter().flatten().map(|text| json::length(text));
        let value = self.value.as_ref().map_or(0, |value| value.as_str().len());
        size_of::<Self>() + value + texts.chain(path).sum::<usize>()
    }

    /// Whether it happens to a request whose document has these names.
    pub(super) fn matches(&self, names: &HashSet<&str>) -> bool {
        let on = self.on.as_deref();
        on.is_none_or(|name| names.contains(name))
    }
}

/// What is said of a status that no HTTP response can have.
pub(super) fn invalid_status(status: &Value) -> String {
    format!("`status` {status} is none that an HTTP response can have: 200 to 599")
}

/// What is said of a text that cannot be the value of a header.
pub(super) fn invalid_header(name: &str, text: &str) -> String {
    format!(
        "`{name}` {} cannot be the value of a header",
        Value::from(text)
    )
}

/// What is said of a text that no field and no operation is called.
fn invalid_name(text: &str) -> String {
    format!(
        "`on` {} is not the name of a field or an operation: letters, digits and `_`, no digit first",
        Value::from(text)
    )
}

/// The status of an HTTP response, if this is one: those below 200 are not final.
pub(super) fn response_status(status: u16) -> Option<StatusCode> {
    let known = (200..600).contains(&status);
    StatusCode::from_u16(status).ok().filter(|_| known)
}
