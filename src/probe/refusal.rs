//! Whether an error says that the credentials may not do something.

use crate::error::{Error, GraphQlError};

/// Whether an error says that the credentials may not do this.
pub(super) fn is_refusal(error: &Error) -> bool {
    match error {
        Error::Unauthorized { .. } => true,
        Error::GraphQl { errors, .. } => errors.iter().any(refuses),
        Error::NotAccepted { status, .. } => is_code_of_refusal(status),
        _ => false,
    }
}

/// The same of a GraphQL error: by its code, by naming a capability, or from its first word on. Servers have
/// refused without a code.
pub(super) fn refuses(error: &GraphQlError) -> bool {
    let message = error.message.to_lowercase();
    error.code().is_some_and(is_code_of_refusal)
        || message.contains("dinoai:agent:")
        || [
            "missing capability",
            "insufficient permission",
            "forbidden",
            "unauthorized",
            "not authorized",
            "permission denied",
            "access denied",
            "you do not have permission",
        ]
        .iter()
        .any(|words| message.starts_with(words))
}

fn is_code_of_refusal(code: &str) -> bool {
    ["FORBIDDEN", "UNAUTHENTICATED", "UNAUTHORIZED"]
        .iter()
        .any(|known| code.eq_ignore_ascii_case(known))
}
