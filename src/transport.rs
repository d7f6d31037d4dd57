//! One request over HTTP: send it, see whether it left, read the answer under a limit.
//!
//! Reads go over kept connections. Changes go over a connection of their own each: one that the
//! server has just closed would lose the answer (measured: 0.1 to 1 % of requests over kept
//! connections, none over new ones).

use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::{Either, select};
use reqwest::header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, USER_AGENT};
use reqwest::{StatusCode, redirect};
use tokio::runtime::{Handle, Id};
use tracing::Span;

use crate::body::{Departed, Seal};
use crate::closing::Closing;
use crate::config::{Credentials, Endpoint};
use crate::error::{Cause, Error, FailedCall, Obstacle, excerpt, innermost};
use crate::operations::Repeat;
use crate::redaction::Redaction;
use crate::response::{Context, Response, find_id, request_id, retry_after};
use crate::unpack::{UnpackError, gzip_limited};

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

/// How long one attempt may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits<'a> {
    /// Until the body has left.
    pub(crate) to_leave: Duration,
    /// Until the response is here.
    pub(crate) to_end: Duration,
    /// After which no body leaves any more.
    pub(crate) closing: Option<&'a Closing>,
}

pub(crate) struct Transport {
    endpoint: Endpoint,
    headers: HeaderMap,
    context: Context,
    settings: Settings,
    reads: Pools,
    changes: reqwest::Client,
}

impl Transport {
    pub(crate) fn new(
        endpoint: Endpoint,
        credentials: &Credentials,
        settings: Settings,
        sources: Option<String>,
    ) -> Result<Self, Error> {
        let mut headers = credentials.headers()?;
        headers.insert(ACCEPT, ACCEPTED);
        headers.insert(CONTENT_TYPE, JSON);
        headers.insert(
            USER_AGENT,
            user_agent(settings.user_agent_suffix.as_deref())?,
        );
        let refuse = |error: reqwest::Error| {
            let problem = format!(
                "cannot be set up: {}; https needs the system's certificates (on Debian and \
                 Alpine the package ca-certificates)",
                innermost(&error)
            );
            Error::config("HTTP client", problem)
        };
        let secrets = credentials.secrets().into_iter().chain(endpoint.secrets());
        Ok(Self {
            reads: Pools::starting_with(http_client(&endpoint, &settings).build().map_err(refuse)?),
            changes: without_pool(http_client(&endpoint, &settings))
                .build()
                .map_err(refuse)?,
            context: Context {
                redaction: Redaction::of(secrets),
                sources,
            },
            endpoint,
            headers,
            settings,
        })
    }

    /// What has to be known to read a response.
    pub(crate) fn context(&self) -> &Context {
        &self.context
    }

    /// Sends a request once, and gives up at the limits or after the request timeout.
    pub(crate) async fn send(
        &self,
        body: Bytes,
        repeat: Repeat,
        call: &mut FailedCall,
        limits: Limits<'_>,
        departed: Option<Departed>,
        span: &Span,
    ) -> Result<Response, Error> {
        let limits = Limits {
            to_leave: limits.to_leave.min(self.settings.request_timeout),
            to_end: limits.to_end.min(self.settings.request_timeout),
            closing: limits.closing,
        };
        if limits.to_leave.is_zero() {
            return Err(no_time(call, "the deadline has passed"));
        }
        if limits.closing.is_some_and(Closing::is_closed) {
            return Err(Error::closed(call.clone()));
        }
        let client = match repeat {
            Repeat::Read => self.client_for_reads(),
            Repeat::Idempotent | Repeat::Never => self.changes.clone(),
        };
        let seal = Seal::new(departed);
        let request = client
            .post(self.endpoint.url().clone())
            .headers(self.headers.clone())
            .body(reqwest::Body::wrap(seal.body(body)));

        let mut received = Received::default();
        let progress = AtomicUsize::new(0);
        let end = {
            let exchange = exchange(
                request,
                self.settings.response_limit,
                &mut received,
                &progress,
            );
            race(std::pin::pin!(exchange), limits, &seal, &progress).await
        };
        self.note(call, &received);
        span.record("http.status", call.http_status);
        span.record("request_id", call.request_id.as_deref());
        let end = end.map(|end| end.map_err(|error| Arc::new(error.without_url()) as Cause));
        if end.is_none() && limits.closing.is_some_and(Closing::is_closed) && seal.seal() {
            return Err(Error::closed(call.clone()));
        }
        self.conclude(call, repeat, end, received, limits, &seal)
    }

    /// What came of an attempt. `end`: how its response ended; `None` if it was given up.
    fn conclude(
        &self,
        call: &FailedCall,
        repeat: Repeat,
        end: Option<Result<End, Cause>>,
        mut received: Received,
        limits: Limits<'_>,
        seal: &Seal,
    ) -> Result<Response, Error> {
        // Also what has arrived of one that broke off: it may hold an id.
        let unpacked = received.unpack(self.settings.response_limit);
        let end = match end {
            Some(Ok(End::Whole)) => Some(unpacked),
            other => other,
        };
        match (end, received.head) {
            (Some(Ok(End::Whole)), Some((status, headers))) => Ok(Response {
                status,
                headers,
                body: received.body,
            }),
            (Some(Ok(_)), _) => Err(self.too_large(call, repeat, &received.body)),
            (Some(Err(source)), _) => Err(lost(call, repeat, source, seal, &received.body)),
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
                Err(unanswered(call, repeat, source, &received.body))
            }
        }
    }

    /// Notes in the call what the head of a response says.
    fn note(&self, call: &mut FailedCall, received: &Received) {
        if let Some((status, headers)) = &received.head {
            call.http_status = Some(status.as_u16());
            call.retry_after = retry_after(headers);
            call.request_id =
                request_id(headers).map(|id| excerpt(&self.context.redaction.text(&id)));
        }
    }

    /// As [`send`](Self::send), where this is what arrives once the body has left.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn arrive(
        &self,
        call: &mut FailedCall,
        repeat: Repeat,
        status: StatusCode,
        headers: HeaderMap,
        mut body: Vec<u8>,
    ) -> Result<Response, Error> {
        let limit = self.settings.response_limit;
        let end = match body.len() > limit {
            true => End::TooLarge,
            false => End::Whole,
        };
        body.truncate(limit);
        let limits = Limits {
            to_leave: self.settings.request_timeout,
            to_end: self.settings.request_timeout,
            closing: None,
        };
        let received = Received {
            head: Some((status, headers)),
            body,
        };
        self.note(call, &received);
        self.conclude(call, repeat, Some(Ok(end)), received, limits, &Seal::left())
    }

    /// A client whose connections belong to the current runtime.
    fn client_for_reads(&self) -> reqwest::Client {
        let Ok(runtime) = Handle::try_current() else {
            return self.changes.clone();
        };
        let build = || http_client(&self.endpoint, &self.settings).build().ok();
        // Without a pool it works everywhere, and costs a connection a request.
        let client = self.reads.client(runtime.id(), build);
        client.unwrap_or_else(|| self.changes.clone())
    }

    fn too_large(&self, call: &FailedCall, repeat: Repeat, received: &[u8]) -> Error {
        let limit = self.settings.response_limit;
        match repeat {
            Repeat::Read | Repeat::Idempotent => Error::ResponseTooLarge {
                call: Box::new(call.clone()),
                limit,
            },
            Repeat::Never => unknown(
                call,
                format!("the response is larger than {limit} bytes"),
                None,
                received,
            ),
        }
    }
}

/// What has arrived of a response.
#[derive(Default)]
struct Received {
    head: Option<(StatusCode, HeaderMap)>,
    body: Vec<u8>,
}

impl Received {
    /// Unpacks a body that the HTTP client left as it is, since it reads `Content-Encoding: gzip`
    /// in lower case only. What can be unpacked of a broken one is kept.
    fn unpack(&mut self, limit: usize) -> Result<End, Cause> {
        let is_packed = self.head.as_ref().is_some_and(|(_, headers)| {
            let encoding = headers.get(CONTENT_ENCODING).map(HeaderValue::as_bytes);
            encoding.is_some_and(|encoding| {
                encoding.eq_ignore_ascii_case(b"gzip") || encoding.eq_ignore_ascii_case(b"x-gzip")
            })
        });
        if !is_packed {
            return Ok(End::Whole);
        }
        match gzip_limited(&self.body, limit) {
            Ok(body) => {
                self.body = body;
                Ok(End::Whole)
            }
            Err(UnpackError::TooLarge { read }) => {
                self.body = read;
                Ok(End::TooLarge)
            }
            Err(UnpackError::Broken { read, source }) => {
                self.body = read;
                Err(Arc::new(source))
            }
        }
    }
}

/// How a response ended.
enum End {
    Whole,
    TooLarge,
}

async fn exchange(
    request: reqwest::RequestBuilder,
    limit: usize,
    received: &mut Received,
    progress: &AtomicUsize,
) -> Result<End, reqwest::Error> {
    let mut response = request.send().await?;
    received.head = Some((response.status(), std::mem::take(response.headers_mut())));
    progress.fetch_add(1, Ordering::Relaxed);
    while let Some(chunk) = response.chunk().await? {
        let room = limit - received.body.len();
        received
            .body
            .extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() > room {
            return Ok(End::TooLarge);
        }
        progress.fetch_add(1, Ordering::Relaxed);
    }
    Ok(End::Whole)
}

/// Waits for an exchange within its limits; `None` if it was given up. A body that has left is
/// waited for until the second limit.
async fn race<T>(
    mut exchange: Pin<&mut impl Future<Output = T>>,
    limits: Limits<'_>,
    seal: &Seal,
    progress: &AtomicUsize,
) -> Option<T> {
    let start = tokio::time::Instant::now();
    let end = {
        let leaving = pin!(within(exchange.as_mut(), limits.to_leave, progress));
        match limits.closing {
            None => leaving.await,
            Some(closing) => match select(leaving, closing.closed()).await {
                Either::Left((end, _)) => end,
                Either::Right(_) => None,
            },
        }
    };
    let left = limits.to_end.saturating_sub(start.elapsed());
    if end.is_some() || seal.seal() || left.is_zero() {
        return end;
    }
    within(exchange, left, progress).await
}

/// Waits for a response first and for a timer second. A response that has arrived by the time
/// the timer is looked at counts, however late that is: the caller's thread may have been busy.
async fn within<T>(
    mut exchange: Pin<&mut impl Future<Output = T>>,
    limit: Duration,
    progress: &AtomicUsize,
) -> Option<T> {
    /// How often the runtime gets to read what has arrived, without anything coming of it.
    const LOOKS: u32 = 8;
    /// An endless response is given up all the same.
    const LONGEST: Duration = Duration::from_secs(1);

    let timer = std::pin::pin!(tokio::time::sleep(limit));
    match select(exchange.as_mut(), timer).await {
        Either::Left((end, _)) => return Some(end),
        Either::Right(_) => {}
    }
    let start = Instant::now();
    let (mut looks, mut seen) = (0, progress.load(Ordering::Relaxed));
    while looks < LOOKS && start.elapsed() < LONGEST {
        tokio::task::yield_now().await;
        let look = poll_fn(|context| Poll::Ready(exchange.as_mut().poll(context)));
        if let Poll::Ready(end) = look.await {
            return Some(end);
        }
        let now = progress.load(Ordering::Relaxed);
        looks = if now == seen { looks + 1 } else { 0 };
        seen = now;
    }
    None
}

/// The error of an attempt whose connection failed.
fn lost(call: &FailedCall, repeat: Repeat, source: Cause, seal: &Seal, received: &[u8]) -> Error {
    if seal.seal() {
        return Error::NotSent {
            call: Box::new(call.clone()),
            obstacle: obstacle(source.as_ref()),
            source,
        };
    }
    unanswered(call, repeat, source, received)
}

/// The error of an attempt that left and got no whole response.
fn unanswered(call: &FailedCall, repeat: Repeat, source: Cause, received: &[u8]) -> Error {
    match repeat {
        Repeat::Read | Repeat::Idempotent => Error::Transport {
            call: Box::new(call.clone()),
            source,
        },
        Repeat::Never => {
            let reason = innermost(source.as_ref());
            unknown(call, reason, Some(source), received)
        }
    }
}

/// The outcome of a trigger or a follow-up is unknown. The id in what was received is kept.
fn unknown(call: &FailedCall, reason: String, source: Option<Cause>, received: &[u8]) -> Error {
    let mut call = Box::new(call.clone());
    call.unproven = true;
    if call.session_id.is_none() {
        call.session_id = find_id(received);
    }
    Error::OutcomeUnknown {
        call,
        reason,
        errors: vec![],
        source,
    }
}

fn no_time(call: &FailedCall, problem: &str) -> Error {
    Error::NotSent {
        call: Box::new(call.clone()),
        obstacle: Obstacle::Time,
        source: Arc::new(std::io::Error::new(
            std::io::ErrorKind::TimedOut,
            problem.to_owned(),
        )),
    }
}

/// What kept a request from being sent. The HTTP client's errors say it in words alone.
fn obstacle(error: &(dyn std::error::Error + Send + Sync + 'static)) -> Obstacle {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        let text = error.to_string();
        if text.contains("proxy authorization required") {
            return Obstacle::ProxyCredentials;
        } else if text.contains("tunnel error") {
            return Obstacle::Proxy;
        } else if text.contains("invalid peer certificate") {
            return Obstacle::Certificate;
        } else if text.contains("dns error") {
            return Obstacle::NameResolution;
        }
        cause = error.source();
    }
    Obstacle::Connection
}

/// HTTP clients for reads, one for each runtime: a kept connection belongs to the runtime that
/// opened it, and stands still while that one does.
struct Pools {
    /// Of the runtimes that were used last, the latest at the end.
    clients: Mutex<Vec<(Option<Id>, reqwest::Client)>>,
}

impl Pools {
    const MOST: usize = 8;

    /// The first runtime that reads takes `first`.
    fn starting_with(first: reqwest::Client) -> Self {
        Self {
            clients: Mutex::new(vec![(None, first)]),
        }
    }

    fn client(
        &self,
        runtime: Id,
        build: impl FnOnce() -> Option<reqwest::Client>,
    ) -> Option<reqwest::Client> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let is_usable = |(owner, _): &(Option<Id>, _)| owner.is_none_or(|owner| owner == runtime);
        let client = match clients.iter().position(is_usable) {
            Some(place) => clients.remove(place).1,
            None => build()?,
        };
        if clients.len() >= Self::MOST {
            clients.remove(0);
        }
        clients.push((Some(runtime), client.clone()));
        Some(client)
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Transport")
            .field("endpoint", &self.endpoint)
            .field("request_timeout", &self.settings.request_timeout)
            .field("response_limit", &self.settings.response_limit)
            .finish_non_exhaustive()
    }
}

/// The caller's settings first, then ours, which keep credentials and requests safe:
///
/// - a redirect would carry `X-API-KEY` to another host;
/// - the HTTP client's own retries would resend a trigger;
/// - a proxy from the environment would see requests to this machine, key included;
/// - a resolver could make another machine of `localhost`;
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
    if let Some((name, addresses)) = endpoint.pinned() {
        builder = builder.resolve_to_addrs(name, &addresses);
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

/// For changes: no connection is kept, and header forms that are obsolete but unambiguous are
/// tolerated, since a lost response is a lost session id.
fn without_pool(builder: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
    builder
        .pool_max_idle_per_host(0)
        .http1_allow_obsolete_multiline_headers_in_responses(true)
        .http1_allow_spaces_after_header_name_in_responses(true)
        .http1_ignore_invalid_headers_in_responses(true)
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

#[cfg(test)]
mod tests {
    use std::future::pending;

    use http_body::Body;
    use tokio::time::Instant;

    use super::*;

    const LIMITS: Limits<'_> = Limits {
        to_leave: Duration::from_secs(2),
        to_end: Duration::from_secs(3),
        closing: None,
    };

    /// How many seconds an attempt to which nobody answers takes.
    async fn seconds_without_a_response(seal: &Seal) -> u64 {
        let start = Instant::now();
        let progress = AtomicUsize::new(0);
        let end = race(pin!(pending::<()>()), LIMITS, seal, &progress).await;
        assert!(end.is_none());
        start.elapsed().as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_has_left_is_awaited_longer_than_one_that_has_not() {
        let seal = Seal::new(None);
        let mut body = seal.body(Bytes::from_static(b"{}"));
        poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await;
        assert_eq!(seconds_without_a_response(&seal).await, 3);

        let seal = Seal::new(None);
        let mut body = seal.body(Bytes::from_static(b"{}"));
        assert_eq!(seconds_without_a_response(&seal).await, 2);
        let frame = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await;
        assert!(matches!(frame, Some(Err(_))));
    }
}
