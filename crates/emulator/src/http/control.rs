//! The control path: what happened, and what is to happen, while the emulator runs.
//!
//! It takes no credentials, and only callers on this machine, none of which is a page of another
//! site: see [`guard`](super::guard). A POST with a body must say that it is JSON, as well.
//!
//! [`handle`] responds to one request. Lists of requests and of runs can be longer than what they list,
//! so that an item is made when its reader has come to it, and waits for memory among the responses
//! that are not read yet: [`List`].

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use futures_util::stream;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::buffered_response::BufferedResponse;
use super::media_type;
use super::server::Shared;
use crate::clock::Seconds;
use crate::fault::Fault;
use crate::json;

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

/// Responds to a request to the control path.
pub(crate) async fn handle(
    shared: &Arc<Shared>,
    parts: &Parts,
    body: &Bytes,
    local: bool,
) -> Response {
    if !local {
        return BufferedResponse::detail(
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
        return BufferedResponse::detail(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "Unsupported MediaType Type",
        )
        .into_response();
    }
    let response = match (&parts.method, path) {
        (&Method::GET, "requests") => return list_requests(shared),
        (&Method::DELETE, "requests") => {
            shared.request_log.clear();
            BufferedResponse::json(StatusCode::OK, &json!([]))
        }
        (&Method::GET, "runs") => return list_runs(shared),
        (&Method::GET, "faults") => ahead(shared),
        (&Method::POST, "faults") => add(shared, body),
        (&Method::DELETE, "faults") => {
            shared.plan.clear();
            ahead(shared)
        }
        (&Method::GET, "clock") => elapsed(shared),
        (&Method::POST, "clock") => advance(shared, body),
        (&Method::POST, "reset") => reset(shared, body),
        (_, "requests") => BufferedResponse::method_not_allowed("GET, DELETE"),
        (_, "runs") => BufferedResponse::method_not_allowed("GET"),
        (_, "reset") => BufferedResponse::method_not_allowed("POST"),
        (_, "faults") => BufferedResponse::method_not_allowed("GET, POST, DELETE"),
        (_, "clock") => BufferedResponse::method_not_allowed("GET, POST"),
        _ => BufferedResponse::detail(StatusCode::NOT_FOUND, "Not Found"),
    };
    let in_flight = &shared.in_flight;
    let response = response.hold(in_flight, in_flight.at_once()).await;
    response.into_response()
}

fn ahead(shared: &Shared) -> BufferedResponse {
    BufferedResponse::json(StatusCode::OK, &shared.plan.ahead())
}

/// Adds a fault or a list of them: all, or none.
fn add(shared: &Shared, body: &[u8]) -> BufferedResponse {
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
        Err(wrong) => BufferedResponse::detail(StatusCode::BAD_REQUEST, &wrong),
    }
}

fn elapsed(shared: &Shared) -> BufferedResponse {
    let elapsed_seconds = Seconds(shared.clock.now());
    BufferedResponse::json(StatusCode::OK, &Elapsed { elapsed_seconds })
}

fn advance(shared: &Shared, body: &[u8]) -> BufferedResponse {
    match serde_json::from_slice::<Advance>(body) {
        Ok(Advance { advance_seconds }) if advance_seconds.0 > LONGEST_ADVANCE => {
            let most = LONGEST_ADVANCE.as_secs();
            let wrong = format!("`advance_seconds` is at most {most}: 100 years");
            BufferedResponse::detail(StatusCode::BAD_REQUEST, &wrong)
        }
        Ok(Advance { advance_seconds }) => {
            shared.clock.advance(advance_seconds.0);
            elapsed(shared)
        }
        Err(wrong) => {
            let wrong = format!("`advance_seconds`: {wrong}");
            BufferedResponse::detail(StatusCode::BAD_REQUEST, &wrong)
        }
    }
}

/// A reset takes no body, or an empty object.
fn reset(shared: &Shared, body: &[u8]) -> BufferedResponse {
    if !body.is_empty()
        && let Err(wrong) = serde_json::from_slice::<Nothing>(body)
    {
        let wrong = format!("a reset takes nothing: {wrong}");
        return BufferedResponse::detail(StatusCode::BAD_REQUEST, &wrong);
    }
    shared.reset();
    elapsed(shared)
}

/// About how long a piece of a list is. glibc keeps twice as much memory as the largest block that
/// was ever freed.
const PIECE: usize = 64 << 10;

/// What comes next in a list.
enum Next {
    /// An item, whose JSON was added.
    Item,
    /// An item for which there is not enough memory: about as many bytes.
    Larger(usize),
    End,
}

/// The requests that are in the log now.
fn list_requests(shared: &Arc<Shared>) -> Response {
    let mut places = shared.request_log.places();
    list(shared, move |shared, most, piece| {
        let next = shared.request_log.next(&mut places, |entry| {
            // Texts are copied once more if they have to be escaped.
            let bytes = 2 * entry.bytes();
            match bytes > most {
                true => (Next::Larger(bytes), false),
                false => (add_item(entry, piece), true),
            }
        });
        next.unwrap_or(Next::End)
    })
}

/// The runs that there are now, each as it is when the reader has come to it. A reset ends the list.
fn list_runs(shared: &Arc<Shared>) -> Response {
    let (resets, last) = {
        let resets = shared.not_resetting();
        let now = shared.now();
        (*resets, shared.run_store().catch_up_all(now))
    };
    let mut number = 0;
    list(shared, move |shared, most, piece| {
        let now_resets = shared.not_resetting();
        if *now_resets != resets {
            return Next::End;
        }
        let now = shared.now();
        let mut runs = shared.run_store();
        let Some(run) = runs.first_from(number + 1, now) else {
            return Next::End;
        };
        let bytes = run.reported_bytes();
        if run.record.number > last {
            Next::End
        } else if bytes > most {
            Next::Larger(bytes)
        } else {
            number = run.record.number;
            add_item(&run.reported(), piece)
        }
    })
}

fn add_item(item: &impl Serialize, piece: &mut Vec<u8>) -> Next {
    // Writing into memory does not fail, and the values are those of `json::text`.
    let _ = serde_json::to_writer(piece, item);
    Next::Item
}

/// A list of what this adds for as much memory.
fn list(
    shared: &Arc<Shared>,
    next: impl FnMut(&Shared, usize, &mut Vec<u8>) -> Next + Send + 'static,
) -> Response {
    let list = List {
        shared: Arc::clone(shared),
        next,
        is_begun: false,
        is_over: false,
    };
    let pieces = stream::unfold(list, async |mut list| {
        let piece = list.piece().await?;
        Some((Ok::<_, Infallible>(piece), list))
    });
    let response = BufferedResponse::new(StatusCode::OK, "application/json", "");
    response.into_response_with(Body::from_stream(pieces))
}

struct List<N> {
    shared: Arc<Shared>,
    next: N,
    is_begun: bool,
    is_over: bool,
}

impl<N: FnMut(&Shared, usize, &mut Vec<u8>) -> Next> List<N> {
    async fn piece(&mut self) -> Option<Bytes> {
        if self.is_over {
            return None;
        }
        let mut piece = json::buffer(PIECE);
        let mut most = PIECE;
        let mut reservation = self.shared.in_flight.reserve_any(most).await;
        loop {
            let length = piece.len();
            piece.push(if self.is_begun { b',' } else { b'[' });
            match (self.next)(&self.shared, most.saturating_sub(length), &mut piece) {
                Next::Item => self.is_begun = true,
                // It gets a piece of its own.
                Next::Larger(_) if length > 0 => {
                    piece.truncate(length);
                    break;
                }
                Next::Larger(bytes) => {
                    drop(reservation);
                    reservation = self.shared.in_flight.reserve_any(bytes).await;
                    most = bytes;
                    piece = json::buffer(bytes);
                }
                Next::End => {
                    piece.truncate(length);
                    piece.extend_from_slice(if self.is_begun { b"]" } else { b"[]" });
                    self.is_over = true;
                    break;
                }
            }
        }
        Some(reservation.with(piece))
    }
}
