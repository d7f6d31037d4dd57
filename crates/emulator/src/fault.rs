//! What happens to a request instead of, or on top of, a good answer; and the plan that says
//! which request it happens to.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::StatusCode;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::seconds::Seconds;

/// The size that a gzip bomb unfolds to unless it is told otherwise: 1 GiB.
const BOMB: u64 = 1 << 30;

/// What happens to one request to the endpoint, or to some.
///
/// Faults stand in a plan, in order. A request takes the first one that it matches, and every
/// fault is used up after its [`times`](Self::times). A request that no fault is left for is
/// answered well.
///
/// ```
/// use std::time::Duration;
/// use dinoai_emulator::{Emulator, Fault};
///
/// # fn main() -> Result<(), dinoai_emulator::Error> {
/// let emulator = Emulator::builder()
///     .fault(Fault::pass())
///     .fault(Fault::unavailable().retry_after("2").times(3))
///     .fault(Fault::reset().after_execution().on("triggerDinoaiAgentRun"))
///     .start_blocking()?;
/// emulator.add_fault(Fault::delay(Duration::from_millis(20)));
/// # Ok(())
/// # }
/// ```
///
/// As JSON, over the [control path](crate#the-control-path), the same is written
///
/// ```json
/// [
///   { "fault": "pass" },
///   { "fault": "unavailable", "retry_after": "2", "times": 3 },
///   { "fault": "reset", "after_execution": true, "on": "triggerDinoaiAgentRun" },
///   { "fault": "delay", "delay_seconds": 0.02 },
///   { "fault": "graphql_error", "status": 504, "code": "GATEWAY_TIMEOUT", "data": "null" },
///   { "fault": "status", "status": 401 },
///   { "fault": "replaced", "field": "ok", "value": [] }
/// ]
/// ```
///
/// Faults come before everything else that the emulator looks at, credentials too. Their times
/// are real ones, not those of the emulator's clock.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[must_use]
pub struct Fault(pub(crate) Parts);

/// The fields of a fault, as JSON names them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Parts {
    #[serde(rename = "fault")]
    pub(crate) kind: Kind,
    #[serde(default = "once")]
    times: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    on: Option<String>,
    #[serde(default)]
    pub(crate) after_execution: bool,
    #[serde(default)]
    pub(crate) delay_seconds: Seconds,
    #[serde(
        default,
        deserialize_with = "number_or_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub(crate) retry_after: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) location: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) content_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) path: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "ErrorData::is_absent")]
    pub(crate) data: ErrorData,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) field: Option<String>,
    #[serde(
        default,
        deserialize_with = "even_null",
        skip_serializing_if = "Option::is_none"
    )]
    pub(crate) value: Option<Value>,
}

impl<'de> Deserialize<'de> for Fault {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let parts = Parts::deserialize(deserializer)?;
        parts.check().map_err(D::Error::custom)?;
        Ok(Self(parts))
    }
}

impl Parts {
    /// Looks for what a fault of this kind cannot do without, and for what HTTP does not know.
    fn check(&self) -> Result<(), String> {
        let missing = match self.kind {
            Kind::GraphqlError | Kind::Status if self.status.is_none() => Some("status"),
            Kind::Replaced if self.field.is_none() => Some("field"),
            Kind::Replaced if self.value.is_none() => Some("value"),
            _ => None,
        };
        if let Some(field) = missing {
            let name = self.kind.name();
            return Err(format!("missing field `{field}` of the fault `{name}`"));
        }
        match self.status {
            Some(status) if answerable(status).is_none() => Err(format!(
                "`status` {status} is none that an HTTP response can have: 200 to 599"
            )),
            _ => Ok(()),
        }
    }
}

/// The status of an HTTP response, if this is one: those below 200 are not final.
fn answerable(status: u16) -> Option<StatusCode> {
    let known = (200..600).contains(&status);
    StatusCode::from_u16(status).ok().filter(|_| known)
}

/// The `data` of the answer of a [`Fault::graphql_error`].
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
    fn is_absent(&self) -> bool {
        *self == Self::Absent
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
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

impl Kind {
    /// The kind's name in JSON.
    fn name(self) -> String {
        match serde_json::to_value(self) {
            Ok(Value::String(name)) => name,
            _ => String::new(),
        }
    }
}

/// A field that is there and null is not one that is missing.
fn even_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// Seconds are a number as often as a text in what people write.
fn number_or_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "`retry_after` is a number of seconds or a text")]
    enum NumberOrText {
        Number(u64),
        Text(String),
    }

    Ok(match Option::deserialize(deserializer)? {
        None => None,
        Some(NumberOrText::Number(seconds)) => Some(seconds.to_string()),
        Some(NumberOrText::Text(text)) => Some(text),
    })
}

fn once() -> u64 {
    1
}

impl Fault {
    fn new(kind: Kind) -> Self {
        Self(Parts {
            kind,
            times: once(),
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
        })
    }

    /// No fault: the request is answered well. `pass`.
    pub fn pass() -> Self {
        Self::new(Kind::Pass)
    }

    /// The request is answered well, but only after this time. `delay`, with `delay_seconds`.
    ///
    /// A client that goes away meanwhile has started nothing, unless the delay comes
    /// [after execution](Self::after_execution).
    pub fn delay(time: Duration) -> Self {
        Self::new(Kind::Delay).delayed(time)
    }

    /// HTTP 429. `too_many_requests`.
    pub fn too_many_requests() -> Self {
        Self::new(Kind::TooManyRequests)
    }

    /// HTTP 503 with a JSON body that is not GraphQL. `unavailable`.
    pub fn unavailable() -> Self {
        Self::new(Kind::Unavailable)
    }

    /// HTTP 500 with a text. `internal_error`.
    pub fn internal_error() -> Self {
        Self::new(Kind::InternalError)
    }

    /// HTTP 502 with a page of HTML, as a proxy answers. `bad_gateway`.
    pub fn bad_gateway() -> Self {
        Self::new(Kind::BadGateway)
    }

    /// The connection is reset (TCP RST) once the request was read. `reset`.
    pub fn reset() -> Self {
        Self::new(Kind::Reset)
    }

    /// The good answer's head and the first half of its body, then the connection closes.
    /// `cut_body`; `bytes` says how much of the body is sent.
    pub fn cut_body() -> Self {
        Self::new(Kind::CutBody)
    }

    /// The good answer, a byte at a time with this time before each. `slow_drip`, with
    /// `delay_seconds`.
    pub fn slow_drip(pause: Duration) -> Self {
        Self::new(Kind::SlowDrip).delayed(pause)
    }

    /// HTTP 200 and a body of JSON that never ends: `{"data":` and spaces. `endless_body`.
    pub fn endless_body() -> Self {
        Self::new(Kind::EndlessBody)
    }

    /// HTTP 200 with a small gzip body that unfolds to about this many bytes of valid JSON.
    /// `gzip_bomb`; `bytes` is 1 GiB unless it is given.
    pub fn gzip_bomb(bytes: u64) -> Self {
        let mut fault = Self::new(Kind::GzipBomb);
        fault.0.bytes = Some(bytes);
        fault
    }

    /// HTTP 307 to this location. `redirect`, with `location`.
    pub fn redirect(location: impl Into<String>) -> Self {
        let mut fault = Self::new(Kind::Redirect);
        fault.0.location = Some(location.into());
        fault
    }

    /// The good answer under another `Content-Type`. `content_type`, with `content_type`, which
    /// is `text/html` unless it is given.
    pub fn content_type(content_type: impl Into<String>) -> Self {
        let mut fault = Self::new(Kind::ContentType);
        fault.0.content_type = Some(content_type.into());
        fault
    }

    /// HTTP 200 with `{"data":null}` and no error. `null_data`.
    pub fn null_data() -> Self {
        Self::new(Kind::NullData)
    }

    /// The good answer's data, with an error beside it that has the path of the first root
    /// field. `partial_data`.
    pub fn partial_data() -> Self {
        Self::new(Kind::PartialData)
    }

    /// A GraphQL error at this HTTP status, as a gateway writes that it got no answer in time.
    /// `graphql_error`, with `status`.
    ///
    /// What stands in the error, and beside it, is said by [`message`](Self::message),
    /// [`code`](Self::code), [`path`](Self::path) and [`data`](Self::data). A status that no
    /// HTTP response can have, one that is not 200 to 599, becomes 500; in JSON it is refused.
    ///
    /// ```
    /// use dinoai_emulator::{ErrorData, Fault};
    ///
    /// // Did the run start? The answer does not say.
    /// let lost = Fault::graphql_error(504)
    ///     .code("GATEWAY_TIMEOUT")
    ///     .after_execution()
    ///     .on("triggerDinoaiAgentRun");
    /// // The API itself refuses.
    /// let refused = Fault::graphql_error(200)
    ///     .message("No DinoAI agent 'a' was found.")
    ///     .path(["triggerDinoaiAgentRun"])
    ///     .data(ErrorData::NullField);
    /// # let _ = (lost, refused);
    /// ```
    pub fn graphql_error(status: u16) -> Self {
        let mut fault = Self::new(Kind::GraphqlError);
        fault.0.status = Some(status);
        fault
    }

    /// The good answer, body and all, under another HTTP status. `status`, with `status`.
    ///
    /// A status that no HTTP response can have, one that is not 200 to 599, becomes 500; in JSON
    /// it is refused.
    pub fn status(status: u16) -> Self {
        let mut fault = Self::new(Kind::Status);
        fault.0.status = Some(status);
        fault
    }

    /// The good answer, in which every member of an object that has this name, at any depth, has
    /// this value instead. `replaced`, with `field` and `value`.
    ///
    /// ```
    /// use dinoai_emulator::Fault;
    ///
    /// # let _ =
    /// Fault::replaced("messages", serde_json::Value::Null);
    /// ```
    pub fn replaced(field: &str, value: Value) -> Self {
        let mut fault = Self::new(Kind::Replaced);
        fault.0.field = Some(field.to_owned());
        fault.0.value = Some(value);
        fault
    }

    /// The message of a [`graphql_error`](Self::graphql_error). `message`, which is "The service
    /// behind the gateway did not answer in time." unless it is given.
    pub fn message(mut self, text: impl Into<String>) -> Self {
        self.0.message = Some(text.into());
        self
    }

    /// The code of a [`graphql_error`](Self::graphql_error), in its `extensions`. `code`; without
    /// it there are no extensions.
    pub fn code(mut self, text: impl Into<String>) -> Self {
        self.0.code = Some(text.into());
        self
    }

    /// The path of a [`graphql_error`](Self::graphql_error); an empty one is there and empty.
    /// `path`; without it there is none.
    pub fn path(mut self, items: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.0.path = Some(items.into_iter().map(Into::into).collect());
        self
    }

    /// The data beside a [`graphql_error`](Self::graphql_error). `data`, which is `absent` unless
    /// it is given.
    pub fn data(mut self, data: ErrorData) -> Self {
        self.0.data = data;
        self
    }

    /// Happens to this many requests instead of one.
    pub fn times(mut self, times: u64) -> Self {
        self.0.times = times;
        self
    }

    /// Happens to every request that it matches, until [`Emulator::clear_faults`](crate::Emulator::clear_faults).
    pub fn always(self) -> Self {
        self.times(u64::MAX)
    }

    /// Happens only to requests whose document has this name in it: that of a field, such as
    /// `triggerDinoaiAgentRun`, or of an operation.
    pub fn on(mut self, name: impl Into<String>) -> Self {
        self.0.on = Some(name.into());
        self
    }

    /// The request is executed though its answer is lost; a delay comes after the execution
    /// instead of before.
    pub fn after_execution(mut self) -> Self {
        self.0.after_execution = true;
        self
    }

    /// Happens after this time.
    pub fn delayed(mut self, time: Duration) -> Self {
        self.0.delay_seconds = Seconds(time);
        self
    }

    /// The header `Retry-After` of an answer that is an HTTP error, and of those of
    /// [`graphql_error`](Self::graphql_error) and [`status`](Self::status) whatever their status:
    /// seconds, or a date.
    pub fn retry_after(mut self, value: impl Into<String>) -> Self {
        self.0.retry_after = Some(value.into());
        self
    }

    pub(crate) fn bomb_bytes(&self) -> u64 {
        self.0.bytes.unwrap_or(BOMB)
    }

    /// Whether the fault spoils a good answer, so that there must be one.
    pub(crate) fn needs_answer(&self) -> bool {
        match self.0.kind {
            Kind::Pass
            | Kind::Delay
            | Kind::CutBody
            | Kind::SlowDrip
            | Kind::ContentType
            | Kind::PartialData
            | Kind::Status
            | Kind::Replaced => true,
            Kind::GraphqlError => self.0.data == ErrorData::Kept,
            _ => false,
        }
    }

    /// The HTTP status of an answer that has the one that was asked for.
    pub(crate) fn chosen_status(&self) -> StatusCode {
        let chosen = self.0.status.and_then(answerable);
        chosen.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Whether the delay stands before every byte, not before the answer.
    pub(crate) fn drips(&self) -> bool {
        self.0.kind == Kind::SlowDrip
    }

    /// The fault's name in JSON.
    pub(crate) fn name(&self) -> String {
        self.0.kind.name()
    }

    fn matches(&self, document: &str) -> bool {
        let is_name = |character: char| character.is_ascii_alphanumeric() || character == '_';
        self.0.on.as_deref().is_none_or(|name| {
            document
                .split(|character| !is_name(character))
                .any(|word| word == name)
        })
    }
}

/// The faults ahead.
#[derive(Default)]
pub(crate) struct Plan(Mutex<VecDeque<Fault>>);

impl Plan {
    pub(crate) fn new(faults: Vec<Fault>) -> Self {
        Self(Mutex::new(faults.into()))
    }

    pub(crate) fn add(&self, faults: impl IntoIterator<Item = Fault>) {
        self.faults().extend(faults);
    }

    pub(crate) fn clear(&self) {
        self.faults().clear();
    }

    pub(crate) fn ahead(&self) -> Vec<Fault> {
        self.faults().iter().cloned().collect()
    }

    /// Takes what happens to a request with this document.
    pub(crate) fn take(&self, document: &str) -> Option<Fault> {
        let mut faults = self.faults();
        faults.retain(|fault| fault.0.times > 0);
        let place = faults.iter().position(|fault| fault.matches(document))?;
        let fault = faults.get_mut(place)?;
        let taken = fault.clone();
        fault.0.times -= 1;
        if fault.0.times == 0 {
            faults.remove(place);
        }
        Some(taken)
    }

    fn faults(&self) -> MutexGuard<'_, VecDeque<Fault>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
