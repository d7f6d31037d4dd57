//! Nothing that a request says makes the emulator work without end or hold more than it can: the
//! numbers of faults have limits, and only so much of the past is kept.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod caller;

use std::time::{Duration, Instant};

use caller::{TRIGGER, answered, call, client, post, read, said, trigger};
use dinoai_emulator::{Emulator, Error, ErrorData, Fault, Run};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What is wrong with the body of a POST to a path of the control.
async fn refused(emulator: &Emulator, path: &str, body: impl Into<reqwest::Body>) -> String {
    let request = client().post(format!("{}/{path}", emulator.control()));
    let request = request.header("Content-Type", "application/json");
    let answer = answered(request.body(body)).await;
    assert_eq!(answer.status, 400, "{}", answer.text);
    answer.body["detail"].as_str().unwrap().to_owned()
}

async fn added(emulator: &Emulator, faults: &Value) -> Value {
    let request = client().post(format!("{}/faults", emulator.control()));
    let answer = answered(request.json(faults)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.body
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
async fn the_largest_fault_of_each_kind_is_taken_at_once_and_told_as_it_was_written() {
    let emulator = Emulator::start().await.unwrap();
    let faults = json!([
        { "fault": "gzip_bomb", "bytes": 1_u64 << 40, "times": 9_007_199_254_740_991_u64 },
        { "fault": "slow_drip", "delay_seconds": 86_400.0 },
    ]);
    let begun = Instant::now();
    let told = added(&emulator, &faults).await;
    assert_eq!(told[0]["bytes"], faults[0]["bytes"]);
    assert_eq!(told[0]["times"], faults[0]["times"]);
    assert_eq!(told[1]["delay_seconds"], faults[1]["delay_seconds"]);
    // What is listed can be written again.
    added(&emulator, &told).await;
    let mut bomb = post(&emulator).body("{}").send().await.unwrap();
    let first = bomb.chunk().await.unwrap().unwrap();
    assert_eq!(&first[..2], [0x1f, 0x8b]);
    drop(bomb);
    // And the emulator, which has one thread, answers others meanwhile.
    assert_eq!(emulator.faults().len(), 4);
    let health = client().get(format!("http://{}/health", emulator.address()));
    assert_eq!(answered(health).await.status, 200);
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
async fn what_else_the_control_path_takes_has_limits_too() {
    let emulator = Emulator::builder().stopped_clock().start().await.unwrap();
    for (path, body, reason) in [
        (
            "clock",
            r#"{"advance_seconds":3155760001}"#,
            "`advance_seconds` is at most 3155760000",
        ),
        ("clock", r#"{"advance_seconds":1e300}"#, "`advance_seconds`"),
        ("clock", r#"{"advance_seconds":-1}"#, "`advance_seconds`"),
        ("clock", r#"{"advance_seconds":null}"#, "`advance_seconds`"),
        (
            "clock",
            r#"{"advance_seconds":1,"unit":"h"}"#,
            "unknown field `unit`",
        ),
        ("clock", "{}", "missing field `advance_seconds`"),
        (
            "reset",
            r#"{"runs":true}"#,
            "a reset takes nothing: unknown field `runs`",
        ),
        ("reset", "[1]", "a reset takes nothing"),
    ] {
        let detail = refused(&emulator, path, body).await;
        assert!(detail.contains(reason), "{detail}");
    }
    assert_eq!(emulator.elapsed(), Duration::ZERO);
    let large = client().post(format!("{}/faults", emulator.control()));
    let large = large.json(&json!({ "fault": "pass", "on": "a".repeat(1 << 20) }));
    assert_eq!(answered(large).await.status, 413);
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
    let answer = call(&emulator, &format!("{{ {fields} }}"), json!({})).await;
    let runs = answer.body["data"].as_object().unwrap().values();
    let replaced = runs.filter(|run| run["status"] == value).count();
    assert_eq!(replaced, (16 << 20) / (60_000 + 2));
}

/// Sends this request so often over one connection, without waiting for each answer.
async fn pipelined(emulator: &Emulator, request: &str, count: usize) {
    let stream = TcpStream::connect(emulator.address()).await.unwrap();
    let (mut reader, mut writer) = stream.into_split();
    let batch = request.repeat(100);
    let reads = tokio::spawn(async move {
        let mut piece = vec![0; 1 << 16];
        while reader.read(&mut piece).await.unwrap() > 0 {}
    });
    for _ in 0..count / 100 {
        writer.write_all(batch.as_bytes()).await.unwrap();
    }
    let last = "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    writer.write_all(last.as_bytes()).await.unwrap();
    reads.await.unwrap();
}

#[tokio::test]
async fn the_record_keeps_the_latest_ten_thousand_requests() {
    let emulator = Emulator::start().await.unwrap();
    let wrong = "GET /wrong HTTP/1.1\r\nHost: localhost\r\n\r\n";
    pipelined(&emulator, wrong, 20_000).await;
    trigger(&emulator, "a").await;
    let requests = emulator.requests();
    assert_eq!(requests.len(), 10_000);
    assert_eq!(emulator.dropped_requests(), 10_001);
    assert_eq!(requests[0].number, 10_002);
    let last = requests.last().unwrap();
    assert_eq!((last.number, last.status), (20_001, 200));
    assert_eq!(last.started.len(), 1, "it is complete");
    let told = answered(client().get(format!("{}/requests", emulator.control()))).await;
    assert_eq!(told.body[0]["number"], 10_002);
    assert_eq!(told.body.as_array().unwrap().len(), 10_000);
}

#[tokio::test]
async fn a_builder_says_how_many_requests_are_kept() {
    let emulator = Emulator::builder().kept_requests(2).start().await.unwrap();
    for agent in ["a", "b", "c"] {
        trigger(&emulator, agent).await;
    }
    let agents = emulator.requests().into_iter();
    let agents: Vec<_> = agents.map(|it| it.variables["agent"].clone()).collect();
    assert_eq!(agents, ["b", "c"]);
    assert_eq!(emulator.dropped_requests(), 1);
}

#[tokio::test]
async fn variables_of_many_small_values_take_what_their_text_takes() {
    let emulator = Emulator::start().await.unwrap();
    let variables = json!({ "v": vec![json!({ "a": 1 }); 8_000] });
    let request = post(&emulator).json(&json!({
        "query": "{ __typename }", "variables": variables,
    }));
    for _ in 0..100 {
        let answer = answered(request.try_clone().unwrap()).await;
        assert_eq!(answer.status, 200);
    }
    assert_eq!(emulator.dropped_requests(), 0);
    let told = client().get(format!("{}/requests", emulator.control()));
    let told = answered(told).await;
    assert_eq!(told.body.as_array().unwrap().len(), 100);
    assert_eq!(told.body[99]["variables"], variables);
    assert!(told.text.len() < 7 << 20, "{}", told.text.len());
}

#[tokio::test]
async fn one_error_of_variables_does_not_become_many() {
    let emulator = Emulator::start().await.unwrap();
    let mut slack =
        serde_json::Map::from_iter([("channel".to_owned(), "c".repeat(200_000).into())]);
    slack.extend((0..20_000).map(|number| (format!("key{number}"), number.into())));
    let begun = Instant::now();
    let answer = call(&emulator, TRIGGER, json!({ "slack": slack })).await;
    let messages = answer.messages();
    assert!(messages.last().unwrap().contains("error limit reached"));
    assert!(messages.len() < 51, "{}", messages.len());
    assert!(answer.text.len() < 6 << 20, "{}", answer.text.len());
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn large_requests_and_runs_are_kept_as_far_as_there_is_memory_for_them() {
    let emulator = Emulator::start().await.unwrap();
    let message = "m".repeat(900_000);
    let mut ids = Vec::new();
    for number in 0..75 {
        let variables = json!({ "agent": format!("agent-{number}"), "message": message });
        let answer = call(&emulator, TRIGGER, variables).await;
        let id = answer.root()["agentSessionId"].as_str().unwrap();
        ids.push(id.to_owned());
    }
    let bytes: usize = emulator
        .requests()
        .iter()
        .map(|it| it.variables.to_string().len())
        .sum();
    assert!((30 << 20..=32 << 20).contains(&bytes), "{bytes}");
    assert_eq!(
        emulator.requests().len() as u64 + emulator.dropped_requests(),
        75
    );

    let runs = emulator.runs();
    assert_eq!(runs.len(), 75, "no run is dropped for its texts");
    assert_eq!(emulator.dropped_runs(), 0);
    assert!(runs.iter().map(|run| &run.session_id).eq(&ids));
    let held = |run: &Run| run.message.as_deref().map_or(0, str::len);
    let bytes: usize = runs.iter().map(held).sum();
    assert!((50 << 20..=64 << 20).contains(&bytes), "{bytes}");
    let dropped = runs.iter().take_while(|run| run.texts_dropped).count();
    assert!(dropped > 0);
    assert!(
        runs[dropped..].iter().all(|run| !run.texts_dropped),
        "the oldest"
    );
    let stand_in = "[dropped by the emulator: a text of 900000 bytes]";
    assert_eq!(runs[0].message.as_deref(), Some(stand_in));
    assert_eq!(runs[0].messages[0].content, stand_in);
    assert_eq!(runs[0].agent.as_deref(), Some("agent-0"));
    assert_eq!(runs[74].message.as_deref(), Some(message.as_str()));
    // The API goes on with the run, and says the same.
    for status in ["QUEUED", "RUNNING", "COMPLETED"] {
        let run = read(&emulator, &ids[0]).await;
        assert_eq!(run["status"], status);
        assert_eq!(said(&run)[0], ("user", stand_in));
    }
}

#[tokio::test]
async fn a_name_that_is_too_long_to_be_kept_is_refused_and_starts_nothing() {
    let emulator = Emulator::start().await.unwrap();
    let first = trigger(&emulator, "first").await;
    let query = "mutation ($agent: String, $branch: String, $family: String, $slack: DinoAiAgentSlackInput) {
        triggerDinoaiAgentRun(
            agent: $agent, baseBranch: $branch, modelFamily: $family, slack: $slack, message: \"m\"
        ) { ok agentSessionId }
    }";
    let with = |variable: &str, name: String| match variable {
        "slack.channel" => json!({ "slack": { "channel": name, "threadTs": "1" } }),
        "slack.threadTs" => json!({ "slack": { "channel": "C1", "threadTs": name } }),
        variable => json!({ variable: name }),
    };
    let mut started = 1;
    for (variable, argument) in [
        ("agent", "agent"),
        ("branch", "baseBranch"),
        ("family", "modelFamily"),
        ("slack.channel", "slack.channel"),
        ("slack.threadTs", "slack.threadTs"),
    ] {
        for _ in 0..2 {
            let answer = call(&emulator, query, with(variable, "n".repeat(900_000))).await;
            assert_eq!(answer.root(), &Value::Null);
            assert_eq!(
                answer.messages(),
                [format!(
                    "The argument '{argument}' is 900000 characters long: the emulator takes at \
                     most 255. No run was started."
                )]
            );
        }
        let refused = call(&emulator, query, with(variable, "é".repeat(256))).await;
        assert_eq!(refused.root(), &Value::Null);
        assert_eq!(emulator.runs().len(), started);
        let longest = call(&emulator, query, with(variable, "é".repeat(255))).await;
        assert_eq!(longest.root()["ok"], true);
        started += 1;
    }
    assert_eq!(emulator.dropped_runs(), 0);
    assert_eq!(emulator.runs()[0].session_id, first);
}
