//! Whatever a server answers, a call gives a value or an error that says so.

use proptest::prelude::*;

use crate::hostile::envelope::{ODD_VALUES, envelope, envelope_with, nested, replace};
use crate::hostile::generated::any_answer;
use crate::hostile::judge::{judge, judge_bodies};

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
