//! A trigger is sent again after HTTP 429 without an id and a value, and after no other rate limit.

use dinoai::Error;
use serde_json::json;

use crate::starting::change::{Bench, Change, Wrong};
use crate::support::fault_server::Reply;
use crate::support::samples::with_code;

#[tokio::test]
async fn too_many_requests_beside_a_value_or_a_path_is_never_sent_again() {
    let mut wrong = Wrong::default();
    for change in Change::ALL {
        let late = change.error("Slow down.");
        for body in [
            change.data(&json!({ "ok": true })),
            change.data(&json!({ "ok": true, "status": "queued" })),
            json!({ "data": null, "errors": [late] }),
            json!({ "errors": [late] }),
            json!({ "data": null, change.field(): { "ok": true } }),
            json!({ "errors": [], change.field(): { "ok": true } }),
            json!({ "errors": [{ "message": "a" }], "extensions": { change.field(): { "ok": true } } }),
        ] {
            let bench = Bench::start().await;
            let reply = Reply::json(429, &body).with_header("Retry-After", "1");
            let answered = bench.answer(change, reply).await;
            wrong.unless(
                answered.may_have_started(),
                format_args!("{body}"),
                &answered,
            );
        }
    }
}

#[tokio::test]
async fn too_many_requests_without_a_value_a_path_and_an_id_is_sent_again() {
    let limited = json!([with_code("RATE_LIMITED")]);
    for reply in [
        Reply::too_many_requests("1"),
        Reply::html(429).with_header("Retry-After", "1"),
        Reply::errors(429, &limited).with_header("Retry-After", "1"),
        Reply::json(429, &json!({ "data": null, "errors": limited })),
        // What each field costs is no value of it.
        Reply::json(
            429,
            &json!({ "errors": limited, "extensions": { "cost": { "triggerDinoaiAgentRun": 5 } } }),
        ),
    ] {
        for change in Change::ALL {
            let bench = Bench::start().await;
            bench.server.answer_next(vec![reply.clone(); 4]);
            let error = change.make(&bench.client).await.unwrap_err();
            assert!(matches!(error, Error::RateLimited { .. }), "{error:?}");
            assert!(
                error.is_retryable() && !error.may_have_started(),
                "{error:?}"
            );
            assert_eq!(bench.server.arrived(), 4);
        }
    }
}

#[tokio::test]
async fn a_rate_limit_code_is_no_reason_to_send_a_change_again() {
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    for code in ["RATE_LIMITED", "THROTTLED"] {
        for change in Change::ALL {
            let mut at_path = change.error("Slow down.");
            at_path["extensions"] = json!({ "code": code });
            for body in [
                json!({ "data": { change.field(): null }, "errors": [at_path] }),
                json!({ "data": null, "errors": [at_path] }),
                json!({ "errors": [at_path] }),
            ] {
                let reply = Reply::json(200, &body).with_header("Retry-After", "1");
                let answered = bench.answer(change, reply).await;
                wrong.unless(
                    answered.may_have_started(),
                    format_args!("{body}"),
                    &answered,
                );
            }
            for status in [200, 400, 503] {
                let reply = Reply::errors(status, &json!([with_code(code)]));
                let reply = reply.with_header("Retry-After", "1");
                let answered = bench.answer(change, reply.clone()).await;
                wrong.unless(
                    answered.is_outcome_unknown(),
                    format_args!("{reply:?}"),
                    &answered,
                );
            }
        }
    }
}
