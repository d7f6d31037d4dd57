//! A [`BufferedResponse`] that is about to be sent, with what the request log keeps of it; and the
//! memory of all responses in flight ([`InFlight`]): those that are made, and that nobody has read yet.
//!
//! What is to be long takes a [`MemoryWait`] before it is made. What is made and long takes a
//! [`Reservation`] ([`BufferedResponse::hold`]), which is given back once the bytes have left
//! ([`Reservation::with`]).

use std::sync::Arc;
use std::time::Duration;

use apollo_compiler::response::GraphQLError;
use axum::body::{Body, Bytes};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Serialize;
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep, timeout_at};

use super::media_type::MediaType;
use crate::json::{long_text, text};
use crate::quirks::RefusalStatus;
use crate::resolvers::{ExecutionResult, RequestOutcome, Trace};

/// A response that is whole in memory.
pub(crate) struct BufferedResponse {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: Vec<u8>,
    pub(crate) operation_name: Option<String>,
    pub(crate) trace: Trace,
    /// What the body takes among all that are not read yet.
    pub(crate) reservation: Reservation,
}

impl BufferedResponse {
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

    /// A response that is JSON but not GraphQL: the request did not get that far.
    pub(crate) fn detail(status: StatusCode, detail: &str) -> Self {
        Self::json(status, &json!({ "detail": detail }))
    }

    pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Self {
        Self::new(status, "application/json", text(value))
    }

    pub(crate) fn method_not_allowed(allow: &'static str) -> Self {
        let mut response = Self::detail(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed");
        response.set(header::ALLOW, HeaderValue::from_static(allow));
        response
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
        let mut response = match outcome.result {
            ExecutionResult::Executed(response) => {
                Self::new(StatusCode::OK, media.content_type(), long_text(&response))
            }
            ExecutionResult::Refused(errors) => Self::refused(&errors, media, refusals),
            ExecutionResult::Unauthorized => Self::unauthorized(),
            ExecutionResult::MutationRefused => Self::method_not_allowed("POST"),
            ExecutionResult::Forbidden(capability) => Self::detail(
                StatusCode::FORBIDDEN,
                &format!("Missing capability: {}", capability.as_str()),
            ),
        };
        response.operation_name = outcome.operation_name;
        response.trace = outcome.trace;
        response
    }

    /// The response without valid credentials.
    pub(crate) fn unauthorized() -> Self {
        Self::detail(StatusCode::UNAUTHORIZED, "Unauthorized")
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
        Self::new(status, media.content_type(), text(&RefusalBody { errors }))
    }

    /// Sets a header, in place of the one that is there.
    pub(crate) fn set(&mut self, name: HeaderName, value: HeaderValue) {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value));
    }

    /// The response, once there is memory for it; or one that says that there was none.
    pub(crate) async fn hold(mut self, in_flight: &InFlight, wait: MemoryWait<'_>) -> Self {
        let bytes = self.body.len();
        match in_flight.reserve(bytes, &mut self.reservation, wait).await {
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

    /// The response with another body than its own.
    pub(crate) fn into_response_with(self, body: Body) -> Response {
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        response.headers_mut().extend(self.headers);
        response
    }
}

/// The body of a refusal: no `data`, because nothing was executed.
#[derive(Serialize)]
struct RefusalBody<'a> {
    errors: &'a [GraphQLError],
}

/// How many bytes responses in flight take together: 24 MiB, which is the longest response.
const MOST_BYTES: usize = 24 << 20;

/// Shorter responses always leave: what they take is bounded by the number of connections.
pub(crate) const SHORT: usize = 64 << 10;

/// How long a request waits for others to be read, in real time.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// How long a list lets others have what memory there is.
const PAUSE: Duration = Duration::from_millis(20);

/// The memory for all responses in flight.
pub(crate) struct InFlight {
    memory: Arc<Semaphore>,
    /// One response waits in memory at a time. What is to be long waits before it is made.
    line: Semaphore,
}

/// The right to wait for memory with a response that is made, and how long.
pub(crate) struct MemoryWait<'a> {
    until: Instant,
    own: Option<SemaphorePermit<'a>>,
}

/// The memory that one response takes, until this is dropped.
#[derive(Default)]
pub(crate) struct Reservation {
    /// Boxed, since most responses have none.
    permit: Option<Box<OwnedSemaphorePermit>>,
}

impl InFlight {
    pub(crate) fn new() -> Self {
        Self {
            memory: Arc::new(Semaphore::new(MOST_BYTES)),
            line: Semaphore::new(1),
        }
    }

    /// Whether a response waits for memory.
    pub(crate) fn is_crowded(&self) -> bool {
        self.line.available_permits() == 0
    }

    /// Waits until no other response waits for memory, or for as long as a request waits at most.
    pub(crate) async fn first_in_line(&self) -> MemoryWait<'_> {
        let mut wait = self.at_once();
        // Nobody closes the semaphore.
        let own = timeout_at(wait.until, self.line.acquire()).await;
        wait.own = own.ok().and_then(Result::ok);
        wait
    }

    /// For a response that hardly ever has to wait: it can only if no other does.
    pub(crate) fn at_once(&self) -> MemoryWait<'_> {
        MemoryWait {
            until: Instant::now() + LONGEST_WAIT,
            own: None,
        }
    }

    /// Reserves memory for a response of so many bytes, beside what is reserved for it; or says that
    /// there was none in time.
    pub(super) async fn reserve(
        &self,
        bytes: usize,
        reservation: &mut Reservation,
        wait: MemoryWait<'_>,
    ) -> Result<(), String> {
        if bytes <= SHORT {
            *reservation = Reservation::default();
            return Ok(());
        }
        let more = permits(bytes).saturating_sub(reservation.permits());
        if let Some(permit) = self.acquire(more, wait).await {
            reservation.add(permit);
            return Ok(());
        }
        let most = MOST_BYTES >> 20;
        let waited = LONGEST_WAIT.as_secs();
        Err(format!(
            "Responses that were not read for {waited} seconds take the {most} MiB that the emulator has \
             for them: read or drop some, and ask again."
        ))
    }

    async fn acquire(&self, bytes: u32, wait: MemoryWait<'_>) -> Option<OwnedSemaphorePermit> {
        if let Ok(permit) = Arc::clone(&self.memory).try_acquire_many_owned(bytes) {
            return Some(permit);
        }
        let _own = wait.own.or_else(|| self.line.try_acquire().ok())?;
        let permit = Arc::clone(&self.memory).acquire_many_owned(bytes);
        timeout_at(wait.until, permit).await.ok()?.ok()
    }

    /// Waits until there is memory for as many bytes, or for all that there are. Responses go first: a
    /// reader of a list would otherwise keep them from memory that it cannot use yet.
    pub(crate) async fn reserve_any(&self, bytes: usize) -> Reservation {
        loop {
            let permit = Arc::clone(&self.memory).try_acquire_many_owned(permits(bytes));
            if let Ok(permit) = permit {
                return Reservation {
                    permit: Some(Box::new(permit)),
                };
            }
            sleep(PAUSE).await;
        }
    }
}

fn permits(bytes: usize) -> u32 {
    u32::try_from(bytes.min(MOST_BYTES)).unwrap_or(u32::MAX)
}

/// Bytes that keep their memory reserved.
struct Held {
    bytes: Vec<u8>,
    _reservation: Reservation,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Reservation {
    fn permits(&self) -> u32 {
        let permits = self
            .permit
            .as_ref()
            .map_or(0, |permit| permit.num_permits());
        u32::try_from(permits).unwrap_or(u32::MAX)
    }

    fn add(&mut self, more: OwnedSemaphorePermit) {
        match &mut self.permit {
            Some(permit) => permit.merge(more),
            None => self.permit = Some(Box::new(more)),
        }
    }

    /// The bytes, for which this is reserved until they have left.
    pub(crate) fn with(self, bytes: Vec<u8>) -> Bytes {
        Bytes::from_owner(Held {
            bytes,
            _reservation: self,
        })
    }
}
