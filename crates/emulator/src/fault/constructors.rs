//! Which faults there are: a constructor of [`Fault`] for each.

use std::time::Duration;

use serde_json::Value;

use super::fields::MOST_COUNTED_BYTES;
use super::{Fault, FaultKind};
use crate::json::Json;

impl Fault {
    /// No fault: the request gets its normal response. `pass`.
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

    /// The normal response, but only after this time. `delay`, with `delay_seconds`.
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

    /// HTTP 502 with a page of HTML, as a proxy sends it. `bad_gateway`.
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

    /// The normal response's head and the first half of its body, then the connection closes.
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

    /// The normal response, a byte at a time with this time before each. `slow_drip`, with
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
        fault.0.bytes = Some(bytes.min(MOST_COUNTED_BYTES));
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

    /// The normal response under another `Content-Type`.
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

    /// The normal response's data, with an error beside it that has the path of the first root
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
    /// // Did the run start? The response does not say.
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

    /// The normal response, body and all, under another HTTP status. `status`, with `status`.
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

    /// The normal response, with this value in every member of an object that has this name.
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
}
