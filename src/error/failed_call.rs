//! [`FailedCall`]: the call that an error is about, what it was made for, and the [`Obstacle`] that
//! kept it from leaving.

use std::time::Duration;

use crate::model::SessionId;

/// The call that failed: which operation, about which run, how often it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FailedCall {
    /// The GraphQL operation's name, for example `TriggerDinoaiAgentRun`: for programs, as the
    /// text of an error says what was asked for instead, unless the document is the program's own.
    pub operation: &'static str,
    /// The run that it is about, if it is known.
    pub session_id: Option<SessionId>,
    /// Further runs that the response names, where it cannot be read. Only a mutation of your own starts several:
    /// of any other call they are there where the response names more than it should.
    pub further_ids: Vec<SessionId>,
    /// How many times it was tried.
    pub attempts: u32,
    /// The server's id of the last request, from the response's headers, if it sent one:
    /// what the vendor's support asks for.
    pub request_id: Option<String>,
    /// The HTTP status of the last response, if one came.
    pub http_status: Option<u16>,
    /// How long the server asked to wait before the next request, if it did: `Retry-After`,
    /// beside any response.
    pub retry_after: Option<Duration>,
    /// What it was made for.
    pub(crate) purpose: Purpose,
    /// Whether the wait that made this call has started something before it.
    pub(crate) after_start: bool,
    /// Whether this call itself may have been carried out although it failed.
    pub(crate) maybe_executed: bool,
    /// Whether what was received of a response holds a value at a root that should have been skipped.
    pub(crate) holds_value: bool,
}

impl FailedCall {
    /// A first attempt, of which nothing is known yet.
    pub(crate) fn new(operation: &'static str, purpose: Purpose) -> Self {
        Self {
            operation,
            session_id: None,
            further_ids: Vec::new(),
            attempts: 1,
            request_id: None,
            http_status: None,
            retry_after: None,
            purpose,
            after_start: false,
            maybe_executed: false,
            holds_value: false,
        }
    }

    /// Keeps the runs that a response names, unless it is known which run the call is about.
    pub(crate) fn is_about(&mut self, ids: Vec<SessionId>) {
        if self.session_id.is_none() {
            let mut ids = ids.into_iter();
            self.session_id = ids.next();
            self.further_ids = ids.collect();
        }
    }

    /// A trigger, for tests.
    #[cfg(any(test, feature = "test-util"))]
    pub(crate) fn trigger() -> Self {
        Self::new("TriggerDinoaiAgentRun", Purpose::Trigger)
    }
}

/// What a call is made for. Errors name it by this: the document's name means nothing to a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Trigger,
    FollowUp,
    Read,
    ReadStatus,
    ReadSteps,
    Stop,
    ListWorkspaces,
    /// A query of the user's own.
    Query,
    /// A mutation of the user's own.
    Mutation,
    /// One that can be made twice without harm.
    IdempotentMutation,
    /// Work that was given to another thread, which is gone: it may have started something.
    #[cfg_attr(
        not(feature = "blocking"),
        expect(dead_code, reason = "threads are for blocking")
    )]
    Unknown,
}

impl Purpose {
    /// Whether it starts something: a run, or a turn.
    pub(crate) fn starts(self) -> bool {
        match self {
            Self::Trigger | Self::FollowUp | Self::Mutation | Self::Unknown => true,
            Self::Read
            | Self::ReadStatus
            | Self::ReadSteps
            | Self::Stop
            | Self::ListWorkspaces
            | Self::Query
            | Self::IdempotentMutation => false,
        }
    }

    /// Whether it has an agent do something.
    pub(crate) fn invokes_an_agent(self) -> bool {
        matches!(self, Self::Trigger | Self::FollowUp)
    }

    /// What the user asked for.
    pub(crate) fn in_words(self) -> Asked {
        match self {
            Self::Trigger => Asked::OfRun("the request to start"),
            Self::FollowUp => Asked::OfRun("the follow-up to"),
            Self::Read => Asked::OfRun("the request to read"),
            Self::ReadStatus => Asked::OfRun("the request for the status of"),
            Self::ReadSteps => Asked::OfRun("the request for the steps of"),
            Self::Stop => Asked::OfRun("the request to stop"),
            Self::ListWorkspaces => Asked::Whole("the request to list the workspaces"),
            Self::Query => Asked::Document("the query"),
            Self::Mutation | Self::IdempotentMutation => Asked::Document("the mutation"),
            Self::Unknown => Asked::Unknown,
        }
    }
}

/// What the user asked for, in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// The run follows.
    OfRun(&'static str),
    /// It is about no run.
    Whole(&'static str),
    /// It is a document of the user's own; its name follows.
    Document(&'static str),
    /// Nobody knows.
    Unknown,
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
    /// The client is [closed](crate::Client::close).
    Closed,
}
