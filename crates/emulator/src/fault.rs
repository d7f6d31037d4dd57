//! What happens to a request instead of, or on top of, a good answer; and the plan that says
//! which request it happens to.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};

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
///   { "fault": "delay", "delay_seconds": 0.02 }
/// ]
/// ```
///
/// Faults come before everything else that the emulator looks at, credentials too. Their times
/// are real ones, not those of the emulator's clock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[must_use]
pub struct Fault {
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
}

impl Kind {
    /// Whether the fault spoils a good answer, so that there must be one.
    pub(crate) fn needs_answer(self) -> bool {
        matches!(
            self,
            Self::Pass
                | Self::Delay
                | Self::CutBody
                | Self::SlowDrip
                | Self::ContentType
                | Self::PartialData
        )
    }
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
        Self {
            kind,
            times: once(),
            on: None,
            after_execution: false,
            delay_seconds: Seconds::default(),
            retry_after: None,
            bytes: None,
            location: None,
            content_type: None,
        }
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
        fault.bytes = Some(bytes);
        fault
    }

    /// HTTP 307 to this location. `redirect`, with `location`.
    pub fn redirect(location: impl Into<String>) -> Self {
        let mut fault = Self::new(Kind::Redirect);
        fault.location = Some(location.into());
        fault
    }

    /// The good answer under another `Content-Type`. `content_type`, with `content_type`, which
    /// is `text/html` unless it is given.
    pub fn content_type(content_type: impl Into<String>) -> Self {
        let mut fault = Self::new(Kind::ContentType);
        fault.content_type = Some(content_type.into());
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

    /// Happens to this many requests instead of one.
    pub fn times(mut self, times: u64) -> Self {
        self.times = times;
        self
    }

    /// Happens to every request that it matches, until [`Emulator::clear_faults`](crate::Emulator::clear_faults).
    pub fn always(self) -> Self {
        self.times(u64::MAX)
    }

    /// Happens only to requests whose document has this name in it: that of a field, such as
    /// `triggerDinoaiAgentRun`, or of an operation.
    pub fn on(mut self, name: impl Into<String>) -> Self {
        self.on = Some(name.into());
        self
    }

    /// The request is executed though its answer is lost; a delay comes after the execution
    /// instead of before.
    pub fn after_execution(mut self) -> Self {
        self.after_execution = true;
        self
    }

    /// Happens after this time.
    pub fn delayed(mut self, time: Duration) -> Self {
        self.delay_seconds = Seconds(time);
        self
    }

    /// The header `Retry-After` of an answer that is an HTTP error: seconds, or a date.
    pub fn retry_after(mut self, value: impl Into<String>) -> Self {
        self.retry_after = Some(value.into());
        self
    }

    pub(crate) fn bomb_bytes(&self) -> u64 {
        self.bytes.unwrap_or(BOMB)
    }

    /// Whether the delay stands before every byte, not before the answer.
    pub(crate) fn drips(&self) -> bool {
        self.kind == Kind::SlowDrip
    }

    /// The fault's name in JSON.
    pub(crate) fn name(&self) -> String {
        match serde_json::to_value(self.kind) {
            Ok(serde_json::Value::String(name)) => name,
            _ => String::new(),
        }
    }

    fn matches(&self, document: &str) -> bool {
        let is_name = |character: char| character.is_ascii_alphanumeric() || character == '_';
        self.on.as_deref().is_none_or(|name| {
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
        faults.retain(|fault| fault.times > 0);
        let place = faults.iter().position(|fault| fault.matches(document))?;
        let fault = faults.get_mut(place)?;
        let taken = fault.clone();
        fault.times -= 1;
        if fault.times == 0 {
            faults.remove(place);
        }
        Some(taken)
    }

    fn faults(&self) -> MutexGuard<'_, VecDeque<Fault>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
