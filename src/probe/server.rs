//! [`Server`]: sends the documents of one probe, and keeps what is known of who answers.

use std::sync::OnceLock;
use std::time::SystemTime;

use serde_json::{Map, Value};

use super::document::Probe;
use super::executed::executed;
use super::refusal::refuses;
use crate::error::{Error, FailedCall, GraphQlError, Result, is_before_execution, unsupported};
use crate::operations::Api;
use crate::transport::{
    CallOptions, OperationInfo, Reader, Response, Safety, after_variables, has_accepted,
    request_body,
};

/// The data of a response, and the errors beside it.
pub(super) type Data = (Map<String, Value>, Vec<GraphQlError>);

/// The server of one probe.
pub(super) struct Server<'a> {
    api: &'a Api,
    options: CallOptions,
    /// Set once a document has come to anything but [`is_no_answer`].
    has_answered: OnceLock<()>,
    time: OnceLock<SystemTime>,
}

impl<'a> Server<'a> {
    /// All that is asked has one deadline, that of a call which begins now.
    pub(super) fn new(api: &'a Api, options: CallOptions) -> Self {
        let deadline = api.over_at(&options, api.clock().now());
        Self {
            api,
            options: CallOptions {
                deadline: Some(deadline),
                ..options
            },
            has_answered: OnceLock::new(),
            time: OnceLock::new(),
        }
    }

    /// What its clock said.
    pub(super) fn into_time(self) -> Option<SystemTime> {
        self.time.into_inner()
    }

    /// Whether an error shows that no further request would fare better.
    pub(super) fn is_unreached(&self, error: &Error) -> bool {
        self.has_answered.get().is_none() && is_no_answer(error)
    }

    /// Has a document validated that is to be skipped. An error that may have started something ends the probe.
    pub(super) async fn validate(&self, probe: Probe) -> Result<()> {
        let context = self.api.executor().context();
        let info = probe.info;
        // A refusal is read as that of a read: nothing was executed.
        let as_read = whole(
            OperationInfo {
                safety: Safety::Read,
                ..info
            },
            vec![],
        );
        let validated = |response: &Response, call: &FailedCall| {
            refused_beside_data(call, response.read(&as_read, call, context)?)
        };
        let sent = match info.skipped_root {
            None => self.send(probe, validated).await,
            Some(root) => {
                let as_mutation = whole(info, vec![root.to_owned()]);
                // What is no 429 is not sent again, so that it is no failure of the call.
                let skipped = |response: &Response, call: &FailedCall| {
                    let ids = (info.find_ids)(&response.body);
                    if !ids.is_empty() || has_accepted(&response.body, root) {
                        return Ok(Err(executed(call, ids)));
                    }
                    match response.read(&as_mutation, call, context) {
                        // It is proven that nothing was carried out.
                        Err(error @ Error::RateLimited { .. }) => Err(error),
                        _ => Ok(validated(response, call)),
                    }
                };
                let sent = self.send(probe, skipped).await;
                sent.map_err(|error| self.of_lost_response(error)).flatten()
            }
        };
        self.note(&sent);
        sent
    }

    /// Sends a read that is carried out; `read` says what its response means.
    pub(super) async fn read<T>(
        &self,
        probe: Probe,
        read: impl Fn(&FailedCall, Data) -> Result<T>,
    ) -> Result<T> {
        let context = self.api.executor().context();
        let reader = whole(probe.info, vec![]);
        let sent = self.send(probe, |response, call| {
            read(call, response.read(&reader, call, context)?)
        });
        let sent = sent.await;
        self.note(&sent);
        sent
    }

    fn note<T>(&self, sent: &Result<T>) {
        if !sent.as_ref().is_err_and(is_no_answer) {
            let _ = self.has_answered.set(());
        }
    }

    async fn send<T>(
        &self,
        probe: Probe,
        read: impl Fn(&Response, &FailedCall) -> Result<T>,
    ) -> Result<T> {
        let Probe {
            info,
            document,
            variables,
            ..
        } = probe;
        let body = request_body(&variables, &after_variables(&document, info.name))?;
        let options = self.options.clone();
        let sent = self
            .api
            .executor()
            .send(&info, body, None, options, |response, call| {
                if let Some(date) = response.date() {
                    // The first one counts.
                    let _ = self.time.set(date);
                }
                read(response, call)
            });
        sent.await
    }

    /// The error of a mutation without a whole response: it says nothing of the mutation, unless what was
    /// received names a run or holds a value.
    fn of_lost_response(&self, error: Error) -> Error {
        let Error::OutcomeUnknown {
            mut call, source, ..
        } = error
        else {
            return error;
        };
        if call.session_id.is_some() || call.holds_value {
            return executed(&call, vec![]);
        }
        call.maybe_executed = false;
        match source {
            Some(source) => Error::Transport { call, source },
            // Nothing else has none.
            None => Error::ResponseTooLarge {
                call,
                limit: self.api.executor().http().response_limit(),
            },
        }
    }
}

/// Takes all data, with the errors beside it.
fn whole(info: OperationInfo, roots: Vec<String>) -> Reader<Map<String, Value>, Data> {
    Reader::whole(info, roots, |data, errors| Ok((data, errors)))
}

/// Whether the server has not been reached, says only that it was asked too soon, or nothing by GraphQL.
fn is_no_answer(error: &Error) -> bool {
    matches!(
        error,
        Error::NotSent { .. }
            | Error::Transport { .. }
            | Error::RateLimited { .. }
            | Error::Http { .. }
    )
}

/// Some servers put the errors of validation, and those of the credentials, beside data without a value.
fn refused_beside_data(call: &FailedCall, (data, errors): Data) -> Result<()> {
    let is_refusal = |error: &GraphQlError| {
        refuses(error) || error.path.is_empty() && is_before_execution(error, false)
    };
    match data.values().all(Value::is_null) && errors.iter().any(is_refusal) {
        true => Err(unsupported(Box::new(call.clone()), errors, false)),
        false => Ok(()),
    }
}
