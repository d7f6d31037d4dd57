//! [`HttpTransport`]: one attempt. It sends a request and races it (exchange.rs), sees whether the body
//! left (body.rs), and says what came back: a response, or the error of none (lost.rs).

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use bytes::Bytes;
#[cfg(any(test, fuzzing))]
use reqwest::StatusCode;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue, USER_AGENT};
use reqwest::{Method, Request};
use tracing::Span;

use super::body::{BodyLeft, Seal};
use super::connections::{Connections, Settings, user_agent};
use super::exchange::{BodyEnd, Limits, Received, exchange, race};
use super::headers::{request_id, retry_after};
use super::lost::{lost, no_time, too_large, unanswered};
use super::operation::{OperationInfo, Safety};
use super::redact::Redaction;
use super::response::{Response, ResponseContext};
use crate::config::{Credentials, Endpoint, Origins, name_workspace, names_workspace, workspace};
use crate::error::{Cause, Error, FailedCall, excerpt};

/// What GraphQL over HTTP asks of clients.
const ACCEPTED: HeaderValue =
    HeaderValue::from_static("application/graphql-response+json, application/json;q=0.9");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Sends requests to one endpoint with one set of credentials, each once. Cheap to clone: clones share
/// everything but what depends on the workspace.
#[derive(Clone)]
pub(crate) struct HttpTransport {
    headers: HeaderMap,
    context: Arc<ResponseContext>,
    shared: Arc<Shared>,
}

/// What does not change with the workspace.
struct Shared {
    endpoint: Endpoint,
    /// Whether the credentials are for more than one workspace, so that a header has to name one.
    is_of_company: bool,
    origins: Origins,
    settings: Settings,
    connections: Connections,
}

impl HttpTransport {
    pub(crate) fn new(
        endpoint: Endpoint,
        credentials: &Credentials,
        settings: Settings,
        origins: Origins,
    ) -> Result<Self, Error> {
        let mut headers = credentials.headers()?;
        headers.insert(ACCEPT, ACCEPTED);
        headers.insert(CONTENT_TYPE, JSON);
        headers.insert(
            USER_AGENT,
            user_agent(settings.user_agent_suffix.as_deref())?,
        );
        let secrets = credentials.secrets().into_iter().chain(endpoint.secrets());
        let context = ResponseContext {
            redaction: Redaction::of(secrets),
            sources: origins.describe(),
        };
        let connections = Connections::new(&endpoint, &settings)?;
        Ok(Self {
            headers,
            context: Arc::new(context),
            shared: Arc::new(Shared {
                endpoint,
                is_of_company: credentials.is_of_company(),
                origins,
                settings,
                connections,
            }),
        })
    }

    /// The same for another workspace, which was found nowhere.
    pub(crate) fn with_workspace(&self, uid: &str) -> Result<Self, Error> {
        let mut headers = self.headers.clone();
        name_workspace(&mut headers, uid)?;
        let context = ResponseContext {
            redaction: self.context.redaction.clone(),
            sources: self.shared.origins.clone().without_workspace().describe(),
        };
        Ok(Self {
            headers,
            context: Arc::new(context),
            shared: self.shared.clone(),
        })
    }

    /// What has to be known to read a response.
    pub(crate) fn context(&self) -> &ResponseContext {
        &self.context
    }

    /// Scheme, host and port of the endpoint.
    pub(crate) fn origin(&self) -> String {
        self.shared.endpoint.url().origin().ascii_serialization()
    }

    /// The workspace that every request names.
    pub(crate) fn workspace_uid(&self) -> Option<String> {
        workspace(&self.headers)
    }

    /// What identifies the account: the endpoint, and the workspace if one is named. Not to be shown.
    pub(crate) fn account(&self) -> String {
        let mut account = self.shared.endpoint.url().to_string();
        if let Some(workspace) = self.workspace_uid() {
            account.push('\n');
            account.push_str(&workspace);
        }
        account
    }

    /// The most bytes that a response may have.
    pub(crate) fn response_limit(&self) -> usize {
        self.shared.settings.response_limit
    }

    /// Whether the credentials need a workspace beside them, and none is named.
    pub(crate) fn lacks_workspace(&self) -> bool {
        self.shared.is_of_company && !names_workspace(&self.headers)
    }

    /// Sends a request once, and gives up at the limits or after the request timeout.
    pub(crate) async fn send(
        &self,
        body: Bytes,
        operation: &OperationInfo,
        call: &mut FailedCall,
        limits: Limits<'_>,
        body_left: Option<BodyLeft>,
        span: &Span,
    ) -> Result<Response, Error> {
        let Shared {
            endpoint,
            settings,
            connections,
            ..
        } = &*self.shared;
        let limits = Limits {
            to_leave: limits.to_leave.min(settings.request_timeout),
            to_end: limits.to_end.min(settings.request_timeout),
            ..limits
        };
        if limits.to_leave.is_zero() || limits.is_too_late() {
            return Err(no_time(call, "the deadline has passed"));
        }
        if limits.is_closed() {
            return Err(Error::closed(call.clone()));
        }
        let client = match operation.safety {
            Safety::Read => connections.for_reads(endpoint, settings),
            Safety::Idempotent | Safety::Never => connections.for_changes(),
        };
        let seal = Seal::new(body_left).before(limits.leaves_before);
        // Not by a builder, which would put one header after the other into a map of its own.
        let mut request = Request::new(Method::POST, endpoint.url().clone());
        *request.headers_mut() = self.headers.clone();
        *request.body_mut() = Some(reqwest::Body::wrap(seal.body(body)));

        let mut received = Received::default();
        let progress = AtomicUsize::new(0);
        let end = {
            let exchange = exchange(
                client.execute(request),
                settings.response_limit,
                &mut received,
                &progress,
            );
            race(std::pin::pin!(exchange), limits, &seal, &progress).await
        };
        self.note(call, &received);
        span.record("http.status", call.http_status);
        span.record("request_id", call.request_id.as_deref());
        let end = end.map(|end| end.map_err(|error| Arc::new(error.without_url()) as Cause));
        if end.is_none() && limits.is_closed() && seal.seal() {
            return Err(Error::closed(call.clone()));
        }
        if end.as_ref().is_some_and(Result::is_err) && limits.is_too_late() && seal.seal() {
            return Err(no_time(call, "the deadline has passed"));
        }
        self.conclude(call, operation, end, received, limits, &seal)
    }

    /// What came of an attempt. `end`: how its response ended; `None` if it was given up.
    fn conclude(
        &self,
        call: &FailedCall,
        operation: &OperationInfo,
        end: Option<Result<BodyEnd, Cause>>,
        mut received: Received,
        limits: Limits<'_>,
        seal: &Seal,
    ) -> Result<Response, Error> {
        // Also what has arrived of one that broke off: it may hold an id.
        let unpacked = received.unpack(self.shared.settings.response_limit);
        let end = match end {
            Some(Ok(BodyEnd::Whole)) => Some(unpacked),
            other => other,
        };
        match (end, received.head) {
            (Some(Ok(BodyEnd::Whole)), Some((status, headers))) => Ok(Response {
                status,
                headers,
                body: received.body,
            }),
            (Some(Ok(_)), _) => {
                let limit = self.response_limit();
                Err(too_large(call, operation, limit, &received.body))
            }
            (Some(Err(source)), _) => Err(lost(call, operation, source, seal, &received.body)),
            (None, _) if seal.seal() => Err(no_time(
                call,
                &format!("no connection within {:.1?}", limits.to_leave),
            )),
            (None, _) => {
                let late = std::io::Error::new(
                    std::io::ErrorKind::TimedOut,
                    format!("no whole response within {:.1?}", limits.to_end),
                );
                let source: Cause = Arc::new(late);
                Err(unanswered(call, operation, source, &received.body))
            }
        }
    }

    /// Notes in the call what the head of a response says.
    fn note(&self, call: &mut FailedCall, received: &Received) {
        if let Some((status, headers)) = &received.head {
            call.http_status = Some(status.as_u16());
            call.retry_after = retry_after(headers);
            call.request_id =
                request_id(headers).map(|id| excerpt(&self.context().redaction.text(&id)));
        }
    }

    /// As [`send`](Self::send), where this is what arrives once the body has left.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn arrive(
        &self,
        call: &mut FailedCall,
        operation: &OperationInfo,
        status: StatusCode,
        headers: HeaderMap,
        mut body: Vec<u8>,
    ) -> Result<Response, Error> {
        let limit = self.shared.settings.response_limit;
        let end = match body.len() > limit {
            true => BodyEnd::TooLarge,
            false => BodyEnd::Whole,
        };
        body.truncate(limit);
        let limits = Limits {
            to_leave: self.shared.settings.request_timeout,
            to_end: self.shared.settings.request_timeout,
            closed: None,
            leaves_before: None,
        };
        let received = Received {
            head: Some((status, headers)),
            body,
        };
        self.note(call, &received);
        self.conclude(
            call,
            operation,
            Some(Ok(end)),
            received,
            limits,
            &Seal::left(),
        )
    }
}

impl fmt::Debug for HttpTransport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("HttpTransport")
            .field("endpoint", &self.shared.endpoint)
            .field("request_timeout", &self.shared.settings.request_timeout)
            .field("response_limit", &self.shared.settings.response_limit)
            .finish_non_exhaustive()
    }
}
