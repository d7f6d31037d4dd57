//! Whatever bytes come over a connection, an HTTP response goes back and nothing panics.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dinoai_emulator::Emulator;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

const ENDPOINT: &str = "/api/v1/demo-company/graphql";

static PANICS: AtomicUsize = AtomicUsize::new(0);

fn method() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => select(vec!["POST", "GET", "DELETE", "PUT", "HEAD", "OPTIONS", "PATCH", "TRACE", "X"])
            .prop_map(|method| method.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 1..8),
    ]
}

fn path() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => (
            select(vec![
                ENDPOINT, "/", "*", "/control/requests", "/control/runs", "/control/faults",
                "/control/clock", "/control/", "/control/%00", "http://x/control/runs", "//",
            ]),
            prop_oneof![
                Just(String::new()),
                Just("?query={__typename}".to_owned()),
                Just("?query=%7B&variables=%5B&operationName=%FF".to_owned()),
                "\\?[!-~]{0,40}",
                "/[!-~]{0,40}",
            ],
        )
            .prop_map(|(path, rest)| format!("{path}{rest}").into_bytes()),
        1 => vec(any::<u8>(), 0..60),
    ]
}

fn header() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => select(vec![
            "X-API-KEY: demo-key",
            "X-API-SECRET: demo-secret",
            "Authorization: Bearer prdm_wsp_demo",
            "Authorization: Bearer",
            "Content-Type: application/json",
            "Content-Type: application/json; charset=latin1",
            "Content-Type: text/plain",
            "Accept: application/graphql-response+json",
            "Accept: ;q=,,*/*;q=nan",
            "Expect: 100-continue",
            "Upgrade: h2c",
            "Cookie: a=b",
        ])
        .prop_map(|header| header.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 0..40),
    ]
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    let json = select(vec![
        r#"{"query":"{ __typename }"}"#,
        r#"{"query":"mutation { triggerDinoaiAgentRun(message: \"m\") { ok agentSessionId } }"}"#,
        r#"{"query":"query ($id: String!) { dinoaiAgentRun(agentSessionId: $id) { ok } }","variables":{"id":"\u0000"}}"#,
        r#"{"query":7}"#,
        r#"{"query":null,"variables":[],"operationName":{}}"#,
        r#"{"fault":"meteor"}"#,
        r#"[{"fault":"pass","times":18446744073709551615}]"#,
        r#"{"fault":"delay","delay_seconds":1e300}"#,
        r#"{"advance_seconds":1e300}"#,
        r#"{"advance_seconds":1e18}"#,
        r#"{"advance_seconds":-0.0}"#,
        "[[[[",
    ]);
    prop_oneof![
        json.prop_map(|text| text.as_bytes().to_vec()),
        vec(any::<u8>(), 0..300),
    ]
}

fn request() -> impl Strategy<Value = Vec<u8>> {
    let version = select(vec!["HTTP/1.1", "HTTP/1.0"]);
    (method(), path(), version, vec(header(), 0..6), body()).prop_map(
        |(method, path, version, headers, body)| {
            let mut bytes = [&method, &b" "[..], &path, b" ", version.as_bytes(), b"\r\n"].concat();
            let length = format!("Content-Length: {}", body.len());
            let last = [
                b"Host: localhost".to_vec(),
                b"Connection: close".to_vec(),
                length.into_bytes(),
            ];
            for header in headers.into_iter().chain(last) {
                bytes.extend(header);
                bytes.extend(b"\r\n");
            }
            bytes.extend(b"\r\n");
            bytes.extend(body);
            bytes
        },
    )
}

/// The beginning of the response, with its status. A client that closes its side before is taken
/// to have gone away.
fn response(emulator: &Emulator, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(emulator.address()).unwrap();
    let patience = Some(Duration::from_secs(20));
    stream.set_read_timeout(patience).unwrap();
    // The emulator may respond and close before it has read everything.
    let _ = stream.write_all(bytes);
    let mut response = Vec::new();
    let mut buffer = [0; 4096];
    while response.len() < "HTTP/1.1 200".len() {
        match stream.read(&mut buffer) {
            Ok(count @ 1..) => response.extend(&buffer[..count]),
            _ => break,
        }
    }
    response
}

#[test]
fn any_bytes_to_any_path_get_an_http_response_and_never_a_panic() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if std::thread::current().name() == Some("dinoai-emulator") {
            PANICS.fetch_add(1, Ordering::Relaxed);
        }
        report(panic);
    }));
    let emulator = Emulator::builder().start_blocking().unwrap();
    let config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(1_500)
    };
    proptest!(config, |(bytes in request())| {
        emulator.clear_faults();
        let response = response(&emulator, &bytes);
        let shown = String::from_utf8_lossy(&response);
        let status = shown.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5));
        let status: Option<u16> = status.and_then(|status| status.parse().ok());
        prop_assert!(status.is_some_and(|status| (100..600).contains(&status)), "{shown:?}");
        prop_assert_eq!(PANICS.load(Ordering::Relaxed), 0);
    });
    let query = format!("GET {ENDPOINT} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assert!(response(&emulator, query.as_bytes()).starts_with(b"HTTP/1.1 401"));
    // What came in is still listed, whatever it was; a DELETE among it may have emptied the list.
    assert!(!emulator.requests().is_empty());
}
