//! The HTTP clients underneath: reads go over kept connections, a pool for each runtime, and changes
//! over a connection of their own each. One that the server has just closed would lose the response
//! (measured: 0.1 to 1 % of requests over kept connections, none over new ones).

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::HeaderValue;
use reqwest::redirect;
use tokio::runtime::{Handle, Id};

use crate::config::Endpoint;
use crate::error::{Error, innermost};

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

/// The HTTP clients of one [`HttpTransport`](super::HttpTransport).
pub(super) struct Connections {
    reads: Pools,
    changes: reqwest::Client,
}

impl Connections {
    pub(super) fn new(endpoint: &Endpoint, settings: &Settings) -> Result<Self, Error> {
        let refuse = |error: reqwest::Error| {
            let problem = format!(
                "cannot be set up: {}; https needs the system's certificates (on Debian and \
                 Alpine the package ca-certificates)",
                innermost(&error)
            );
            Error::config("HTTP client", problem)
        };
        Ok(Self {
            reads: Pools::starting_with(http_client(endpoint, settings).build().map_err(refuse)?),
            changes: without_pool(http_client(endpoint, settings))
                .build()
                .map_err(refuse)?,
        })
    }

    /// For changes: a connection of its own for each request.
    pub(super) fn for_changes(&self) -> reqwest::Client {
        self.changes.clone()
    }

    /// For reads: connections that belong to the current runtime, and are kept.
    pub(super) fn for_reads(&self, endpoint: &Endpoint, settings: &Settings) -> reqwest::Client {
        let Ok(runtime) = Handle::try_current() else {
            return self.for_changes();
        };
        let build = || http_client(endpoint, settings).build().ok();
        // Without a pool it works everywhere, and costs a connection a request.
        let client = self.reads.client(runtime.id(), build);
        client.unwrap_or_else(|| self.for_changes())
    }
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

pub(super) fn user_agent(suffix: Option<&str>) -> Result<HeaderValue, Error> {
    let Some(suffix) = suffix else {
        return Ok(HeaderValue::from_static(USER_AGENT_NAME));
    };
    HeaderValue::from_str(&format!("{USER_AGENT_NAME} {suffix}")).map_err(|_| {
        let problem = "contains a character that no HTTP header can carry";
        Error::config("user agent suffix", problem)
    })
}
