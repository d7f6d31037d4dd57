//! What happens to a request instead of, or on top of, the answer that it would get: a [`Fault`],
//! whose [`kind`] says which of the [`fields`] it takes. The [`plan`] says which request it happens
//! to; what is sent then is made in [`http`](crate::http). [`deserialize`] reads one from JSON or
//! YAML.

mod constructors;
mod deserialize;
mod fields;
mod kind;
mod plan;
mod settings;

use axum::http::StatusCode;
use serde::Serialize;

use fields::{FaultFields, answerable};
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

    pub(crate) fn bomb_bytes(&self) -> u64 {
        self.0.bytes.unwrap_or(BOMB)
    }

    /// Whether the fault spoils the answer without it, so that there must be one.
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
