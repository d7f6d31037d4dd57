//! The control path: what happened, and what is to happen, while the emulator runs.
//!
//! It takes no credentials, and only callers on this machine. A POST must say that it is JSON,
//! which a page in a browser cannot do to another origin without being asked first.

use axum::body::Bytes;
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use serde::{Deserialize, Serialize};

use crate::fault::Fault;
use crate::http::Shared;
use crate::media;
use crate::reply::Reply;
use crate::seconds::Seconds;

/// What every path of the control begins with.
const PREFIX: &str = "/control/";

/// Faults to come: one, or a list.
#[derive(Deserialize)]
#[serde(untagged)]
enum Faults {
    Many(Vec<Fault>),
    One(Box<Fault>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    advance_seconds: Seconds,
}

#[derive(Serialize)]
struct Elapsed {
    elapsed_seconds: Seconds,
}

pub(crate) fn is_control(path: &str) -> bool {
    path.starts_with(PREFIX)
}

/// Answers a request to the control path.
pub(crate) fn answer(shared: &Shared, parts: &Parts, body: &Bytes, local: bool) -> Reply {
    if !local {
        return Reply::detail(
            StatusCode::FORBIDDEN,
            "The control path is for this machine alone.",
        );
    }
    if parts.method == Method::POST && !media::is_json(&parts.headers) {
        return Reply::detail(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Unsupported Media Type");
    }
    let path = parts.uri.path();
    match (&parts.method, path.strip_prefix(PREFIX).unwrap_or(path)) {
        (&Method::GET, "requests") => Reply::json(StatusCode::OK, &shared.record.all()),
        (&Method::GET, "runs") => Reply::json(StatusCode::OK, &shared.runs()),
        (&Method::GET, "faults") => ahead(shared),
        (&Method::POST, "faults") => add(shared, body),
        (&Method::DELETE, "faults") => {
            shared.plan.clear();
            ahead(shared)
        }
        (&Method::GET, "clock") => elapsed(shared),
        (&Method::POST, "clock") => advance(shared, body),
        (_, "requests" | "runs") => Reply::method_not_allowed("GET"),
        (_, "faults") => Reply::method_not_allowed("GET, POST, DELETE"),
        (_, "clock") => Reply::method_not_allowed("GET, POST"),
        _ => Reply::detail(StatusCode::NOT_FOUND, "Not Found"),
    }
}

fn ahead(shared: &Shared) -> Reply {
    Reply::json(StatusCode::OK, &shared.plan.ahead())
}

fn add(shared: &Shared, body: &[u8]) -> Reply {
    // Read as a list first where it is one: an untagged enum says nothing of what is wrong.
    let read = match serde_json::from_slice::<Faults>(body) {
        Ok(Faults::Many(faults)) => Ok(faults),
        Ok(Faults::One(fault)) => Ok(vec![*fault]),
        Err(_) if body.trim_ascii_start().starts_with(b"[") => {
            serde_json::from_slice::<Vec<Fault>>(body)
        }
        Err(_) => serde_json::from_slice::<Fault>(body).map(|fault| vec![fault]),
    };
    match read {
        Ok(faults) => {
            shared.plan.add(faults);
            ahead(shared)
        }
        Err(wrong) => Reply::detail(StatusCode::BAD_REQUEST, &wrong.to_string()),
    }
}

fn elapsed(shared: &Shared) -> Reply {
    let elapsed_seconds = Seconds(shared.clock.now());
    Reply::json(StatusCode::OK, &Elapsed { elapsed_seconds })
}

fn advance(shared: &Shared, body: &[u8]) -> Reply {
    match serde_json::from_slice::<Advance>(body) {
        Ok(Advance { advance_seconds }) => {
            shared.clock.advance(advance_seconds.0);
            elapsed(shared)
        }
        Err(wrong) => Reply::detail(StatusCode::BAD_REQUEST, &wrong.to_string()),
    }
}
