//! A fault beyond its limits is refused by name, and a plan holds a thousand.

use std::time::{Duration, Instant};

use dinoai_emulator::{Emulator, Error, ErrorData, Fault};
use serde_json::{Value, json};

use crate::caller::{call, client, post, refused, response_to, trigger};

async fn added(emulator: &Emulator, faults: &Value) -> Value {
    let request = client().post(format!("{}/faults", emulator.control()));
    let response = response_to(request.json(faults)).await;
    assert_eq!(response.status, 200, "{}", response.text);
    response.body
}

#[tokio::test]
async fn a_number_of_a_fault_beyond_its_limit_is_refused_by_name() {
    let emulator = Emulator::start().await.unwrap();
    for (fault, reason) in [
        (
            r#"{"fault":"gzip_bomb","bytes":18446744073709551615}"#,
            "`bytes` is a whole number from 0 to 1099511627776, not 18446744073709551615",
        ),
        (
            r#"{"fault":"gzip_bomb","bytes":1099511627777}"#,
            "`bytes` is",
        ),
        (r#"{"fault":"gzip_bomb","bytes":1e30}"#, "`bytes` is"),
        (r#"{"fault":"cut_body","bytes":-1}"#, "`bytes` is"),
        (r#"{"fault":"cut_body","bytes":null}"#, "`bytes` is"),
        (r#"{"fault":"cut_body","bytes":1.5}"#, "`bytes` is"),
        (
            r#"{"fault":"pass","times":18446744073709551615}"#,
            "`times` is a whole number from 0 to 9007199254740991",
        ),
        (r#"{"fault":"pass","times":9007199254740992}"#, "`times` is"),
        (r#"{"fault":"pass","times":"3"}"#, "`times` is"),
        (
            r#"{"fault":"delay","delay_seconds":86401}"#,
            "`delay_seconds` is a number of seconds from 0 to 86400, not 86401",
        ),
        (
            r#"{"fault":"slow_drip","delay_seconds":1e308}"#,
            "`delay_seconds` is",
        ),
        (
            r#"{"fault":"reset","delay_seconds":-0.5}"#,
            "`delay_seconds` is",
        ),
        (
            r#"{"fault":"delay","delay_seconds":"1"}"#,
            "`delay_seconds` is",
        ),
        (
            r#"{"fault":"unavailable","retry_after":-1}"#,
            "`retry_after` is a number of seconds or a text",
        ),
        (
            r#"{"fault":"unavailable","retry_after":1e400}"#,
            "number out of range",
        ),
        (
            r#"{"fault":"unavailable","retry_after":"1\r\nSet-Cookie: a"}"#,
            "`retry_after` \"1\\r\\nSet-Cookie: a\" cannot be the value of a header",
        ),
        (
            r#"{"fault":"redirect","location":"/\n"}"#,
            "`location` \"/\\n\" cannot be",
        ),
        (
            r#"{"fault":"status","status":65736}"#,
            "`status` 65736 is none",
        ),
        (r#"{"fault":"status","status":-1}"#, "`status` -1 is none"),
        (
            r#"{"fault":"graphql_error","status":1e9}"#,
            "`status` 1000000000.0 is none",
        ),
    ] {
        let detail = refused(&emulator, "faults", fault).await;
        assert!(detail.contains(reason), "{fault} {detail}");
    }
    let long = json!({ "fault": "graphql_error", "status": 500, "message": "m".repeat(66_000) });
    let detail = refused(&emulator, "faults", long.to_string()).await;
    assert!(detail.contains("at most 65536"), "{detail}");
    assert!(emulator.faults().is_empty());
}

#[tokio::test]
async fn the_largest_fault_of_each_kind_is_taken_at_once_and_listed_as_it_was_written() {
    let emulator = Emulator::start().await.unwrap();
    let faults = json!([
        { "fault": "gzip_bomb", "bytes": 1_u64 << 40, "times": 9_007_199_254_740_991_u64 },
        { "fault": "slow_drip", "delay_seconds": 86_400.0 },
    ]);
    let begun = Instant::now();
    let listed = added(&emulator, &faults).await;
    assert_eq!(listed[0]["bytes"], faults[0]["bytes"]);
    assert_eq!(listed[0]["times"], faults[0]["times"]);
    assert_eq!(listed[1]["delay_seconds"], faults[1]["delay_seconds"]);
    // What is listed can be written again.
    added(&emulator, &listed).await;
    let mut bomb = post(&emulator).body("{}").send().await.unwrap();
    let first = bomb.chunk().await.unwrap().unwrap();
    assert_eq!(&first[..2], [0x1f, 0x8b]);
    drop(bomb);
    // And the emulator, which has one thread, serves others meanwhile.
    assert_eq!(emulator.faults().len(), 4);
    let health = client().get(format!("http://{}/health", emulator.address()));
    assert_eq!(response_to(health).await.status, 200);
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn in_rust_a_number_beyond_its_limit_counts_as_the_limit() {
    let shown = |fault: Fault| serde_json::to_value(fault).unwrap();
    assert_eq!(shown(Fault::gzip_bomb(u64::MAX))["bytes"], 1_u64 << 40);
    let most = 9_007_199_254_740_991_u64;
    assert_eq!(shown(Fault::pass().times(u64::MAX))["times"], most);
    assert_eq!(shown(Fault::pass().always())["times"], most);
    for fault in [
        Fault::delay(Duration::MAX),
        Fault::slow_drip(Duration::MAX),
        Fault::reset().delayed(Duration::MAX),
    ] {
        assert_eq!(shown(fault)["delay_seconds"], 86_400.0);
    }
}

#[tokio::test]
async fn what_belongs_to_another_fault_is_refused_by_name() {
    let emulator = Emulator::start().await.unwrap();
    let others = [
        ("retry_after", json!("1")),
        ("bytes", json!(1)),
        ("location", json!("/")),
        ("content_type", json!("text/html")),
        ("status", json!(500)),
        ("message", json!("m")),
        ("code", json!("C")),
        ("path", json!([])),
        ("data", json!("null")),
        ("field", json!("ok")),
        ("value", json!(1)),
    ];
    let errors = ["retry_after"];
    let kinds: [(&str, &[&str]); 18] = [
        ("pass", &[]),
        ("delay", &[]),
        ("too_many_requests", &errors),
        ("unavailable", &errors),
        ("internal_error", &errors),
        ("bad_gateway", &errors),
        ("reset", &[]),
        ("cut_body", &["bytes"]),
        ("slow_drip", &[]),
        ("endless_body", &[]),
        ("gzip_bomb", &["bytes"]),
        ("redirect", &["location"]),
        ("content_type", &["content_type"]),
        ("null_data", &[]),
        ("partial_data", &[]),
        (
            "graphql_error",
            &["status", "message", "code", "path", "data", "retry_after"],
        ),
        ("status", &["status", "retry_after"]),
        ("replaced", &["field", "value"]),
    ];
    for (kind, own) in kinds {
        let mut whole = json!({
            "fault": kind, "times": 2, "on": "a", "after_execution": true, "delay_seconds": 1,
        });
        for (name, value) in others.iter().filter(|(name, _)| own.contains(name)) {
            whole[name] = value.clone();
        }
        added(&emulator, &whole).await;
        for (name, value) in others.iter().filter(|(name, _)| !own.contains(name)) {
            let mut wrong = whole.clone();
            wrong[name] = value.clone();
            let detail = refused(&emulator, "faults", wrong.to_string()).await;
            let reason = format!("`{name}` does not belong to the fault `{kind}`; it takes ");
            assert!(detail.contains(&reason), "{detail}");
            assert!(detail.contains("`delay_seconds`"), "{detail}");
        }
    }
    assert_eq!(emulator.faults().len(), kinds.len());
}

#[tokio::test]
async fn a_fault_without_what_it_needs_is_refused_by_name() {
    let emulator = Emulator::start().await.unwrap();
    for (fault, reason) in [
        (
            r#"{"fault":"delay"}"#,
            "missing field `delay_seconds` of the fault `delay`",
        ),
        (
            r#"{"fault":"slow_drip","times":2}"#,
            "missing field `delay_seconds` of the fault `slow_drip`",
        ),
        (
            r#"{"fault":"pass","often":2}"#,
            "unknown field `often`: the fault `pass` takes `times`, `on`, `after_execution`",
        ),
        (
            r#"{"fault":"pass","times":1,"times":2}"#,
            "duplicate field `times`",
        ),
        (r#"{"fault":["pass"]}"#, "`fault`: "),
        (r#"{"fault":"pass","on":7}"#, "`on`: "),
    ] {
        let detail = refused(&emulator, "faults", fault).await;
        assert!(detail.contains(reason), "{detail}");
    }
    assert!(emulator.faults().is_empty());
}

#[tokio::test]
async fn a_plan_holds_a_thousand_faults() {
    let emulator = Emulator::start().await.unwrap();
    let many = |count: usize| Value::from(vec![json!({ "fault": "pass" }); count]);
    added(&emulator, &many(999)).await;
    let detail = refused(&emulator, "faults", many(2).to_string()).await;
    assert!(detail.contains("a plan holds at most 1000"), "{detail}");
    assert_eq!(emulator.faults().len(), 999, "all or none");
    added(&emulator, &many(1)).await;
    let error = emulator.add_fault(Fault::pass()).unwrap_err();
    assert!(error.to_string().contains("at most 1000"), "{error}");
    assert_eq!(emulator.faults().len(), 1_000);

    let builder = (0..1_001).fold(Emulator::builder(), |builder, _| {
        builder.fault(Fault::pass())
    });
    let error = builder.start().await.unwrap_err();
    assert!(matches!(error, Error::Fault(_)), "{error}");
    assert!(error.to_string().contains("at most 1000"), "{error}");
}

#[tokio::test]
async fn the_faults_of_a_plan_take_four_mebibytes() {
    let emulator = Emulator::start().await.unwrap();
    let small = vec![json!({ "a": 1 }); 8_000];
    let value = json!({ "fault": "replaced", "field": "x", "value": small });
    let path = json!({ "fault": "graphql_error", "status": 500, "path": vec![""; 20_000] });
    for (fault, at_once, kept) in [(value, 15, 60), (path, 2, 4)] {
        for _ in 0..kept / at_once {
            added(&emulator, &Value::from(vec![fault.clone(); at_once])).await;
        }
        let more = Value::from(vec![fault.clone(); at_once]).to_string();
        let detail = refused(&emulator, "faults", more).await;
        assert!(detail.contains("a plan takes at most 4194304"), "{detail}");
        let ahead = emulator.faults();
        assert_eq!(ahead.len(), kept, "all or none");
        assert_eq!(
            serde_json::to_value(&ahead[0]).unwrap()["value"],
            fault["value"]
        );
        emulator.clear_faults();
        added(&emulator, &fault).await;
        emulator.clear_faults();
    }
}

#[tokio::test]
async fn a_fault_that_never_happens_is_not_kept() {
    let never = Fault::reset().times(0);
    let emulator = (0..1_001).fold(Emulator::builder(), |builder, _| {
        builder.fault(never.clone())
    });
    let emulator = emulator.start().await.unwrap();
    emulator.add_fault(never).unwrap();
    let written = Value::from(vec![json!({ "fault": "reset", "times": 0 }); 1_001]);
    assert_eq!(added(&emulator, &written).await, json!([]));
    assert!(emulator.faults().is_empty());
    emulator.reset();
    assert!(emulator.faults().is_empty());
}

#[tokio::test]
async fn a_value_that_is_put_into_many_places_stops_at_16_mebibytes() {
    let value = "v".repeat(60_000);
    let emulator = Emulator::builder()
        .fault(Fault::pass())
        .fault(Fault::replaced("data", Value::Null))
        .start()
        .await
        .unwrap();
    let id = trigger(&emulator, "a").await;
    emulator.clear_faults();
    let fields: String = (0..300)
        .map(|number| format!("a{number}: dinoaiAgentRun(agentSessionId: \"{id}\") {{ status }}\n"))
        .collect();
    emulator
        .add_fault(Fault::replaced("status", json!(value)))
        .unwrap();
    let response = call(&emulator, &format!("{{ {fields} }}"), json!({})).await;
    let runs = response.body["data"].as_object().unwrap().values();
    let replaced = runs.filter(|run| run["status"] == value).count();
    assert_eq!(replaced, (16 << 20) / (60_000 + 2));
}

#[tokio::test]
async fn what_a_fault_does_not_take_is_refused_in_rust_as_well() {
    let emulator = Emulator::start().await.unwrap();
    let line = "7\r\nX-Header: 1";
    for (fault, reason) in [
        (
            Fault::unavailable().code("C").message("m"),
            "`code` does not belong to the fault `unavailable`; it takes `retry_after`, `times`",
        ),
        (
            Fault::delay(Duration::ZERO).retry_after("7"),
            "`retry_after` does not belong to the fault `delay`",
        ),
        (Fault::status(200).path(["ok"]), "`path` does not belong"),
        (Fault::reset().data(ErrorData::Null), "`data` does not"),
        (Fault::reset().message("m"), "`message` does not"),
        (Fault::status(199), "`status` 199 is none that an HTTP"),
        (Fault::graphql_error(600), "`status` 600 is none that"),
        (
            Fault::redirect(line),
            "`location` \"7\\r\\nX-Header: 1\" cannot",
        ),
        (Fault::content_type(line), "`content_type` "),
        (Fault::status(503).retry_after(line), "`retry_after` "),
    ] {
        let error = emulator.add_fault(fault.clone()).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
        let refused = Emulator::builder().fault(fault).start().await.unwrap_err();
        assert_eq!(refused.to_string(), error);
    }
    assert!(emulator.faults().is_empty());
}

#[tokio::test]
async fn what_no_document_has_a_name_for_is_not_waited_for() {
    let emulator = Emulator::start().await.unwrap();
    for on in ["a b", "é", "", "1a", "a-b", "{"] {
        let reason = format!("`on` {on:?} is not the name of a field or an operation");
        let refused = refused(
            &emulator,
            "faults",
            json!({ "fault": "pass", "on": on }).to_string(),
        );
        assert!(refused.await.contains(&reason), "{reason}");
        let Err(Error::Fault(wrong)) = emulator.add_fault(Fault::pass().on(on)) else {
            panic!("{on:?} was taken");
        };
        assert!(wrong.contains(&reason), "{wrong}");
    }
    for on in ["_", "__typename", "aB_9"] {
        emulator.add_fault(Fault::pass().on(on)).unwrap();
    }
    assert_eq!(emulator.faults().len(), 3);
}
