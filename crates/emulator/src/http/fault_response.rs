//! What a fault sends in place of the response without it, or makes of that response.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use flate2::{Compress, Compression, Crc, FlushCompress};
use futures_util::stream::{self, StreamExt};
use serde::Serialize;
use serde::de::IgnoredAny;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value, json};

use super::buffered_response::{BufferedResponse, InFlight};
use super::media_type::MediaType;
use crate::fault::{ErrorData, Fault, FaultKind};
use crate::graphql::document::first_root_key;
use crate::json::{self, long_text};

/// Where the JSON that never ends, or unfolds without end, begins.
const OPENING: &[u8] = b"{\"data\":";

/// How many bytes [`Fault::replaced`] adds to a response at most.
const MOST_REPLACED: usize = 16 << 20;

/// How it closes, if it does.
const CLOSING: &[u8] = b"null}";

/// The size of one piece of such JSON.
const PIECE: usize = 1 << 20;

/// The statuses of responses that have no body.
const BODILESS: [StatusCode; 3] = [
    StatusCode::NO_CONTENT,
    StatusCode::RESET_CONTENT,
    StatusCode::NOT_MODIFIED,
];

/// The message of a GraphQL error that is given none.
const UNANSWERED: &str = "The service behind the gateway did not answer in time.";

/// What lies between the last byte sent and a close: long enough for the byte to leave.
const BEFORE_CUT: Duration = Duration::from_millis(20);

/// What was asked, as far as the response of a fault goes by it.
pub(crate) struct FaultContext<'a> {
    /// Empty if it could not be read.
    pub(crate) document: &'a str,
    pub(crate) operation_name: Option<&'a str>,
    /// The media type that the client likes best.
    pub(crate) media: MediaType,
}

/// The response of a fault. `without_fault` is the one without it, if the request was
/// executed; a fault that needs it and does not get it leaves nothing to send.
pub(crate) async fn respond(
    fault: &Fault,
    without_fault: Option<BufferedResponse>,
    context: &FaultContext<'_>,
    in_flight: &InFlight,
) -> Option<Response> {
    let response = match fault.0.kind {
        FaultKind::Reset => return None,
        FaultKind::Pass | FaultKind::Delay => without_fault?,
        FaultKind::ContentType => with_content_type(fault, without_fault?),
        FaultKind::PartialData => with_error(without_fault?),
        FaultKind::Status => with_status(fault, without_fault?),
        FaultKind::Replaced => with_value(fault, without_fault?),
        FaultKind::GraphqlError => graphql_error(fault, without_fault, context),
        FaultKind::CutBody => return Some(cut_body(fault, without_fault?)),
        FaultKind::SlowDrip => return Some(dripping(fault.0.delay_seconds.0, without_fault?)),
        FaultKind::EndlessBody => return Some(json_head().into_response_with(endless())),
        FaultKind::GzipBomb => return Some(bomb(fault.bomb_bytes())),
        FaultKind::NullData => BufferedResponse::json(StatusCode::OK, &json!({ "data": null })),
        FaultKind::Redirect => redirect(fault),
        FaultKind::TooManyRequests => failed(fault, StatusCode::TOO_MANY_REQUESTS),
        FaultKind::Unavailable => failed(fault, StatusCode::SERVICE_UNAVAILABLE),
        FaultKind::InternalError => failed(fault, StatusCode::INTERNAL_SERVER_ERROR),
        FaultKind::BadGateway => failed(fault, StatusCode::BAD_GATEWAY),
    };
    let response = response.hold(in_flight, in_flight.at_once()).await;
    Some(response.into_response())
}

fn failed(fault: &Fault, status: StatusCode) -> BufferedResponse {
    let reason = status.canonical_reason().unwrap_or_default();
    let mut response = match fault.0.kind {
        FaultKind::InternalError => {
            BufferedResponse::new(status, "text/plain; charset=utf-8", reason)
        }
        FaultKind::BadGateway => BufferedResponse::new(
            status,
            "text/html; charset=utf-8",
            format!(
                "<html><head><title>{reason}</title></head><body><h1>{reason}</h1></body></html>\n"
            ),
        ),
        _ => BufferedResponse::detail(status, reason),
    };
    set_retry_after(fault, &mut response);
    response
}

fn set_retry_after(fault: &Fault, response: &mut BufferedResponse) {
    if let Some(value) = fault.0.retry_after.as_deref().and_then(header_value) {
        response.set(header::RETRY_AFTER, value);
    }
}

fn graphql_error(
    fault: &Fault,
    without_fault: Option<BufferedResponse>,
    context: &FaultContext<'_>,
) -> BufferedResponse {
    let message = fault.0.message.as_deref().unwrap_or(UNANSWERED);
    let mut error = Map::from_iter([("message".to_owned(), message.into())]);
    if let Some(path) = &fault.0.path {
        error.insert("path".to_owned(), path.as_slice().into());
    }
    if let Some(code) = &fault.0.code {
        error.insert("extensions".to_owned(), json!({ "code": code }));
    }
    let null_field =
        || first_root_key(context.document, context.operation_name).map(|key| json!({ key: null }));
    let data = match fault.0.data {
        ErrorData::Absent => None,
        ErrorData::Null => raw(&Value::Null),
        ErrorData::NullField => null_field().and_then(|data| raw(&data)),
        ErrorData::Kept => None,
    };
    let kept = without_fault
        .as_ref()
        .filter(|_| fault.0.data == ErrorData::Kept);
    let data = data.as_deref().or_else(|| kept.and_then(self::data));
    let errors = raw(&[error]);
    let mut body = BTreeMap::new();
    body.extend(data.map(|data| ("data", data)));
    body.extend(errors.as_deref().map(|errors| ("errors", errors)));
    let media = context.media.content_type();
    let mut response = BufferedResponse::new(StatusCode::OK, media, long_text(&body));
    response.reservation = without_fault
        .map(|response| response.reservation)
        .unwrap_or_default();
    with_status(fault, response)
}

/// JSON that becomes a part of a response. The values always have one.
fn raw(value: &impl Serialize) -> Option<Box<RawValue>> {
    to_raw_value(value).ok()
}

/// The members of a response that is an object, as JSON: as values they could take much more.
fn members(response: &BufferedResponse) -> Option<BTreeMap<String, &RawValue>> {
    serde_json::from_slice(&response.body).ok()
}

/// The data of a response, if it has any.
fn data(response: &BufferedResponse) -> Option<&RawValue> {
    members(response)?.remove("data")
}

fn with_status(fault: &Fault, mut response: BufferedResponse) -> BufferedResponse {
    response.status = fault.chosen_status();
    if BODILESS.contains(&response.status) {
        response.body.clear();
        response
            .headers
            .retain(|(name, _)| *name != header::CONTENT_TYPE);
    }
    set_retry_after(fault, &mut response);
    response
}

fn with_value(fault: &Fault, mut response: BufferedResponse) -> BufferedResponse {
    let (Some(field), Some(value)) = (&fault.0.field, &fault.0.value) else {
        return response;
    };
    let value = value.as_str();
    let places = MOST_REPLACED / value.len().max(1);
    if let Ok(body) = json::replaced(&response.body, field, value, places) {
        response.body = body.into_bytes();
    }
    response
}

fn redirect(fault: &Fault) -> BufferedResponse {
    let mut response = BufferedResponse::new(StatusCode::TEMPORARY_REDIRECT, "text/plain", "");
    let location = fault.0.location.as_deref().unwrap_or("/");
    if let Some(value) = header_value(location) {
        response.set(header::LOCATION, value);
    }
    response
}

fn with_content_type(fault: &Fault, mut response: BufferedResponse) -> BufferedResponse {
    let wrong = fault.0.content_type.as_deref().and_then(header_value);
    let wrong = wrong.unwrap_or(HeaderValue::from_static("text/html"));
    response.set(header::CONTENT_TYPE, wrong);
    response
}

fn header_value(text: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(text).ok()
}

/// Adds an error to a response that has data.
fn with_error(mut response: BufferedResponse) -> BufferedResponse {
    if let Some(body) = with_one_more_error(&response) {
        response.body = body;
    }
    response
}

fn with_one_more_error(response: &BufferedResponse) -> Option<Vec<u8>> {
    let mut body = members(response)?;
    let root: Option<BTreeMap<String, IgnoredAny>> = body
        .get("data")
        .and_then(|data| serde_json::from_str(data.get()).ok());
    let path: Vec<_> = root.iter().flat_map(BTreeMap::keys).take(1).collect();
    let error =
        raw(&json!({ "message": "A part of the response could not be read.", "path": path }));
    let known = body.get("errors").map_or("[]", |errors| errors.get());
    let mut errors: Vec<&RawValue> = serde_json::from_str(known).ok()?;
    errors.extend(error.as_deref());
    let errors = raw(&errors)?;
    body.insert("errors".to_owned(), &errors);
    Some(long_text(&body))
}

/// A whole head, and less body than it promises.
fn cut_body(fault: &Fault, mut response: BufferedResponse) -> Response {
    let whole = response.body.len();
    let sent = fault.0.bytes.map_or(whole / 2, |bytes| {
        let most = whole.saturating_sub(1);
        usize::try_from(bytes).unwrap_or(usize::MAX).min(most)
    });
    response.set(header::CONTENT_LENGTH, whole.into());
    let body = response.take_body().slice(..sent);
    let first = stream::iter([Ok(body)]);
    let then = stream::once(async {
        tokio::time::sleep(BEFORE_CUT).await;
        Err(io::Error::from(io::ErrorKind::ConnectionAborted))
    });
    response.into_response_with(Body::from_stream(first.chain(then)))
}

fn dripping(pause: Duration, mut response: BufferedResponse) -> Response {
    let body = response.take_body();
    let drops = stream::iter(0..body.len()).then(move |place| {
        let byte = body.slice(place..=place);
        async move {
            tokio::time::sleep(pause).await;
            Ok::<_, Infallible>(byte)
        }
    });
    response.into_response_with(Body::from_stream(drops))
}

fn json_head() -> BufferedResponse {
    BufferedResponse::new(StatusCode::OK, MediaType::Json.content_type(), "")
}

fn endless() -> Body {
    // The same for all, however many read them.
    static SPACES: [u8; 64 << 10] = [b' '; 64 << 10];
    let spaces = Bytes::from_static(&SPACES);
    let pieces = stream::iter([Bytes::from_static(OPENING)]).chain(stream::repeat(spaces));
    Body::from_stream(pieces.map(Ok::<_, Infallible>))
}

/// Every piece but the first and the last is the same, so that a bomb of any size costs the
/// emulator one piece.
fn bomb(bytes: u64) -> Response {
    let spaces = vec![b' '; PIECE];
    let pieces = usize::try_from(bytes).unwrap_or(usize::MAX) / PIECE;
    let mut checksum = Crc::new();
    checksum.update(OPENING);
    let mut of_piece = Crc::new();
    of_piece.update(&spaces);
    repeat(&mut checksum, of_piece, pieces);
    checksum.update(CLOSING);
    // A member's head: magic, deflate, no flags, no time, an unknown system.
    let mut head = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    head.extend(deflated(OPENING, FlushCompress::Full));
    let mut tail = deflated(CLOSING, FlushCompress::Finish);
    tail.extend(checksum.sum().to_le_bytes());
    tail.extend(checksum.amount().to_le_bytes());
    let middle = Bytes::from(deflated(&spaces, FlushCompress::Full));
    let body = stream::iter([Bytes::from(head)])
        .chain(stream::repeat(middle).take(pieces))
        .chain(stream::iter([Bytes::from(tail)]));
    let mut response = json_head();
    response.set(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    response.into_response_with(Body::from_stream(body.map(Ok::<_, Infallible>)))
}

/// Adds a checksum as often as this, in as many steps as the number has bits.
fn repeat(checksum: &mut Crc, mut added: Crc, mut times: usize) {
    while times > 0 {
        if times % 2 == 1 {
            checksum.combine(&added);
        }
        let mut doubled = Crc::new();
        doubled.combine(&added);
        doubled.combine(&added);
        added = doubled;
        times /= 2;
    }
}

/// A deflate block that stands alone: it ends at a whole byte and looks back to nothing.
fn deflated(bytes: &[u8], flush: FlushCompress) -> Vec<u8> {
    let mut block = Vec::with_capacity(bytes.len() + 64);
    // Writing into memory that is large enough does not fail.
    let _ = Compress::new(Compression::best(), false).compress_vec(bytes, &mut block, flush);
    block.shrink_to_fit();
    block
}
