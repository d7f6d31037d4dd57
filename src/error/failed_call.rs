//! [`FailedCall`]: the call that an error is about, and the [`Obstacle`] that kept it from leaving.

use std::time::Duration;

use crate::model::SessionId;

/// The call that failed: which operation, about which run, how often it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FailedCall {
    /// The GraphQL operation's name, for example `TriggerDinoaiAgentRun`: for programs, as the
    /// text of an error says what was asked for instead.
    pub operation: &'static str,
    /// The run that it is about, where it is known.
    pub session_id: Option<SessionId>,
    /// How many times it was tried.
    pub attempts: u32,
    /// The server's name for the last request, from the response's headers, where it sent one:
    /// what the vendor's support asks for.
    pub request_id: Option<String>,
    /// The HTTP status of the last response, if one came.
    pub http_status: Option<u16>,
    /// How long the server asked to wait before the next request, if it did: `Retry-After`,
    /// beside any response.
    pub retry_after: Option<Duration>,
    /// Whether the operation starts something: a trigger or a follow-up.
    pub(crate) starts: bool,
    /// Whether the wait that made this call has started something before it.
    pub(crate) started: bool,
    /// Whether this call itself may have been carried out although it failed.
    pub(crate) unproven: bool,
}

impl FailedCall {
    /// The first attempt of one that starts something.
    pub(crate) fn starting(operation: &'static str) -> Self {
        Self {
            operation,
            session_id: None,
            attempts: 1,
            request_id: None,
            http_status: None,
            retry_after: None,
            starts: true,
            started: false,
            unproven: false,
        }
    }
}

/// What kept a request from being sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Obstacle {
    /// The host's name could not be resolved.
    NameResolution,
    /// No connection could be made, or TLS could not be set up.
    Connection,
    /// The server's certificate was refused: its issuer is unknown, it has expired, it is for
    /// another host. Trying again does not help.
    Certificate,
    /// The proxy could not connect to the host.
    Proxy,
    /// The proxy asks for credentials. Trying again does not help.
    ProxyCredentials,
    /// No time was left before the request had left.
    Time,
    /// The client [starts nothing more](crate::Client::start_nothing_more).
    Closed,
}
