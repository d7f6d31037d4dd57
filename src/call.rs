//! Makes a call: one request of the API's, with its attempts, in a span of its own.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use tracing::Instrument;
use tracing::field::Empty;

use crate::answer::Answer;
use crate::clock::Clock;
use crate::error::{Call, Error, Result};
use crate::operations::{Operation, Repeat};
use crate::retry::{Attempts, Budget, Retry};
use crate::run::SessionId;
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
        let redaction = self.transport.redaction();
        let request = O::build_query(variables);
        self.send_request(
            request.operation_name,
            &request,
            O::REPEAT,
            terms,
            |answer, call| answer.read::<O>(call, redaction),
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
        read: impl Fn(&Answer, Box<Call>) -> Result<T>,
    ) -> impl Future<Output = Result<T>> {
        let body = serde_json::to_vec(request).map_err(|error| Error::InvalidRequest {
            field: operation,
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
            self.attempts(operation, body?.into(), repeat, terms, read)
                .instrument(span)
                .await
        }
    }

    async fn attempts<T>(
        &self,
        operation: &'static str,
        body: Bytes,
        repeat: Repeat,
        terms: Terms,
        read: impl Fn(&Answer, Box<Call>) -> Result<T>,
    ) -> Result<T> {
        let Shared {
            transport,
            retry,
            budget,
            clock,
        } = self;
        let once = Retry::none();
        let retry = if terms.once { &once } else { retry };
        let mut attempts = Attempts::new(retry, budget, clock.as_ref(), terms.deadline);
        loop {
            tracing::Span::current().record("attempt", attempts.number());
            let mut call = Call {
                operation,
                session_id: terms.session_id.clone(),
                attempts: attempts.number(),
                request_id: None,
                starts: repeat == Repeat::Never,
                started: terms.started,
            };
            let sent = transport
                .send(body.clone(), repeat, &mut call, attempts.time_left())
                .await;
            match sent.and_then(|answer| read(&answer, Box::new(call))) {
                Ok(value) => {
                    attempts.succeeded();
                    return Ok(value);
                }
                Err(error) => attempts.pause_after(error).await?,
            }
        }
    }
}

/// On what terms a call is made.
#[derive(Debug, Clone, Default)]
pub(crate) struct Terms {
    /// The run that it is about.
    pub(crate) session_id: Option<SessionId>,
    /// When it has to be over, by the clock.
    pub(crate) deadline: Option<Duration>,
    /// One attempt, where the caller's own loop is the retry.
    pub(crate) once: bool,
    /// Whether the caller has started the run itself.
    pub(crate) started: bool,
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
