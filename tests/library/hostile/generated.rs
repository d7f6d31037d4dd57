//! Responses made at random.

use std::fmt;

use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::json;

use crate::hostile::envelope::{ODD_VALUES, envelope, envelope_without_errors, places, replace};

/// An answer as a proxy, a broken server or an attacker may give it.
#[derive(Clone)]
pub(crate) struct Answer {
    pub(crate) status_line: Vec<u8>,
    pub(crate) headers: Vec<&'static [u8]>,
    pub(crate) framing: Framing,
    pub(crate) body: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Framing {
    Length,
    TooLong,
    TooShort,
    UntilClosed,
    Chunked,
    BrokenChunks,
    ChunkedAndLength,
}

impl Answer {
    pub(crate) fn bytes(&self) -> Vec<u8> {
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

pub(crate) fn any_answer() -> impl Strategy<Value = Answer> {
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
