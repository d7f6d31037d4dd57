//! A reply about to be sent, with what the request log keeps of it.

use apollo_compiler::response::GraphQLError;
use axum::body::{Body, Bytes};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Serialize;
use serde_json::json;

use super::in_flight::{InFlight, Reservation, Turn};
use super::media_type::MediaType;
use crate::json::{long_text, text};
use crate::quirks::RefusalStatus;
use crate::resolvers::{Answer, RequestOutcome, Trace};

/// An answer that is whole in memory.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: Vec<u8>,
    pub(crate) operation_name: Option<String>,
    pub(crate) trace: Trace,
    /// What the body takes among all that are not read yet.
    pub(crate) reservation: Reservation,
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
            reservation: Reservation::default(),
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
    pub(crate) fn unread(wrong: &str, media: MediaType) -> Self {
        let body = json!({ "errors": [{ "message": wrong }] });
        Self::new(StatusCode::BAD_REQUEST, media.content_type(), text(&body))
    }

    pub(crate) fn of_outcome(
        outcome: RequestOutcome,
        media: MediaType,
        refusals: RefusalStatus,
    ) -> Self {
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

    fn refused(errors: &[GraphQLError], media: MediaType, status: RefusalStatus) -> Self {
        let status = match (status, media) {
            (RefusalStatus::Ok, _) | (RefusalStatus::ByMediaType, MediaType::Json) => {
                StatusCode::OK
            }
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

    /// The answer, once there is memory for it; or one that says that there was none.
    pub(crate) async fn hold(mut self, in_flight: &InFlight, turn: Turn<'_>) -> Self {
        let bytes = self.body.len();
        match in_flight.reserve(bytes, &mut self.reservation, turn).await {
            Ok(()) => self,
            Err(refused) => {
                let mut refusal = Self::detail(StatusCode::SERVICE_UNAVAILABLE, &refused);
                refusal.set(header::RETRY_AFTER, HeaderValue::from_static("1"));
                refusal
            }
        }
    }

    pub(crate) fn into_response(mut self) -> Response {
        let body = Body::from(self.take_body());
        self.into_response_with(body)
    }

    /// The body, with the memory that it takes.
    pub(crate) fn take_body(&mut self) -> Bytes {
        let reservation = std::mem::take(&mut self.reservation);
        reservation.with(std::mem::take(&mut self.body))
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
