//! The control path: what happened, and what is to happen, while the emulator runs.
//!
//! It takes no credentials, and only callers on this machine, none of which is a page of another
//! site: see [`guard`](super::guard). A POST with a body must say that it is JSON, as well.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::control_lists;
use super::media_type;
use super::reply::Reply;
use super::shared::Shared;
use crate::clock::Seconds;
use crate::fault::Fault;

/// The furthest that a request moves the clock: 100 years of 365.25 days.
const LONGEST_ADVANCE: Duration = Duration::from_secs(3_155_760_000);

/// What every path of the control begins with.
const PREFIX: &str = "/control/";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    advance_seconds: Seconds,
}

/// An object without members.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

#[derive(Serialize)]
struct Elapsed {
    elapsed_seconds: Seconds,
}

pub(crate) fn is_control(path: &str) -> bool {
    path.starts_with(PREFIX)
}

/// Answers a request to the control path.
pub(crate) async fn handle(
    shared: &Arc<Shared>,
    parts: &Parts,
    body: &Bytes,
    local: bool,
) -> Response {
    if !local {
        return Reply::detail(
            StatusCode::FORBIDDEN,
            "The control path is for this machine alone.",
        )
        .into_response();
    }
    let path = parts.uri.path();
    let path = path.strip_prefix(PREFIX).unwrap_or(path);
    // A reset needs no body, and then nothing says of what type it is.
    let is_bare = path == "reset" && body.is_empty();
    if parts.method == Method::POST && !is_bare && !media_type::is_json(&parts.headers) {
        return Reply::detail(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "Unsupported MediaType Type",
        )
        .into_response();
    }
    let reply = match (&parts.method, path) {
        (&Method::GET, "requests") => return control_lists::requests(shared),
        (&Method::DELETE, "requests") => {
            shared.request_log.clear();
            Reply::json(StatusCode::OK, &json!([]))
        }
        (&Method::GET, "runs") => return control_lists::runs(shared),
        (&Method::GET, "faults") => ahead(shared),
        (&Method::POST, "faults") => add(shared, body),
        (&Method::DELETE, "faults") => {
            shared.plan.clear();
            ahead(shared)
        }
        (&Method::GET, "clock") => elapsed(shared),
        (&Method::POST, "clock") => advance(shared, body),
        (&Method::POST, "reset") => reset(shared, body),
        (_, "requests") => Reply::method_not_allowed("GET, DELETE"),
        (_, "runs") => Reply::method_not_allowed("GET"),
        (_, "reset") => Reply::method_not_allowed("POST"),
        (_, "faults") => Reply::method_not_allowed("GET, POST, DELETE"),
        (_, "clock") => Reply::method_not_allowed("GET, POST"),
        _ => Reply::detail(StatusCode::NOT_FOUND, "Not Found"),
    };
    let in_flight = &shared.in_flight;
    let reply = reply.hold(in_flight, in_flight.at_once()).await;
    reply.into_response()
}

fn ahead(shared: &Shared) -> Reply {
    Reply::json(StatusCode::OK, &shared.plan.ahead())
}

/// Adds a fault or a list of them: all, or none.
fn add(shared: &Shared, body: &[u8]) -> Reply {
    let read = if body.trim_ascii_start().starts_with(b"[") {
        serde_json::from_slice::<Vec<Fault>>(body)
    } else {
        serde_json::from_slice::<Fault>(body).map(|fault| vec![fault])
    };
    let added = read
        .map_err(|wrong| wrong.to_string())
        .and_then(|faults| shared.plan.add(faults));
    match added {
        Ok(()) => ahead(shared),
        Err(wrong) => Reply::detail(StatusCode::BAD_REQUEST, &wrong),
    }
}

fn elapsed(shared: &Shared) -> Reply {
    let elapsed_seconds = Seconds(shared.clock.now());
    Reply::json(StatusCode::OK, &Elapsed { elapsed_seconds })
}

fn advance(shared: &Shared, body: &[u8]) -> Reply {
    match serde_json::from_slice::<Advance>(body) {
        Ok(Advance { advance_seconds }) if advance_seconds.0 > LONGEST_ADVANCE => {
            let most = LONGEST_ADVANCE.as_secs();
            let wrong = format!("`advance_seconds` is at most {most}: 100 years");
            Reply::detail(StatusCode::BAD_REQUEST, &wrong)
        }
        Ok(Advance { advance_seconds }) => {
            shared.clock.advance(advance_seconds.0);
            elapsed(shared)
        }
        Err(wrong) => {
            let wrong = format!("`advance_seconds`: {wrong}");
            Reply::detail(StatusCode::BAD_REQUEST, &wrong)
        }
    }
}

/// A reset takes no body, or an empty object.
fn reset(shared: &Shared, body: &[u8]) -> Reply {
    if !body.is_empty()
        && let Err(wrong) = serde_json::from_slice::<Nothing>(body)
    {
        let wrong = format!("a reset takes nothing: {wrong}");
        return Reply::detail(StatusCode::BAD_REQUEST, &wrong);
    }
    shared.reset();
    elapsed(shared)
}
