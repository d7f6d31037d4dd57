//! From the data of a response to what the caller gets: strictly first, leniently where that
//! fails.

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

use super::operation::{Refusal, Safety};
use super::reader::Reader;
use super::redact::Redaction;
use super::repair::parsed;
use crate::error::{Error, FailedCall, GraphQlError, excerpt};

/// What the data says, and the errors beside it, none of which makes the call fail. `can_be_accepted`: also
/// where it says `ok: false`, since there is a session id in the response, or a name twice.
pub(super) fn value<T: DeserializeOwned, Output>(
    reader: &Reader<T, Output>,
    data: &RawValue,
    errors: Vec<GraphQlError>,
    call: &FailedCall,
    redaction: &Redaction,
    can_be_accepted: bool,
) -> Result<Output, Error> {
    // In a document of the user's own, what stands beside an error has failed: it is read as it is.
    let is_partial = reader.is_whole() && !errors.is_empty();
    let relax = match is_partial {
        true => |_: &mut Value| {},
        false => reader.info.relax,
    };
    match decode(data, relax, call, redaction) {
        Ok(decoded) => answer(reader, decoded, errors, call, redaction, can_be_accepted),
        // The errors say why.
        Err(_) if is_partial => Err(Error::GraphQl {
            call: Box::new(call.clone()),
            errors,
            data: parsed(data).map(|data| redaction.json(data)),
            executed: true,
        }),
        Err(error) => Err(error),
    }
}

/// What the data says, once it is decoded. `can_be_accepted` as for [`value`].
pub(super) fn answer<T, Output>(
    reader: &Reader<T, Output>,
    decoded: T,
    errors: Vec<GraphQlError>,
    call: &FailedCall,
    redaction: &Redaction,
    can_be_accepted: bool,
) -> Result<Output, Error> {
    let info = &reader.info;
    match (reader.output)(decoded, errors) {
        Ok(answer) => match ((reader.session_id)(&answer), &call.session_id) {
            (Some(answered), Some(asked)) if answered != asked => {
                let path = [info.root.unwrap_or_default(), info.id_field].join(".");
                let problem = format!(
                    "the response is about {}, not about {}",
                    excerpt(answered.as_str()),
                    excerpt(asked.as_str())
                );
                Err(invalid(call, redaction, &path, &problem))
            }
            _ => Ok(answer),
        },
        Err(Refusal::Nothing) => Err(nothing(call, info.safety)),
        Err(Refusal::NotAccepted(status)) => {
            let mut call = Box::new(call.clone());
            // Else the API itself has refused it.
            call.maybe_executed &= can_be_accepted;
            let status = redaction.text(&status);
            Err(Error::NotAccepted { call, status })
        }
        Err(Refusal::Invalid { path, problem }) => Err(invalid(call, redaction, path, problem)),
    }
}

fn invalid(call: &FailedCall, redaction: &Redaction, path: &str, problem: &str) -> Error {
    Error::Decode {
        call: Box::new(call.clone()),
        path: match path {
            // The data itself.
            "." => "data".to_owned(),
            path => format!("data.{path}"),
        },
        problem: excerpt(&redaction.text(problem)),
    }
}

/// Strict decoding first; the lenient pass only if it fails.
fn decode<T: DeserializeOwned>(
    data: &RawValue,
    relax: fn(&mut Value),
    call: &FailedCall,
    redaction: &Redaction,
) -> Result<T, Error> {
    // serde would take an array for the root fields in their order.
    if !data.get().starts_with('{') {
        return Err(invalid(call, redaction, ".", "it is no object"));
    }
    let strict =
        serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_str(data.get()));
    let decoded = strict.or_else(|error| match parsed(data) {
        Some(mut data) => {
            relax(&mut data);
            serde_path_to_error::deserialize(data)
        }
        None => Err(error),
    });
    decoded.map_err(|error| {
        let path = error.path().to_string();
        let problem = without_values(&error.into_inner().to_string());
        invalid(call, redaction, &path, &problem)
    })
}

/// The text of a decoding error without the values in it, which can be a run's texts.
pub(crate) fn without_values(problem: &str) -> String {
    match (problem.find('"'), problem.rfind('"')) {
        (Some(start), Some(end)) if start < end => {
            format!("{}…{}", &problem[..start], &problem[end + 1..])
        }
        _ => problem.to_owned(),
    }
}

/// Neither errors nor a value at the root.
fn nothing(call: &FailedCall, safety: Safety) -> Error {
    let call = Box::new(call.clone());
    match safety {
        Safety::Read => Error::NotFound { call },
        Safety::Idempotent | Safety::Never => Error::Decode {
            call,
            path: "data".to_owned(),
            problem: "the response has neither errors nor a value".to_owned(),
        },
    }
}
