//! The error for a document that names a field or an argument which the backend does not know.

use super::excerpt::excerpt;
use super::{Error, FailedCall, GraphQlError};

/// The error for a document that names what the backend does not know; else [`Error::GraphQl`].
pub(crate) fn unsupported(
    call: Box<FailedCall>,
    errors: Vec<GraphQlError>,
    executed: bool,
) -> Error {
    /// A server may say as many as it likes; a document of ours has fewer.
    const MOST: usize = 100;

    let mut fields: Vec<String> = vec![];
    let mut features: Vec<String> = vec![];
    for name in errors
        .iter()
        .filter_map(|error| unknown_name(&error.message))
    {
        if fields.len() == MOST {
            break;
        }
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
pub(crate) fn unknown_name(message: &str) -> Option<&str> {
    quoted_after(&["Cannot query field ", "Unknown argument "], message)
}

/// The name in `Unknown type "…"`, in either kind of quotes.
pub(crate) fn unknown_type(message: &str) -> Option<&str> {
    quoted_after(&["Unknown type "], message)
}

fn quoted_after<'a>(beginnings: &[&str], message: &'a str) -> Option<&'a str> {
    beginnings.iter().find_map(|words| {
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
        "listWorkspaces" => "listing workspaces".to_owned(),
        other => format!("`{}`", excerpt(other)),
    }
}
