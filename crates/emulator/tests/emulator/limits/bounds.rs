//! Only so much of the past is kept, and only so much of a request is read.

use std::time::{Duration, Instant};

use dinoai_emulator::{Emulator, Run};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::caller::{TRIGGER, call, client, post, read, refused, response_to, said, trigger};

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
    assert_eq!(response_to(large).await.status, 413);
}

/// Sends this request so often over one connection, without waiting for each response.
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
    let listed = response_to(client().get(format!("{}/requests", emulator.control()))).await;
    assert_eq!(listed.body[0]["number"], 10_002);
    assert_eq!(listed.body.as_array().unwrap().len(), 10_000);
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
        let response = response_to(request.try_clone().unwrap()).await;
        assert_eq!(response.status, 200);
    }
    assert_eq!(emulator.dropped_requests(), 0);
    let listed = client().get(format!("{}/requests", emulator.control()));
    let listed = response_to(listed).await;
    assert_eq!(listed.body.as_array().unwrap().len(), 100);
    assert_eq!(listed.body[99]["variables"], variables);
    assert!(listed.text.len() < 7 << 20, "{}", listed.text.len());
}

#[tokio::test]
async fn variables_of_too_many_values_are_refused_where_they_are_read() {
    let emulator = Emulator::start().await.unwrap();
    for (count, many) in [(49_998, false), (50_001, true)] {
        let slack = json!({ "channel": vec![json!({}); count], "threadTs": "1" });
        let variables = json!({ "message": "[".repeat(60_000), "slack": slack });
        let response = call(&emulator, TRIGGER, variables.clone()).await;
        let refused =
            response.messages()[0].contains("lists and objects: the emulator reads at most 50000");
        assert_eq!(refused, many, "{}", response.messages()[0]);
        assert!(response.body.get("data").is_none());
        let unread = call(&emulator, "{ __typename }", variables).await;
        assert_eq!(unread.body["data"]["__typename"], "Query");
    }
    assert!(emulator.runs().is_empty());
}

#[tokio::test]
async fn brackets_in_the_texts_of_variables_are_neither_lists_nor_objects() {
    let emulator = Emulator::start().await.unwrap();
    let text = format!("\\\"{}\\", "[{".repeat(60_000));
    let slack = json!({ "channel": "C1", "threadTs": "1", "[": text, "more": text });
    let response = call(
        &emulator,
        TRIGGER,
        json!({ "message": text, "slack": slack }),
    )
    .await;
    let messages = response.messages().concat();
    assert!(
        messages.contains("Field \"more\" is not defined"),
        "{}",
        messages.len()
    );
    let slack = json!({ "channel": [text, vec![json!({}); 50_000]], "threadTs": text });
    let response = call(&emulator, TRIGGER, json!({ "slack": slack })).await;
    let said = "The variables up to \"$slack\" have 50003 lists and objects";
    assert!(
        response.messages()[0].starts_with(said),
        "{}",
        response.messages()[0]
    );
    assert!(emulator.runs().is_empty());
}

#[tokio::test]
async fn one_error_of_variables_does_not_become_many() {
    let emulator = Emulator::start().await.unwrap();
    let mut slack =
        serde_json::Map::from_iter([("channel".to_owned(), "c".repeat(200_000).into())]);
    slack.extend((0..20_000).map(|number| (format!("key{number}"), number.into())));
    let begun = Instant::now();
    let response = call(&emulator, TRIGGER, json!({ "slack": slack })).await;
    let messages = response.messages();
    assert!(messages.last().unwrap().contains("error limit reached"));
    assert!(messages.len() < 51, "{}", messages.len());
    assert!(response.text.len() < 6 << 20, "{}", response.text.len());
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn large_requests_and_runs_are_kept_as_far_as_there_is_memory_for_them() {
    let emulator = Emulator::start().await.unwrap();
    let message = "m".repeat(900_000);
    let mut ids = Vec::new();
    for number in 0..75 {
        let variables = json!({ "agent": format!("agent-{number}"), "message": message });
        let response = call(&emulator, TRIGGER, variables).await;
        let id = response.root()["agentSessionId"].as_str().unwrap();
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
    // The API continues the run, and says the same.
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
    let arguments = [
        ("agent", "agent"),
        ("branch", "baseBranch"),
        ("family", "modelFamily"),
        ("slack.channel", "slack.channel"),
        ("slack.threadTs", "slack.threadTs"),
    ];
    for (started, (variable, argument)) in (1..).zip(arguments) {
        for _ in 0..2 {
            let response = call(&emulator, query, with(variable, "n".repeat(900_000))).await;
            assert_eq!(response.root(), &Value::Null);
            assert_eq!(
                response.messages(),
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
    }
    assert_eq!(emulator.dropped_runs(), 0);
    assert_eq!(emulator.runs()[0].session_id, first);
}
