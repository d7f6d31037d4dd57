//! GraphQL over HTTP: from an HTTP request to an HTTP answer.
//!
//! What is wrong with a request is looked for from the outside in: path, method, credentials,
//! media types, body, and then the GraphQL request itself.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use apollo_compiler::response::GraphQLError;
use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, FromRequest, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use axum::{Router, routing};
use serde::Serialize;
use serde_json::json;

use crate::backend::Schemas;
use crate::clock::Clock;
use crate::credentials;
use crate::edges::{Edges, RefusalStatus};
use crate::execute::{self, Answer, Call, Mutations, Outcome};
use crate::media::{self, Media};
use crate::operations::Trace;
use crate::parameters::Parameters;
use crate::requests::Record;
use crate::runs::Run;
use crate::world::World;

/// The largest request body, in bytes: 1 MiB.
const BODY_LIMIT: usize = 1 << 20;

/// The number of a TCP connection.
#[derive(Clone, Copy)]
pub(crate) struct Connection(pub(crate) u64);

/// What the requests of one emulator share.
pub(crate) struct Shared {
    pub(crate) path: String,
    pub(crate) schemas: Schemas,
    pub(crate) world: Mutex<World>,
    pub(crate) record: Record,
    pub(crate) clock: Clock,
    pub(crate) edges: Arc<Edges>,
}

impl Shared {
    fn now(&self) -> Duration {
        self.clock.now()
    }

    pub(crate) fn runs(&self) -> Vec<Run> {
        self.world
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .runs(self.now())
    }
}

/// The service of one emulator. Each connection adds its [`Connection`].
pub(crate) fn service(shared: Arc<Shared>) -> Router {
    Router::new()
        .fallback(routing::any(answer))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .with_state(shared)
}

async fn answer(
    State(shared): State<Arc<Shared>>,
    Extension(Connection(connection)): Extension<Connection>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let place = shared.record.open(&parts, connection);
    let body = Bytes::from_request(Request::from_parts(parts.clone(), body), &()).await;
    let parameters = Parameters::read(&parts, body.as_deref().unwrap_or_default());
    let mut reply = judge(&shared, &parts, body.as_ref().err(), &parameters);
    shared.record.complete(place, |request| {
        if let Ok(parameters) = parameters {
            request.operation_name = parameters.operation_name;
            request.query = parameters.query;
            request.variables = parameters.variables;
        }
        if reply.operation_name.is_some() {
            request.operation_name = reply.operation_name.take();
        }
        request.status = reply.status.as_u16();
        request.started = std::mem::take(&mut reply.trace.started);
        request.executed = reply.trace.executed;
    });
    reply.into_response()
}

fn judge(
    shared: &Shared,
    parts: &Parts,
    unread: Option<&BytesRejection>,
    parameters: &Result<Parameters, String>,
) -> Reply {
    if parts.uri.path() != shared.path {
        return Reply::detail(StatusCode::NOT_FOUND, "Not Found");
    }
    let mutations = match parts.method {
        Method::POST => Mutations::Allowed,
        Method::GET => Mutations::Refused,
        _ => return Reply::method_not_allowed("GET, POST"),
    };
    if !credentials::are_valid(&parts.headers) {
        return Reply::detail(StatusCode::UNAUTHORIZED, "Unauthorized");
    }
    let Some(media) = Media::accepted(&parts.headers) else {
        return Reply::detail(StatusCode::NOT_ACCEPTABLE, "Not Acceptable");
    };
    if parts.method == Method::POST && !media::is_json(&parts.headers) {
        return Reply::detail(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Unsupported Media Type");
    }
    if let Some(rejection) = unread {
        return Reply::detail(rejection.status(), &rejection.body_text());
    }
    let call = parameters.as_ref().map(|parameters| Call {
        query: &parameters.query,
        operation_name: parameters.operation_name.as_deref(),
        variables: execute::variables(&parameters.variables),
        mutations,
        edges: &shared.edges,
    });
    match call {
        Ok(call) => Reply::outcome(
            execute::execute(&shared.schemas, &shared.world, shared.now(), &call),
            media,
            shared.edges.refusal_status,
        ),
        Err(refused) => {
            let body = json!({ "errors": [{ "message": refused }] }).to_string();
            Reply::graphql(StatusCode::BAD_REQUEST, media, body)
        }
    }
}

/// An answer about to be sent, with what the record is to know of it.
struct Reply {
    status: StatusCode,
    content_type: &'static str,
    allow: Option<&'static str>,
    body: String,
    operation_name: Option<String>,
    trace: Trace,
}

impl Reply {
    fn new(status: StatusCode, content_type: &'static str, body: String) -> Self {
        Self {
            status,
            content_type,
            allow: None,
            body,
            operation_name: None,
            trace: Trace::default(),
        }
    }

    /// An answer that is JSON but not GraphQL: the request did not get that far.
    fn detail(status: StatusCode, detail: &str) -> Self {
        let body = json!({ "detail": detail }).to_string();
        Self::new(status, "application/json", body)
    }

    fn method_not_allowed(allow: &'static str) -> Self {
        let mut reply = Self::detail(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed");
        reply.allow = Some(allow);
        reply
    }

    fn graphql(status: StatusCode, media: Media, body: String) -> Self {
        Self::new(status, media.content_type(), body)
    }

    fn outcome(outcome: Outcome, media: Media, refusals: RefusalStatus) -> Self {
        let mut reply = match outcome.answer {
            Answer::Executed(response) => Self::graphql(StatusCode::OK, media, text(&response)),
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
        Self::graphql(status, media, text(&Refusal { errors }))
    }

    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static(self.content_type),
        );
        if let Some(allow) = self.allow {
            headers.insert(header::ALLOW, HeaderValue::from_static(allow));
        }
        response
    }
}

/// The body of a refusal: no `data`, because nothing was executed.
#[derive(Serialize)]
struct Refusal<'a> {
    errors: &'a [GraphQLError],
}

/// JSON text. The values are maps with text keys, lists, texts and finite numbers, which always
/// have one.
fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
