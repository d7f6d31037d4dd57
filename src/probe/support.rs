//! What the response to a document that was to be skipped says of it.

use super::features::Support;
use super::refusal::is_refusal;
use crate::error::{Error, GraphQlError, Result, is_before_execution, unknown_name, unknown_type};

/// What a document needs of the backend.
#[derive(Clone, Copy)]
pub(super) struct Needs {
    pub(super) document: &'static str,
    /// What the vendor's page documents of it: the document itself, the one that it extends, or nothing.
    pub(super) page: &'static str,
}

/// What the response to a document says of it.
pub(super) fn support(validated: Result<()>, needs: Needs) -> Support {
    match validated {
        Err(error) if is_refusal(&error) => Support::Refused { error },
        // An error at a place in the data comes of a server that does not obey @skip.
        Ok(()) | Err(Error::GraphQl { executed: true, .. }) => Support::Supported,
        Err(Error::Unsupported {
            call,
            fields,
            errors,
            ..
        }) => match errors.iter().all(|error| needs.is_older_without(error)) {
            true => Support::NotSupported { fields },
            false => Support::Broken {
                error: Error::GraphQl {
                    call,
                    errors,
                    data: None,
                    executed: false,
                },
            },
        },
        Err(error) if is_about_the_document(&error) => Support::Broken { error },
        Err(error) => Support::NotChecked { error },
    }
}

impl Needs {
    /// Whether a backend says this where it is older than the document: it does not know a name, or the type
    /// of one, that is not on the vendor's page.
    fn is_older_without(self, error: &GraphQlError) -> bool {
        let name = unknown_name(&error.message).or_else(|| unknown_type(&error.message));
        name.is_some_and(|name| has_word(self.document, name) && !has_word(self.page, name))
    }
}

fn has_word(document: &str, word: &str) -> bool {
    let is_part = |character: char| character.is_ascii_alphanumeric() || character == '_';
    document
        .split(|character| !is_part(character))
        .any(|known| known == word)
}

/// Whether a server can say this only of the document itself.
fn is_about_the_document(error: &Error) -> bool {
    match error {
        Error::GraphQl { errors, .. } => {
            errors.iter().any(|error| is_before_execution(error, false))
        }
        _ => false,
    }
}
