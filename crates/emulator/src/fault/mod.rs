//! What happens to a request instead of, or on top of, the response that it would get: a [`Fault`], and
//! when, how often and to which requests it happens.
//!
//! [`constructors`] has a function for each fault, [`fields`] which fields it takes. The
//! [`plan`] says which request a fault happens to; what is sent then is made in
//! [`http`](crate::http). [`deserialize`] reads one from JSON or YAML.

mod constructors;
mod deserialize;
mod fields;
mod plan;

use std::time::Duration;

use axum::http::StatusCode;
use serde::Serialize;

use crate::clock::Seconds;
pub use fields::ErrorData;
pub(crate) use fields::FaultKind;
use fields::{FaultFields, LONGEST_DELAY, MOST_TIMES, response_status};
pub(crate) use plan::FaultPlan;

/// The size that a gzip bomb unfolds to unless `bytes` says otherwise: 1 GiB.
const BOMB: u64 = 1 << 30;

/// What happens to one request to the endpoint, or to some.
///
/// Faults stand in a plan, in order. A request takes the first one that it matches, and every
/// fault is used up after its [`times`](Self::times). A request that no fault is left for gets its
/// normal response.
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
/// | what `value` adds to a response, in all places | 16 MiB; further places keep their value |
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

    pub(crate) fn bomb_bytes(&self) -> u64 {
        self.0.bytes.unwrap_or(BOMB)
    }

    /// Whether the fault spoils the response without it, so that there must be one.
    pub(crate) fn needs_response(&self) -> bool {
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

    /// The HTTP status of a response that has the one that was asked for.
    pub(crate) fn chosen_status(&self) -> StatusCode {
        let chosen = self.0.status.and_then(response_status);
        chosen.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Whether the delay stands before every byte, not before the response.
    pub(crate) fn drips(&self) -> bool {
        self.0.kind == FaultKind::SlowDrip
    }

    /// The fault's name in JSON.
    pub(crate) fn name(&self) -> String {
        self.0.kind.name()
    }
}

impl Fault {
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

    /// Happens to this many requests instead of one; to none if it is 0.
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

    /// Happens to every request that it matches, until
    /// [`Emulator::clear_faults`](crate::Emulator::clear_faults).
    ///
    /// ```
    /// use dinoai_emulator::{Emulator, Fault};
    ///
    /// # fn main() -> Result<(), dinoai_emulator::Error> {
    /// let emulator = Emulator::builder().fault(Fault::unavailable().always()).start_blocking()?;
    /// // No request gets its normal response until this:
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

    /// The request is executed, and then the fault happens: its response is lost.
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

    /// The header `Retry-After` of the response: seconds, or a date.
    ///
    /// A response that is an HTTP error takes it, and those of
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
}
