//! When, how often and to which requests a fault happens, and what it says.

use std::time::Duration;

use super::fields::{FaultFields, LONGEST_DELAY, MOST_TIMES};
use super::{ErrorData, Fault};
use crate::clock::Seconds;

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
}
