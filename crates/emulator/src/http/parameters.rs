//! The parameters of a GraphQL request, read from a JSON body or from a query string.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use axum::http::Method;
use axum::http::request::Parts;
use serde_json::value::RawValue;

use crate::json;

/// The parameters of a GraphQL request. `extensions` are checked and dropped.
pub(crate) struct Parameters {
    pub(crate) query: String,
    pub(crate) operation_name: Option<String>,
    /// The JSON of an object, in the order in which it was sent, or null if none was sent.
    pub(crate) variables: Arc<str>,
}

/// What a request says, by name, as JSON.
type JsonParameters<'a> = BTreeMap<String, Cow<'a, str>>;

impl Parameters {
    /// Reads the parameters, or says in a sentence what is wrong with them.
    pub(crate) fn read(parts: &Parts, body: &[u8]) -> Result<Self, String> {
        if parts.method == Method::GET {
            return Self::take(from_query_string(parts.uri.query().unwrap_or_default()));
        }
        let not_json = |wrong| format!("The body is not JSON: {wrong}.");
        let whole: &RawValue = serde_json::from_slice(body).map_err(not_json)?;
        match whole.get().as_bytes() {
            [b'{', ..] => {}
            [b'[', ..] => return Err("Batched requests are not served.".to_owned()),
            _ => return Err("The body must be a JSON object.".to_owned()),
        }
        let fields: BTreeMap<String, &RawValue> =
            serde_json::from_str(whole.get()).map_err(not_json)?;
        let fields = fields.into_iter();
        Self::take(
            fields
                .map(|(name, json)| (name, json.get().into()))
                .collect(),
        )
    }

    fn take(fields: JsonParameters<'_>) -> Result<Self, String> {
        let query = text_or_null(&fields, "query")?;
        let query = query.ok_or_else(|| "Must provide query string.".to_owned())?;
        let operation_name = text_or_null(&fields, "operationName")?;
        object_or_null(&fields, "extensions")?;
        let variables = object_or_null(&fields, "variables")?;
        Ok(Self {
            query,
            operation_name,
            variables: variables.into(),
        })
    }
}

/// A text, if there is one.
fn text_or_null(fields: &JsonParameters<'_>, name: &str) -> Result<Option<String>, String> {
    match fields.get(name).map_or("null", |json| json) {
        "null" => Ok(None),
        json if json.starts_with('"') => serde_json::from_str(json)
            .map(Some)
            .map_err(|wrong| format!("'{name}' is not JSON: {wrong}.")),
        _ => Err(format!("'{name}' must be a text or null.")),
    }
}

/// The compact JSON of an object, or null.
fn object_or_null(fields: &JsonParameters<'_>, name: &str) -> Result<Box<str>, String> {
    let Some(json) = fields.get(name) else {
        return Ok("null".into());
    };
    let json = json::compact(json.as_bytes())
        .map_err(|wrong| format!("'{name}' is not JSON: {wrong}."))?;
    if json.starts_with('{') || &*json == "null" {
        Ok(json)
    } else {
        Err(format!("'{name}' must be an object or null."))
    }
}

/// In a query string `variables` and `extensions` are JSON themselves; an empty one is absent.
fn from_query_string(query_string: &str) -> JsonParameters<'static> {
    let mut fields = JsonParameters::new();
    for (name, text) in form_urlencoded::parse(query_string.as_bytes()) {
        let json = match &*name {
            "variables" | "extensions" if text.is_empty() => "null".to_owned(),
            "variables" | "extensions" => text.into_owned(),
            _ => json::text(&text),
        };
        fields.insert(name.into_owned(), json.into());
    }
    fields
}
