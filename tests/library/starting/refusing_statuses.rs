//! A status that servers give before they execute anything proves that nothing was carried out; any
//! other status proves nothing.

use dinoai::Error;
use serde_json::json;

use crate::starting::change::{Bench, Change, Wrong};
use crate::support::fault_server::Reply;
use crate::support::samples::with_code;

/// Bodies that are no GraphQL envelope.
pub(crate) fn no_envelopes() -> Vec<(&'static str, String)> {
    vec![
        ("text/plain", String::new()),
        ("text/html", "<h1>No.</h1>".to_owned()),
        ("text/plain", "no".to_owned()),
        ("application/json", json!({ "detail": "no" }).to_string()),
        ("application/json", json!([{ "message": "no" }]).to_string()),
        ("application/json", json!("no").to_string()),
    ]
}

#[tokio::test]
async fn a_refusing_status_without_graphql_is_proof() {
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    for status in [
        301, 302, 307, 308, 400, 401, 403, 404, 405, 406, 410, 411, 413, 414, 415, 421, 422, 426,
        431,
    ] {
        for (content_type, body) in no_envelopes() {
            let reply = Reply::text(status, content_type, body);
            for change in Change::ALL {
                let answered = bench.answer(change, reply.clone()).await;
                let is_right = match status {
                    401 | 403 => matches!(answered.result, Err(Error::Unauthorized { .. })),
                    _ => matches!(answered.result, Err(Error::Http { .. })),
                };
                wrong.unless(
                    answered.is_not_started() && is_right,
                    format_args!("{reply:?}"),
                    &answered,
                );
            }
        }
    }
}

#[tokio::test]
async fn any_other_status_without_graphql_proves_nothing() {
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    for status in [
        200, 201, 202, 203, 206, 226, 299, 300, 303, 305, 399, 402, 407, 408, 409, 412, 416, 417,
        418, 420, 423, 424, 425, 428, 444, 451, 460, 499, 500, 501, 502, 503, 504, 505, 507, 508,
        511, 520, 522, 524, 599,
    ] {
        for (content_type, body) in no_envelopes() {
            let reply = Reply::text(status, content_type, body);
            for change in Change::ALL {
                let answered = bench.answer(change, reply.clone()).await;
                wrong.unless(
                    answered.is_outcome_unknown(),
                    format_args!("{reply:?}"),
                    &answered,
                );
            }
        }
    }
    for status in [204, 205, 304] {
        let reply = Reply::Http(status, vec![], String::new());
        for change in Change::ALL {
            let answered = bench.answer(change, reply.clone()).await;
            wrong.unless(
                answered.is_outcome_unknown(),
                format_args!("{reply:?}"),
                &answered,
            );
        }
    }
}

#[tokio::test]
async fn a_refusing_status_whose_body_is_cut_or_too_large_proves_nothing() {
    let bench = Bench::with(|builder| builder.response_limit(4096)).await;
    let mut wrong = Wrong::default();
    for status in [400, 401, 403, 404, 413, 429] {
        for reply in [
            Reply::cut(status, "<h1>No"),
            Reply::cut(status, r#"{"errors":[{"message":"N"#),
            Reply::text(status, "text/html", "no ".repeat(4096)),
        ] {
            for change in Change::ALL {
                let answered = bench.answer(change, reply.clone()).await;
                wrong.unless(
                    answered.is_outcome_unknown(),
                    format_args!("{status}"),
                    &answered,
                );
            }
        }
    }
}

#[tokio::test]
async fn refused_credentials_count_as_proof_in_graphql_too_where_nothing_was_begun() {
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    let message = json!([{ "message": "Key is expired" }]);
    for status in [401, 403] {
        for change in Change::ALL {
            for body in [
                json!({ "errors": message }),
                json!({ "data": null, "errors": message }),
                json!({ "errors": [with_code("UNAUTHENTICATED")] }),
            ] {
                let answered = bench.answer(change, Reply::json(status, &body)).await;
                let is_right = matches!(answered.result, Err(Error::Unauthorized { .. }));
                wrong.unless(
                    answered.is_not_started() && is_right,
                    format_args!("{body}"),
                    &answered,
                );
            }
            let late = change.error("The run may not post to Slack.");
            for body in [
                json!({ "errors": [late] }),
                json!({ "data": { change.field(): null }, "errors": [late] }),
                change.data(&json!({ "ok": true, "status": "queued" })),
            ] {
                let answered = bench.answer(change, Reply::json(status, &body)).await;
                wrong.unless(
                    answered.may_have_started(),
                    format_args!("{body}"),
                    &answered,
                );
            }
        }
    }
}

#[tokio::test]
async fn graphql_at_any_other_refusing_status_proves_nothing_by_the_status() {
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    for status in [301, 307, 400, 404, 405, 413, 422, 431] {
        for body in [
            json!({ "errors": [{ "message": "It broke." }] }),
            json!({ "errors": [with_code("INTERNAL_SERVER_ERROR")] }),
            json!({ "errors": [with_code("NOT_FOUND")] }),
            json!({ "data": null }),
            json!({ "errors": [] }),
            json!({ "errors": null }),
        ] {
            for change in Change::ALL {
                let answered = bench.answer(change, Reply::json(status, &body)).await;
                wrong.unless(
                    answered.is_outcome_unknown(),
                    format_args!("{status}, {body}"),
                    &answered,
                );
            }
        }
    }
}
