//! Which requests are served at all. A browser sends requests for pages of other sites, too, also
//! to this machine: with a foreign name in `Host` if the page's site has made its own name
//! lead here (DNS rebinding), with the page's own origin in `Origin`, or with a word on it in
//! `Sec-Fetch-Site`. None of these gets at the emulator.

use std::collections::BTreeSet;
use std::net::IpAddr;

use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderValue, StatusCode, Uri, Version, header};

use super::buffered_response::BufferedResponse;

/// The longest host, with its port, that is looked at: no name in the DNS is longer.
const LONGEST_HOST: usize = 300;

/// The hosts that requests can be sent to, and that pages can come from.
pub(crate) struct Guard {
    allowed: BTreeSet<String>,
    /// Whether the emulator listens where other machines reach it.
    is_exposed: bool,
}

impl Guard {
    /// A guard with these hosts beside the usual ones; the first that is none is the error.
    pub(crate) fn new(allowed: Vec<String>, listening: IpAddr) -> Result<Self, String> {
        let allowed = allowed.into_iter().map(|name| {
            let known = host_of(&name).filter(|known| known.port.is_none());
            known.map(|known| known.host).ok_or(name)
        });
        Ok(Self {
            allowed: allowed.collect::<Result<_, _>>()?,
            is_exposed: !listening.is_loopback(),
        })
    }

    /// Lets a request pass, or refuses it.
    pub(crate) fn check(&self, parts: &Parts) -> Result<(), BufferedResponse> {
        let host = self.check_host(parts)?;
        let mut origins = parts.headers.get_all(header::ORIGIN).iter().peekable();
        if origins.peek().is_none() {
            return check_site(parts);
        }
        for origin in origins {
            self.check_origin(origin, host.as_ref())?;
        }
        Ok(())
    }

    /// The host that the request was sent to: in `Host`, and in a target that is a whole URL.
    fn check_host(&self, parts: &Parts) -> Result<Option<Host>, BufferedResponse> {
        let mut hosts = parts.headers.get_all(header::HOST).iter();
        let host = match (hosts.next(), hosts.next()) {
            (Some(_), Some(_)) => return Err(malformed("There is more than one Host header.")),
            (Some(host), None) => {
                let host = host.to_str().ok().and_then(host_of);
                Some(host.ok_or_else(|| malformed("The Host header cannot be read."))?)
            }
            // Browsers send one.
            (None, _) if parts.version < Version::HTTP_11 => None,
            (None, _) => return Err(malformed("There is no Host header.")),
        };
        let target = match parts.uri.authority() {
            Some(target) => Some(
                host_of(target.as_str())
                    .ok_or_else(|| malformed("The host of the request's target cannot be read."))?,
            ),
            None => None,
        };
        for host in target.iter().chain(&host) {
            if !self.is_ours(&host.host) {
                let name = &host.host;
                return Err(forbidden(&format!(
                    "This emulator does not serve the host '{name}'. Use localhost or an IP address, or \
                     start it with --allow-host {name} (in Rust, Builder::allow_host)."
                )));
            }
        }
        Ok(target.or(host))
    }

    /// An address is never another site's name. If others reach the emulator, neither is a
    /// name without a dot: that of a machine or of a container, which is in no public DNS.
    fn is_ours(&self, host: &str) -> bool {
        let is_plain = self.is_exposed && !host.contains('.');
        is_plain || host == "localhost" || address(host).is_some() || self.allowed.contains(host)
    }

    /// A page may come from this machine, from a host that is allowed, or from the emulator
    /// itself as the browser knows it.
    fn check_origin(
        &self,
        origin: &HeaderValue,
        asked: Option<&Host>,
    ) -> Result<(), BufferedResponse> {
        let text = String::from_utf8_lossy(origin.as_bytes());
        // An origin is a URL: without a scheme it is `null`, or none at all.
        let uri = text
            .parse::<Uri>()
            .ok()
            .filter(|uri| uri.scheme().is_some());
        let page = uri
            .as_ref()
            .and_then(Uri::authority)
            .and_then(|page| host_of(page.as_str()));
        let Some(page) = page else {
            return Err(forbidden(
                "A page whose origin is unknown must not use this emulator: its Origin header is \
                 null, or no URL.",
            ));
        };
        let name = &page.host;
        let is_local = name == "localhost" || address(name).is_some_and(|it| it.is_loopback());
        if is_local || self.allowed.contains(name) || asked == Some(&page) {
            return Ok(());
        }
        Err(forbidden(&format!(
            "A page of '{name}' must not use this emulator. If it should, start the emulator with \
             --allow-host {name} (in Rust, Builder::allow_host)."
        )))
    }
}

/// What a browser says of a request without an origin. Programs that are none say nothing.
fn check_site(parts: &Parts) -> Result<(), BufferedResponse> {
    let is_foreign = |site: &HeaderValue| !matches!(site.as_bytes(), b"same-origin" | b"none");
    if parts
        .headers
        .get_all("sec-fetch-site")
        .iter()
        .any(is_foreign)
    {
        return Err(forbidden(
            "A page of another site must not use this emulator. To look at it in a browser, type \
             the URL.",
        ));
    }
    Ok(())
}

/// A host as names are compared, and the port that was named with it.
#[derive(PartialEq)]
struct Host {
    host: String,
    port: Option<u16>,
}

/// Reads `host` or `host:port`; `None` for anything else, user names before it included.
fn host_of(text: &str) -> Option<Host> {
    if text.len() > LONGEST_HOST || text.contains('@') {
        return None;
    }
    let authority: Authority = text.parse().ok()?;
    let host = authority.host();
    let port = port_of(&authority.as_str()[host.len()..])?;
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    // Responses show it in a command, to be pasted.
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    let is_host = !host.is_empty() && host.chars().all(is_letter) || address(&host).is_some();
    is_host.then_some(Host { host, port })
}

/// What follows a host: nothing, `:` or `:port`. `None` if it is anything else.
fn port_of(text: &str) -> Option<Option<u16>> {
    match text.strip_prefix(':') {
        None if text.is_empty() => Some(None),
        Some("") => Some(None),
        // A number may have a sign for `parse`.
        Some(port) if port.bytes().all(|digit| digit.is_ascii_digit()) => {
            port.parse().ok().map(Some)
        }
        _ => None,
    }
}

/// The address that a host is, if it is one.
fn address(host: &str) -> Option<IpAddr> {
    let inner = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    match inner {
        Some(inner) => inner.parse().ok().map(IpAddr::V6),
        None => host.parse().ok().map(IpAddr::V4),
    }
}

fn malformed(detail: &str) -> BufferedResponse {
    BufferedResponse::detail(StatusCode::BAD_REQUEST, detail)
}

fn forbidden(detail: &str) -> BufferedResponse {
    BufferedResponse::detail(StatusCode::FORBIDDEN, detail)
}
