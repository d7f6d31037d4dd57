//! What a response means: from status, headers and body to a value or the one right error.
//!
//! The first match wins:
//!
//! - a value at a trigger's or a follow-up's root counts, whatever the status;
//! - 429, 401 and 403 speak by their status; for reads so does a code that means the same;
//! - a GraphQL envelope (an object with `data` or `errors`) counts at any status;
//! - without a value, a trigger or a follow-up was not carried out only if [`proof`] says so.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, RETRY_AFTER};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::error::{
    Error, FailedCall, GraphQlError, Location, PathSegment, excerpt, is_before_execution,
    is_rate_limit_code, is_transient_status, said,
};
use crate::lenient::{Root, relaxed, relaxed_run};
use crate::model::{RunStatus, SessionId};
use crate::names::Names;
use crate::operations::{
    DinoaiAgentRunStatus, Operation, Refusal, Repeat, batch_alias, batch_status,
};
use crate::redaction::Redaction;
use crate::{proof, surrogates};

/// A response, whole.
pub(crate) struct Response {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// What has to be known of a client to read its responses.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) redaction: Redaction,
    /// Where endpoint and credentials were found.
    pub(crate) sources: Option<String>,
}

/// The server's name for a request.
pub(crate) fn request_id(headers: &HeaderMap) -> Option<String> {
    const NAMES: [&str; 4] = ["x-request-id", "request-id", "x-amzn-requestid", "cf-ray"];
    let value = NAMES.iter().find_map(|name| headers.get(*name))?;
    Some(value.to_str().ok()?.to_owned())
}

/// The delay that the server asks for: in seconds, or as a date, which is measured against the
/// response's own `Date`, since clocks differ.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = |value: &str| httpdate::parse_http_date(value).ok();
    let sent = headers.get(DATE).and_then(|value| value.to_str().ok());
    let sent = sent.and_then(date).unwrap_or_else(SystemTime::now);
    Some(date(value)?.duration_since(sent).unwrap_or_default())
}

/// The session id that a body holds, whatever else it is: cut, not GraphQL, an error.
pub(crate) fn find_id(body: &[u8]) -> Option<SessionId> {
    const NAME: &str = "\"agentSessionId\"";
    let body = repaired(body);
    let value = serde_json::from_slice::<Value>(&body).ok();
    if let Some(id) = value.as_ref().and_then(id_within) {
        return Some(id);
    }
    // No JSON, or the name stands twice: a JSON value keeps the last of them.
    let text = String::from_utf8_lossy(&body);
    let mut rest = &*text;
    while let Some((_, after)) = rest.split_once(NAME) {
        rest = after;
        let Some(value) = after.trim_start().strip_prefix(':') else {
            continue;
        };
        let mut values = serde_json::Deserializer::from_str(value).into_iter::<Value>();
        if let Some(id) = values.next().and_then(Result::ok).as_ref().and_then(as_id) {
            return Some(id);
        }
    }
    None
}

fn id_within(value: &Value) -> Option<SessionId> {
    match value {
        Value::Array(values) => values.iter().find_map(id_within),
        Value::Object(map) => {
            let own = map.get("agentSessionId").and_then(as_id);
            own.or_else(|| map.values().find_map(id_within))
        }
        _ => None,
    }
}

fn as_id(value: &Value) -> Option<SessionId> {
    match value {
        Value::String(id) => SessionId::new(id).ok(),
        Value::Number(id) => SessionId::new(id.to_string()).ok(),
        _ => None,
    }
}

/// Whether a body that is no whole GraphQL response holds the beginning of a value at this root.
fn has_value_at(body: &[u8], root: &str) -> bool {
    let body = repaired(body);
    let value = serde_json::from_slice::<Value>(&body).ok();
    if value.is_some_and(|value| has_object_at(&value, root)) {
        return true;
    }
    let text = String::from_utf8_lossy(&body);
    let name = format!("\"{root}\"");
    let mut values = text.split(name.as_str()).skip(1);
    values.any(|after| {
        let value = after.trim_start().strip_prefix(':').map(str::trim_start);
        value.is_some_and(|value| value.starts_with('{'))
    })
}

fn has_object_at(value: &Value, name: &str) -> bool {
    match value {
        Value::Array(values) => values.iter().any(|value| has_object_at(value, name)),
        Value::Object(map) => {
            map.get(name).is_some_and(Value::is_object)
                || map.values().any(|value| has_object_at(value, name))
        }
        _ => false,
    }
}

impl Response {
    /// The value that operation `O` asked for. `agent` is the name that a trigger sent.
    pub(crate) fn read<O: Operation>(
        &self,
        call: Box<FailedCall>,
        context: &Context,
        agent: Option<&str>,
    ) -> Result<O::Answer, Error> {
        let can_be_missed = |error: &GraphQlError| match error.path.get(1) {
            Some(PathSegment::Field(name)) => O::MAY_MISS.contains(&name.as_str()),
            _ => false,
        };
        match O::REPEAT {
            Repeat::Never => self.started::<O>(call, context, agent, can_be_missed),
            Repeat::Read | Repeat::Idempotent => {
                let (data, _) = self.data(&call, context, can_be_missed)?;
                value::<O>(&data, call, context, false)
            }
        }
    }

    /// What came of a trigger or a follow-up.
    fn started<O: Operation>(
        &self,
        mut call: Box<FailedCall>,
        context: &Context,
        agent: Option<&str>,
        can_be_missed: impl Fn(&GraphQlError) -> bool,
    ) -> Result<O::Answer, Error> {
        let status = self.status.as_u16();
        // The id first: it must not be lost, whatever else the response says.
        let id = find_id(&self.body);
        let names_session = call.session_id.is_none() && id.is_some();
        if call.session_id.is_none() {
            call.session_id.clone_from(&id);
        }
        let parsed = Parsed::of(&self.body);
        let names = || Names::of(&repaired(&self.body));
        let Parsed::Envelope(envelope) = parsed else {
            let has_value = has_value_at(&self.body, O::ROOT);
            let is_proven = proof::is_status_before_execution(status)
                && !names_session
                && !has_value
                && names() != Names::Twice;
            return Err(match is_proven {
                true => self.refused_by_status(call, context, Repeat::Never),
                false => self.unknown(call, context, None),
            });
        };

        let errors = envelope.errors(&context.redaction);
        let data = envelope.value_at(O::ROOT);
        if let Some(data) = data {
            call.unproven = true;
            return if errors.list.iter().all(can_be_missed) && !errors.is_unreadable {
                let can_be_accepted = id.is_some() || names() != Names::Unique;
                value::<O>(data, call, context, can_be_accepted)
            } else {
                let data = serde_json::from_str(data.get()).ok();
                Err(Error::GraphQl {
                    call,
                    errors: errors.list,
                    data: data.map(|data| context.redaction.json(data)),
                    executed: true,
                })
            };
        }

        let is_clean = !names_session && !errors.is_unreadable && names() == Names::Unique;
        let is_empty_refusal = is_clean && !errors.is_path_present;
        let is_proven = is_empty_refusal
            && (matches!(status, 401 | 403 | 429)
                || (!errors.list.is_empty()
                    && !proof::is_open_status(status)
                    && errors
                        .as_said
                        .iter()
                        .all(|error| is_before_execution(error, envelope.data.is_none()))));
        if is_proven {
            if matches!(status, 401 | 403 | 429) {
                return Err(self.refused_by_status(call, context, Repeat::Never));
            }
            return Err(self.refused_before_execution(call, context, errors.list));
        }
        if is_clean && proof::is_own_refusal(&errors.as_said, O::ROOT, agent, status) {
            return Err(Error::GraphQl {
                call,
                errors: errors.list,
                data: None,
                executed: true,
            });
        }
        if errors.is_path_named {
            call.unproven = true;
            return Err(Error::GraphQl {
                call,
                errors: errors.list,
                data: None,
                executed: true,
            });
        }
        Err(self.unknown(call, context, Some(errors.list)))
    }

    /// The statuses that a batch asked for, each with an error of its own if there is one.
    pub(crate) fn read_batch(
        &self,
        call: Box<FailedCall>,
        ids: &[SessionId],
        context: &Context,
    ) -> Result<Vec<Result<RunStatus, Error>>, Error> {
        let is_at_an_alias = |error: &GraphQlError| !error.path.is_empty();
        let (data, errors) = self
            .data(&call, context, is_at_an_alias)
            .map_err(|error| of_one_run(error, ids.len()))?;
        let mut values: HashMap<String, Box<RawValue>> =
            serde_json::from_str(data.get()).map_err(|error| Error::Decode {
                call: call.clone(),
                path: "data".to_owned(),
                problem: without_values(&error.to_string()),
            })?;
        let statuses = ids.iter().enumerate().map(|(place, id)| {
            let alias = batch_alias(place);
            let call = Box::new(FailedCall {
                session_id: Some(id.clone()),
                ..FailedCall::clone(&call)
            });
            let is_here = |error: &&GraphQlError| {
                matches!(error.path.first(), Some(PathSegment::Field(name)) if *name == alias)
            };
            let Some(value) = values.remove(&alias).filter(|value| value.get() != "null") else {
                let mut errors: Vec<_> = errors.iter().filter(is_here).cloned().collect();
                for error in &mut errors {
                    move_to_the_root(error, &alias);
                }
                if errors.is_empty() {
                    return Err(Error::NotFound { call });
                }
                return Err(Error::GraphQl {
                    call,
                    errors,
                    data: None,
                    executed: true,
                });
            };
            let strict = batch_status(&mut serde_json::Deserializer::from_str(value.get()));
            let status = strict.or_else(|error| {
                let relaxed = relaxed_run(&value).and_then(|value| batch_status(value).ok());
                relaxed.ok_or(error)
            });
            match status {
                Ok(Ok(status)) => Ok(status),
                Ok(Err(status)) => {
                    let status = context.redaction.text(&status);
                    Err(Error::NotAccepted { call, status })
                }
                Err(error) => Err(Error::Decode {
                    call,
                    path: format!("data.{}.{}", DinoaiAgentRunStatus::ROOT, error.path()),
                    problem: without_values(&error.into_inner().to_string()),
                }),
            }
        });
        Ok(statuses.collect())
    }

    /// The data that a read or a stop asked for, and the errors beside it, all of which can be
    /// missed.
    fn data(
        &self,
        call: &FailedCall,
        context: &Context,
        can_be_missed: impl Fn(&GraphQlError) -> bool,
    ) -> Result<(Box<RawValue>, Vec<GraphQlError>), Error> {
        let call = || Box::new(call.clone());
        let status = self.status.as_u16();
        if matches!(status, 401 | 403 | 429) {
            return Err(self.refused_by_status(call(), context, Repeat::Read));
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
                return Err(self.refused_by_status(call(), context, Repeat::Read));
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
            data => {
                let data = data.and_then(|data| serde_json::from_str::<Value>(data.get()).ok());
                Err(Error::GraphQl {
                    call: call(),
                    errors,
                    data: data.map(|data| context.redaction.json(data)),
                    executed: true,
                })
            }
        }
    }

    /// The error of a response that speaks by its status: 429, 401, 403, or one that is not
    /// GraphQL.
    fn refused_by_status(&self, call: Box<FailedCall>, context: &Context, repeat: Repeat) -> Error {
        let status = self.status.as_u16();
        let text = self.text(context, repeat);
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
        context: &Context,
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
        context: &Context,
        errors: &[GraphQlError],
    ) -> Error {
        Error::Unauthorized {
            call,
            status: self.status.as_u16(),
            text: crate::error::list(errors),
            sources: context.sources.clone(),
        }
    }

    /// Nothing proves that a trigger or a follow-up was not carried out. `errors`: those of the
    /// envelope, if there is one.
    fn unknown(
        &self,
        mut call: Box<FailedCall>,
        context: &Context,
        errors: Option<Vec<GraphQlError>>,
    ) -> Error {
        call.unproven = true;
        let status = self.status.as_u16();
        let reason = match &errors {
            Some(errors) if errors.is_empty() => {
                format!("HTTP {status} with neither errors nor a value")
            }
            Some(_) => format!("HTTP {status} with errors that may come after execution began"),
            None => {
                let kind = self.content_type(context);
                let kind = kind.as_deref().unwrap_or("no content type");
                let text = said(&self.text(context, Repeat::Never));
                format!("HTTP {status} that is not GraphQL ({kind}){text}")
            }
        };
        Error::OutcomeUnknown {
            call,
            reason,
            errors: errors.unwrap_or_default(),
            source: None,
        }
    }

    fn content_type(&self, context: &Context) -> Option<String> {
        let value = self.headers.get(CONTENT_TYPE)?.to_str().ok()?;
        Some(excerpt(&context.redaction.text(value)))
    }

    /// The first 300 characters of the body, unless a run's text could be among them.
    fn text(&self, context: &Context, repeat: Repeat) -> String {
        // Enough for 300 characters and for the longest path, and no more work than that.
        const BYTES: usize = 16 * 1024;
        if repeat != Repeat::Never && looks_like_json(&self.body) {
            return String::new();
        }
        let start = &self.body[..self.body.len().min(BYTES)];
        excerpt(&context.redaction.text(&String::from_utf8_lossy(start)))
    }
}

/// The operation's value in the data. `can_be_accepted`: also where it says `ok: false`, since
/// there is a session id in the response, or a name twice.
fn value<O: Operation>(
    data: &RawValue,
    call: Box<FailedCall>,
    context: &Context,
    can_be_accepted: bool,
) -> Result<O::Answer, Error> {
    let (path, problem) = match decode::<O>(data) {
        Ok(decoded) => match O::answer(decoded) {
            Ok(answer) => match (O::session_id(&answer), &call.session_id) {
                (Some(answered), Some(asked)) if answered != asked => (
                    format!("{}.agentSessionId", O::ROOT),
                    format!(
                        "the response is about run {}, not about {}",
                        excerpt(answered.as_str()),
                        excerpt(asked.as_str())
                    ),
                ),
                _ => return Ok(answer),
            },
            Err(Refusal::Nothing) => return Err(nothing(call, O::REPEAT)),
            Err(Refusal::NotAccepted(status)) => {
                let mut call = call;
                // Else the API itself has refused it.
                call.unproven &= can_be_accepted;
                let status = context.redaction.text(&status);
                return Err(Error::NotAccepted { call, status });
            }
            Err(Refusal::Invalid { path, problem }) => (path.to_owned(), problem.to_owned()),
        },
        Err(error) => {
            let path = error.path().to_string();
            (path, without_values(&error.into_inner().to_string()))
        }
    };
    Err(Error::Decode {
        call,
        path: format!("data.{path}"),
        problem: excerpt(&context.redaction.text(&problem)),
    })
}

/// Strict decoding first; the lenient pass only if it fails.
fn decode<O: Operation>(
    data: &RawValue,
) -> Result<O::ResponseData, serde_path_to_error::Error<serde_json::Error>> {
    let strict =
        serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_str(data.get()));
    let Err(error) = strict else {
        return strict;
    };
    let root = match O::REPEAT {
        Repeat::Read => Root::Read,
        Repeat::Idempotent | Repeat::Never => Root::Start,
    };
    match relaxed(data, root) {
        Some(data) => serde_path_to_error::deserialize(data),
        None => Err(error),
    }
}

/// The error of a whole batch of this size, without the aliases in it: they are ours, and each run
/// gets the error as its own.
fn of_one_run(mut error: Error, size: usize) -> Error {
    if let Error::GraphQl { errors, .. } = &mut error {
        for alias in (0..size).map(batch_alias) {
            errors
                .iter_mut()
                .for_each(|error| move_to_the_root(error, &alias));
        }
    }
    error
}

/// Makes an error at an alias of a batch one of a read of that run alone.
fn move_to_the_root(error: &mut GraphQlError, alias: &str) {
    if let Some(PathSegment::Field(name)) = error.path.first_mut()
        && name == alias
    {
        *name = DinoaiAgentRunStatus::ROOT.to_owned();
    }
}

/// The text of a decoding error without the values in it, which can be a run's texts.
fn without_values(problem: &str) -> String {
    match (problem.find('"'), problem.rfind('"')) {
        (Some(start), Some(end)) if start < end => {
            format!("{}…{}", &problem[..start], &problem[end + 1..])
        }
        _ => problem.to_owned(),
    }
}

/// What a body is.
enum Parsed {
    Envelope(Envelope),
    /// JSON that breaks off or is malformed, and where; or an envelope that holds a part twice.
    Malformed(String),
    /// Something else.
    Other,
}

impl Parsed {
    fn of(body: &[u8]) -> Self {
        // serde would take an array for the envelope's fields in their order.
        let is_array = first_character(body) == Some(b'[');
        let envelope = serde_json::from_slice::<Envelope>(body)
            .or_else(|_| serde_json::from_slice(&repaired(body)));
        match envelope {
            Ok(envelope) if !is_array && envelope.is_one() => Self::Envelope(envelope),
            Err(error) if looks_like_json(body) && !error.is_data() => Self::Malformed(format!(
                "it is not JSON from line {}, column {} on",
                error.line(),
                error.column()
            )),
            Err(_) if first_character(body) == Some(b'{') => {
                Self::Malformed("`data` or `errors` stands twice in it".to_owned())
            }
            Ok(_) | Err(_) => Self::Other,
        }
    }
}

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// A body without a byte-order mark, and with U+FFFD for what is not UTF-8.
fn repaired(body: &[u8]) -> Vec<u8> {
    let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
    let body = String::from_utf8_lossy(body).into_owned().into_bytes();
    surrogates::repaired(&body).unwrap_or(body)
}

fn looks_like_json(body: &[u8]) -> bool {
    matches!(first_character(body), Some(b'{' | b'[' | b'"'))
}

fn first_character(body: &[u8]) -> Option<u8> {
    let text = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
    text.iter()
        .find(|byte| !byte.is_ascii_whitespace())
        .copied()
}

/// A GraphQL response, its data not yet read. Absent data and null data differ.
#[derive(Deserialize)]
struct Envelope {
    #[serde(default, deserialize_with = "present")]
    data: Option<Option<Box<RawValue>>>,
    #[serde(default, deserialize_with = "present")]
    errors: Option<Option<Box<RawValue>>>,
}

fn present<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<Box<RawValue>>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl Envelope {
    fn is_one(&self) -> bool {
        self.data.is_some() || self.errors.is_some()
    }

    /// The data, if there is a value at this root field.
    fn value_at(&self, root: &str) -> Option<&RawValue> {
        let data = self.data.as_ref()?.as_deref()?;
        let json = data.get().as_bytes();
        let repaired = surrogates::repaired(json);
        let json = repaired.as_deref().unwrap_or(json);
        let roots: HashMap<String, &RawValue> = serde_json::from_slice(json).ok()?;
        let is_value = roots.get(root).is_some_and(|value| value.get() != "null");
        is_value.then_some(data)
    }

    /// All errors, however they are written: one malformed entry must not hide the others.
    fn errors(&self, redaction: &Redaction) -> Errors {
        let Some(Some(raw)) = &self.errors else {
            return Errors::default();
        };
        let raw = raw.get().as_bytes();
        let raw = surrogates::repaired(raw).unwrap_or_else(|| raw.to_vec());
        let entries: Vec<Box<RawValue>> = serde_json::from_slice(&raw)
            .or_else(|_| serde_json::from_slice(&raw).map(|entry| vec![entry]))
            .unwrap_or_default();
        let mut errors = Errors::default();
        for entry in entries {
            let Ok(entry) = serde_json::from_str::<Value>(entry.get()) else {
                errors.is_unreadable = true;
                errors.list.push(graphql_error(Value::Null));
                errors.as_said.push(graphql_error(Value::Null));
                continue;
            };
            let path = entry.get("path").filter(|path| !path.is_null());
            errors.is_path_present |= path.is_some();
            let is_segment = |segment: &Value| segment.is_string() || segment.is_u64();
            let is_readable = |path: &Value| {
                path.as_array()
                    .is_some_and(|path| path.iter().all(is_segment))
            };
            errors.is_unreadable |= path.is_some_and(|path| !is_readable(path));
            errors.is_path_named |=
                path.is_some_and(|path| path.as_array().is_none_or(|path| !path.is_empty()));
            errors.as_said.push(graphql_error(entry.clone()));
            errors.list.push(graphql_error(redaction.json(entry)));
        }
        errors
    }
}

/// The errors of an envelope.
#[derive(Default)]
struct Errors {
    list: Vec<GraphQlError>,
    /// The same with what must not be shown: what is hidden in it can make a proof of a text that
    /// is none, or hide one. Only proofs are looked for here.
    as_said: Vec<GraphQlError>,
    /// Whether one of them has a path, be it an empty one.
    is_path_present: bool,
    /// Whether one of them names a place in the data, so that execution had begun.
    is_path_named: bool,
    /// Whether one of them cannot be read, so that it may say anything.
    is_unreadable: bool,
}

fn graphql_error(entry: Value) -> GraphQlError {
    fn list<T: DeserializeOwned>(value: Option<Value>) -> Vec<T> {
        let Some(Value::Array(values)) = value else {
            return vec![];
        };
        values
            .into_iter()
            .filter_map(|value| serde_json::from_value(value).ok())
            .collect()
    }

    let mut entry = match entry {
        Value::Object(entry) => entry,
        Value::Null => Map::new(),
        other => Map::from_iter([("message".to_owned(), other)]),
    };
    let message = match entry.remove("message") {
        Some(Value::String(message)) => message,
        Some(other) => excerpt(&other.to_string()),
        None => "an error without a message".to_owned(),
    };
    GraphQlError {
        message,
        path: list::<PathSegment>(entry.remove("path")),
        locations: list::<Location>(entry.remove("locations")),
        extensions: match entry.remove("extensions") {
            Some(Value::Object(extensions)) => extensions,
            _ => Map::new(),
        },
    }
}

/// Neither errors nor a value at the root.
fn nothing(call: Box<FailedCall>, repeat: Repeat) -> Error {
    match repeat {
        Repeat::Read => Error::NotFound { call },
        Repeat::Idempotent | Repeat::Never => Error::Decode {
            call,
            path: "data".to_owned(),
            problem: "the response has neither errors nor a value".to_owned(),
        },
    }
}

/// The error for a document that names what the backend does not know; else [`Error::GraphQl`].
fn unsupported(call: Box<FailedCall>, errors: Vec<GraphQlError>, executed: bool) -> Error {
    let mut fields: Vec<String> = vec![];
    let mut features: Vec<String> = vec![];
    for name in errors
        .iter()
        .filter_map(|error| unknown_name(&error.message))
    {
        let feature = feature(name);
        if !features.contains(&feature) {
            features.push(feature);
        }
        if !fields.iter().any(|field| field == name) {
            fields.push(name.to_owned());
        }
    }
    if fields.is_empty() {
        return Error::GraphQl {
            call,
            errors,
            data: None,
            executed,
        };
    }
    Error::Unsupported {
        call,
        feature: features.join(" and "),
        fields,
        errors,
    }
}

/// The name in `Cannot query field "…"` or `Unknown argument "…"`, in either kind of quotes.
fn unknown_name(message: &str) -> Option<&str> {
    ["Cannot query field ", "Unknown argument "]
        .iter()
        .find_map(|words| {
            let (_, rest) = message.split_once(words)?;
            let quote = rest
                .chars()
                .next()
                .filter(|quote| matches!(quote, '"' | '\''))?;
            rest[1..].split_once(quote).map(|(name, _)| name)
        })
}

/// What a caller knows a field or an argument as.
fn feature(name: &str) -> String {
    match name {
        "baseBranch" => "the base branch".to_owned(),
        "modelFamily" | "warning" => "the model family".to_owned(),
        "steps" => "steps".to_owned(),
        "startupSteps" => "start-up steps".to_owned(),
        "stopDinoaiAgentRun" => "stopping a run".to_owned(),
        other => format!("`{}`", excerpt(other)),
    }
}
