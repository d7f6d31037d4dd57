//! An answer about to be sent, with what the record is to know of it.

use std::convert::Infallible;
use std::io;

use apollo_compiler::response::GraphQLError;
use axum::body::{Body, Bytes};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use futures_util::stream;
use serde::Serialize;
use serde_json::json;

use crate::edges::RefusalStatus;
use crate::execute::{Answer, Outcome};
use crate::media::Media;
use crate::operations::Trace;

/// An answer that is whole in memory.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: Vec<u8>,
    pub(crate) operation_name: Option<String>,
    pub(crate) trace: Trace,
}

impl Reply {
    pub(crate) fn new(
        status: StatusCode,
        content_type: &'static str,
        body: impl Into<Vec<u8>>,
    ) -> Self {
        Self {
            status,
            headers: vec![(header::CONTENT_TYPE, HeaderValue::from_static(content_type))],
            body: body.into(),
            operation_name: None,
            trace: Trace::default(),
        }
    }

    /// An answer that is JSON but not GraphQL: the request did not get that far.
    pub(crate) fn detail(status: StatusCode, detail: &str) -> Self {
        Self::json(status, &json!({ "detail": detail }))
    }

    pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Self {
        Self::new(status, "application/json", text(value))
    }

    pub(crate) fn method_not_allowed(allow: &'static str) -> Self {
        let mut reply = Self::detail(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed");
        reply.set(header::ALLOW, HeaderValue::from_static(allow));
        reply
    }

    /// A GraphQL request that could not be read.
    pub(crate) fn unread(wrong: &str, media: Media) -> Self {
        let body = json!({ "errors": [{ "message": wrong }] });
        Self::new(StatusCode::BAD_REQUEST, media.content_type(), text(&body))
    }

    pub(crate) fn outcome(outcome: Outcome, media: Media, refusals: RefusalStatus) -> Self {
        let mut reply = match outcome.answer {
            Answer::Executed(response) => {
                Self::new(StatusCode::OK, media.content_type(), text(&response))
            }
            Answer::Refused(errors) => Self::refused(&errors, media, refusals),
            Answer::MutationRefused => Self::method_not_allowed("POST"),
            Answer::Forbidden(capability) => Self::detail(
                StatusCode::FORBIDDEN,
                &format!("Missing capability: {}", capability.as_str()),
            ),
        };
        reply.operation_name = outcome.operation_name;
        reply.trace = outcome.trace;
        reply
    }

    fn refused(errors: &[GraphQLError], media: Media, status: RefusalStatus) -> Self {
        let status = match (status, media) {
            (RefusalStatus::Ok, _) | (RefusalStatus::ByMediaType, Media::Json) => StatusCode::OK,
            (RefusalStatus::BadRequest, _) | (RefusalStatus::ByMediaType, _) => {
                StatusCode::BAD_REQUEST
            }
            (RefusalStatus::UnprocessableContent, _) => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Self::new(status, media.content_type(), text(&Refusal { errors }))
    }

    /// Sets a header, in place of the one that is there.
    pub(crate) fn set(&mut self, name: HeaderName, value: HeaderValue) {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value));
    }

    pub(crate) fn into_response(mut self) -> Response {
        let body = Body::from(std::mem::take(&mut self.body));
        self.into_response_with(body)
    }

    /// The response with another body than the reply's own.
    pub(crate) fn into_response_with(self, body: Body) -> Response {
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        response.headers_mut().extend(self.headers);
        response
    }
}

/// A JSON answer of any length. Its text is in pieces of one size, none of which is large: glibc
/// keeps twice as much memory as the largest block that was ever freed.
pub(crate) fn in_pieces(value: &impl Serialize) -> Response {
    let mut pieces = Pieces(Vec::new());
    // Pieces take everything, and the values are those of `text`.
    let _ = serde_json::to_writer(&mut pieces, value);
    let length: usize = pieces.0.iter().map(Vec::len).sum();
    let mut reply = Reply::new(StatusCode::OK, "application/json", "");
    reply.set(header::CONTENT_LENGTH, length.into());
    let pieces = pieces.0.into_iter().map(Bytes::from);
    let pieces = stream::iter(pieces.map(Ok::<_, Infallible>));
    reply.into_response_with(Body::from_stream(pieces))
}

/// The size of a piece: 64 KiB.
const PIECE: usize = 64 << 10;

/// What is written, in pieces.
struct Pieces(Vec<Vec<u8>>);

impl io::Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.last().is_none_or(|last| last.len() == PIECE) {
            self.0.push(Vec::with_capacity(PIECE));
        }
        let Some(last) = self.0.last_mut() else {
            return Ok(0);
        };
        let taken = bytes.len().min(PIECE - last.len());
        last.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The body of a refusal: no `data`, because nothing was executed.
#[derive(Serialize)]
struct Refusal<'a> {
    errors: &'a [GraphQLError],
}

/// JSON text for people.
#[cfg(feature = "program")]
pub(crate) fn pretty(value: &impl Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// JSON text. The values are maps with text keys, lists, texts and finite numbers, which always
/// have one.
pub(crate) fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
