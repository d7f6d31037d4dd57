//! [`read_message`]: reads a line as a message, or says what is wrong with it: [`Malformed`].

use rmcp::RoleServer;
use rmcp::model::ErrorCode;
use rmcp::service::RxJsonRpcMessage;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Why a line is no message.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Malformed {
    code: ErrorCode,
    problem: String,
    /// The id of the request, or null if it has none that could be one.
    id: Value,
}

impl Malformed {
    pub(super) fn too_long(longest: u64) -> Self {
        let problem = format!("a message has at most {longest} bytes; this one was skipped");
        Self::invalid(problem, Value::Null)
    }

    fn invalid(problem: impl Into<String>, id: Value) -> Self {
        Self {
            code: ErrorCode::INVALID_REQUEST,
            problem: problem.into(),
            id,
        }
    }

    /// What is replied.
    pub(super) fn reply(&self) -> Value {
        json!({
            "jsonrpc": "2.0",
            "id": self.id,
            "error": { "code": self.code.0, "message": self.problem },
        })
    }
}

/// Reads a line. `None`: nothing is to be done, since it is blank, or wants no reply and is not understood.
///
/// A response is never replied to, however wrong it is: a reply to it could be replied to without an end.
pub(super) fn read_message(line: &[u8]) -> Result<Option<RxJsonRpcMessage<RoleServer>>, Malformed> {
    if line.trim_ascii().is_empty() {
        return Ok(None);
    }
    let value: Value = serde_json::from_slice(line).map_err(|error| Malformed {
        code: ErrorCode::PARSE_ERROR,
        problem: format!("the line is no JSON: {error}"),
        id: Value::Null,
    })?;
    let no_object = |problem: &str| Err(Malformed::invalid(problem, Value::Null));
    let fields = match &value {
        Value::Object(fields) => fields,
        Value::Array(_) => {
            return no_object("batches are not supported; send each message on a line of its own");
        }
        _ => return no_object("a message is a JSON object"),
    };
    let wrong = what_is_wrong(fields);
    match (wrong, RxJsonRpcMessage::<RoleServer>::deserialize(&value)) {
        (Wrong::Nothing | Wrong::Silent, Ok(message)) => Ok(Some(message)),
        (Wrong::Silent, Err(_)) => Ok(None),
        (Wrong::Nothing, Err(error)) => Err(Malformed::invalid(
            format!("the message is no request: {error}"),
            id(fields),
        )),
        (Wrong::This(problem), _) => Err(Malformed::invalid(problem, id(fields))),
    }
}

/// What is wrong with the fields that all messages have.
enum Wrong {
    Nothing,
    /// Whatever it is, nothing is replied: it is a response or a notification.
    Silent,
    This(&'static str),
}

fn what_is_wrong(fields: &Map<String, Value>) -> Wrong {
    let has = |name| fields.contains_key(name);
    let has_result = has("result") || has("error");
    if has_result && !has("method") {
        return Wrong::Silent;
    }
    if fields.get("jsonrpc") != Some(&json!("2.0")) {
        return Wrong::This("`jsonrpc` has to be \"2.0\"");
    }
    match (fields.get("method"), fields.get("id")) {
        (None, _) => Wrong::This("`method` is missing"),
        (Some(Value::String(_)), _) if has_result => {
            Wrong::This("a request has no `result` and no `error`")
        }
        (Some(Value::String(_)), None) => Wrong::Silent,
        (Some(Value::String(_)), Some(Value::String(_) | Value::Number(_))) => Wrong::Nothing,
        (Some(Value::String(_)), Some(_)) => Wrong::This("`id` has to be a text or a number"),
        (Some(_), _) => Wrong::This("`method` has to be a text"),
    }
}

fn id(fields: &Map<String, Value>) -> Value {
    match fields.get("id") {
        Some(id @ (Value::String(_) | Value::Number(_))) => id.clone(),
        _ => Value::Null,
    }
}
