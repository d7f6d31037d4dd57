//! A trigger or a follow-up that was answered at all has reached the server once.

use serde_json::{Value, json};

use crate::starting::change::{Bench, Change, GAVE_UP, Wrong};
use crate::starting::refusing_statuses::no_envelopes;
use crate::support::fault_server::Reply;
use crate::support::samples::with_code;

/// Bodies of every kind, each with whether it holds an id, or a value at the mutation's name.
pub(crate) fn bodies(change: Change) -> Vec<(&'static str, String, bool)> {
    let json = "application/json";
    let name = change.field();
    let errors = |errors: Value| json!({ "errors": errors }).to_string();
    let with_null = |errors: Value| json!({ "data": null, "errors": errors }).to_string();
    let refusal = change.error("No agent named nope was found");
    let mut bodies: Vec<_> = no_envelopes()
        .into_iter()
        .map(|(content_type, body)| (content_type, body, false))
        .collect();
    bodies.extend([
        (json, change.accepted().to_string(), true),
        ("text/html", change.accepted().to_string(), true),
        (json, change.data(&json!({ "ok": true })).to_string(), true),
        (json, change.data(&json!({ "ok": "yes" })).to_string(), true),
        (json, change.data(&json!("queued")).to_string(), true),
        (json, change.data(&Value::Null).to_string(), false),
        (json, json!({ "data": null }).to_string(), false),
        (json, json!({ "data": {} }).to_string(), false),
        (
            json,
            json!({ "data": null, "errors": null }).to_string(),
            false,
        ),
        (json, errors(json!([])), false),
        (json, errors(json!("broken")), false),
        (json, errors(json!([{ "message": "It broke." }])), false),
        (json, errors(json!([with_code("RATE_LIMITED")])), false),
        (json, errors(json!([with_code("UNAUTHENTICATED")])), false),
        (
            json,
            errors(json!([with_code("SERVICE_UNAVAILABLE")])),
            false,
        ),
        (
            json,
            errors(json!([with_code("GRAPHQL_VALIDATION_FAILED")])),
            false,
        ),
        (
            json,
            with_null(json!([with_code("GATEWAY_TIMEOUT")])),
            false,
        ),
        (
            json,
            with_null(json!([{ "message": "Cannot query field \"a\" on type \"B\"." }])),
            false,
        ),
        (
            json,
            json!({ "data": { name: { "ok": true } }, "errors": [refusal] }).to_string(),
            true,
        ),
        (json, r#"{"data":{"#.to_owned(), false),
        ("text/plain", "\u{feff}".to_owned(), false),
    ]);
    bodies
}

#[tokio::test]
async fn a_change_that_was_answered_at_all_has_reached_the_server_once() {
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    for change in Change::ALL {
        for (content_type, body, holds_something) in bodies(change) {
            for status in [
                200, 201, 202, 206, 294, 400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410,
                411, 412, 413, 414, 415, 421, 422, 423, 424, 425, 426, 428, 429, 431, 451, 499,
                500, 501, 502, 503, 504, 505, 507, 508, 511, 520, 522, 524, 599,
            ] {
                if status == 429 && !holds_something {
                    continue;
                }
                let reply = Reply::text(status, content_type, body.clone());
                let reply = reply.with_header("Retry-After", "0");
                let answered = bench.answer(change, reply).await;
                let is_safe = match &answered.result {
                    Ok(accepted) => accepted.session_id.as_str() == change.id(),
                    // What comes from a server that gave up proves nothing.
                    Err(error) if status >= 500 || GAVE_UP.contains(&status) => {
                        error.may_have_started()
                    }
                    Err(error) => !(error.is_retryable() && error.may_have_started()),
                };
                wrong.unless(
                    answered.sent == 1 && is_safe,
                    format_args!("{status}, {body}"),
                    &answered,
                );
            }
        }
    }
}

#[tokio::test]
async fn a_change_whose_answer_breaks_off_has_reached_the_server_once() {
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    for change in Change::ALL {
        for reply in [
            Reply::ResetAfter,
            Reply::Raw(vec![]),
            Reply::Raw(b"HTTP/1.1 429 Too Many Requ".to_vec()),
            Reply::Raw(b"HTTP/1.1 429 Too Many Requests\r\n".to_vec()),
            Reply::Raw(b"nonsense\r\n\r\n".to_vec()),
            Reply::cut(429, ""),
            Reply::cut(400, ""),
            Reply::cut(200, ""),
            Reply::RawThenHang(b"HTTP/1.1 429 Too Many Requests\r\n".to_vec()),
            Reply::cut_then_hang(429, "{"),
        ] {
            let answered = bench.answer(change, reply.clone()).await;
            wrong.unless(
                answered.is_outcome_unknown(),
                format_args!("{reply:?}"),
                &answered,
            );
        }
    }
}
