//! What a response means: from status, headers and body to a value or the one right error.
//!
//! The first match wins:
//!
//! - a value at a trigger's or a follow-up's root counts, whatever the status;
//! - 429, 401 and 403 speak by their status; for reads so does a code that means the same;
//! - a GraphQL envelope (an object with `data` or `errors`) counts at any status;
//! - without a value, a trigger or a follow-up was not carried out only if [`proof`] says so.
//!
//! Most responses to reads are data without errors: [`strict`] gives it in one pass, and all this is
//! looked at only where that fails.

use std::time::SystemTime;

use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::decode::{answer, value};
use super::duplicate_names::FieldNames;
use super::envelope::Parsed;
use super::operation::Safety;
use super::proof;
use super::reader::Reader;
use super::redact::Redaction;
use super::repair::{looks_like_json, parsed, repaired};
use super::strict;
use super::value_at::has_value;
use crate::error::{
    Error, FailedCall, GraphQlError, Purpose, excerpt, is_before_execution, is_rate_limit_code,
    is_transient_status, list, said, unsupported,
};

/// A response, whole.
pub(crate) struct Response {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// What has to be known of a client to read its responses.
#[derive(Debug)]
pub(crate) struct ResponseContext {
    pub(crate) redaction: Redaction,
    /// Where endpoint and credentials were found.
    pub(crate) sources: Option<String>,
}

/// Whether a response says by its status alone that the request was refused.
fn speaks_by_itself(status: StatusCode) -> bool {
    matches!(status.as_u16(), 401 | 403 | 429)
}

impl Response {
    /// What the server's clock said.
    pub(crate) fn date(&self) -> Option<SystemTime> {
        let date = self.headers.get(DATE)?.to_str().ok()?;
        httpdate::parse_http_date(date).ok()
    }

    /// What the response says, read as the caller wants it.
    pub(crate) fn read<T: DeserializeOwned, Output>(
        &self,
        reader: &Reader<T, Output>,
        call: &FailedCall,
        context: &ResponseContext,
    ) -> Result<Output, Error> {
        if reader.info.safety == Safety::Read
            && let Some(data) = self.strict_data()
        {
            return answer(reader, data, vec![], call, &context.redaction, false);
        }
        self.examined(reader, call, context)
    }

    /// As [`read`](Self::read), by a look at everything that a response can be.
    pub(crate) fn examined<T: DeserializeOwned, Output>(
        &self,
        reader: &Reader<T, Output>,
        call: &FailedCall,
        context: &ResponseContext,
    ) -> Result<Output, Error> {
        let mut call = call.clone();
        match reader.info.safety {
            Safety::Never => return self.started(reader, Box::new(call), context),
            // Whatever else the response is, the runs that it names are kept.
            Safety::Idempotent => call.is_about((reader.info.find_ids)(&self.body)),
            Safety::Read => {}
        }
        let (data, errors) = self.data(&call, context, |error| reader.can_be_missed(error))?;
        value(reader, &data, errors, &call, &context.redaction, false)
    }

    /// The data that a read asked for, where one strict pass over the body gives it: then
    /// [`data`](Self::data) gives the same, and no errors.
    pub(crate) fn strict_data<'body, T: Deserialize<'body>>(&'body self) -> Option<T> {
        match speaks_by_itself(self.status) {
            true => None,
            false => strict::data(&self.body),
        }
    }

    /// What came of a trigger, a follow-up, or another change that would be made twice.
    fn started<T: DeserializeOwned, Output>(
        &self,
        reader: &Reader<T, Output>,
        mut call: Box<FailedCall>,
        context: &ResponseContext,
    ) -> Result<Output, Error> {
        let operation = &reader.info;
        let status = self.status.as_u16();
        // The id first: it must not be lost, whatever else the response says.
        let ids = (operation.find_ids)(&self.body);
        let has_id = !ids.is_empty();
        let names_session = call.session_id.is_none() && has_id;
        call.is_about(ids);
        let field_names = || FieldNames::of(&repaired(&self.body));
        // Where the data has none, it may stand elsewhere.
        let holds_value = || {
            let own = reader.roots.iter().map(String::as_str);
            let roots: Vec<_> = operation.root.into_iter().chain(own).collect();
            has_value(&self.body, &roots)
        };
        let Parsed::Envelope(envelope) = Parsed::of(&self.body) else {
            let is_proven = proof::is_status_before_execution(status)
                && !names_session
                && !holds_value()
                && field_names() != FieldNames::Twice;
            return Err(match is_proven {
                true => self.refused_by_status(call, context),
                false => self.unknown(call, context, None),
            });
        };

        let errors = envelope.errors(&context.redaction);
        let data = match operation.root {
            Some(root) => envelope.value_at(root),
            // As for the library's own documents, null at the root says nothing against such a status.
            None if speaks_by_itself(self.status) => envelope.object_with_a_value(),
            None => envelope.object(),
        };
        if let Some(data) = data {
            call.maybe_executed = true;
            let can_be_missed = !errors.is_unreadable || reader.is_whole();
            if can_be_missed && errors.list.iter().all(|error| reader.can_be_missed(error)) {
                let can_be_accepted = has_id || field_names() != FieldNames::Unique;
                let redaction = &context.redaction;
                return value(reader, data, errors.list, &call, redaction, can_be_accepted);
            }
            return Err(Error::GraphQl {
                call,
                errors: errors.list,
                data: parsed(data).map(|data| context.redaction.json(data)),
                executed: true,
            });
        }

        // Data that is no object is no value, and may come of one all the same.
        let is_odd = operation.root.is_none()
            && matches!(envelope.data, Some(Some(_)))
            && envelope.object().is_none();
        let is_clean = !names_session
            && !is_odd
            && !holds_value()
            && !errors.is_unreadable
            && field_names() == FieldNames::Unique;
        let is_empty_refusal = is_clean && !errors.is_path_present;
        let is_proven = is_empty_refusal
            && (speaks_by_itself(self.status)
                || (!errors.list.is_empty()
                    && !proof::is_open_status(status)
                    && errors
                        .as_said
                        .iter()
                        .all(|error| is_before_execution(error, envelope.data.is_none()))));
        if is_proven {
            if speaks_by_itself(self.status) {
                return Err(self.refused_by_status(call, context));
            }
            return Err(self.refused_before_execution(call, context, errors.list));
        }
        if is_clean
            && proof::is_own_refusal(&errors.as_said, operation, reader.agent.as_deref(), status)
        {
            return Err(Error::GraphQl {
                call,
                errors: errors.list,
                data: None,
                executed: true,
            });
        }
        if errors.is_path_named {
            call.maybe_executed = true;
            return Err(Error::GraphQl {
                call,
                errors: errors.list,
                data: None,
                executed: true,
            });
        }
        Err(self.unknown(call, context, Some(errors.list)))
    }

    /// The data of what may be sent again, and the errors beside it, none of which makes the call fail.
    pub(crate) fn data(
        &self,
        call: &FailedCall,
        context: &ResponseContext,
        can_be_missed: impl Fn(&GraphQlError) -> bool,
    ) -> Result<(Box<RawValue>, Vec<GraphQlError>), Error> {
        let call = || Box::new(call.clone());
        let status = self.status.as_u16();
        if speaks_by_itself(self.status) {
            return Err(self.refused_by_status(call(), context));
        }
        let envelope = match Parsed::of(&self.body) {
            Parsed::Envelope(envelope) => envelope,
            Parsed::Malformed(problem) if !is_transient_status(status) => {
                return Err(Error::Decode {
                    call: call(),
                    path: "the response".to_owned(),
                    problem,
                });
            }
            Parsed::Malformed(_) | Parsed::Other => {
                return Err(self.refused_by_status(call(), context));
            }
        };
        let errors = envelope.errors(&context.redaction);
        let is_path_present = errors.is_path_present || errors.is_unreadable;
        let is_path_named = errors.is_path_named;
        let errors = errors.list;
        if errors.is_empty() {
            return match envelope.data.flatten() {
                Some(data) => Ok((data, errors)),
                None => Err(Error::Decode {
                    call: call(),
                    path: "data".to_owned(),
                    problem: "the response has neither errors nor a value".to_owned(),
                }),
            };
        }

        let data = envelope.data.flatten();
        if data.is_none() && !is_path_present {
            let has_code = |code: &str| errors.iter().any(|error| error.code() == Some(code));
            if errors.iter().any(|error| is_rate_limit_code(error.code())) {
                return Err(Error::RateLimited { call: call() });
            }
            if has_code("UNAUTHENTICATED") {
                return Err(self.unauthorized(call(), context, &errors));
            }
        }
        match data {
            Some(data) if errors.iter().all(can_be_missed) => Ok((data, errors)),
            None if !is_path_named => Err(unsupported(call(), errors, false)),
            data => Err(Error::GraphQl {
                call: call(),
                errors,
                data: data
                    .and_then(|data| parsed(&data))
                    .map(|data| context.redaction.json(data)),
                executed: true,
            }),
        }
    }

    /// The error of a response that speaks by its status: 429, 401, 403, or one that is not
    /// GraphQL.
    fn refused_by_status(&self, call: Box<FailedCall>, context: &ResponseContext) -> Error {
        let status = self.status.as_u16();
        let text = self.text(context, call.purpose);
        match status {
            429 => Error::RateLimited { call },
            401 | 403 => Error::Unauthorized {
                call,
                status,
                text,
                sources: context.sources.clone(),
            },
            _ => Error::Http {
                call,
                status,
                content_type: self.content_type(context),
                text,
            },
        }
    }

    fn refused_before_execution(
        &self,
        call: Box<FailedCall>,
        context: &ResponseContext,
        errors: Vec<GraphQlError>,
    ) -> Error {
        let is_unauthenticated = |error: &GraphQlError| error.code() == Some("UNAUTHENTICATED");
        if errors.iter().any(is_unauthenticated) {
            return self.unauthorized(call, context, &errors);
        }
        unsupported(call, errors, false)
    }

    fn unauthorized(
        &self,
        call: Box<FailedCall>,
        context: &ResponseContext,
        errors: &[GraphQlError],
    ) -> Error {
        Error::Unauthorized {
            call,
            status: self.status.as_u16(),
            text: list(errors),
            sources: context.sources.clone(),
        }
    }

    /// Nothing proves that a trigger or a follow-up was not carried out. `errors`: those of the
    /// envelope, if there is one.
    fn unknown(
        &self,
        mut call: Box<FailedCall>,
        context: &ResponseContext,
        errors: Option<Vec<GraphQlError>>,
    ) -> Error {
        call.maybe_executed = true;
        let status = self.status.as_u16();
        let reason = match &errors {
            Some(errors) if errors.is_empty() => {
                format!("HTTP {status} with neither errors nor a value")
            }
            Some(_) => format!("HTTP {status} with errors that may come after execution began"),
            None => {
                let kind = self.content_type(context);
                let kind = kind.as_deref().unwrap_or("no content type");
                let text = said(&self.text(context, call.purpose));
                format!("an HTTP {status} response that is not GraphQL ({kind}){text}")
            }
        };
        Error::OutcomeUnknown {
            call,
            reason,
            errors: errors.unwrap_or_default(),
            source: None,
        }
    }

    fn content_type(&self, context: &ResponseContext) -> Option<String> {
        let value = self.headers.get(CONTENT_TYPE)?.to_str().ok()?;
        Some(excerpt(&context.redaction.text(value)))
    }

    /// The first 300 characters of the body, unless a run's text could be among them.
    fn text(&self, context: &ResponseContext, purpose: Purpose) -> String {
        // Enough for 300 characters and for the longest path, and no more work than that.
        const BYTES: usize = 16 * 1024;
        if !purpose.invokes_an_agent() && looks_like_json(&self.body) {
            return String::new();
        }
        let start = &self.body[..self.body.len().min(BYTES)];
        excerpt(&context.redaction.text(&String::from_utf8_lossy(start)))
    }
}
