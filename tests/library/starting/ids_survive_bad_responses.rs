//! A session id in any response reaches the caller, and nothing is sent again.

use std::io::Write;

use Change::{Send, Trigger, TriggerWithOptions};
use serde_json::{Value, json};

use crate::starting::change::{AGENT, Bench, Change, ID, Wrong};
use crate::support::fault_server::{Reply, SESSION};
use crate::support::samples::with_code;

/// Answers that hold the id of a run and are no good otherwise, each with a name.
fn ids_in_bad_answers(change: Change) -> Vec<(&'static str, Reply)> {
    let accepted = change.accepted().to_string();
    let root = |value: &str| format!(r#"{{"data":{{"{}":{value}}}}}"#, change.field());
    let padding = "x".repeat(8192);
    let in_extensions = json!({ "message": "late", "extensions": { "agentSessionId": ID } });
    let value = json!({ "ok": true, "agentSessionId": ID, "status": "queued" });
    let late = json!([{ "message": "late" }]);
    let utf8 = [accepted.as_bytes(), b"\xff"].concat();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        utf8.len()
    );
    let json_text = |body: String| Reply::text(200, "application/json", body);
    vec![
        (
            "cut after it",
            Reply::cut(
                200,
                root(r#"{"ok":true,"agentSessionId":"abc","sta"#).trim_end_matches('}'),
            ),
        ),
        (
            "whole, but the connection ends early",
            Reply::cut(200, &accepted),
        ),
        ("whole, then silence", Reply::cut_then_hang(200, &accepted)),
        ("cut at 503", Reply::cut(503, &accepted)),
        ("cut at 429", Reply::cut(429, &accepted)),
        (
            "too large after it",
            json_text(format!("{accepted}{}", " ".repeat(8192))),
        ),
        (
            "too large in it",
            json_text(root(&format!(
                r#"{{"ok":true,"agentSessionId":"abc","status":"{padding}"}}"#
            ))),
        ),
        (
            "JSON that breaks off",
            json_text(accepted[..accepted.len() - 2].to_owned()),
        ),
        (
            "JSON with something behind it",
            json_text(format!("{accepted}<!-- proxy -->")),
        ),
        (
            "a byte-order mark before it",
            json_text(format!("\u{feff}{accepted}")),
        ),
        (
            "a byte that is no UTF-8",
            Reply::Raw([head.as_bytes(), &utf8].concat()),
        ),
        (
            "in a page",
            Reply::text(200, "text/html", format!("<pre>{accepted}</pre>")),
        ),
        ("in a list", json_text(format!("[{accepted}]"))),
        (
            "ok of another type",
            Reply::json(
                200,
                &change.data(&json!({
                    "ok": "yes", "agentSessionId": ID, "status": "queued",
                })),
            ),
        ),
        (
            "without ok",
            Reply::json(200, &change.data(&json!({ "agentSessionId": ID }))),
        ),
        (
            "not ok",
            Reply::json(
                200,
                &change.data(&json!({
                    "ok": false, "agentSessionId": ID, "status": "FAILED",
                })),
            ),
        ),
        (
            "with an error beside it",
            Reply::json(
                200,
                &json!({
                    "data": { change.field(): value }, "errors": late,
                }),
            ),
        ),
        (
            "with an error at its path",
            Reply::json(
                200,
                &json!({
                    "data": { change.field(): value }, "errors": [change.error("late")],
                }),
            ),
        ),
        (
            "in the errors, data null",
            Reply::json(
                200,
                &json!({
                    "data": null, "errors": [in_extensions],
                }),
            ),
        ),
        (
            "in the errors, data absent",
            Reply::errors(200, &json!([in_extensions])),
        ),
        (
            "in the errors at 504",
            Reply::errors(504, &json!([in_extensions])),
        ),
        (
            "in the errors, with a code that is proof alone",
            Reply::errors(
                200,
                &json!([{
                    "message": "late",
                    "extensions": { "code": "BAD_USER_INPUT", "agentSessionId": ID },
                }]),
            ),
        ),
        (
            "in the errors at 429",
            Reply::errors(429, &json!([in_extensions])),
        ),
        ("in no envelope at 404", Reply::json(404, &value)),
        (
            "in no envelope at 401",
            Reply::json(401, &json!({ "run": value })),
        ),
        ("in no envelope at 200", Reply::json(200, &value)),
    ]
}

#[tokio::test]
async fn an_id_in_any_answer_to_a_trigger_reaches_the_caller_and_nothing_is_sent_again() {
    let mut wrong = Wrong::default();
    for change in [Trigger, TriggerWithOptions] {
        for (name, reply) in ids_in_bad_answers(change) {
            let bench = Bench::with(|builder| builder.response_limit(4096)).await;
            let answered = bench.answer(change, reply).await;
            wrong.unless(
                answered.has_kept_the_id(),
                format_args!("{name}"),
                &answered,
            );
        }
    }
}

/// A response whose body is packed with gzip under this name; `missing` bytes of its end have not
/// been sent.
fn packed(encoding: &str, body: &Value, missing: usize) -> Vec<u8> {
    use flate2::{Compression, write::GzEncoder};

    let mut encoder = GzEncoder::new(vec![], Compression::default());
    encoder.write_all(body.to_string().as_bytes()).unwrap();
    let body = encoder.finish().unwrap();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: {encoding}\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), &body[..body.len() - missing]].concat()
}

/// The names under which servers send gzip.
const GZIP: [&str; 5] = ["gzip", "GZIP", "x-gzip", "X-GZIP", "Gzip"];

#[tokio::test]
async fn a_packed_response_is_read_whatever_its_packing_is_called() {
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    for change in Change::ALL {
        for encoding in GZIP {
            let reply = Reply::Raw(packed(encoding, &change.accepted(), 0));
            let answered = bench.answer(change, reply).await;
            wrong.unless(answered.is_accepted(), encoding, &answered);
        }
    }
}

#[tokio::test]
async fn a_response_with_obsolete_headers_is_read_since_it_holds_the_id() {
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    for header in ["X-Folded: one\r\n two", "X-Spaced : one", "not a header"] {
        for change in Change::ALL {
            let body = change.accepted().to_string();
            let length = body.len();
            let head = format!("HTTP/1.1 200 OK\r\n{header}\r\nContent-Length: {length}\r\n\r\n");
            let reply = Reply::Raw([head.as_bytes(), body.as_bytes()].concat());
            let answered = bench.answer(change, reply).await;
            wrong.unless(answered.is_accepted(), header, &answered);
        }
    }
}

#[tokio::test]
async fn the_id_in_a_packed_response_that_breaks_off_reaches_the_caller() {
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    for change in [Trigger, TriggerWithOptions] {
        for encoding in GZIP {
            // Of the checksum and the length at the end.
            for missing in [1, 8] {
                let bytes = packed(encoding, &change.accepted(), missing);
                let answered = bench.answer(change, Reply::Raw(bytes)).await;
                let is_right = answered.is_outcome_unknown() && answered.has_kept_the_id();
                let case = format!("{encoding}, {missing} bytes missing");
                wrong.unless(is_right, case, &answered);
            }
        }
    }
    for encoding in GZIP {
        let bytes = packed(encoding, &Trigger.accepted(), 8);
        let answered = bench.answer(Trigger, Reply::RawThenHang(bytes)).await;
        let is_right = answered.is_outcome_unknown() && answered.has_kept_the_id();
        wrong.unless(is_right, format_args!("{encoding}, silent"), &answered);
    }
}

#[tokio::test]
async fn half_an_id_is_none() {
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    for change in [Trigger, TriggerWithOptions] {
        for start in [
            r#"{"ok":true,"agentSessionId":"ab"#,
            r#"{"ok":true,"agentSessionId":"#,
            r#"{"ok":true,"agentSessionId":"abc\"#,
        ] {
            let body = format!(r#"{{"data":{{"{}":{start}"#, change.field());
            let answered = bench.answer(change, Reply::cut(200, &body)).await;
            let has_none = answered
                .result
                .as_ref()
                .is_err_and(|error| error.session_id().is_none());
            wrong.unless(
                answered.is_outcome_unknown() && has_none,
                format_args!("{start}"),
                &answered,
            );
        }
    }
}

#[tokio::test]
async fn a_follow_up_whose_answer_held_a_value_is_never_sent_again() {
    let mut wrong = Wrong::default();
    let value = json!({ "ok": true, "agentSessionId": SESSION, "status": "queued" });
    for status in [200, 400, 401, 403, 429, 503] {
        for body in [
            Send.data(&value),
            Send.data(&json!({ "ok": true })),
            Send.data(&json!({ "ok": true, "agentSessionId": SESSION, "status": null })),
            json!({ "data": { Send.field(): value }, "errors": [{ "message": "late" }] }),
            json!({ "data": { Send.field(): value }, "errors": [with_code("RATE_LIMITED")] }),
        ] {
            let bench = Bench::start().await;
            let answered = bench.answer(Send, Reply::json(status, &body)).await;
            let is_right = answered.is_accepted() || answered.may_have_started();
            wrong.unless(is_right, format_args!("{status}, {body}"), &answered);
        }
    }
}

#[tokio::test]
async fn a_follow_up_that_was_attached_to_another_run_is_not_called_accepted() {
    let value = json!({ "ok": true, "agentSessionId": "another", "status": "queued" });
    let bench = Bench::start().await;
    let answered = bench
        .answer(Send, Reply::json(200, &Send.data(&value)))
        .await;
    assert!(answered.may_have_started(), "{:?}", answered.result);
    let error = answered.error();
    assert!(
        error.contains("another") && error.contains(SESSION),
        "{error}"
    );
}

#[tokio::test]
async fn a_page_that_echoes_the_request_holds_no_id() {
    let query = "mutation X { x { ok agentSessionId status } }";
    let message = r#"{"agentSessionId":"fake"}"#;
    let request = json!({
        "query": query,
        "variables": { "agentSessionId": SESSION, "agent": AGENT, "message": message },
    });
    let mut without_id = request.clone();
    without_id["variables"]["agentSessionId"] = Value::Null;
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    for change in Change::ALL {
        let echo = if change == Send {
            &request
        } else {
            &without_id
        };
        for reply in [
            Reply::json(400, echo),
            Reply::text(404, "text/html", format!("<pre>{echo}</pre>")),
        ] {
            let answered = bench.answer(change, reply.clone()).await;
            wrong.unless(
                answered.is_not_started(),
                format_args!("{reply:?}"),
                &answered,
            );
        }
    }
}
