//! A random failure of the API, or of a gateway before it.

use std::time::Duration;

use dinoai_emulator::{ErrorData, Fault};
use fastrand::Rng;
use serde_json::json;

const TRIGGER: &str = "triggerDinoaiAgentRun";
const SEND: &str = "sendDinoaiAgentMessage";
const READ: &str = "dinoaiAgentRun";
const STOP: &str = "stopDinoaiAgentRun";

/// A failure of the API, or of a gateway before it.
pub(crate) fn api_fault(rng: &mut Rng) -> Fault {
    let name = [TRIGGER, TRIGGER, SEND, READ, READ, READ, STOP][rng.usize(0..7)];
    let status = [200, 400, 404, 408, 409, 429, 499, 500, 502, 503, 504][rng.usize(0..11)];
    let kind = rng.u8(0..17);
    // Beyond the deadline, but for triggers: of many runs all would wait for it.
    let retry_after = match name {
        TRIGGER => ["0", "1"][rng.usize(0..2)],
        _ => ["0", "1", "60", "3600"][rng.usize(0..4)],
    };
    // HTTP 429 without an id is the server's word that nothing was carried out.
    let is_refusal = kind == 7 || kind < 5 && status == 429;
    let mut fault = match kind {
        0..5 => {
            let data = [ErrorData::Absent, ErrorData::Null, ErrorData::NullField];
            let mut fault = Fault::graphql_error(status).data(data[rng.usize(0..3)]);
            if rng.bool() {
                let codes = [
                    "GATEWAY_TIMEOUT",
                    "SUBREQUEST_HTTP_ERROR",
                    "INTERNAL_SERVER_ERROR",
                    "RATE_LIMITED",
                    "SERVICE_UNAVAILABLE",
                ];
                fault = fault.code(codes[rng.usize(0..5)]);
            }
            match rng.u8(0..4) {
                0 => fault.path([name]),
                1 => fault.path(Vec::<String>::new()),
                _ => fault,
            }
        }
        5 => Fault::status([401, 403, 429, 500, 503][rng.usize(0..5)]),
        6 => {
            let (field, value) = [
                ("ok", json!([])),
                ("status", json!({ "a": 1 })),
                ("status", json!(null)),
                ("ok", json!(false)),
                ("messages", json!("none")),
            ][rng.usize(0..5)]
            .clone();
            Fault::replaced(field, value)
        }
        7 => Fault::too_many_requests().retry_after(retry_after),
        8 => Fault::unavailable(),
        9 => Fault::internal_error(),
        10 => Fault::bad_gateway(),
        11 => Fault::reset(),
        12 => Fault::cut_body(),
        13 => Fault::null_data(),
        14 => Fault::partial_data(),
        15 => Fault::content_type("text/html"),
        _ => Fault::delay(Duration::from_millis(rng.u64(20..400))),
    };
    if rng.u8(0..3) > 0 && !is_refusal {
        fault = fault.after_execution();
    }
    // HTTP errors, whoever writes them.
    let has_retry_after = matches!(kind, 0..=5 | 7..=10);
    if rng.u8(0..6) == 0 && has_retry_after {
        fault = fault.retry_after(retry_after);
    }
    fault.on(name).times(rng.u64(1..4))
}
