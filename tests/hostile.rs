//! Whatever a server answers, a call gives a value or an error that says so: no panic, no
//! endless read, no second run.

#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::fmt;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use dinoai::time::VirtualClock;
use dinoai::{Client, ClientBuilder, Credentials, Error, Retry, TriggerRun};
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

/// No error message is longer, whatever the server wrote.
const LONGEST_MESSAGE: usize = 20_000;

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_answer_gives_a_value_or_an_error_and_starts_nothing_twice(answer in any_answer()) {
        let judged = judge(answer.bytes());
        prop_assert!(judged.is_ok(), "{}", judged.unwrap_err());
    }
}

#[test]
fn a_deeply_nested_answer_gives_a_value_or_an_error() {
    judge_bodies(&[
        (
            "data",
            [&b"{\"data\":"[..], &nested("[", "1", "]"), b"}"].concat(),
        ),
        (
            "data that never closes",
            [&b"{\"data\":"[..], &nested("[", "", "")].concat(),
        ),
        (
            "objects as data",
            [&b"{\"data\":"[..], &nested("{\"a\":", "1", "}"), b"}"].concat(),
        ),
        ("the root field", {
            let root: &[u8] = b"{\"data\":{\"dinoaiAgentRun\":";
            [root, &nested("[", "1", "]"), b"}}"].concat()
        }),
        (
            "a field that is not known",
            envelope_with("/data/dinoaiAgentRun/new", &nested("[", "1", "]")),
        ),
        (
            "a part that is not known",
            envelope_with("/new", &nested("{\"a\":", "1", "}")),
        ),
        (
            "a message's text",
            envelope_with(
                "/data/dinoaiAgentRun/messages/0/content",
                &nested("[", "1", "]"),
            ),
        ),
        ("errors", envelope_with("/errors", &nested("[", "1", "]"))),
        (
            "errors alone",
            [&b"{\"errors\":"[..], &nested("[", "1", "]"), b"}"].concat(),
        ),
        (
            "an error's message",
            envelope_with("/errors/0/message", &nested("[", "1", "]")),
        ),
        (
            "an error's path",
            envelope_with("/errors/0/path", &nested("[", "1", "]")),
        ),
        (
            "extensions",
            envelope_with("/errors/0/extensions", &nested("{\"a\":", "1", "}")),
        ),
        (
            "an extension",
            envelope_with("/errors/0/extensions/code", &nested("[", "1", "]")),
        ),
        ("data beside errors", {
            let errors: &[u8] = b"{\"errors\":[{\"message\":\"m\",\"path\":[\"a\"]}],\"data\":";
            [errors, &nested("{\"a\":", "1", "}"), b"}"].concat()
        }),
    ]);
}

#[test]

fn a_very_long_text_in_any_place_gives_a_value_or_a_short_error() {
    let megabyte = format!("\"{}\"", "long ".repeat(200_000));
    let megabyte = megabyte.as_bytes();
    let text = format!("\"{}\"", "long ".repeat(10_000));
    let text = text.as_bytes();
    judge_bodies(&[
        (
            "a message's text",
            envelope_with("/data/dinoaiAgentRun/messages/0/content", megabyte),
        ),
        (
            "a run's status",
            envelope_with("/data/dinoaiAgentRun/status", text),
        ),
        (
            "a trigger's status",
            envelope_with("/data/triggerDinoaiAgentRun/status", text),
        ),
        (
            "a session id",
            envelope_with("/data/triggerDinoaiAgentRun/agentSessionId", text),
        ),
        (
            "the id of a failed run",
            replace(
                &envelope_with("/data/dinoaiAgentRun/agentSessionId", text),
                b"COMPLETED",
                b"FAILED",
            ),
        ),
        (
            "the status of a trigger that was not accepted",
            replace(
                &envelope_with("/data/triggerDinoaiAgentRun/status", text),
                b"\"ok\":true,\"status\":\"long",
                b"\"ok\":false,\"status\":\"long",
            ),
        ),
        (
            "a warning",
            envelope_with("/data/triggerDinoaiAgentRun/warning", text),
        ),
        (
            "a wrong type",
            envelope_with("/data/dinoaiAgentRun/ok", text),
        ),
        (
            "an error's message",
            envelope_with("/errors/0/message", megabyte),
        ),
        ("an error that is a text", envelope_with("/errors/0", text)),
        ("an error's path", envelope_with("/errors/0/path/0", text)),
        (
            "an extension",
            envelope_with("/errors/0/extensions/code", text),
        ),
        ("a name", [&b"{\"data\":{"[..], text, b":1}}"].concat()),
        ("white space", vec![b' '; 1_000_000]),
        ("zeros", vec![0; 1_000_000]),
        ("no JSON", vec![b'<'; 1_000_000]),
        ("many errors", {
            let errors = ["{\"message\":\"m\"}"; 10_000].join(",");
            format!("{{\"errors\":[{errors}]}}").into_bytes()
        }),
        ("many unknown arguments", {
            let error = |number| format!("{{\"message\":\"Unknown argument \\\"a{number}\\\"\"}}");
            let errors: Vec<String> = (0..2_000).map(error).collect();
            format!("{{\"errors\":[{}]}}", errors.join(",")).into_bytes()
        }),
        ("a long path", {
            let path = ["\"a\""; 20_000].join(",");
            envelope_with("/errors/0/path", format!("[{path}]").as_bytes())
        }),
    ]);
}

#[test]
fn an_answer_with_odd_values_gives_a_value_or_an_error() {
    let mut bodies = vec![
        ("nothing".to_owned(), vec![]),
        (
            "a byte order mark".to_owned(),
            [&b"\xef\xbb\xbf"[..], &envelope().to_string().into_bytes()].concat(),
        ),
        (
            "UTF-16".to_owned(),
            "{\"data\":null}"
                .encode_utf16()
                .flat_map(u16::to_be_bytes)
                .collect(),
        ),
        ("no UTF-8".to_owned(), b"\xff\xfe\x80".to_vec()),
        (
            "data twice".to_owned(),
            b"{\"data\":{},\"data\":null}".to_vec(),
        ),
        (
            "errors twice".to_owned(),
            b"{\"errors\":[],\"errors\":[{}],\"data\":{}}".to_vec(),
        ),
    ];
    for place in [
        "/data",
        "/data/dinoaiAgentRun",
        "/data/dinoaiAgentRun/ok",
        "/data/dinoaiAgentRun/status",
        "/data/dinoaiAgentRun/messages",
        "/data/dinoaiAgentRun/messages/0/ts",
        "/data/dinoaiAgentRun/messages/0/content",
        "/data/dinoaiAgentRun/childSessionIds/0",
        "/data/triggerDinoaiAgentRun",
        "/data/triggerDinoaiAgentRun/agentSessionId",
        "/data/stopDinoaiAgentRun/status",
        "/errors",
        "/errors/0",
        "/errors/0/message",
        "/errors/0/path/0",
        "/errors/0/locations/0/line",
        "/errors/0/extensions",
    ] {
        for odd in ODD_VALUES {
            let shown = odd.escape_ascii();
            bodies.push((format!("{place}: {shown}"), envelope_with(place, odd)));
        }
    }
    judge_bodies(&bodies);
}

/// HTTP has such a status treated as a 5xx (RFC 9110, section 15).
#[tokio::test]

async fn a_change_whose_answer_has_a_status_that_http_does_not_know_is_not_sent_again() {
    for status in ["600 Any", "999 Any"] {
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
        let path = SERVER.serve(Behaviour::Bytes(answer.into_bytes()));
        let client = client(&path).build().unwrap();
        let trigger = client
            .trigger_run(TriggerRun::agent("a"))
            .await
            .unwrap_err();
        assert_eq!(SERVER.changes(&path), 1, "{trigger:?}");
        assert!(trigger.may_have_started(), "{trigger:?}");
        let message = client.send_message("s", "m").await.unwrap_err();
        assert_eq!(SERVER.changes(&path), 2, "{message:?}");
        assert!(message.may_have_started(), "{message:?}");
    }
}

/// Null data with an error at a path: the trigger was executed, and failed somewhere.
#[tokio::test]

async fn a_trigger_whose_errors_cannot_be_read_whole_may_have_started_all_the_same() {
    for error in [
        r#"{"message":"m","path":["triggerDinoaiAgentRun"]}"#,
        r#"{"message":"cut in an emoji \ud83e","path":["triggerDinoaiAgentRun"]}"#,
        r#"{"message":"m","path":["triggerDinoaiAgentRun"],"extensions":{"cost":1e999}}"#,
        r#"{"message":"m","path":"triggerDinoaiAgentRun"}"#,
    ] {
        let answer = format!("{{\"data\":null,\"errors\":[{error}]}}");
        let path = SERVER.serve(Behaviour::Bytes(ok(answer.as_bytes())));
        let client = client(&path).build().unwrap();
        let trigger = client
            .trigger_run(TriggerRun::agent("a"))
            .await
            .unwrap_err();
        assert!(trigger.may_have_started(), "{error}: {trigger:?}");
    }
}

#[tokio::test]

async fn a_text_that_the_server_cut_in_an_emoji_does_not_hide_the_run() {
    let cut = br#""cut in an emoji \ud83e""#;
    let body = envelope_with("/data/dinoaiAgentRun/messages/0/content", cut);
    let path = SERVER.serve(Behaviour::Bytes(ok(&body)));
    let client = client(&path).build().unwrap();
    let run = client.get_run("session").await.unwrap();
    assert!(run.messages[0].content.starts_with("cut in an emoji "));
}

#[tokio::test]

async fn an_error_message_does_not_speak_to_the_terminal() {
    let text = b"\"\\u001b[2J\\u0007\"";
    for place in ["/errors/0/message", "/errors/0/path/0", "/errors/0"] {
        let path = SERVER.serve(Behaviour::Bytes(ok(&envelope_with(place, text))));
        let error = client(&path)
            .build()
            .unwrap()
            .get_run("s")
            .await
            .unwrap_err();
        let message = error.to_string();
        assert!(
            !message.contains(['\u{1b}', '\u{7}']),
            "{place}: {message:?}"
        );
    }
}

#[tokio::test]
async fn an_endless_answer_is_read_up_to_the_limit() {
    let path = SERVER.serve(Behaviour::Endless);
    let client = client(&path).response_limit(64 * 1024).build().unwrap();

    let read = client.get_run("s").await.unwrap_err();
    assert!(
        matches!(read, Error::ResponseTooLarge { limit: 65_536, .. }),
        "{read:?}"
    );
    let stop = client.stop_run("s").await.unwrap_err();
    assert!(matches!(stop, Error::ResponseTooLarge { .. }), "{stop:?}");
    let trigger = client
        .trigger_run(TriggerRun::agent("a"))
        .await
        .unwrap_err();
    assert!(
        matches!(trigger, Error::OutcomeUnknown { .. }),
        "{trigger:?}"
    );
    let message = client.send_message("s", "m").await.unwrap_err();
    assert!(
        matches!(message, Error::OutcomeUnknown { .. }),
        "{message:?}"
    );

    assert_eq!(SERVER.requests(&path), 4);
    assert!(!read.is_retryable() && !read.may_have_started());
    assert!(!trigger.is_retryable() && trigger.may_have_started());
}

#[tokio::test]
async fn a_small_answer_that_unpacks_to_a_large_one_is_read_up_to_the_limit() {
    let mut gzip = GzEncoder::new(vec![], Compression::best());
    gzip.write_all(&vec![b' '; 8 * 1024 * 1024]).unwrap();
    let packed = gzip.finish().unwrap();
    let limit = 1024 * 1024;
    assert!(packed.len() < limit / 10);
    let mut bytes = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\n\
         content-length: {}\r\n\r\n",
        packed.len()
    )
    .into_bytes();
    bytes.extend(packed);
    let path = SERVER.serve(Behaviour::Bytes(bytes));
    let client = client(&path).response_limit(limit).build().unwrap();

    let read = client.get_run("s").await.unwrap_err();
    assert!(matches!(read, Error::ResponseTooLarge { .. }), "{read:?}");
    let trigger = client
        .trigger_run(TriggerRun::agent("a"))
        .await
        .unwrap_err();
    assert!(
        matches!(trigger, Error::OutcomeUnknown { .. }),
        "{trigger:?}"
    );
}

#[tokio::test]
async fn an_answer_of_exactly_the_limit_is_read() {
    let body = envelope_without_errors().to_string();
    let path = SERVER.serve(Behaviour::Bytes(ok(body.as_bytes())));
    let at_limit = client(&path).response_limit(body.len()).build().unwrap();
    assert!(at_limit.get_run("session").await.is_ok());
    let below = client(&path)
        .response_limit(body.len() - 1)
        .build()
        .unwrap();
    let refused = below.get_run("s").await.unwrap_err();
    assert!(
        matches!(refused, Error::ResponseTooLarge { .. }),
        "{refused:?}"
    );
}

#[tokio::test]
async fn an_answer_that_drips_ends_with_the_request_timeout() {
    for behaviour in [Behaviour::DrippingHead, Behaviour::DrippingBody] {
        let path = SERVER.serve(behaviour);
        let client = client(&path)
            .retry(Retry::none())
            .request_timeout(Duration::from_millis(100))
            .build()
            .unwrap();
        let start = Instant::now();
        let (read, trigger) = tokio::join!(
            client.get_run("s"),
            client.trigger_run(TriggerRun::agent("a")),
        );
        let (read, trigger) = (read.unwrap_err(), trigger.unwrap_err());
        assert!(matches!(read, Error::Transport { .. }), "{read:?}");
        assert!(
            matches!(trigger, Error::OutcomeUnknown { .. }),
            "{trigger:?}"
        );
        assert!(start.elapsed() < Duration::from_secs(5));
    }
}

/// The calls that a client can make.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Call {
    Read,
    Stop,
    Trigger,
    TriggerWithOptions,
    FollowUp,
    Wait,
    TriggerAndWait,
}

impl Call {
    const ALL: [Self; 7] = [
        Self::Read,
        Self::Stop,
        Self::Trigger,
        Self::TriggerWithOptions,
        Self::FollowUp,
        Self::Wait,
        Self::TriggerAndWait,
    ];

    async fn make(self, client: &Client) -> Result<(), Error> {
        let trigger = TriggerRun::agent("agent").with_message("message");
        let timeout = Duration::from_secs(2);
        match self {
            Self::Read => client.get_run("session").await.map(drop),
            Self::Stop => client.stop_run("session").await.map(drop),
            Self::Trigger => client.trigger_run(trigger).await.map(drop),
            Self::TriggerWithOptions => {
                let trigger = trigger.with_model_family("family");
                client.trigger_run(trigger).await.map(drop)
            }
            Self::FollowUp => client.send_message("session", "text").await.map(drop),
            Self::Wait => {
                let session = client.session("session")?;
                session.wait().timeout(timeout).await.map(drop)
            }
            Self::TriggerAndWait => {
                let wait = client.trigger_run_and_wait(trigger).timeout(timeout);
                wait.await.map(drop)
            }
        }
    }
}

/// Gives each body to each call.
fn judge_bodies<Name: AsRef<str>>(bodies: &[(Name, Vec<u8>)]) {
    let mut flaws = vec![];
    for (name, body) in bodies {
        if let Err(flaw) = judge(ok(body)) {
            flaws.push(format!("{}: {flaw}", name.as_ref()));
        }
    }
    assert!(flaws.is_empty(), "{}", flaws.join("\n"));
}

/// Gives an answer to each call and checks what must hold for every answer.
fn judge(answer: Vec<u8>) -> Result<(), String> {
    let may_be_repeated = answer.starts_with(b"HTTP/1.1 429");
    let path = SERVER.serve(Behaviour::Bytes(answer));
    let client = client(&path).build().unwrap();
    let runtime = runtime();
    for call in Call::ALL {
        let changes_before = SERVER.changes(&path);
        let given = runtime.block_on(call.make(&client));
        let changes = SERVER.changes(&path) - changes_before;
        if changes > 1 && !may_be_repeated {
            return Err(format!("{call:?} was sent {changes} times: {given:?}"));
        }
        if let Err(flaw) = given.or_else(|error| judge_error(&error)) {
            return Err(format!("{call:?} {flaw}"));
        }
    }
    Ok(())
}

fn judge_error(error: &Error) -> Result<(), String> {
    if error.is_retryable() && error.may_have_started() {
        return Err(format!("contradicts itself: {error:?}"));
    }
    if format!("{error:?}").is_empty() {
        return Err("gave an error that Debug does not show".to_owned());
    }
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        let message = error.to_string();
        if message.is_empty() || message.len() > LONGEST_MESSAGE {
            let start: String = message.chars().take(150).collect();
            return Err(format!(
                "gave a message of {} bytes: {start}",
                message.len()
            ));
        }
        cause = error.source();
    }
    Ok(())
}

/// A client whose retries and polls take no time. There is one for each answer, since a client
/// has a budget of retries, and a spent one would hide a retry that must not be.
fn client(path: &str) -> ClientBuilder {
    Client::builder()
        .endpoint(format!("http://{}{path}", SERVER.address))
        .credentials(Credentials::key_and_secret("key", "secret"))
        .clock(VirtualClock::new())
        .request_timeout(Duration::from_secs(10))
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// An answer as a proxy, a broken server or an attacker may give it.
#[derive(Clone)]
struct Answer {
    status_line: Vec<u8>,
    headers: Vec<&'static [u8]>,
    framing: Framing,
    body: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
enum Framing {
    Length,
    TooLong,
    TooShort,
    UntilClosed,
    Chunked,
    BrokenChunks,
    ChunkedAndLength,
}

impl Answer {
    fn bytes(&self) -> Vec<u8> {
        let body = &self.body;
        let length = |length: usize| format!("content-length: {length}\r\n").into_bytes();
        let chunked = || b"transfer-encoding: chunked\r\n".to_vec();
        let chunks = || {
            let size = format!("{:x}\r\n", body.len()).into_bytes();
            let chunk = if body.is_empty() {
                vec![]
            } else {
                [&size, &body[..], b"\r\n"].concat()
            };
            [&chunk[..], b"0\r\n\r\n"].concat()
        };
        let (framing, body) = match self.framing {
            Framing::Length => (length(body.len()), body.clone()),
            Framing::TooLong => (length(body.len() + 1), body.clone()),
            Framing::TooShort => (length(body.len() / 2), body.clone()),
            Framing::UntilClosed => (vec![], body.clone()),
            Framing::Chunked => (chunked(), chunks()),
            Framing::BrokenChunks => (chunked(), body.clone()),
            Framing::ChunkedAndLength => ([chunked(), length(body.len())].concat(), chunks()),
        };
        let mut bytes = [&self.status_line[..], b"\r\n", &framing].concat();
        for header in &self.headers {
            bytes.extend_from_slice(header);
            bytes.extend(b"\r\n");
        }
        bytes.extend(b"\r\n");
        bytes.extend(body);
        bytes
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.bytes().escape_ascii())
    }
}

fn any_answer() -> impl Strategy<Value = Answer> {
    let framing = prop_oneof![
        12 => Just(Framing::Length),
        1 => Just(Framing::TooLong),
        1 => Just(Framing::TooShort),
        1 => Just(Framing::UntilClosed),
        1 => Just(Framing::Chunked),
        1 => Just(Framing::BrokenChunks),
        1 => Just(Framing::ChunkedAndLength),
    ];
    let headers = proptest::collection::vec(select(&HEADERS[..]), 0..4);
    (any_status_line(), headers, framing, any_body()).prop_map(
        |(status_line, headers, framing, body)| Answer {
            status_line,
            headers,
            framing,
            body,
        },
    )
}

fn any_status_line() -> impl Strategy<Value = Vec<u8>> {
    let known = [
        201, 202, 204, 294, 301, 304, 307, 400, 401, 403, 404, 408, 413, 422, 429, 500, 502, 503,
        504,
    ];
    let malformed: [&[u8]; 5] = [
        b"HTTP/1.0 200 OK",
        b"HTTP/1.1 2000 OK",
        b"HTTP/9.9 200 OK",
        b"HTTP/1.1 200 \xff",
        b"garbage",
    ];
    let line = |status: u16| format!("HTTP/1.1 {status} Any").into_bytes();
    prop_oneof![
        5 => Just(line(200)),
        5 => select(known.to_vec()).prop_map(line),
        3 => (100_u16..1000).prop_map(line),
        1 => select(malformed.to_vec()).prop_map(<[u8]>::to_vec),
    ]
}

const HEADERS: [&[u8]; 21] = [
    b"content-type: application/json",
    b"content-type: application/graphql-response+json; charset=utf-8",
    b"content-type: text/html",
    b"content-type: \xff\xfe",
    b"content-type:",
    b"content-encoding: gzip",
    b"content-encoding: br",
    b"connection: keep-alive",
    b"connection: close",
    b"location: http://192.0.2.1/elsewhere",
    b"retry-after: 0",
    b"retry-after: 1",
    b"retry-after: 61",
    b"retry-after: -1",
    b"retry-after: 1e9",
    b"retry-after: 18446744073709551615",
    b"retry-after: Fri, 31 Dec 9999 23:59:59 GMT",
    b"retry-after: Thu, 01 Jan 1970 00:00:00 GMT",
    b"x-request-id: \xff",
    b"x-request-id: 1",
    b"not a header",
];

fn any_body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => any_envelope(),
        2 => (any_envelope(), any::<Index>())
            .prop_map(|(body, end)| body[..end.index(body.len() + 1)].to_vec()),
        2 => (any_envelope(), any::<Index>(), any::<u8>()).prop_map(|(mut body, place, byte)| {
            let place = place.index(body.len().max(1));
            if let Some(there) = body.get_mut(place) {
                *there = byte;
            }
            body
        }),
        1 => select(&ODD_VALUES[..]).prop_map(<[u8]>::to_vec),
        1 => "\\PC{0,200}".prop_map(String::into_bytes),
        1 => proptest::collection::vec(any::<u8>(), 0..200),
    ]
}

/// A GraphQL answer to every operation at once, with a few places changed.
fn any_envelope() -> impl Strategy<Value = Vec<u8>> {
    let changes = proptest::collection::vec((any::<Index>(), any_value()), 0..3);
    (any::<bool>(), changes).prop_map(|(has_errors, changes)| {
        let mut body = if has_errors {
            envelope()
        } else {
            envelope_without_errors()
        };
        let mut replaced = vec![];
        for (number, (place, value)) in changes.into_iter().enumerate() {
            let places = places(&body);
            if let Some(value_there) = body.pointer_mut(&places[place.index(places.len())]) {
                let marker = format!("change {number}");
                *value_there = json!(marker);
                replaced.push((json!(marker).to_string(), value));
            }
        }
        let mut text = body.to_string().into_bytes();
        for (marker, value) in replaced {
            text = replace(&text, marker.as_bytes(), &value);
        }
        text
    })
}

fn any_value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        3 => select(&ODD_VALUES[..]).prop_map(<[u8]>::to_vec),
        1 => "\\PC{0,50}".prop_map(|text| json!(text).to_string().into_bytes()),
        1 => any::<f64>().prop_map(|number| number.to_string().into_bytes()),
    ]
}

const ODD_VALUES: [&[u8]; 27] = [
    b"null",
    b"true",
    b"false",
    b"0",
    b"-1",
    b"1e999",
    b"-1e999",
    b"1e-999",
    b"123456789012345678901234567890",
    b"NaN",
    b"\"\"",
    b"\" \"",
    b"\"\\ud800\"",
    b"\"\\ud800\\ud800\"",
    b"\"\\u0000\\u001b[31m\"",
    b"\"\xff\xfe\"",
    b"\"unclosed",
    b"\"RUNNING\"",
    b"\"FAILED\"",
    b"\"ANYTHING_ELSE\"",
    b"\"Cannot query field \\\"\"",
    b"\"Unknown argument \\\"modelFamily\\\"\"",
    b"[]",
    b"[null]",
    b"{}",
    b"1,\"ok\":true,\"ok\":false",
    b"",
];

/// A GraphQL answer to every operation at once.
fn envelope_without_errors() -> Value {
    let run = json!({
        "ok": true,
        "agentSessionId": "session",
        "status": "COMPLETED",
        "messages": [{ "ts": 1.5, "role": "assistant", "content": "text" }],
        "childSessionIds": ["child"],
        "workspaceUid": "w1",
    });
    let accepted = json!({
        "ok": true,
        "agentSessionId": "session",
        "status": "queued",
        "warning": null,
    });
    json!({ "data": {
        "dinoaiAgentRun": run,
        "triggerDinoaiAgentRun": accepted,
        "sendDinoaiAgentMessage": accepted,
        "stopDinoaiAgentRun": accepted,
    }})
}

/// The same with an error beside the data.
fn envelope() -> Value {
    let mut envelope = envelope_without_errors();
    envelope["errors"] = json!([{
        "message": "message",
        "path": ["triggerDinoaiAgentRun", 0],
        "locations": [{ "line": 1, "column": 1 }],
        "extensions": { "code": "CODE" },
    }]);
    envelope
}

/// An answer whose value at a place is the given text, JSON or not. It has errors where the place
/// is in them.
fn envelope_with(place: &str, value: &[u8]) -> Vec<u8> {
    let mut body = if place.starts_with("/errors") {
        envelope()
    } else {
        envelope_without_errors()
    };
    let marker = "the value";
    let (parent, name) = place.rsplit_once('/').unwrap();
    match body.pointer_mut(parent).unwrap() {
        Value::Array(values) => values[name.parse::<usize>().unwrap()] = json!(marker),
        object => object[name] = json!(marker),
    }
    replace(
        body.to_string().as_bytes(),
        json!(marker).to_string().as_bytes(),
        value,
    )
}

/// The places of all values in a JSON value, as JSON pointers.
fn places(value: &Value) -> Vec<String> {
    let parts: Vec<(String, &Value)> = match value {
        Value::Object(parts) => parts
            .iter()
            .map(|(name, part)| (name.clone(), part))
            .collect(),
        Value::Array(parts) => (0..)
            .map(|index: usize| index.to_string())
            .zip(parts)
            .collect(),
        _ => vec![],
    };
    let mut all = vec![String::new()];
    for (name, part) in parts {
        all.extend(
            places(part)
                .into_iter()
                .map(|place| format!("/{name}{place}")),
        );
    }
    all
}

fn replace(text: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    match text.windows(old.len()).position(|window| window == old) {
        Some(start) => [&text[..start], new, &text[start + old.len()..]].concat(),
        None => text.to_vec(),
    }
}

fn nested(open: &str, inside: &str, close: &str) -> Vec<u8> {
    const LEVELS: usize = 100_000;
    format!("{}{inside}{}", open.repeat(LEVELS), close.repeat(LEVELS)).into_bytes()
}

/// A usual answer with this body.
fn ok(body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// One server for all tests of this file, which writes what it is told to, valid or not. Each
/// answer has a path of its own.
static SERVER: LazyLock<Server> = LazyLock::new(Server::start);

struct Server {
    address: SocketAddr,
    served: Arc<Mutex<HashMap<String, Served>>>,
    next: AtomicUsize,
}

#[derive(Clone)]
struct Served {
    behaviour: Arc<Behaviour>,
    requests: usize,
    /// The triggers and follow-ups among them.
    changes: usize,
}

enum Behaviour {
    /// Writes these bytes and closes the connection.
    Bytes(Vec<u8>),
    /// Writes a body until the client has had enough.
    Endless,
    /// Writes one byte at a time, more slowly than any client waits.
    DrippingHead,
    DrippingBody,
}

impl Server {
    fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let served = Arc::new(Mutex::new(HashMap::new()));
        let answers = served.clone();
        std::thread::spawn(move || {
            runtime().block_on(async move {
                let listener = TcpListener::from_std(listener).unwrap();
                loop {
                    let (connection, _) = listener.accept().await.unwrap();
                    let answers = answers.clone();
                    // A client that goes away is what some of these answers ask for.
                    tokio::spawn(async move { converse(connection, &answers).await.ok() });
                }
            });
        });
        Self {
            address,
            served,
            next: AtomicUsize::new(0),
        }
    }

    /// Takes an answer, and gives the path where it is found.
    fn serve(&self, behaviour: Behaviour) -> String {
        let path = format!("/{}", self.next.fetch_add(1, Ordering::Relaxed));
        let served = Served {
            behaviour: Arc::new(behaviour),
            requests: 0,
            changes: 0,
        };
        self.served.lock().unwrap().insert(path.clone(), served);
        path
    }

    fn requests(&self, path: &str) -> usize {
        self.served.lock().unwrap()[path].requests
    }

    fn changes(&self, path: &str) -> usize {
        self.served.lock().unwrap()[path].changes
    }
}

async fn converse(
    mut connection: TcpStream,
    answers: &Mutex<HashMap<String, Served>>,
) -> io::Result<()> {
    let request = read_request(&mut connection).await?;
    let path = request.split(' ').nth(1).unwrap_or_default();
    let behaviour = {
        let mut answers = answers.lock().unwrap();
        let served = answers.get_mut(path).unwrap();
        served.requests += 1;
        let is_change = ["mutation Trigger", "mutation Send"]
            .iter()
            .any(|change| request.contains(change));
        served.changes += usize::from(is_change);
        served.behaviour.clone()
    };
    match &*behaviour {
        Behaviour::Bytes(bytes) => connection.write_all(bytes).await?,
        Behaviour::Endless => {
            let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
            connection.write_all(head).await?;
            let chunk = [&b"2000\r\n"[..], &[b' '; 0x2000], b"\r\n"].concat();
            loop {
                connection.write_all(&chunk).await?;
            }
        }
        Behaviour::DrippingHead => drip(&mut connection, b"HTTP/1.1 200 OK\r\nx: ").await?,
        Behaviour::DrippingBody => {
            drip(
                &mut connection,
                b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n",
            )
            .await?;
        }
    }
    connection.shutdown().await
}

async fn drip(connection: &mut TcpStream, start: &[u8]) -> io::Result<()> {
    connection.write_all(start).await?;
    loop {
        connection.write_all(b" ").await?;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Reads a request to its end: closing before would reset the connection.
async fn read_request(connection: &mut TcpStream) -> io::Result<String> {
    let mut request = vec![];
    loop {
        if connection.read_buf(&mut request).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let text = String::from_utf8_lossy(&request);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .and_then(|length| length.parse().ok())
            .unwrap_or(0);
        if body.len() >= length {
            return Ok(text.into_owned());
        }
    }
}
