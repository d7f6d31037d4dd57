//! An accepted run counts as accepted, whatever stands beside its id.

use Change::{Own, Send, Trigger, TriggerWithOptions};
use serde_json::json;

use crate::starting::change::{Bench, Change, Wrong};
use crate::support::fault_server::Reply;

#[tokio::test]
async fn an_accepted_run_counts_although_its_status_is_null() {
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    for change in Change::ALL {
        let id = change.id();
        for value in [
            json!({ "ok": true, "agentSessionId": id, "status": null }),
            json!({ "ok": true, "agentSessionId": id }),
            json!({ "ok": true, "agentSessionId": id, "status": 7 }),
        ] {
            // The types of one's own document ask for a text.
            if change == Own && value["status"].is_number() {
                continue;
            }
            let answered = bench
                .answer(change, Reply::json(200, &change.data(&value)))
                .await;
            wrong.unless(answered.is_accepted(), format_args!("{value}"), &answered);
        }
    }
}

#[tokio::test]
async fn an_accepted_run_counts_whatever_the_status_beside_it() {
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    for status in [201, 400, 404, 408, 409, 422, 499, 500, 502, 503, 504] {
        for change in [Trigger, TriggerWithOptions] {
            let answered = bench
                .answer(change, Reply::json(status, &change.accepted()))
                .await;
            wrong.unless(answered.is_accepted(), format_args!("{status}"), &answered);
        }
        let answered = bench
            .answer(Send, Reply::json(status, &Send.accepted()))
            .await;
        let is_right = answered.is_accepted() || answered.may_have_started();
        wrong.unless(is_right, format_args!("{status}"), &answered);
    }
}

#[tokio::test]
async fn the_id_counts_beside_a_status_that_refuses() {
    let mut wrong = Wrong::default();
    for status in [401, 403, 429] {
        for change in Change::ALL {
            let bench = Bench::start().await;
            let reply = Reply::json(status, &change.accepted()).with_header("Retry-After", "1");
            let answered = bench.answer(change, reply).await;
            let is_right = match change {
                Trigger | TriggerWithOptions => answered.is_accepted(),
                Send | Change::Own => answered.is_accepted() || answered.may_have_started(),
            };
            wrong.unless(is_right, format_args!("{status}"), &answered);
        }
    }
}
