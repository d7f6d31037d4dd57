//! Which codes of GraphQL errors prove that nothing was carried out, and which do not.

use dinoai::Error;
use serde_json::{Value, json};

use crate::starting::change::{Bench, Change, GAVE_UP, Wrong};
use crate::support::fault_server::Reply;
use crate::support::samples::with_code;

/// The codes that a server gives before it executes anything.
const BEFORE_EXECUTION: [&str; 3] = [
    "GRAPHQL_PARSE_FAILED",
    "GRAPHQL_VALIDATION_FAILED",
    "OPERATION_RESOLUTION_FAILURE",
];

#[tokio::test]
async fn a_code_about_the_document_is_proof() {
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    for code in BEFORE_EXECUTION {
        for status in [200, 400, 404, 422] {
            for body in [
                json!({ "errors": [with_code(code)] }),
                json!({ "data": null, "errors": [with_code(code)] }),
                json!({ "errors": [with_code(code), with_code("GRAPHQL_VALIDATION_FAILED")] }),
            ] {
                for change in Change::ALL {
                    let answered = bench.answer(change, Reply::json(status, &body)).await;
                    wrong.unless(
                        answered.is_not_started(),
                        format_args!("{status}, {body}"),
                        &answered,
                    );
                }
            }
        }
    }
}

#[tokio::test]
async fn a_code_about_the_document_proves_nothing_where_something_was_begun() {
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    for code in BEFORE_EXECUTION {
        let errors = json!([with_code(code)]);
        for change in Change::ALL {
            for status in GAVE_UP {
                let answered = bench.answer(change, Reply::errors(status, &errors)).await;
                wrong.unless(
                    answered.may_have_started(),
                    format_args!("{code}, {status}"),
                    &answered,
                );
            }
            let mut at_path = with_code(code);
            at_path["path"] = json!([change.field()]);
            for body in [
                json!({ "errors": [at_path] }),
                json!({ "data": null, "errors": [at_path] }),
                json!({ "errors": [with_code(code), { "message": "It broke." }] }),
                json!({ "errors": [with_code(code), at_path] }),
                json!({ "data": { change.field(): { "ok": true } }, "errors": errors }),
            ] {
                let answered = bench.answer(change, Reply::json(200, &body)).await;
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
async fn a_code_about_the_request_is_proof_only_where_data_is_absent() {
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    for code in ["BAD_USER_INPUT", "UNAUTHENTICATED", "FORBIDDEN"] {
        let errors = json!([with_code(code)]);
        for change in Change::ALL {
            for status in [200, 400, 422] {
                let answered = bench.answer(change, Reply::errors(status, &errors)).await;
                let is_right = code != "UNAUTHENTICATED"
                    || matches!(answered.result, Err(Error::Unauthorized { .. }));
                let is_right = is_right && answered.is_not_started();
                wrong.unless(is_right, format_args!("{code}, {status}"), &answered);

                let body = json!({ "data": null, "errors": errors });
                let answered = bench.answer(change, Reply::json(status, &body)).await;
                wrong.unless(
                    answered.is_outcome_unknown(),
                    format_args!("{status}, {body}"),
                    &answered,
                );
            }
            for status in GAVE_UP {
                let answered = bench.answer(change, Reply::errors(status, &errors)).await;
                wrong.unless(
                    answered.may_have_started(),
                    format_args!("{code}, {status}"),
                    &answered,
                );
            }
            let body = json!({ "errors": [with_code(code), { "message": "It broke." }] });
            let answered = bench.answer(change, Reply::json(200, &body)).await;
            wrong.unless(
                answered.is_outcome_unknown(),
                format_args!("{body}"),
                &answered,
            );
        }
    }
}

#[tokio::test]
async fn any_other_code_without_a_path_proves_nothing() {
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    for code in [
        "GATEWAY_TIMEOUT",
        "REQUEST_TIMEOUT",
        "SERVICE_UNAVAILABLE",
        "SUBREQUEST_HTTP_ERROR",
        "INTERNAL_SERVER_ERROR",
        "NOT_FOUND",
        "AGENT_NOT_FOUND",
        "DOWNSTREAM_SERVICE_ERROR",
        "PERSISTED_QUERY_NOT_FOUND",
        "graphql_validation_failed",
        "GRAPHQL_VALIDATION_FAILED_LATE",
        "",
    ] {
        for change in Change::ALL {
            for status in [200, 400, 502] {
                let errors = json!([with_code(code)]);
                let answered = bench.answer(change, Reply::errors(status, &errors)).await;
                wrong.unless(
                    answered.is_outcome_unknown(),
                    format_args!("{code}, {status}"),
                    &answered,
                );
            }
        }
    }
    for error in [
        json!({ "message": "It broke.", "code": "GRAPHQL_VALIDATION_FAILED" }),
        json!({ "message": "GRAPHQL_VALIDATION_FAILED" }),
        json!({ "message": "It broke.", "extensions": { "code": ["BAD_USER_INPUT"] } }),
        json!({ "message": "It broke.", "extensions": "BAD_USER_INPUT" }),
        json!("GRAPHQL_PARSE_FAILED"),
        Value::Null,
        json!({}),
    ] {
        for change in Change::ALL {
            let answered = bench
                .answer(change, Reply::errors(200, &json!([error])))
                .await;
            wrong.unless(
                answered.is_outcome_unknown(),
                format_args!("{error}"),
                &answered,
            );
        }
    }
}
