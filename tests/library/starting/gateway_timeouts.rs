//! A gateway's timeout, in whatever form, leaves the outcome unknown.

use serde_json::{Value, json};

use crate::starting::change::{Bench, Change, Wrong};
use crate::support::fault_server::Reply;
use crate::support::samples::with_code;

#[tokio::test]
async fn a_gateways_timeout_written_in_graphql_leaves_the_outcome_unknown() {
    let error = json!({
        "message": "The gateway gave up waiting",
        "extensions": { "code": "REQUEST_TIMEOUT" },
    });
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    for status in [500, 502, 503, 504] {
        for change in Change::ALL {
            let answered = bench
                .answer(change, Reply::errors(status, &json!([error])))
                .await;
            let is_told = answered.error().contains("The gateway gave up waiting");
            wrong.unless(
                answered.is_outcome_unknown() && is_told,
                format_args!("{status}"),
                &answered,
            );
        }
    }
}

#[tokio::test]
async fn a_gateways_code_beside_null_data_leaves_the_outcome_unknown() {
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    for path in [json!([]), Value::Null] {
        let body = json!({ "data": null, "errors": [{
            "message": "The upstream took too long",
            "path": path,
            "extensions": { "code": "GATEWAY_TIMEOUT" },
        }] });
        for change in Change::ALL {
            let answered = bench.answer(change, Reply::json(200, &body)).await;
            let is_told = answered.error().contains("The upstream took too long");
            wrong.unless(
                answered.is_outcome_unknown() && is_told,
                format_args!("{path}"),
                &answered,
            );
        }
    }
}

#[tokio::test]
async fn an_error_at_the_mutations_path_without_data_may_have_started_a_run() {
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    for change in Change::ALL {
        let error = change.error("The pod did not come up in time");
        let answered = bench
            .answer(change, Reply::errors(200, &json!([error])))
            .await;
        let is_told = answered.error().contains("The pod did not come up in time");
        wrong.unless(answered.may_have_started() && is_told, "no data", &answered);
    }
}

#[tokio::test]
async fn a_request_timeout_status_leaves_the_outcome_unknown_whatever_its_body() {
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    for reply in [
        Reply::Http(408, vec![], String::new()),
        Reply::html(408),
        Reply::text(408, "text/plain", "Request Time-out"),
        Reply::json(408, &json!({ "detail": "slow" })),
        Reply::json(408, &json!({ "data": null })),
        Reply::errors(408, &json!([{ "message": "slow" }])),
        Reply::errors(408, &json!([with_code("GRAPHQL_VALIDATION_FAILED")])),
        Reply::errors(408, &json!([with_code("UNAUTHENTICATED")])),
    ] {
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
