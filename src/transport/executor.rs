//! Makes a call: one request, with its attempts and their deadline, in a span of its own.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use tracing::field::Empty;
use tracing::{Instrument, Span};

use super::attempts::{Attempts, RetryBudget};
use super::call_options::CallOptions;
use super::http::HttpTransport;
use super::operation::{Operation, OperationInfo, Safety};
use super::reader::Reader;
use super::request_body::document_body;
use super::response::{Response, ResponseContext};
use super::retry::Retry;
use super::runtimes::until_moved;
use crate::error::{Error, FailedCall, Result};
use crate::model::SessionId;
use crate::time::Clock;

/// What all clones of a client share.
pub(crate) struct Executor {
    http: HttpTransport,
    retry: Retry,
    budget: Arc<RetryBudget>,
    clock: Arc<dyn Clock>,
}

impl Executor {
    pub(crate) fn new(http: HttpTransport, retry: Retry, clock: Arc<dyn Clock>) -> Self {
        Self {
            http,
            retry,
            budget: Arc::new(RetryBudget::full()),
            clock,
        }
    }

    /// One for another workspace, that shares everything else.
    pub(crate) fn with_workspace(&self, uid: &str) -> Result<Self> {
        Ok(Self {
            http: self.http.with_workspace(uid)?,
            retry: self.retry.clone(),
            budget: self.budget.clone(),
            clock: self.clock.clone(),
        })
    }

    pub(crate) fn http(&self) -> &HttpTransport {
        &self.http
    }

    pub(crate) fn retry(&self) -> &Retry {
        &self.retry
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// When a call that begins now is over, at the latest: its response came by then, however late that is
    /// noticed.
    pub(crate) fn over_at(&self, options: &CallOptions, now: Duration) -> Duration {
        let end = options
            .deadline
            .map(|deadline| deadline.saturating_add(options.overrun));
        let retry = options.retry.as_ref().unwrap_or(&self.retry);
        let longest = now.saturating_add(retry.call_timeout());
        end.map_or(longest, |end| end.min(longest))
    }

    /// What has to be known to read a response.
    pub(crate) fn context(&self) -> &ResponseContext {
        self.http.context()
    }

    /// Refuses an operation that needs a workspace where none is named.
    pub(crate) fn check_workspace(&self, operation: &OperationInfo) -> Result<()> {
        match operation.needs_workspace && self.http.lacks_workspace() {
            true => Err(Error::workspace_missing()),
            false => Ok(()),
        }
    }

    /// Makes a call of a document of this crate.
    pub(crate) async fn call<O: Operation>(
        &self,
        variables: O::Variables,
        options: CallOptions,
    ) -> Result<O::Output> {
        let reader = Reader::of::<O>(O::agent(&variables).map(str::to_owned));
        let body = document_body::<O>(variables)?;
        self.execute(body, &reader, options).await
    }

    /// Makes a call: of a document of this crate, or of one of the user's own.
    pub(crate) async fn execute<T: DeserializeOwned, Output>(
        &self,
        body: Vec<u8>,
        reader: &Reader<T, Output>,
        options: CallOptions,
    ) -> Result<Output> {
        let (agent, context) = (reader.agent.as_deref(), self.context());
        self.send(&reader.info, body, agent, options, |response, call| {
            response.read(reader, call, context)
        })
        .await
    }

    /// Makes a call: one request, with its attempts. `agent`: the one that is asked for, for the
    /// span.
    pub(crate) async fn send<T>(
        &self,
        operation: &OperationInfo,
        body: Vec<u8>,
        agent: Option<&str>,
        options: CallOptions,
        read: impl Fn(&Response, &FailedCall) -> Result<T>,
    ) -> Result<T> {
        self.check_workspace(operation)?;
        let id = options.session_id.as_ref().map(SessionId::as_str);
        let invokes = operation.purpose.invokes_an_agent();
        let span = tracing::info_span!(
            "dinoai.call",
            operation = operation.name,
            session_id = id,
            gen_ai.operation.name = invokes.then_some("invoke_agent"),
            gen_ai.agent.name = agent,
            gen_ai.conversation.id = id,
            attempt = Empty,
            http.status = Empty,
            request_id = Empty,
        );
        // Recorded on the span itself: where it is filtered out, the current one is the
        // caller's.
        let attempts = pin!(self.attempts(operation, body.into(), options, read, &span));
        attempts.instrument(span.clone()).await
    }

    async fn attempts<T>(
        &self,
        operation: &OperationInfo,
        body: Bytes,
        mut options: CallOptions,
        read: impl Fn(&Response, &FailedCall) -> Result<T>,
        span: &Span,
    ) -> Result<T> {
        let Self {
            http,
            retry,
            budget,
            clock,
        } = self;
        let retry = options.retry.as_ref().unwrap_or(retry);
        let once;
        let retry = match options.once {
            // Within the caller's own call timeout.
            true => {
                once = retry.clone().with_attempts(1);
                &once
            }
            false => retry,
        };
        let mut session_id = options.session_id.take();
        let mut attempts = Attempts::new(retry, budget, clock.as_ref(), &options);
        loop {
            span.record("attempt", attempts.number());
            let mut call = FailedCall {
                session_id: session_id.take(),
                attempts: attempts.number(),
                after_start: options.after_start,
                ..operation.call()
            };
            let sent = loop {
                let limits = attempts.limits(operation.safety);
                let body_left = options.body_left.clone();
                let sent = http.send(body.clone(), operation, &mut call, limits, body_left, span);
                let mut sent = pin!(sent);
                match operation.safety {
                    // Again in the runtime in which the caller goes on, if that is another.
                    Safety::Read | Safety::Idempotent => match until_moved(sent.as_mut()).await {
                        Some(sent) => break sent,
                        None => continue,
                    },
                    // May have been carried out.
                    Safety::Never => break sent.await,
                }
            };
            match sent.and_then(|response| read(&response, &call)) {
                Ok(value) => {
                    attempts.succeeded();
                    return Ok(value);
                }
                Err(error) => {
                    if let Some(body_left) = &options.body_left
                        && error.may_be_sent_again()
                    {
                        // It was not carried out.
                        body_left.reset();
                    }
                    attempts.pause_before_next(error).await?;
                    session_id = call.session_id;
                }
            }
        }
    }
}
