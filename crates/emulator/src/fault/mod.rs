//! What happens to a request instead of, or on top of, a good answer; and the plan that says
//! which request it happens to.

mod deserialize;
mod fields;
mod kind;
mod plan;

use std::time::Duration;

use axum::http::StatusCode;
use serde::Serialize;
use serde_json::Value;

use crate::json::{Json, Seconds};

use fields::{FaultFields, LONGEST_DELAY, MOST_BYTES, MOST_TIMES, answerable};
pub use kind::ErrorData;
pub(crate) use kind::FaultKind;
pub(crate) use plan::FaultPlan;

/// The size that a gzip bomb unfolds to unless `bytes` says otherwise: 1 GiB.
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
/// emulator.add_fault(Fault::delay(Duration::from_millis(20)))?;
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
///
/// # Limits
///
/// | | at most |
/// | --- | --- |
/// | `times` | 9,007,199,254,740,991, which is what [`always`](Self::always) means |
/// | `delay_seconds` | 86,400: a day |
/// | `bytes` | 1,099,511,627,776: 1 TiB |
/// | `status` | 200 to 599 |
/// | `on` | a name of GraphQL: ASCII letters, digits and `_`, no digit first |
/// | all values of a fault, as JSON | 65,536 bytes |
/// | what `value` adds to an answer, in all places | 16 MiB; further places keep their value |
/// | faults in a plan | 1,000, and 4 MiB of memory |
///
/// A fault whose `times` are 0 never happens, and is not kept.
///
/// What is beyond is refused by name, and so is a key that the fault does not take: over the
/// control path as it is added, in Rust by [`Builder::start`](crate::Builder::start) and
/// [`Emulator::add_fault`](crate::Emulator::add_fault). In Rust a number beyond counts as the most
/// that it can be, and texts are as long as the program makes them.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[must_use]
pub struct Fault(pub(crate) FaultFields);

impl Fault {
    fn new(kind: FaultKind) -> Self {
        Self(FaultFields::new(kind))
    }

    /// No fault: the request is answered well. `pass`.
    ///
    /// ```
    /// use dinoai_emulator::Fault;
    ///
    /// let written = serde_json::to_value(Fault::pass())?;
    /// assert_eq!(written["fault"], "pass");
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn pass() -> Self {
        Self::new(FaultKind::Pass)
    }

    /// The request is answered well, but only after this time. `delay`, with `delay_seconds`.
    ///
    /// A client that goes away meanwhile has started nothing, unless the delay comes
    /// [after execution](Self::after_execution).
    ///
    /// ```
    /// use std::time::Duration;
    /// use dinoai_emulator::Fault;
    ///
    /// let written = serde_json::to_value(Fault::delay(Duration::from_millis(250)))?;
    /// assert_eq!(written["fault"], "delay");
    /// assert_eq!(written["delay_seconds"], 0.25);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn delay(time: Duration) -> Self {
        Self::new(FaultKind::Delay).delayed(time)
    }

    /// HTTP 429. `too_many_requests`.
    ///
    /// ```
    /// use dinoai_emulator::Fault;
    ///
    /// let written = serde_json::to_value(Fault::too_many_requests().retry_after("2"))?;
    /// assert_eq!(written["fault"], "too_many_requests");
    /// assert_eq!(written["retry_after"], "2");
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn too_many_requests() -> Self {
        Self::new(FaultKind::TooManyRequests)
    }

    /// HTTP 503 with a JSON body that is not GraphQL. `unavailable`.
    ///
    /// ```
    /// use dinoai_emulator::Fault;
    ///
    /// let written = serde_json::to_value(Fault::unavailable().times(3))?;
    /// assert_eq!(written["fault"], "unavailable");
    /// assert_eq!(written["times"], 3);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn unavailable() -> Self {
        Self::new(FaultKind::Unavailable)
    }

    /// HTTP 500 with a text. `internal_error`.
    ///
    /// ```
    /// use dinoai_emulator::Fault;
    ///
    /// let written = serde_json::to_value(Fault::internal_error())?;
    /// assert_eq!(written["fault"], "internal_error");
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn internal_error() -> Self {
        Self::new(FaultKind::InternalError)
    }

    /// HTTP 502 with a page of HTML, as a proxy answers. `bad_gateway`.
    ///
    /// ```
    /// use dinoai_emulator::Fault;
    ///
    /// let written = serde_json::to_value(Fault::bad_gateway())?;
    /// assert_eq!(written["fault"], "bad_gateway");
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn bad_gateway() -> Self {
        Self::new(FaultKind::BadGateway)
    }

    /// The connection is reset (TCP RST) once the request was read. `reset`.
    ///
    /// ```
    /// use dinoai_emulator::Fault;
    ///
    /// let written = serde_json::to_value(Fault::reset().after_execution())?;
    /// assert_eq!(written["fault"], "reset");
    /// assert_eq!(written["after_execution"], true);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn reset() -> Self {
        Self::new(FaultKind::Reset)
    }

    /// The good answer's head and the first half of its body, then the connection closes.
    ///
    /// `cut_body`; over the control path `bytes` says how much of the body is sent: all but its
    /// last byte at most.
    ///
    /// ```
    /// use dinoai_emulator::Fault;
    ///
    /// let written = serde_json::to_value(Fault::cut_body())?;
    /// assert_eq!(written["fault"], "cut_body");
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn cut_body() -> Self {
        Self::new(FaultKind::CutBody)
    }

    /// The good answer, a byte at a time with this time before each. `slow_drip`, with
    /// `delay_seconds`.
    ///
    /// ```
    /// use std::time::Duration;
    /// use dinoai_emulator::Fault;
    ///
    /// let written = serde_json::to_value(Fault::slow_drip(Duration::from_millis(500)))?;
    /// assert_eq!(written["fault"], "slow_drip");
    /// assert_eq!(written["delay_seconds"], 0.5);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn slow_drip(pause: Duration) -> Self {
        Self::new(FaultKind::SlowDrip).delayed(pause)
    }

    /// HTTP 200 and a body of JSON that never ends: `{"data":` and spaces. `endless_body`.
    ///
    /// ```
    /// use dinoai_emulator::Fault;
    ///
    /// let written = serde_json::to_value(Fault::endless_body())?;
    /// assert_eq!(written["fault"], "endless_body");
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn endless_body() -> Self {
        Self::new(FaultKind::EndlessBody)
    }

    /// HTTP 200 with a small gzip body that unfolds to about this many bytes of valid JSON.
    ///
    /// `gzip_bomb`; `bytes` is 1 GiB unless it is given. A bomb of any size costs the emulator one
    /// mebibyte.
    ///
    /// ```
    /// use dinoai_emulator::Fault;
    ///
    /// let written = serde_json::to_value(Fault::gzip_bomb(1 << 30))?;
    /// assert_eq!(written["fault"], "gzip_bomb");
    /// assert_eq!(written["bytes"], 1 << 30);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn gzip_bomb(bytes: u64) -> Self {
        let mut fault = Self::new(FaultKind::GzipBomb);
        fault.0.bytes = Some(bytes.min(MOST_BYTES));
        fault
    }

    /// HTTP 307 to this location.
    ///
    /// `redirect`, with `location`, which is `/` unless it is given. A text that cannot be the
    /// value of a header is refused with the fault.
    ///
    /// ```
    /// use dinoai_emulator::Fault;
    ///
    /// let written = serde_json::to_value(Fault::redirect("https://example.com/"))?;
    /// assert_eq!(written["fault"], "redirect");
    /// assert_eq!(written["location"], "https://example.com/");
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn redirect(location: impl Into<String>) -> Self {
        let mut fault = Self::new(FaultKind::Redirect);
        fault.0.location = Some(location.into());
        fault
    }

    /// The good answer under another `Content-Type`.
    ///
    /// `content_type`, with `content_type`, which is `text/html` unless it is given. A text that
    /// cannot be the value of a header is refused with the fault.
    ///
    /// ```
    /// use dinoai_emulator::Fault;
    ///
    /// let written = serde_json::to_value(Fault::content_type("text/html"))?;
    /// assert_eq!(written["fault"], "content_type");
    /// assert_eq!(written["content_type"], "text/html");
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn content_type(content_type: impl Into<String>) -> Self {
        let mut fault = Self::new(FaultKind::ContentType);
        fault.0.content_type = Some(content_type.into());
        fault
    }

    /// HTTP 200 with `{"data":null}` and no error. `null_data`.
    ///
    /// ```
    /// use dinoai_emulator::Fault;
    ///
    /// let written = serde_json::to_value(Fault::null_data())?;
    /// assert_eq!(written["fault"], "null_data");
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn null_data() -> Self {
        Self::new(FaultKind::NullData)
    }

    /// The good answer's data, with an error beside it that has the path of the first root
    /// field. `partial_data`.
    ///
    /// ```
    /// use dinoai_emulator::Fault;
    ///
    /// let written = serde_json::to_value(Fault::partial_data())?;
    /// assert_eq!(written["fault"], "partial_data");
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn partial_data() -> Self {
        Self::new(FaultKind::PartialData)
    }

    /// A GraphQL error at this HTTP status, as a gateway writes that it got no response in time.
    /// `graphql_error`, with `status`.
    ///
    /// What stands in the error, and beside it, is said by [`message`](Self::message),
    /// [`code`](Self::code), [`path`](Self::path) and [`data`](Self::data). A status that no
    /// HTTP response can have, one that is not 200 to 599, is refused with the fault. With 204,
    /// 205 and 304 there is no body, as HTTP has it.
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
        let mut fault = Self::new(FaultKind::GraphqlError);
        fault.0.status = Some(status);
        fault
    }

    /// The good answer, body and all, under another HTTP status. `status`, with `status`.
    ///
    /// A status that no HTTP response can have, one that is not 200 to 599, is refused with the
    /// fault. With 204, 205 and 304 there is no body, as HTTP has it.
    ///
    /// ```
    /// use dinoai_emulator::Fault;
    ///
    /// let written = serde_json::to_value(Fault::status(401))?;
    /// assert_eq!(written["fault"], "status");
    /// assert_eq!(written["status"], 401);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn status(status: u16) -> Self {
        let mut fault = Self::new(FaultKind::Status);
        fault.0.status = Some(status);
        fault
    }

    /// The good answer, with this value in every member of an object that has this name.
    ///
    /// At any depth. `replaced`, with `field` and `value`.
    ///
    /// ```
    /// use dinoai_emulator::Fault;
    /// use serde_json::json;
    ///
    /// let written = serde_json::to_value(Fault::replaced("messages", json!(null)))?;
    /// assert_eq!(written["fault"], "replaced");
    /// assert_eq!(written["field"], "messages");
    /// assert!(written["value"].is_null());
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn replaced(field: &str, value: Value) -> Self {
        let mut fault = Self::new(FaultKind::Replaced);
        fault.0.field = Some(field.to_owned());
        fault.0.value = Some(Json::of(&value));
        fault
    }

    /// The message of a [`graphql_error`](Self::graphql_error).
    ///
    /// `message`, which is "The service behind the gateway did not answer in time." unless it is
    /// given.
    ///
    /// ```
    /// use dinoai_emulator::Fault;
    ///
    /// let written = serde_json::to_value(Fault::graphql_error(504).message("Upstream timeout"))?;
    /// assert_eq!(written["fault"], "graphql_error");
    /// assert_eq!(written["status"], 504);
    /// assert_eq!(written["message"], "Upstream timeout");
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn message(self, text: impl Into<String>) -> Self {
        self.with("message", |parts| parts.message = Some(text.into()))
    }

    /// The code of a [`graphql_error`](Self::graphql_error), in its `extensions`. `code`; without
    /// it there are no extensions.
    ///
    /// ```
    /// use dinoai_emulator::Fault;
    ///
    /// let written = serde_json::to_value(Fault::graphql_error(504).code("GATEWAY_TIMEOUT"))?;
    /// assert_eq!(written["fault"], "graphql_error");
    /// assert_eq!(written["status"], 504);
    /// assert_eq!(written["code"], "GATEWAY_TIMEOUT");
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn code(self, text: impl Into<String>) -> Self {
        self.with("code", |parts| parts.code = Some(text.into()))
    }

    /// The path of a [`graphql_error`](Self::graphql_error); an empty one is there and empty.
    /// `path`; without it there is none.
    ///
    /// ```
    /// use dinoai_emulator::Fault;
    ///
    /// let written = serde_json::to_value(Fault::graphql_error(504).path(["dinoaiAgentRun"]))?;
    /// assert_eq!(written["fault"], "graphql_error");
    /// assert_eq!(written["status"], 504);
    /// assert_eq!(written["path"][0], "dinoaiAgentRun");
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn path(self, items: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let items = items.into_iter().map(Into::into).collect();
        self.with("path", |parts| parts.path = Some(items))
    }

    /// The data beside a [`graphql_error`](Self::graphql_error). `data`, which is `absent` unless
    /// it is given.
    ///
    /// ```
    /// use dinoai_emulator::{ErrorData, Fault};
    ///
    /// let written = serde_json::to_value(Fault::graphql_error(504).data(ErrorData::Null))?;
    /// assert_eq!(written["fault"], "graphql_error");
    /// assert_eq!(written["status"], 504);
    /// assert_eq!(written["data"], "null");
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn data(self, data: ErrorData) -> Self {
        self.with("data", |parts| parts.data = data)
    }

    /// Happens to this many requests instead of one; to none where it is 0.
    ///
    /// ```
    /// use dinoai_emulator::Fault;
    ///
    /// let written = serde_json::to_value(Fault::unavailable().times(3))?;
    /// assert_eq!(written["fault"], "unavailable");
    /// assert_eq!(written["times"], 3);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn times(mut self, times: u64) -> Self {
        self.0.times = times.min(MOST_TIMES);
        self
    }

    /// Happens to every request that it matches, until [`Emulator::clear_faults`](crate::Emulator::clear_faults).
    ///
    /// ```
    /// use dinoai_emulator::{Emulator, Fault};
    ///
    /// # fn main() -> Result<(), dinoai_emulator::Error> {
    /// let emulator = Emulator::builder().fault(Fault::unavailable().always()).start_blocking()?;
    /// // Nothing is answered well until this:
    /// emulator.clear_faults();
    /// # Ok(())
    /// # }
    /// ```
    pub fn always(self) -> Self {
        self.times(MOST_TIMES)
    }

    /// Happens only to requests whose document has this name in it.
    ///
    /// That of a field, such as `triggerDinoaiAgentRun`, or of an operation. A text that is not a
    /// name is refused with the fault.
    ///
    /// ```
    /// use dinoai_emulator::Fault;
    ///
    /// let written = serde_json::to_value(Fault::reset().on("triggerDinoaiAgentRun"))?;
    /// assert_eq!(written["fault"], "reset");
    /// assert_eq!(written["on"], "triggerDinoaiAgentRun");
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn on(mut self, name: impl Into<String>) -> Self {
        self.0.on = Some(name.into());
        self
    }

    /// The request is executed, and then the fault happens: its answer is lost.
    ///
    /// A delay comes after the execution instead of before.
    ///
    /// ```
    /// use dinoai_emulator::Fault;
    ///
    /// let written = serde_json::to_value(Fault::reset().after_execution())?;
    /// assert_eq!(written["fault"], "reset");
    /// assert_eq!(written["after_execution"], true);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn after_execution(mut self) -> Self {
        self.0.after_execution = true;
        self
    }

    /// Happens after this time, a day at most.
    ///
    /// ```
    /// use std::time::Duration;
    /// use dinoai_emulator::Fault;
    ///
    /// let written = serde_json::to_value(Fault::unavailable().delayed(Duration::from_secs(1)))?;
    /// assert_eq!(written["fault"], "unavailable");
    /// assert_eq!(written["delay_seconds"], 1.0);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn delayed(mut self, time: Duration) -> Self {
        self.0.delay_seconds = Seconds(time.min(LONGEST_DELAY));
        self
    }

    /// The header `Retry-After` of the answer: seconds, or a date.
    ///
    /// An answer that is an HTTP error takes it, and those of
    /// [`graphql_error`](Self::graphql_error) and [`status`](Self::status) whatever their status. A
    /// text that cannot be the value of a header is refused with the fault.
    ///
    /// ```
    /// use dinoai_emulator::Fault;
    ///
    /// let written = serde_json::to_value(Fault::too_many_requests().retry_after("2"))?;
    /// assert_eq!(written["fault"], "too_many_requests");
    /// assert_eq!(written["retry_after"], "2");
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn retry_after(self, value: impl Into<String>) -> Self {
        self.with("retry_after", |parts| {
            parts.retry_after = Some(value.into())
        })
    }

    /// Sets a field. One that this fault does not take is kept for [`check`](FaultFields::check).
    fn with(mut self, field: &'static str, set: impl FnOnce(&mut FaultFields)) -> Self {
        if self.0.kind.own_fields().contains(&field) {
            set(&mut self.0);
        } else {
            self.0.misplaced.get_or_insert(field);
        }
        self
    }

    pub(crate) fn bomb_bytes(&self) -> u64 {
        self.0.bytes.unwrap_or(BOMB)
    }

    /// Whether the fault spoils a good answer, so that there must be one.
    pub(crate) fn needs_answer(&self) -> bool {
        match self.0.kind {
            FaultKind::Pass
            | FaultKind::Delay
            | FaultKind::CutBody
            | FaultKind::SlowDrip
            | FaultKind::ContentType
            | FaultKind::PartialData
            | FaultKind::Status
            | FaultKind::Replaced => true,
            FaultKind::GraphqlError => self.0.data == ErrorData::Kept,
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
        self.0.kind == FaultKind::SlowDrip
    }

    /// The fault's name in JSON.
    pub(crate) fn name(&self) -> String {
        self.0.kind.name()
    }
}
