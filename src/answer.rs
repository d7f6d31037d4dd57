//! What an answer means: from status, headers and body to a value or the one right error.
//!
//! The order is the contract: first match wins.
//!
//! - 429 and 401, 403 speak by their status alone;
//! - a GraphQL envelope (an object with `data` or `errors`) counts at any status;
//! - without one, a trigger or a follow-up that got a 5xx, or a success that is not GraphQL, may
//!   have been carried out, and everything else is an [`Error::Http`].

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::error::{Call, Error};
use crate::excerpt::excerpt;
use crate::graphql_error::{GraphQlError, Location, PathSegment};
use crate::operations::{Operation, Refusal, Repeat, batch_alias, batch_status};
use crate::redaction::Redaction;
use crate::run::{RunStatus, SessionId};
use crate::surrogates;
use crate::wording::said;

/// What came back from the server, whole.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The server's name for the request.
    pub(crate) fn request_id(headers: &HeaderMap) -> Option<String> {
        const NAMES: [&str; 4] = ["x-request-id", "request-id", "x-amzn-requestid", "cf-ray"];
        let value = NAMES.iter().find_map(|name| headers.get(*name))?;
        Some(excerpt(value.to_str().ok()?))
    }

    /// The value that operation `O` asked for.
    pub(crate) fn read<O: Operation>(
        &self,
        call: Box<Call>,
        redaction: &Redaction,
    ) -> Result<O::Answer, Error> {
        let can_be_missed = |error: &GraphQlError| match error.path.get(1) {
            Some(PathSegment::Field(name)) => O::MAY_MISS.contains(&name.as_str()),
            _ => false,
        };
        let (data, _) = self.data(&call, O::REPEAT, can_be_missed, redaction)?;
        let (path, problem) = match decode::<O>(&data) {
            Ok(answer) => match O::answer(answer) {
                Ok(answer) => return Ok(answer),
                Err(Refusal::Nothing) => return Err(nothing(call, O::REPEAT)),
                Err(Refusal::NotAccepted(status)) => {
                    let status = redaction.text(&status);
                    return Err(Error::NotAccepted { call, status });
                }
                Err(Refusal::Invalid { path, problem }) => (path.to_owned(), problem.to_owned()),
            },
            Err(error) => {
                let path = error.path().to_string();
                (path, error.into_inner().to_string())
            }
        };
        Err(Error::Decode {
            call,
            path: format!("data.{path}"),
            problem: excerpt(&redaction.text(&problem)),
        })
    }

    /// The statuses that a batch asked for, each with an error of its own where there is one.
    pub(crate) fn read_batch(
        &self,
        call: Box<Call>,
        ids: &[SessionId],
        redaction: &Redaction,
    ) -> Result<Vec<Result<RunStatus, Error>>, Error> {
        let is_at_an_alias = |error: &GraphQlError| !error.path.is_empty();
        let (data, errors) = self.data(&call, Repeat::Read, is_at_an_alias, redaction)?;
        let mut values: HashMap<String, Box<RawValue>> =
            serde_json::from_str(data.get()).map_err(|error| Error::Decode {
                call: call.clone(),
                path: "data".to_owned(),
                problem: excerpt(&redaction.text(&error.to_string())),
            })?;
        let statuses = ids.iter().enumerate().map(|(place, id)| {
            let alias = batch_alias(place);
            let call = Box::new(Call {
                session_id: Some(id.clone()),
                ..Call::clone(&call)
            });
            let is_here = |error: &&GraphQlError| {
                matches!(error.path.first(), Some(PathSegment::Field(name)) if *name == alias)
            };
            let Some(value) = values.remove(&alias).filter(|value| value.get() != "null") else {
                let errors: Vec<_> = errors.iter().filter(is_here).cloned().collect();
                if errors.is_empty() {
                    return Err(nothing(call, Repeat::Read));
                }
                return Err(Error::GraphQl {
                    call,
                    errors,
                    data: None,
                    executed: true,
                });
            };
            match batch_status(&value) {
                Ok(Ok(status)) => Ok(status),
                Ok(Err(status)) => {
                    let status = redaction.text(&status);
                    Err(Error::NotAccepted { call, status })
                }
                Err(error) => Err(Error::Decode {
                    call,
                    path: format!("data.{alias}.{}", error.path()),
                    problem: excerpt(&redaction.text(&error.into_inner().to_string())),
                }),
            }
        });
        Ok(statuses.collect())
    }

    /// The envelope's data, where the answer is one that has data to read, and the errors beside
    /// it, all of which can be missed.
    fn data(
        &self,
        call: &Call,
        repeat: Repeat,
        can_be_missed: impl Fn(&GraphQlError) -> bool,
        redaction: &Redaction,
    ) -> Result<(Box<RawValue>, Vec<GraphQlError>), Error> {
        let call = || Box::new(call.clone());
        match self.status {
            StatusCode::TOO_MANY_REQUESTS => {
                return Err(Error::RateLimited {
                    call: call(),
                    retry_after: self.retry_after(),
                });
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                return Err(Error::Unauthorized {
                    call: call(),
                    status: self.status.as_u16(),
                    text: self.text(redaction),
                });
            }
            _ => {}
        }
        let Some(envelope) = Envelope::parse(&self.body) else {
            return Err(self.not_graphql(call(), repeat, redaction));
        };
        let Errors {
            errors,
            is_path_named,
        } = envelope.errors(redaction);
        if errors.is_empty() {
            let data = envelope.data.flatten();
            let data = data.ok_or_else(|| nothing(call(), repeat))?;
            return Ok((data, errors));
        }

        let executed = match &envelope.data {
            None => false,
            Some(None) => is_path_named,
            Some(Some(_)) => true,
        };
        if !executed {
            return Err(
                unsupported(call(), errors).unwrap_or_else(|errors| Error::GraphQl {
                    call: call(),
                    errors,
                    data: None,
                    executed,
                }),
            );
        }
        match envelope.data.flatten() {
            Some(data) if errors.iter().all(can_be_missed) => Ok((data, errors)),
            data => {
                let data = data.and_then(|data| serde_json::from_str::<Value>(data.get()).ok());
                let mut call = call();
                if call.session_id.is_none() {
                    call.session_id = data.as_ref().and_then(session_id);
                }
                Err(Error::GraphQl {
                    call,
                    errors,
                    data: data.map(|data| redaction.json(data)),
                    executed,
                })
            }
        }
    }

    fn not_graphql(&self, call: Box<Call>, repeat: Repeat, redaction: &Redaction) -> Error {
        let status = self.status;
        let content_type = self
            .headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .map(|value| excerpt(&redaction.text(value)));
        let text = self.text(redaction);
        if repeat == Repeat::Never && (status.as_u16() >= 500 || status.is_success()) {
            let kind = content_type.as_deref().unwrap_or("no content type");
            return Error::OutcomeUnknown {
                call,
                reason: format!(
                    "HTTP {} that is not GraphQL ({kind}){}",
                    status.as_u16(),
                    said(&text)
                ),
                source: None,
            };
        }
        Error::Http {
            call,
            status: status.as_u16(),
            content_type,
            text,
            retry_after: self.retry_after(),
        }
    }

    /// The delay that the server asks for: in seconds, or as a date.
    fn retry_after(&self) -> Option<Duration> {
        let value = self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
        if let Ok(seconds) = value.parse() {
            return Some(Duration::from_secs(seconds));
        }
        let date = httpdate::parse_http_date(value).ok()?;
        Some(date.duration_since(SystemTime::now()).unwrap_or_default())
    }

    /// The first 300 characters of the body.
    fn text(&self, redaction: &Redaction) -> String {
        // Enough for 300 characters and for the longest path, and no more work than that.
        const BYTES: usize = 16 * 1024;
        let start = &self.body[..self.body.len().min(BYTES)];
        excerpt(&redaction.text(&String::from_utf8_lossy(start)))
    }
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
    /// The envelope in a body, or `None` where there is none: no JSON object, or one with
    /// neither data nor errors.
    fn parse(body: &[u8]) -> Option<Self> {
        let mended = surrogates::mended(body);
        let envelope: Self = serde_json::from_slice(mended.as_deref().unwrap_or(body)).ok()?;
        let is_one = envelope.data.is_some() || envelope.errors.is_some();
        is_one.then_some(envelope)
    }

    /// All errors, however they are written: one malformed entry must not hide the others.
    fn errors(&self, redaction: &Redaction) -> Errors {
        let Some(Some(raw)) = &self.errors else {
            return Errors::default();
        };
        let entries: Vec<&RawValue> =
            serde_json::from_str(raw.get()).unwrap_or_else(|_| vec![raw.as_ref()]);
        let mut errors = Errors::default();
        for entry in entries {
            let Ok(entry) = serde_json::from_str::<Value>(entry.get()) else {
                // What cannot be read may have named a path.
                errors.is_path_named = true;
                errors.errors.push(graphql_error(Value::Null));
                continue;
            };
            errors.is_path_named |= entry.get("path").is_some_and(is_anything);
            errors.errors.push(graphql_error(redaction.json(entry)));
        }
        errors
    }
}

/// The errors of an envelope.
#[derive(Default)]
struct Errors {
    errors: Vec<GraphQlError>,
    /// Whether one of them has a path, so that execution had begun.
    is_path_named: bool,
}

fn is_anything(path: &Value) -> bool {
    match path {
        Value::Null => false,
        Value::Array(segments) => !segments.is_empty(),
        _ => true,
    }
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

fn decode<O: Operation>(
    data: &RawValue,
) -> Result<O::ResponseData, serde_path_to_error::Error<serde_json::Error>> {
    serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_str(data.get()))
}

/// Neither errors nor a value at the root.
fn nothing(call: Box<Call>, repeat: Repeat) -> Error {
    let problem = "the answer has neither errors nor a value";
    match repeat {
        Repeat::Never => Error::OutcomeUnknown {
            call,
            reason: problem.to_owned(),
            source: None,
        },
        Repeat::Read | Repeat::Idempotent => Error::Decode {
            call,
            path: "data".to_owned(),
            problem: problem.to_owned(),
        },
    }
}

/// The session id in the data of a trigger that failed half-way.
fn session_id(data: &Value) -> Option<SessionId> {
    let roots = data.as_object()?.values();
    let id = roots
        .filter_map(|root| root.get("agentSessionId")?.as_str())
        .next()?;
    SessionId::new(id).ok()
}

/// The error for a document that names what the backend does not know; the errors back where
/// they say something else.
fn unsupported(call: Box<Call>, errors: Vec<GraphQlError>) -> Result<Error, Vec<GraphQlError>> {
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
        return Err(errors);
    }
    Ok(Error::Unsupported {
        call,
        feature: features.join(" and "),
        fields,
        errors,
    })
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
