//! Makes a call: one request of the API's, with its attempts, in a span of its own.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use tracing::field::Empty;
use tracing::{Instrument, Span};

use crate::body::Departed;
use crate::closing::Closing;
use crate::error::{Error, FailedCall, Result};
use crate::model::SessionId;
use crate::operations::{Operation, Repeat};
use crate::response::Response;
use crate::retry::{Attempts, Budget, Retry};
use crate::time::Clock;
use crate::transport::Transport;

/// A call under way: it owns what it needs, so that it can be spawned. Nothing is sent before it
/// is awaited.
pub type CallFuture<T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'static>>;

/// What all clones of a client share.
pub(crate) struct Shared {
    pub(crate) transport: Transport,
    pub(crate) retry: Retry,
    pub(crate) budget: Budget,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Shared {
    /// Makes a call of one of the documents.
    pub(crate) async fn call<O: Operation>(
        &self,
        variables: O::Variables,
        terms: Terms,
    ) -> Result<O::Answer> {
        let context = self.transport.context();
        let agent = O::agent(&variables).map(str::to_owned);
        let request = O::build_query(variables);
        self.send_request(
            request.operation_name,
            &request,
            O::REPEAT,
            terms,
            |response, call| response.read::<O>(call, context, agent.as_deref()),
        )
        .await
    }

    /// Makes a call: one request, with its attempts.
    pub(crate) fn send_request<T>(
        &self,
        operation: &'static str,
        request: &impl Serialize,
        repeat: Repeat,
        terms: Terms,
        read: impl Fn(&Response, Box<FailedCall>) -> Result<T>,
    ) -> impl Future<Output = Result<T>> {
        let body = serde_json::to_vec(request).map_err(|error| Error::InvalidRequest {
            field: "request",
            problem: format!("cannot be written as JSON: {error}"),
        });
        async move {
            let span = tracing::info_span!(
                "dinoai.call",
                operation,
                session_id = terms.session_id.as_ref().map(SessionId::as_str),
                attempt = Empty,
                http.status = Empty,
                request_id = Empty,
            );
            // Recorded on the span itself: where it is filtered out, the current one is the
            // caller's.
            self.attempts(operation, body?.into(), repeat, terms, read, &span)
                .instrument(span.clone())
                .await
        }
    }

    async fn attempts<T>(
        &self,
        operation: &'static str,
        body: Bytes,
        repeat: Repeat,
        terms: Terms,
        read: impl Fn(&Response, Box<FailedCall>) -> Result<T>,
        span: &Span,
    ) -> Result<T> {
        let Shared {
            transport,
            retry,
            budget,
            clock,
        } = self;
        // Within the caller's own call timeout.
        let once = retry.clone().with_attempts(1);
        let retry = if terms.once { &once } else { retry };
        let mut attempts = Attempts::new(retry, budget, clock.as_ref(), &terms);
        loop {
            span.record("attempt", attempts.number());
            let mut call = FailedCall {
                operation,
                session_id: terms.session_id.clone(),
                attempts: attempts.number(),
                request_id: None,
                http_status: None,
                retry_after: None,
                starts: repeat == Repeat::Never,
                started: terms.started,
                unproven: false,
            };
            let limits = attempts.limits(repeat);
            let departed = terms.departed.clone();
            let sent = transport
                .send(body.clone(), repeat, &mut call, limits, departed, span)
                .await;
            match sent.and_then(|response| read(&response, Box::new(call))) {
                Ok(value) => {
                    attempts.succeeded();
                    return Ok(value);
                }
                Err(error) => {
                    if let Some(departed) = &terms.departed
                        && error.may_be_sent_again()
                    {
                        // It was not carried out.
                        departed.reset();
                    }
                    attempts.pause_after(error).await?;
                }
            }
        }
    }
}

/// On what terms a call is made.
#[derive(Debug, Clone, Default)]
pub(crate) struct Terms {
    /// The run that it is about.
    pub(crate) session_id: Option<SessionId>,
    /// When it has to be over, by the clock: no attempt begins after it. A trigger or a
    /// follow-up that has left is not cut off by it.
    pub(crate) deadline: Option<Duration>,
    /// How long an attempt that is under way at the deadline may go on.
    pub(crate) overrun: Duration,
    /// One attempt, where the caller's own loop is the retry.
    pub(crate) once: bool,
    /// Whether HTTP 429 is the caller's to wait out.
    pub(crate) returns_rate_limits: bool,
    /// Whether the wait that makes this call has started the run, or the turn, itself.
    pub(crate) started: bool,
    /// What keeps the body from leaving, once it is closed.
    pub(crate) closing: Option<Arc<Closing>>,
    /// Where to note that the body has left.
    pub(crate) departed: Option<Departed>,
}

impl Terms {
    pub(crate) fn about(id: impl AsRef<str>) -> Result<Self> {
        Ok(Self {
            session_id: Some(SessionId::new(id.as_ref())?),
            ..Self::default()
        })
    }

    /// The same terms for another run.
    pub(crate) fn for_run(&self, id: SessionId) -> Self {
        Self {
            session_id: Some(id),
            ..self.clone()
        }
    }

    pub(crate) fn id(&self) -> String {
        let id = self.session_id.as_ref();
        id.map(ToString::to_string).unwrap_or_default()
    }
}
