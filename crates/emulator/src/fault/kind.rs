//! The kinds of faults, and which fields each takes.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What every fault takes.
pub(super) const COMMON_FIELDS: [&str; 4] = ["times", "on", "after_execution", "delay_seconds"];

/// The `data` of the answer of a [`Fault::graphql_error`](crate::Fault::graphql_error).
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
    /// is null. There is none where the document has no such field. `null_field`.
    NullField,
    /// The good answer's data, for which the request is executed. There is none where the good
    /// answer has none. `kept`.
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
