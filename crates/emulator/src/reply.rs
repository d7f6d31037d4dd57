//! An answer about to be sent, with what the record is to know of it.

use apollo_compiler::response::GraphQLError;
use axum::body::{Body, Bytes};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Serialize;
use serde_json::json;

use crate::edges::RefusalStatus;
use crate::in_flight::Room;
use crate::json::{long_text, text};
use crate::media::Media;
use crate::resolvers::{Answer, Outcome, Trace};

/// An answer that is whole in memory.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: Vec<u8>,
    pub(crate) operation_name: Option<String>,
    pub(crate) trace: Trace,
    /// What the body takes among all that are not read yet.
    pub(crate) room: Room,
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
            room: Room::default(),
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
                Self::new(StatusCode::OK, media.content_type(), long_text(&response))
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
        let body = Body::from(self.take_body());
        self.into_response_with(body)
    }

    /// The body, with the room that it takes.
    pub(crate) fn take_body(&mut self) -> Bytes {
        let room = std::mem::take(&mut self.room);
        room.with(std::mem::take(&mut self.body))
    }

    /// The response with another body than the reply's own.
    pub(crate) fn into_response_with(self, body: Body) -> Response {
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        response.headers_mut().extend(self.headers);
        response
    }
}

/// The body of a refusal: no `data`, because nothing was executed.
#[derive(Serialize)]
struct Refusal<'a> {
    errors: &'a [GraphQLError],
}
