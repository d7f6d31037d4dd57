//! What a response takes of memory: what has arrived, and what is made of it.
//!
//! The server has a thread of its own, and what is counted is allocated on this one, where the
//! client and its connections live.

use std::io::Write;

use dinoai::{Error, Retry, TriggerRun};
use flate2::Compression;
use flate2::write::GzEncoder;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use serde::Deserialize;
use serde_json::json;

use crate::hostile::judge::{client, runtime};
use crate::hostile::server::{Behaviour, SERVER};

const MIB: u64 = 1024 * 1024;

/// The most that is allocated at once.
fn peak(call: impl Future<Output = ()>) -> u64 {
    let runtime = runtime();
    allocation_counter::measure(|| runtime.block_on(call)).bytes_max
}

#[test]
fn a_length_that_never_comes_takes_no_memory() {
    let start = r#"{"data":{"triggerDinoaiAgentRun":{"ok":true,"agentSessionId":"lost""#;
    for length in [64 * MIB, 1_000_000 * MIB, u64::MAX / 2] {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{start}");
        let path = SERVER.serve(Behaviour::Bytes(head.into_bytes()));
        let client = client(&path).retry(Retry::none()).build().unwrap();
        let peak = peak(async {
            let error = client.get_run("session").await.unwrap_err();
            assert!(matches!(error, Error::Transport { .. }), "{error:?}");
            let error = client.trigger_run(TriggerRun::agent("a")).await;
            assert_eq!(error.unwrap_err().session_id().unwrap().as_str(), "lost");
        });
        assert!(peak < 3 * MIB, "{peak} bytes for {length} that never came");
    }
}

/// What somebody writes who only wants to read a run.
#[derive(Deserialize)]
struct Envelope {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    #[serde(rename = "dinoaiAgentRun")]
    run: PlainRun,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "what is in it counts")]
struct PlainRun {
    status: String,
    messages: Vec<PlainMessage>,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "what is in it counts")]
struct PlainMessage {
    ts: f64,
    role: String,
    content: String,
}

#[test]
fn a_large_transcript_takes_as_much_memory_as_plain_structs_do() {
    let message = |number: u32| {
        let content = "Line \u{1f600} of a \"transcript\"\n".repeat(64);
        json!({ "ts": 1e9 + f64::from(number), "role": "assistant", "content": content })
    };
    let messages: Vec<_> = (0..2_000).map(message).collect();
    let body = json!({ "data": { "dinoaiAgentRun": {
        "ok": true,
        "agentSessionId": "session",
        "status": "RUNNING",
        "messages": messages,
        "childSessionIds": [],
        "workspaceUid": "w1",
    }}});
    let body = body.to_string().into_bytes();
    let mut packed = GzEncoder::new(vec![], Compression::fast());
    packed.write_all(&body).unwrap();
    for (encoding, sent) in [("identity", &body), ("gzip", &packed.finish().unwrap())] {
        let length = sent.len();
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-encoding: {encoding}\r\ncontent-length: {length}\r\n\r\n"
        );
        let path = SERVER.serve(Behaviour::Bytes([head.as_bytes(), sent].concat()));
        let (ours, theirs) = (peak_of_ours(&path), peak_of_plain_structs(&path));
        let (length, way) = (body.len(), encoding);
        println!("{length} bytes, {way}: {ours} at most, {theirs} for plain structs");
        assert!(
            ours * 10 <= theirs * 11,
            "{ours}, {theirs} for plain structs"
        );
    }
}

fn peak_of_ours(path: &str) -> u64 {
    let client = client(path).build().unwrap();
    peak(async {
        let run = client.get_run("session").await.unwrap();
        assert_eq!(run.messages.len(), 2_000);
    })
}

fn peak_of_plain_structs(path: &str) -> u64 {
    let client = reqwest::Client::builder()
        .tls_certs_only([])
        .no_proxy()
        .http1_only()
        .build()
        .unwrap();
    peak(async {
        let request = client
            .post(format!("http://{}{path}", SERVER.address))
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/json")
            .body(r#"{"query":"{ dinoaiAgentRun }"}"#);
        let body = request.send().await.unwrap().bytes().await.unwrap();
        let read: Envelope = serde_json::from_slice(&body).unwrap();
        assert_eq!(read.data.run.messages.len(), 2_000);
    })
}
