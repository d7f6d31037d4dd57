//! GraphQL over HTTP: from an HTTP request to an HTTP response.
//!
//! [`handle`] asks the guard first. Health and control requests are handled apart and not recorded.
//! Any other request is recorded and read as far as it can be: an [`Exchange`].
//!
//! [`Exchange::respond`] takes a fault that is planned for the API's path; the fault decides what is
//! sent, and whether the request is executed before that. Without a fault the request is checked in
//! this order, and then executed: path, method, credentials, media types, body, and the GraphQL
//! request itself ([`Exchange::check_and_execute`]). The latency comes last, then the log gets the
//! status ([`Exchange::delay_and_record`]).

use std::sync::Arc;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, FromRequest, Request, State};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use axum::{Router, routing};
use serde_json::json;

use super::buffered_response::{self, BufferedResponse};
use super::control;
use super::fault_response::{self, FaultContext};
use super::media_type::{self, MediaType};
use super::parameters::Parameters;
use super::server::Connection;
use super::server::Shared;
use crate::fault::Fault;
use crate::resolvers::{self, GraphqlRequest, Mutations};

/// The largest request body, in bytes: 1 MiB.
const BODY_LIMIT: usize = 1 << 20;

/// Where programs that watch over an emulator ask whether it serves.
pub(crate) const HEALTH: &str = "/health";

/// The service of one emulator. Each connection adds its [`Connection`].
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .fallback(routing::any(handle))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .with_state(shared)
}

async fn handle(
    State(shared): State<Arc<Shared>>,
    Extension(connection): Extension<Connection>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let refused = shared.guard.check(&parts).err();
    if refused.is_some() || parts.uri.path() == HEALTH {
        // A client that is still sending would not read the response.
        let _ = Bytes::from_request(Request::from_parts(parts.clone(), body), &()).await;
        return refused.unwrap_or_else(|| health(&parts)).into_response();
    }
    if control::is_control(parts.uri.path()) {
        let body = Bytes::from_request(Request::from_parts(parts.clone(), body), &()).await;
        let local = connection.peer.to_canonical().is_loopback();
        return match body {
            Ok(body) => control::handle(&shared, &parts, &body, local).await,
            Err(unread) => {
                BufferedResponse::detail(unread.status(), &unread.body_text()).into_response()
            }
        };
    }
    let (place, resets) = {
        let resets = shared.not_resetting();
        let place = shared
            .request_log
            .open(&parts, connection.number, shared.now());
        (place, *resets)
    };
    let body = Bytes::from_request(Request::from_parts(parts.clone(), body), &()).await;
    let parameters = Parameters::read(&parts, body.as_deref().unwrap_or_default());
    if let Ok(parameters) = &parameters {
        shared.request_log.record_parameters(place, parameters);
    }
    let exchange = Exchange {
        parameters,
        unread: body.err(),
        parts,
        shared: &shared,
        place,
        resets,
    };
    match exchange.respond().await {
        Some(response) => response,
        None => {
            connection.reset.notify_one();
            std::future::pending().await
        }
    }
}

fn health(parts: &Parts) -> BufferedResponse {
    match parts.method {
        Method::GET | Method::HEAD => {
            BufferedResponse::json(StatusCode::OK, &json!({ "status": "ok" }))
        }
        _ => BufferedResponse::method_not_allowed("GET, HEAD"),
    }
}

/// A request to the API, read as far as it could be.
struct Exchange<'a> {
    shared: &'a Shared,
    /// Its place in the request log.
    place: u64,
    /// How many resets there had been when it came in.
    resets: u64,
    parts: Parts,
    parameters: Result<Parameters, String>,
    /// Why there is no body.
    unread: Option<BytesRejection>,
}

impl Exchange<'_> {
    /// The response, of a fault or without one; `None` if the connection is to be reset instead.
    async fn respond(&self) -> Option<Response> {
        let Some(fault) = self.take_fault() else {
            let response = self.response_without_fault().await;
            self.delay_and_record(response.status).await;
            return Some(response.into_response());
        };
        let mut without_fault = None;
        if fault.0.after_execution {
            without_fault = Some(self.response_without_fault().await);
        }
        if !fault.drips() {
            tokio::time::sleep(fault.0.delay_seconds.0).await;
        }
        if without_fault.is_none() && fault.needs_response() {
            without_fault = Some(self.response_without_fault().await);
        }
        let in_flight = &self.shared.in_flight;
        let response =
            fault_response::respond(&fault, without_fault, &self.fault_context(), in_flight)
                .await?;
        self.delay_and_record(response.status()).await;
        Some(response)
    }

    /// What a fault's own response goes by.
    fn fault_context(&self) -> FaultContext<'_> {
        let parameters = self.parameters.as_ref().ok();
        FaultContext {
            document: parameters.map_or("", |known| &known.query),
            operation_name: parameters.and_then(|known| known.operation_name.as_deref()),
            media: MediaType::accepted(&self.parts.headers).unwrap_or(MediaType::Json),
        }
    }

    /// Takes the fault that is planned for this request, if one is, and records its name.
    fn take_fault(&self) -> Option<Fault> {
        if self.parts.uri.path() != self.shared.path {
            return None;
        }
        // Those of after a reset are not meant for what came in before.
        let resets = self.shared.not_resetting();
        if *resets != self.resets {
            return None;
        }
        let document = self.parameters.as_ref().map(|known| known.query.as_str());
        let fault = self.shared.plan.take(document.unwrap_or_default())?;
        self.shared
            .request_log
            .complete(self.place, |request| request.fault = Some(fault.name()));
        Some(fault)
    }

    /// The response without a fault, which may be a refusal. What the request did is recorded.
    async fn response_without_fault(&self) -> BufferedResponse {
        let in_flight = &self.shared.in_flight;
        let wait = if in_flight.is_crowded() && self.asks_for_much() {
            in_flight.first_in_line().await
        } else {
            in_flight.at_once()
        };
        let mut response = self.check_and_execute();
        self.shared.request_log.complete(self.place, |request| {
            if response.operation_name.is_some() {
                request.operation_name = response.operation_name.take();
            }
            request.started = std::mem::take(&mut response.trace.started);
            request.executed = response.trace.executed;
        });
        response.hold(in_flight, wait).await
    }

    /// Whether the response is likely to be long: that of a run which is.
    fn asks_for_much(&self) -> bool {
        let Ok(parameters) = &self.parameters else {
            return false;
        };
        let texts = [&*parameters.query, &*parameters.variables];
        self.shared
            .run_store()
            .names_long(&texts, buffered_response::SHORT)
    }

    /// Waits for the latency of every response, then records the status and the time.
    async fn delay_and_record(&self, status: StatusCode) {
        let latency = self.shared.quirks.latency;
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
        self.shared.request_log.complete(self.place, |request| {
            request.status = status.as_u16();
            request.answered = Some(self.shared.now());
        });
    }

    /// Executes the request, or says what is wrong with it, whichever is found first.
    fn check_and_execute(&self) -> BufferedResponse {
        let (shared, parts) = (self.shared, &self.parts);
        if parts.uri.path() != shared.path {
            return BufferedResponse::detail(StatusCode::NOT_FOUND, "Not Found");
        }
        let mutations = match parts.method {
            Method::POST => Mutations::Allowed,
            Method::GET => Mutations::Refused,
            _ => return BufferedResponse::method_not_allowed("GET, POST"),
        };
        let Some(access) = shared.workspaces.access(&parts.headers) else {
            return BufferedResponse::unauthorized();
        };
        let Some(media) = MediaType::accepted(&parts.headers) else {
            return BufferedResponse::detail(StatusCode::NOT_ACCEPTABLE, "Not Acceptable");
        };
        if parts.method == Method::POST && !media_type::is_json(&parts.headers) {
            return BufferedResponse::detail(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "Unsupported MediaType Type",
            );
        }
        if let Some(unread) = &self.unread {
            return BufferedResponse::detail(unread.status(), &unread.body_text());
        }
        let parameters = match &self.parameters {
            Ok(parameters) => parameters,
            Err(wrong) => return BufferedResponse::unread(wrong, media),
        };
        let resets = shared.not_resetting();
        if *resets != self.resets {
            let reset =
                "The emulator was reset while the request was in flight: nothing was executed.";
            return BufferedResponse::detail(StatusCode::SERVICE_UNAVAILABLE, reset);
        }
        let request = GraphqlRequest {
            query: &parameters.query,
            operation_name: parameters.operation_name.as_deref(),
            variables: &parameters.variables,
            mutations,
            quirks: &shared.quirks,
            workspaces: &shared.workspaces,
            access: &access,
        };
        let outcome = resolvers::execute(&shared.schemas, &shared.runs, shared.now(), &request);
        BufferedResponse::of_outcome(outcome, media, shared.quirks.refusal_status)
    }
}
