//! The parameters of a GraphQL request, read from a JSON body or from a query string.

use apollo_compiler::response::{JsonMap, JsonValue};
use axum::http::Method;
use axum::http::request::Parts;
use serde_json::{Map, Value};

/// The parameters of a GraphQL request. `extensions` are checked and dropped.
pub(crate) struct Parameters {
    pub(crate) query: String,
    pub(crate) operation_name: Option<String>,
    /// An object, or null where there are none.
    pub(crate) variables: Value,
    /// The same, in the order in which they were sent.
    pub(crate) given: JsonMap,
}

impl Parameters {
    /// Reads the parameters, or says in a sentence what is wrong with them.
    pub(crate) fn read(parts: &Parts, body: &[u8]) -> Result<Self, String> {
        if parts.method == Method::GET {
            let (fields, given) = from_query_string(parts.uri.query().unwrap_or_default())?;
            return Self::take(fields, given);
        }
        match serde_json::from_slice(body) {
            Ok(Value::Object(fields)) => {
                // A map of `Value` does not keep the order of its keys.
                let mut given: JsonMap = serde_json::from_slice(body).unwrap_or_default();
                let given = given.remove("variables");
                Self::take(fields, given.unwrap_or_default())
            }
            Ok(Value::Array(_)) => Err("Batched requests are not served.".to_owned()),
            Ok(_) => Err("The body must be a JSON object.".to_owned()),
            Err(wrong) => Err(format!("The body is not JSON: {wrong}.")),
        }
    }

    fn take(mut fields: Map<String, Value>, given: JsonValue) -> Result<Self, String> {
        let query = match fields.remove("query") {
            Some(Value::String(query)) => query,
            Some(Value::Null) | None => return Err("Must provide query string.".to_owned()),
            Some(_) => return Err("'query' must be a text.".to_owned()),
        };
        let operation_name = match fields.remove("operationName") {
            Some(Value::String(name)) => Some(name),
            Some(Value::Null) | None => None,
            Some(_) => return Err("'operationName' must be a text or null.".to_owned()),
        };
        object_or_null(fields.get("extensions"), "extensions")?;
        object_or_null(fields.get("variables"), "variables")?;
        Ok(Self {
            query,
            operation_name,
            variables: fields.remove("variables").unwrap_or_default(),
            given: match given {
                JsonValue::Object(given) => given,
                _ => JsonMap::new(),
            },
        })
    }
}

fn object_or_null(value: Option<&Value>, name: &str) -> Result<(), String> {
    match value {
        None | Some(Value::Null | Value::Object(_)) => Ok(()),
        Some(_) => Err(format!("'{name}' must be an object or null.")),
    }
}

/// In a query string `variables` and `extensions` are JSON themselves; an empty one is absent.
fn from_query_string(query_string: &str) -> Result<(Map<String, Value>, JsonValue), String> {
    let mut fields = Map::new();
    let mut given = JsonValue::Null;
    for (name, text) in form_urlencoded::parse(query_string.as_bytes()) {
        let value = match &*name {
            "variables" | "extensions" if text.is_empty() => Value::Null,
            "variables" | "extensions" => serde_json::from_str(&text)
                .map_err(|wrong| format!("'{name}' is not JSON: {wrong}."))?,
            _ => Value::String(text.to_string()),
        };
        if name == "variables" {
            given = serde_json::from_str(&text).unwrap_or_default();
        }
        fields.insert(name.into_owned(), value);
    }
    Ok((fields, given))
}
