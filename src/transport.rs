//! One request over HTTP: send it, see whether it left, read the answer under a limit.
//!
//! Reads go over kept connections. Changes go over a connection of their own each: one that the
//! server has just closed would lose the answer (measured: 0.1 to 1 % of requests over kept
//! connections, none over new ones).

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue, USER_AGENT};
use reqwest::redirect;

use crate::answer::Answer;
use crate::credentials::Credentials;
use crate::endpoint::Endpoint;
use crate::error::{Call, Cause, Error};
use crate::operations::Repeat;
use crate::redaction::Redaction;

/// What GraphQL over HTTP asks of clients.
const ACCEPTED: HeaderValue =
    HeaderValue::from_static("application/graphql-response+json, application/json;q=0.9");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const USER_AGENT_NAME: &str = concat!("dinoai/", env!("CARGO_PKG_VERSION"));

/// What the caller adds to the HTTP client's own settings.
pub(crate) type Hook = dyn Fn(reqwest::ClientBuilder) -> reqwest::ClientBuilder + Send + Sync;

/// How requests are sent.
pub(crate) struct Settings {
    pub(crate) request_timeout: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) response_limit: usize,
    pub(crate) user_agent_suffix: Option<String>,
    pub(crate) hook: Option<Box<Hook>>,
}

pub(crate) struct Transport {
    endpoint: Endpoint,
    headers: HeaderMap,
    redaction: Redaction,
    reads: reqwest::Client,
    /// For blocking calls: a kept connection stands still while the runtime that opened it does.
    #[cfg(feature = "blocking")]
    blocking_reads: reqwest::Client,
    changes: reqwest::Client,
    request_timeout: Duration,
    response_limit: usize,
}

impl Transport {
    pub(crate) fn new(
        endpoint: Endpoint,
        credentials: &Credentials,
        settings: &Settings,
    ) -> Result<Self, Error> {
        let mut headers = credentials.headers()?;
        headers.insert(ACCEPT, ACCEPTED);
        headers.insert(CONTENT_TYPE, JSON);
        headers.insert(
            USER_AGENT,
            user_agent(settings.user_agent_suffix.as_deref())?,
        );
        let client = |prepare: fn(reqwest::ClientBuilder) -> reqwest::ClientBuilder| {
            let builder = prepare(http_client(&endpoint, settings));
            builder.build().map_err(|error| {
                let problem = format!(
                    "cannot be set up: {}; https needs the system's certificates (on Debian and \
                     Alpine the package ca-certificates)",
                    crate::wording::innermost(&error)
                );
                Error::config("HTTP client", problem)
            })
        };
        Ok(Self {
            reads: client(|builder| builder)?,
            #[cfg(feature = "blocking")]
            blocking_reads: client(|builder| builder)?,
            changes: client(|builder| builder.pool_max_idle_per_host(0))?,
            redaction: Redaction::of(credentials.secrets().into_iter().chain(endpoint.secrets())),
            endpoint,
            headers,
            request_timeout: settings.request_timeout,
            response_limit: settings.response_limit,
        })
    }

    /// What must not be shown of what a server said.
    pub(crate) fn redaction(&self) -> &Redaction {
        &self.redaction
    }

    /// Sends a request once, and gives up after the request timeout or the time `left`.
    pub(crate) async fn send(
        &self,
        body: Bytes,
        repeat: Repeat,
        call: &mut Call,
        left: Duration,
    ) -> Result<Answer, Error> {
        let timeout = left.min(self.request_timeout);
        if timeout.is_zero() {
            return Err(Error::NotSent {
                call: Box::new(call.clone()),
                source: Arc::new(std::io::Error::other("no time was left")),
            });
        }
        let client = match repeat {
            #[cfg(feature = "blocking")]
            Repeat::Read if crate::blocking::is_here() => &self.blocking_reads,
            Repeat::Read => &self.reads,
            Repeat::Idempotent | Repeat::Never => &self.changes,
        };
        let witness = Witness::default();
        let request = client
            .post(self.endpoint.url().clone())
            .headers(self.headers.clone())
            .timeout(timeout)
            .body(reqwest::Body::wrap(witness.watch(body)));
        let lost = |call: &Call, error: reqwest::Error| {
            let call = Box::new(call.clone());
            let source: Cause = Arc::new(error.without_url());
            match repeat {
                _ if !witness.has_left() => Error::NotSent { call, source },
                Repeat::Read | Repeat::Idempotent => Error::Transport { call, source },
                Repeat::Never => Error::OutcomeUnknown {
                    call,
                    reason: crate::wording::innermost(source.as_ref()),
                    source: Some(source),
                },
            }
        };

        let mut response = match request.send().await {
            Ok(response) => response,
            Err(error) => return Err(lost(call, error)),
        };
        call.request_id = Answer::request_id(response.headers()).map(|id| self.redaction.text(&id));
        let span = tracing::Span::current();
        span.record("http.status", response.status().as_u16());
        span.record("request_id", call.request_id.as_deref());
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if chunk.len() > self.response_limit - body.len() => {
                    return Err(self.too_large(call, repeat));
                }
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => break,
                Err(error) => return Err(lost(call, error)),
            }
        }
        Ok(Answer {
            status: response.status(),
            headers: std::mem::take(response.headers_mut()),
            body,
        })
    }

    fn too_large(&self, call: &Call, repeat: Repeat) -> Error {
        let call = Box::new(call.clone());
        let limit = self.response_limit;
        match repeat {
            Repeat::Read | Repeat::Idempotent => Error::ResponseTooLarge { call, limit },
            Repeat::Never => Error::OutcomeUnknown {
                call,
                reason: format!("the answer is larger than {limit} bytes"),
                source: None,
            },
        }
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Transport")
            .field("endpoint", &self.endpoint)
            .field("request_timeout", &self.request_timeout)
            .field("response_limit", &self.response_limit)
            .finish_non_exhaustive()
    }
}

/// The caller's settings first, then ours, which keep credentials and requests safe:
///
/// - a redirect would carry `X-API-KEY` to another host;
/// - the HTTP client's own retries would resend a trigger;
/// - a proxy from the environment would see requests to this machine, key included;
/// - after a time-out a frozen HTTP/2 connection would be used again and again;
/// - verbose connections would write the credentials to the log.
fn http_client(endpoint: &Endpoint, settings: &Settings) -> reqwest::ClientBuilder {
    let mut builder = reqwest::Client::builder();
    if endpoint.is_plain_http() {
        // No TLS, no certificates: a machine without any can still talk to itself.
        builder = builder.tls_certs_only([]);
    }
    if let Some(hook) = &settings.hook {
        builder = hook(builder);
    }
    if endpoint.is_loopback() {
        builder = builder.no_proxy();
    }
    builder
        .redirect(redirect::Policy::none())
        .referer(false)
        .retry(reqwest::retry::never())
        .http1_only()
        .connection_verbose(false)
        .gzip(true)
        .connect_timeout(settings.connect_timeout)
}

fn user_agent(suffix: Option<&str>) -> Result<HeaderValue, Error> {
    let Some(suffix) = suffix else {
        return Ok(HeaderValue::from_static(USER_AGENT_NAME));
    };
    HeaderValue::from_str(&format!("{USER_AGENT_NAME} {suffix}")).map_err(|_| {
        let problem = "contains a character that no HTTP header can carry";
        Error::config("user agent suffix", problem)
    })
}

/// Tells whether a request's body was taken by the connection: until then nothing can have been
/// carried out.
#[derive(Debug, Default)]
struct Witness {
    has_left: Arc<AtomicBool>,
}

impl Witness {
    fn watch(&self, body: Bytes) -> WatchedBody {
        WatchedBody {
            body: Some(body),
            has_left: self.has_left.clone(),
        }
    }

    fn has_left(&self) -> bool {
        self.has_left.load(Ordering::Acquire)
    }
}

struct WatchedBody {
    body: Option<Bytes>,
    has_left: Arc<AtomicBool>,
}

impl http_body::Body for WatchedBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.has_left.store(true, Ordering::Release);
        Poll::Ready(self.body.take().map(|body| Ok(Frame::data(body))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.body.as_ref().map_or(0, |body| body.len() as u64))
    }
}
